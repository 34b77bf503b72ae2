"""What a server's answer holds, and what of it is kept."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from recexplainer.api.endpoints import Secrets
from recexplainer.api.failures import Failure, Kind, is_page, of_status, one_line, said
from recexplainer.api.server import Server
from recexplainer.api.thinking import split_thinking

CUT = ("length", "max_tokens", "model_length")  # reasons to finish: the answer was longer than it might be
_FILTER = "content_filter"


def is_cut(answer: dict[str, Any]) -> bool:
    """Whether an answer ended at the longest that it might be."""
    return str(answer.get("finish_reason")).lower() in CUT


def read_answer(text: str, server: Server, secrets: Secrets) -> dict[str, Any]:
    """What is kept of a response with status 200.

    `content` is the answer proper: parts are joined, and thinking in tags or in parts goes to `reasoning_content`,
    as does what the server gives under that name. `completion_tokens` are the larger number where a server counts
    thinking in the sum alone.

    Args:
        text: The body as it came.
        server: Which answered.
        secrets: What is struck out.

    Raises:
        Failure: It is an error, a web page, malformed or empty.
    """
    body = _body(text, server, secrets)
    try:
        choice = body["choices"][0]
        answer, error = _answer(body, choice), choice.get("error")
    except (AttributeError, TypeError, LookupError, ValueError):
        raise Failure(Kind.AGAIN, "the answer is malformed (no message in it)") from None
    answer = {name: secrets.hide(value) if isinstance(value, str) else value for name, value in answer.items()}
    finish = answer["finish_reason"]
    if finish == "error":
        words = one_line(said(json.dumps(error)), secrets) if error else "no reason given"
        raise Failure(Kind.AGAIN, f"the model broke off ({words})", counted=answer)
    if not (answer["content"] or "").strip() and not is_cut(answer) and finish != _FILTER and "refusal" not in answer:
        raise Failure(Kind.EMPTY, f"the answer is empty (finish_reason {finish!r})", counted=answer)
    return answer


def _body(text: str, server: Server, secrets: Secrets) -> Any:
    """The response's JSON, if it is not an error in an answer's clothes."""
    if is_page(text):
        kind = Kind.AGAIN if server.has_answered else Kind.DEAD
        where = f"{server.address} answers with {one_line(said(text), secrets)}"
        raise Failure(kind, f"{where}, not with an answer; an address ends with /v1", is_free=True)
    try:
        body = json.loads(text)
    except ValueError:
        raise Failure(Kind.AGAIN, "the answer is malformed (not JSON)") from None
    words = said(text)
    if words and not (isinstance(body, dict) and body.get("choices")):
        code = _code(body)
        if code is not None:
            raise of_status(code, text, {}, server, secrets)
        raise Failure(Kind.REFUSED, f"the server says: {one_line(words, secrets)}", is_free=True)
    return body


def _code(body: Any) -> int | None:
    """The status that an error object names."""
    if isinstance(body, list):
        return next((code for code in map(_code, body) if code is not None), None)
    if not isinstance(body, dict):
        return None
    code = str(body.get("code", ""))
    if code.isdecimal() and 400 <= int(code) < 600:
        return int(code)
    return _code(body.get("error"))


def _answer(body: dict[str, Any], choice: dict[str, Any]) -> dict[str, Any]:
    message, finish = choice.get("message"), choice.get("finish_reason")
    if message is None:
        if finish != _FILTER:
            raise ValueError("no message")
        message = {}
    thought, content = _content(message)
    usage = body.get("usage") or {}
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    total = _count(usage.get("total_tokens"))
    if prompt is not None and completion is not None and total is not None:
        completion = max(completion, total - prompt)
    answer = {
        "content": content,
        "finish_reason": _text(finish),
        "model": _text(body.get("model")),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "reasoning_content": thought,
        "refusal": _text(message.get("refusal")),
    }
    return {name: value for name, value in answer.items() if value or name not in ("reasoning_content", "refusal")}


def _content(message: dict[str, Any]) -> tuple[str, str | None]:
    """The thinking, and the answer proper; None where there is no content at all."""
    content = message.get("content")
    given = _joined(message.get("reasoning_content") or message.get("reasoning") or "")
    if content is None:
        return given, None
    if isinstance(content, list):
        given += _joined(part for part in content if _is_thinking(part))
        content = _joined(part for part in content if not _is_thinking(part))
    thought, answer = split_thinking(_text(content) or "")
    return "\n".join(filter(None, (given, thought))), answer


def _is_thinking(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in ("thinking", "reasoning")


def _joined(parts: Any) -> str:
    """The text of a string, a part or a list of parts."""
    if isinstance(parts, str):
        return parts
    if isinstance(parts, dict):
        return _joined(next((parts[name] for name in ("text", "thinking", "content") if parts.get(name)), ""))
    return "".join(map(_joined, parts)) if isinstance(parts, Iterable) else ""


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, default=str)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
