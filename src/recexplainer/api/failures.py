"""What a server's answer or failure means: what to keep, what to try again, what to give up."""

from __future__ import annotations

import email.utils
import enum
import json
import math
import re
import time
from typing import Any

import openai

from recexplainer.api.endpoints import KEY_VARIABLE, CredentialError, Secrets
from recexplainer.api.server import Server

_LONGEST_OBEYED_SECONDS = 600.0  # that a server asks for
_RETRIED_STATUS = frozenset({408, 409, 425, 429})  # and every 5xx
_MAYBE_PAID_STATUS = frozenset({408, 502, 504, 524})  # the model may have answered behind a gateway that did not wait
_UNREACHABLE = ("ConnectError", "ConnectTimeout")  # by name: the SDK's HTTP library differs between versions
_NOT_TAKEN = re.compile(r"unsupported|not support|unrecogni[sz]ed|unknown|not permitted|not allowed", re.IGNORECASE)


class Kind(enum.Enum):
    """What to do about a failure."""

    AGAIN = "another try may mend it"
    BUSY = "the endpoint wants to rest"
    UNREACHABLE = "the endpoint cannot be reached"
    DEAD = "the endpoint will refuse everything"
    REFUSED = "no other try mends this request"


class Failure(Exception):
    """A request without an answer, and what to do about it."""

    def __init__(self, kind: Kind, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.wait_seconds = wait_seconds


def sort_failure(error: Exception, timeout_seconds: float, server: Server, secrets: Secrets) -> Failure:
    """An error of the SDK, as what to do about it. No message holds a credential."""
    cause = error.__cause__
    if isinstance(error, openai.APIConnectionError) and type(cause).__name__ in _UNREACHABLE:
        return Failure(Kind.UNREACHABLE, f"{server.address} cannot be reached ({_line(cause or error, secrets)})")
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return Failure(Kind.AGAIN, f"no answer within {timeout_seconds:g} s")
    if isinstance(error, openai.APIConnectionError):
        return Failure(Kind.AGAIN, f"the connection broke ({_line(cause or error, secrets)})")
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, server, secrets)
    if isinstance(error, CredentialError):
        return Failure(Kind.DEAD, str(error))
    if isinstance(error, openai.APIError | ValueError):
        return Failure(Kind.AGAIN, f"the answer is malformed ({_line(error, secrets)})")
    raise error


def _of_status(error: openai.APIStatusError, server: Server, secrets: Secrets) -> Failure:
    status, line = error.status_code, f"HTTP {error.status_code}: {_line(error, secrets)}"
    wait = _retry_after(error)
    if status == 402 or error.code == "insufficient_quota":
        return Failure(Kind.DEAD, f"the account is used up ({line})")
    if status == 429 or (status == 503 and wait is not None):
        return Failure(Kind.BUSY, line, wait)
    if status in _RETRIED_STATUS or status >= 500:
        return Failure(Kind.AGAIN, line)
    if status in (401, 403):
        variable = KEY_VARIABLE + server.endpoint.suffix
        return Failure(Kind.DEAD, f"the server refuses the key in {variable} ({line})")
    if status == 404:
        return Failure(Kind.DEAD, f"no model {server.endpoint.model!r} at {server.address} ({line})")
    if "content_filter" in (error.code, error.type):
        return Failure(Kind.REFUSED, f"the content filter refuses it ({line})")
    return Failure(Kind.REFUSED, line)


def read_answer(completion: Any, secrets: Secrets) -> dict[str, Any]:
    """What is kept of an answer.

    Raises:
        ValueError: It is not the protocol's.
    """
    try:
        choice, usage = completion.choices[0], completion.usage
        message = choice.message
        finish_reason = getattr(choice, "finish_reason", None)
        if message is None and finish_reason != "content_filter":
            raise ValueError("no message in it")
        answer = {
            "content": _text(getattr(message, "content", None), secrets),
            "finish_reason": _text(finish_reason, secrets),
            "model": _text(getattr(completion, "model", None), secrets),
            "prompt_tokens": _count(getattr(usage, "prompt_tokens", None)),
            "completion_tokens": _count(getattr(usage, "completion_tokens", None)),
        }
        refusal = _text(getattr(message, "refusal", None), secrets)
        return answer | ({"refusal": refusal} if refusal else {})
    except (AttributeError, TypeError, LookupError):
        raise ValueError("no choices in it") from None


def is_free(error: Exception, failure: Failure | None = None) -> bool:
    """Whether a failed request was surely not paid for."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code not in _MAYBE_PAID_STATUS
    return failure is not None and failure.kind is not Kind.AGAIN


def refused_option(error: openai.APIStatusError, options: dict[str, Any]) -> str | None:
    """The option of a request that the server does not know, None if it complains about something else.

    That is a JSON schema on older servers, and temperature, seed and max_tokens with some models.
    """
    text = f"{error.param or ''} {error}"
    if error.status_code not in (400, 422):
        return None
    if "response_format" in options and ("response_format" in text or "json_schema" in text):
        return "response_format"
    if error.code not in ("unsupported_parameter", "unsupported_value") and not _NOT_TAKEN.search(text):
        return None
    if error.param in options:
        return str(error.param)
    return next((name for name in ("max_tokens", "temperature", "seed") if name in options and name in text), None)


def _text(value: Any, secrets: Secrets) -> str | None:
    if value is None:
        return None
    return secrets.hide(value if isinstance(value, str) else json.dumps(value, default=str))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds until the server wants to be asked again: in milliseconds, seconds or as a date."""
    headers = error.response.headers
    text = headers.get("retry-after", "")
    for value, unit in ((headers.get("retry-after-ms", ""), 1e-3), (text, 1.0)):
        try:
            seconds = float(value) * unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return min(max(seconds, 0.0), _LONGEST_OBEYED_SECONDS)
    try:
        seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_OBEYED_SECONDS)


def _line(error: BaseException, secrets: Secrets) -> str:
    return " ".join(secrets.hide(str(error)).split())[:200]
