"""A language model as judge, behind any OpenAI-compatible server: bounded, patient, resumable, and never
paid twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import openai

from recexplainer.errors import InputError
from recexplainer.judging.cache import AnswerCache
from recexplainer.judging.judgement import FAILED, Judgement
from recexplainer.judging.prompts import ANSWER_SCHEMA, parse_answer

KEY_VARIABLE = "OPENAI_API_KEY"
_RETRIED_STATUS = frozenset({408, 409, 425, 429})  # and every 5xx
_LONGEST_WAIT_SECONDS = 60.0
Messages = list[dict[str, str]]


@dataclass(frozen=True)
class ApiSettings:
    """How a server is asked.

    Attributes:
        base_url: Up to and with "/v1"; None: the SDK's own (OPENAI_BASE_URL, or OpenAI).
        model: The server's name of the model.
        seed: Sent with each request; servers that know it answer the same again.
        max_calls: Most requests of one run, repeated ones included.
        concurrency: Most requests at the same time.
        max_answer_tokens: Longest answer.
        max_attempts: Most tries of one request.
        timeout_seconds: Of one try.
        first_wait_seconds: Before the second try; it doubles with each further one, unless the server says
            how long.
    """

    base_url: str | None
    model: str
    seed: int
    max_calls: int
    concurrency: int
    max_answer_tokens: int
    max_attempts: int
    timeout_seconds: float
    first_wait_seconds: float


@dataclass(frozen=True)
class ApiResult:
    """All judgements, in the order of the requests, and what they took.

    Attributes:
        prompt_tokens: Of the answers, as the server counted them, those of earlier runs included.
        completion_tokens: Likewise.
        n_calls: Requests of this run, repeated ones included.
        n_from_cache: Distinct requests that earlier runs had answered.
    """

    judgements: list[Judgement]
    prompt_tokens: int
    completion_tokens: int
    n_calls: int
    n_from_cache: int


def judge_by_api(requests: Sequence[Messages], settings: ApiSettings, cache: AnswerCache) -> ApiResult:
    """Ask a server for the level of each explanation, but for what the cache answers already.

    429, 5xx, time-outs, broken connections and answers that are no JSON at all are tried again with growing
    waits. What then still fails is `failed` and asked again by the next run. A well-formed answer without a
    level is `unparseable`; it stays in the cache, since the same question would bring the same answer.

    Args:
        requests: Chat messages, one list per explanation; equal ones are asked once.
        settings: Server, model and bounds.
        cache: The answers of earlier runs; new ones are added.

    Raises:
        InputError: No key, no such model, the key is refused, nothing can be reached, or `max_calls` does
            not suffice. What was answered until then is in the cache.
    """
    client = _client(settings)
    keys = [request_key(messages, settings) for messages in requests]
    missing = {key: messages for key, messages in zip(keys, requests, strict=True) if cache.get(key) is None}
    n_from_cache = len(set(keys)) - len(missing)
    if len(missing) > settings.max_calls:
        raise InputError(
            f"judge.max_calls is {settings.max_calls}, and {len(missing)} explanations are not judged yet; "
            "raise it (nothing was asked)"
        )
    asking = _Asking(client, settings, cache)
    asyncio.run(asking.ask_all(missing))
    answers = [cache.get(key) for key in keys]
    if missing and len(asking.errors) == len(missing):
        raise InputError(f"judge: no request was answered; the last error: {next(reversed(asking.errors.values()))}")
    judgements = [
        Judgement(FAILED, {"error": asking.errors[key]}) if answer is None else _judgement(answer)
        for key, answer in zip(keys, answers, strict=True)
    ]
    distinct = [cache.get(key) or {} for key in dict.fromkeys(keys)]
    return ApiResult(
        judgements,
        prompt_tokens=sum(answer.get("prompt_tokens") or 0 for answer in distinct),
        completion_tokens=sum(answer.get("completion_tokens") or 0 for answer in distinct),
        n_calls=asking.n_calls,
        n_from_cache=n_from_cache,
    )


def request_key(messages: Messages, settings: ApiSettings) -> str:
    """A hash of all that decides an answer: server, model, messages, sampling. No credential is part of
    it.
    """
    asked = {
        "base_url": (settings.base_url or "").rstrip("/"),
        "model": settings.model,
        "messages": messages,
        "sampling": {"temperature": 0, "seed": settings.seed, "max_tokens": settings.max_answer_tokens},
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _client(settings: ApiSettings) -> openai.AsyncOpenAI:
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key:
        raise InputError(
            f"judge.backend openai needs the environment variable {KEY_VARIABLE}; set it (any text will do "
            "for a local server without keys), or use judge.backend rubric"
        )
    return openai.AsyncOpenAI(api_key=key, base_url=settings.base_url, max_retries=0, timeout=settings.timeout_seconds)


def _judgement(answer: dict[str, Any]) -> Judgement:
    judgement = parse_answer(answer["content"])
    if judgement.score is None:
        judgement.reasons["finish_reason"] = answer["finish_reason"]
    return judgement


class _Asking:
    """One run over the missing requests. `errors` holds, by key, why a request has no answer."""

    def __init__(self, client: openai.AsyncOpenAI, settings: ApiSettings, cache: AnswerCache) -> None:
        self._client = client
        self._settings = settings
        self._cache = cache
        self._structured = True
        self._stop: InputError | None = None
        self.n_calls = 0
        self.n_answers = 0
        self.errors: dict[str, str] = {}

    async def ask_all(self, missing: dict[str, Messages]) -> None:
        """Ask everything, a few at a time; an InputError ends it once the requests in flight are back."""
        queue = iter(missing.items())

        async def work() -> None:
            for key, messages in queue:  # shared by the workers: each request is taken once
                await self._ask(key, messages)

        async with self._client:
            n_workers = min(self._settings.concurrency, len(missing))
            await asyncio.gather(*(work() for _ in range(n_workers)))
        if self._stop is not None:
            raise self._stop

    async def _ask(self, key: str, messages: Messages) -> None:
        for attempt in range(self._settings.max_attempts):
            if self._stop is not None:
                return
            try:
                answer = await self._call(messages)
            except _Transient as error:
                self.errors[key] = str(error)
                if attempt + 1 < self._settings.max_attempts:
                    await asyncio.sleep(self._wait(attempt, error.wait_seconds))
            except _Refused as error:
                self.errors[key] = str(error)
                return
            except InputError as error:
                self._stop = error
            else:
                self._cache.put(key, answer)
                self.n_answers += 1
                self.errors.pop(key, None)
                return

    def _wait(self, attempt: int, asked_for: float | None) -> float:
        wait = self._settings.first_wait_seconds * 2**attempt if asked_for is None else asked_for
        return min(max(wait, 0.0), _LONGEST_WAIT_SECONDS)

    async def _call(self, messages: Messages) -> dict[str, Any]:
        if self.n_calls >= self._settings.max_calls:
            raise InputError(
                f"judge.max_calls ({self._settings.max_calls}) is used up after {self.n_answers} answers, "
                "which are kept; raise it and run the stage again"
            )
        self.n_calls += 1
        structured = self._structured
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):  # the SDK's own is per read
                return _answer(await self._send(messages, structured))
        except (TimeoutError, openai.APITimeoutError):
            raise _Transient(f"no answer within {self._settings.timeout_seconds:g} s") from None
        except openai.APIConnectionError as error:
            raise _Transient(f"the server cannot be reached ({error.__cause__ or error})") from None
        except openai.APIStatusError as error:
            if structured and error.status_code in (400, 422) and _is_about_format(error):
                self._structured = False  # no such option there; the prompt asks for JSON too
                return await self._call(messages)
            raise self._sorted(error) from None
        except (openai.APIError, ValueError) as error:
            raise _Transient(f"the answer is malformed ({_line(error)})") from None

    async def _send(self, messages: Messages, structured: bool) -> Any:
        extra: dict[str, Any] = {"response_format": ANSWER_SCHEMA} if structured else {}
        return await self._client.chat.completions.create(
            model=self._settings.model,
            messages=messages,  # type: ignore[arg-type]
            temperature=0,
            seed=self._settings.seed,
            max_tokens=self._settings.max_answer_tokens,
            **extra,
        )

    def _sorted(self, error: openai.APIStatusError) -> Exception:
        """A server's refusal as what to do about it: try again, give this request up, or stop."""
        status, line = error.status_code, f"HTTP {error.status_code}: {_line(error)}"
        if status in _RETRIED_STATUS or status >= 500:
            return _Transient(line, _retry_after(error))
        if status in (401, 403):
            return InputError(f"judge: the server refuses the key in {KEY_VARIABLE} ({line})")
        if status == 404:
            return InputError(f"judge: no model {self._settings.model!r} at {self._client.base_url} ({line})")
        return _Refused(line)


class _Transient(Exception):
    """A failure that another try may mend."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class _Refused(Exception):
    """A failure of this one request that no other try mends."""


def _answer(completion: Any) -> dict[str, Any]:
    choices = getattr(completion, "choices", None)
    if not choices:
        raise ValueError("no choices in it")
    usage = completion.usage
    return {
        "content": choices[0].message.content,
        "finish_reason": choices[0].finish_reason,
        "prompt_tokens": usage.prompt_tokens if usage else None,
        "completion_tokens": usage.completion_tokens if usage else None,
    }


def _is_about_format(error: openai.APIStatusError) -> bool:
    return any(word in str(error) for word in ("response_format", "json_schema"))


def _retry_after(error: openai.APIStatusError) -> float | None:
    try:
        return float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
