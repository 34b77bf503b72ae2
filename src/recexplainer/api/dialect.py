"""What an endpoint takes of a request: learnt from its refusals before anything is asked in bulk."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recexplainer.api.cache import AnswerCache

_SCHEMA, _OBJECT = "json_schema", "json_object"
_REFUSING_STATUS = (400, 422)
_NOT_TAKEN = re.compile(
    r"unsupported|n[o']t support|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed|forbidden|"
    r"unavailable|not available|deprecated|cannot find field|only \S+ is allowed|instead",
    re.IGNORECASE,
)
_NAMES = {
    "response_format": r"response[ _]?format|json[ _]schema|json_object|json mode|structured[ _]outputs?|"
    r"response[ _]?schema|grammar",
    "reasoning_effort": r"reasoning[ _.]?effort",
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "seed": "seed",
}
_PATTERNS = {name: re.compile(rf"(?<![a-z_])(?:{words})(?![a-z_])", re.IGNORECASE) for name, words in _NAMES.items()}
_SENTENCE_END = re.compile(r"[.;!?]\s|\\?\n")


@dataclass(frozen=True)
class Dialect:
    """The options that an endpoint does not take, and what it is sent instead.

    Attributes:
        refused: Of `temperature`, `seed`, `reasoning_effort` (left out), `max_tokens` (sent as
            `max_completion_tokens`), `json_schema` (sent as `json_object`) and `json_object` (left out).
    """

    refused: frozenset[str] = frozenset()

    def options(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """The options of a request in this dialect.

        >>> Dialect(frozenset({"max_tokens", "seed"})).options({"max_tokens": 5, "seed": 1, "temperature": 0})
        {'temperature': 0, 'max_completion_tokens': 5}
        """
        sent = {name: value for name, value in wanted.items() if name not in self.refused}
        if "max_tokens" in wanted and "max_tokens" in self.refused:
            sent["max_completion_tokens"] = wanted["max_tokens"]
        if "response_format" in sent and _SCHEMA in self.refused:
            sent["response_format"] = {"type": _OBJECT}
            if _OBJECT in self.refused:
                del sent["response_format"]
        return sent

    def without(self, option: str) -> tuple[Dialect, str]:
        """The dialect without one more option of a request, and the change in words."""
        if option == "max_tokens":
            change, refused = "does not accept max_tokens; sending max_completion_tokens", option
        elif option != "response_format":
            change, refused = f"does not accept {option}; sending requests without it", option
        elif _SCHEMA not in self.refused:
            change, refused = "does not accept a JSON schema; requesting a JSON object", _SCHEMA
        else:
            change, refused = "does not accept response_format; requesting JSON in the prompt only", _OBJECT
        return Dialect(self.refused | {refused}), change


def refused_option(status: int, text: str, sent: Mapping[str, Any]) -> str | None:
    """The option of a request that a server refuses; None if it complains about something else.

    Args:
        status: Of the HTTP response.
        text: Its body as it came: OpenAI's error object, Gemini's list, the `detail` of FastAPI, or plain text.
        sent: The options of the request.

    >>> refused_option(422, "Input validation error: `temperature` must be strictly positive", {"temperature": 0})
    'temperature'
    >>> refused_option(400, "max_tokens is too large: 9000", {"max_tokens": 9000})
    """
    if status not in _REFUSING_STATUS:
        return None
    fields = set(_fields(_parsed(text))) - {"body"}
    if fields:
        named = [name for name in sent if name in fields and (name != "max_tokens" or _NOT_TAKEN.search(text))]
        return named[0] if named else None
    known = {name: _PATTERNS[name] for name in sent if name in _PATTERNS}
    for sentence in _SENTENCE_END.split(text):
        if _NOT_TAKEN.search(sentence):
            places = [(found.start(), name) for name, words in known.items() if (found := words.search(sentence))]
            if places:
                return min(places)[1]
    mentioned = [name for name, words in known.items() if name != "max_tokens" and words.search(text)]
    return mentioned[0] if len(mentioned) == 1 else None


class KnownDialects:
    """The dialects that earlier runs have learnt; they are in the cache, with the answers given in them."""

    def __init__(self, cache: AnswerCache) -> None:
        self._cache = cache

    def of(self, engine: str, address: str) -> Dialect:
        """That of one endpoint; where it is unknown, all options are taken."""
        return self._kept(engine).get(address, Dialect())

    def all_of(self, engine: str) -> list[Dialect]:
        """Those in which a model may have answered, behind whichever address."""
        return list(dict.fromkeys([*self._kept(engine).values(), Dialect()]))

    def keep(self, engine: str, address: str, dialect: Dialect) -> None:
        """Keep what was learnt of an endpoint."""
        kept = self._kept(engine)
        if kept.get(address, Dialect()) != dialect:
            refused = {known: sorted(of.refused) for known, of in (kept | {address: dialect}).items()}
            self._cache.put(self._key(engine), {"refused": refused})

    def _kept(self, engine: str) -> dict[str, Dialect]:
        found = (self._cache.get(self._key(engine)) or {}).get("refused") or {}
        return {address: Dialect(frozenset(refused)) for address, refused in found.items()}

    def _key(self, engine: str) -> str:
        return f"dialect of {engine}"


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _fields(body: Any) -> Iterator[str]:
    """The names of fields that an error is about, where its body has a place for them: `param`, `loc`."""
    if isinstance(body, list):
        for part in body:
            yield from _fields(part)
    elif isinstance(body, dict):
        if isinstance(body.get("param"), str):
            yield body["param"].split(".")[0].split("[")[0]
        if isinstance(body.get("loc"), list):
            yield from (part for part in body["loc"] if isinstance(part, str))
        for name in ("error", "detail", "errors"):
            yield from _fields(body.get(name))
