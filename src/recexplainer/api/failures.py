"""What a server's failure means: what to try again, what to wait for, what to give up."""

from __future__ import annotations

import email.utils
import enum
import json
import math
import re
import time
from collections.abc import Mapping
from typing import Any

import openai

from recexplainer.api.endpoints import KEY_VARIABLE, CredentialError, Secrets
from recexplainer.api.server import Server

_BUSY_STATUS = frozenset({429, 503, 529})  # a limit on requests, a model that is loading, an overload
_RETRIED_STATUS = frozenset({408, 409, 425})  # and every other 5xx
_MAYBE_PAID_STATUS = frozenset({408, 502, 504, 524})  # the model may have answered behind a gateway that did not wait
_UNREACHABLE = ("ConnectError", "ConnectTimeout")  # by name: the SDK's HTTP library differs between versions
_BAD_KEY = re.compile(r"api[ _]?key (?:is )?(?:not valid|invalid)|(?:invalid|incorrect) api[ _]?key", re.IGNORECASE)
_FILTERED = re.compile(r"content_filter|moderation|\bflagged\b", re.IGNORECASE)
_OF_MODEL = re.compile(r"\bmodels?\b|deployment", re.IGNORECASE)
_DURATION = r"\d+(?:\.\d+)?\s*(?:milliseconds?|ms|minutes?|min|m|seconds?|secs?|s|hours?|h)(?![a-z])\s*"
_WAIT_IN_WORDS = re.compile(rf"(?:retry|try again|retrydelay)\W{{0,4}}(?:in|after)?\W{{0,4}}((?:{_DURATION})+)", re.I)
_WAIT_AS_NUMBER = re.compile(r"(?:estimated_time|retry_after)\"?\s*:\s*\"?(\d+(?:\.\d+)?)", re.IGNORECASE)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|mil|m|s|h)", re.IGNORECASE)
_SECONDS = {"ms": 1e-3, "mil": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class Kind(enum.Enum):
    """What to do about a failure."""

    AGAIN = "another try may fix it"
    EMPTY = "one more try may fix it"
    BUSY = "the endpoint wants to rest"
    UNREACHABLE = "the endpoint cannot be reached"
    DEAD = "the endpoint will refuse everything"
    REFUSED = "no other try fixes this request"


class Failure(Exception):
    """A request without an answer, and what to do about it.

    Attributes:
        kind: What to do.
        wait_seconds: How long the server wants to rest; None: it did not say.
        is_free: Whether it was surely not paid for.
        counted: The tokens that it took, where the server counted them.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        wait_seconds: float | None = None,
        is_free: bool = False,
        counted: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.wait_seconds = wait_seconds
        self.is_free = is_free
        self.counted = counted


def sort_failure(error: Exception, timeout_seconds: float, server: Server, secrets: Secrets) -> Failure:
    """An error of the SDK, as what to do about it. No message holds a credential."""
    cause = error.__cause__
    if isinstance(error, openai.APIConnectionError) and type(cause).__name__ in _UNREACHABLE:
        line = one_line(str(cause), secrets)
        return Failure(Kind.UNREACHABLE, f"{server.address} cannot be reached ({line})", is_free=True)
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return Failure(Kind.AGAIN, f"no answer within {timeout_seconds:g} s")
    if isinstance(error, openai.APIConnectionError):
        return Failure(Kind.AGAIN, f"the connection broke ({one_line(str(cause or error), secrets)})")
    if isinstance(error, openai.APIStatusError):
        return of_status(error.status_code, error.response.text, error.response.headers, server, secrets)
    if isinstance(error, CredentialError):
        return Failure(Kind.DEAD, str(error), is_free=True)
    if isinstance(error, openai.APIError | ValueError):
        return Failure(Kind.AGAIN, f"the answer is malformed ({one_line(str(error), secrets)})")
    raise error


def of_status(status: int, text: str, headers: Mapping[str, str], server: Server, secrets: Secrets) -> Failure:
    """What a status and the body as it came with it mean; the message holds the server's own words."""
    words = one_line(said(text), secrets)
    line, free = f"HTTP {status}: {words or 'no message'}", is_free(status)
    if status == 402 or "insufficient_quota" in text:
        return Failure(Kind.DEAD, f"the account has no credit left ({line})", is_free=free)
    if status in _BUSY_STATUS:
        return Failure(Kind.BUSY, line, wait_of(headers, text), is_free=free)
    if status in _RETRIED_STATUS or status >= 500:
        return Failure(Kind.AGAIN, line, is_free=free)
    if status < 500 and _FILTERED.search(text):
        return Failure(Kind.REFUSED, f"the content filter refuses the request ({line})", is_free=free)
    if status in (401, 403) or _BAD_KEY.search(text):
        variable = KEY_VARIABLE + server.endpoint.suffix
        return Failure(Kind.DEAD, f"the server refuses the key in {variable} ({line})", is_free=free)
    if status in (404, 405):
        return Failure(Kind.DEAD, _not_there(words, line, server), is_free=free)
    return Failure(Kind.REFUSED, line, is_free=free)


def is_free(status: int) -> bool:
    """Whether a failed request was surely not paid for."""
    return status not in _MAYBE_PAID_STATUS


def said(text: str) -> str:
    """The words of an error's body, in whichever form it came.

    >>> said('[{"error": {"code": 400, "message": "Unknown name"}}]')
    'Unknown name'
    >>> said('{"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}')
    'body.seed: Extra inputs are not permitted'
    >>> said("<html><title>502 Bad Gateway</title></html>")
    'a web page, 502 Bad Gateway'
    """
    if is_page(text):
        title = re.search(r"<title[^>]*>([^<]*)", text, re.IGNORECASE)
        return f"a web page, {title[1].strip()}" if title else "a web page"
    try:
        return _words(json.loads(text))
    except ValueError:
        return text


def is_page(text: str) -> bool:
    """Whether a body is HTML."""
    return bool(re.match(r"\s*(?:<!doctype html|<html|<head|<body)", text, re.IGNORECASE))


def wait_of(headers: Mapping[str, str], text: str) -> float | None:
    """Seconds until a server wants to be asked again, by its headers or the words of its body.

    >>> wait_of({}, "Rate limit reached. Please try again in 1m2.5s.")
    62.5
    >>> wait_of({}, '{"error": "Model is loading", "estimated_time": 20.0}')
    20.0
    """
    after = headers.get("retry-after", "")
    for value, unit in ((headers.get("retry-after-ms", ""), 1e-3), (after, 1.0)):
        try:
            seconds = float(value) * unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    try:
        return max(email.utils.parsedate_to_datetime(after).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return _wait_in(text)


def one_line(text: str, secrets: Secrets) -> str:
    """The beginning of a text on one line, without a credential."""
    return " ".join(secrets.hide(text).split())[:300]


def _wait_in(text: str) -> float | None:
    if found := _WAIT_IN_WORDS.search(text):
        return sum(float(number) * _SECONDS[unit.lower()] for number, unit in _PART.findall(found[1]))
    found = _WAIT_AS_NUMBER.search(text)
    return float(found[1]) if found else None


def _words(body: Any) -> str:
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, map(_words, body)))
    if not isinstance(body, dict):
        return ""
    place = ".".join(map(str, body["loc"])) + ": " if isinstance(body.get("loc"), list) else ""
    parts = (_words(body[name]) for name in ("error", "message", "msg", "detail", "errors") if name in body)
    words = next(filter(None, parts), "")
    return place + words if words else ""


def _not_there(words: str, line: str, server: Server) -> str:
    if _OF_MODEL.search(words) or server.endpoint.model in words:
        return f"no model {server.endpoint.model!r} at {server.address} ({line})"
    return f"{server.address} has no chat/completions ({line}); an address ends with /v1"
