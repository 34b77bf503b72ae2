"""How public servers refuse and answer, as replies of the fake server."""

from __future__ import annotations

import json
from typing import Any

from tests.api.fake_server import Reply, level

Body = dict[str, Any]


def json_reply(status: int, body: Any, **headers: str) -> Reply:
    return status, {"Content-Type": "application/json", **headers}, json.dumps(body).encode()


def openai_error(status: int, message: str, param: str | None = None, code: str | None = None) -> Reply:
    return json_reply(status, {"error": {"message": message, "type": "t", "param": param, "code": code}})


def gemini_error(code: int, message: str, status: str, *details: Body) -> Reply:
    """A list with one error, unlike everybody else's."""
    return json_reply(code, [{"error": {"code": code, "message": message, "status": status, "details": list(details)}}])


def message(**fields: Any) -> Reply:
    """An answer whose message has these fields."""
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
    choice = {"index": 0, "finish_reason": fields.pop("finish_reason", "stop"), "message": fields}
    return json_reply(200, {"id": "c", "model": "judge", "choices": [choice], "usage": usage})


def gemini(text: str, earlier: int, body: Body) -> Reply:
    if "seed" in body:
        words = 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'
        return gemini_error(400, words, "INVALID_ARGUMENT", {"fieldViolations": [{"description": words}]})
    return level("D")


def mistral(text: str, earlier: int, body: Body) -> Reply:
    if "seed" in body:
        detail = {
            "type": "extra_forbidden",
            "loc": ["body", "seed"],
            "msg": "Extra inputs are not permitted",
            "input": 7,
        }
        return json_reply(422, {"detail": [detail]})
    return level("D")


def tgi(text: str, earlier: int, body: Body) -> Reply:
    if body.get("temperature") == 0:
        return 422, {"Content-Type": "text/plain"}, b"Input validation error: `temperature` must be strictly positive"
    return level("D")


def openai_reasoning(text: str, earlier: int, body: Body) -> Reply:
    if "max_tokens" in body:
        words = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        return openai_error(400, words, "max_tokens", "unsupported_parameter")
    if "temperature" in body:
        words = (
            "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) is supported."
        )
        return openai_error(400, words, "temperature", "unsupported_value")
    return level("D")


def only_one_temperature(text: str, earlier: int, body: Body) -> Reply:
    if "temperature" in body:
        return openai_error(400, "invalid temperature: only 1 is allowed for this model")
    return level("D")


def deprecated_temperature(text: str, earlier: int, body: Body) -> Reply:
    if "temperature" in body:
        return openai_error(400, "`temperature` is deprecated for this model.")
    return level("D")


def no_structured_outputs(text: str, earlier: int, body: Body) -> Reply:
    if body.get("response_format", {}).get("type") == "json_schema":
        return openai_error(400, "Structured outputs are not supported by this model")
    return level("D")


def no_response_format(text: str, earlier: int, body: Body) -> Reply:
    if "response_format" in body:
        return openai_error(400, "This response_format type is unavailable now")
    return level("D")


def no_reasoning_effort(text: str, earlier: int, body: Body) -> Reply:
    if "reasoning_effort" in body:
        return openai_error(400, "Argument not supported on this model: reasoning_effort")
    return level("D")


def litellm(text: str, earlier: int, body: Body) -> Reply:
    if "seed" in body:
        return openai_error(400, "litellm.UnsupportedParamsError: mistral does not support parameters: {'seed': 7}")
    return level("D")
