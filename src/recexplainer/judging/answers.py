"""A judge's choice, read from its answer: what is not one clear choice is not guessed at."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from recexplainer.api.reading import is_cut
from recexplainer.core.records.judgement import Level
from recexplainer.judging.grade import level_of_letter

_DECORATION = " \t\r\n*_`\"'“”()."
_LEVEL = re.compile(r"(?:level\W*)?([a-d])(?![^\W_])", re.IGNORECASE)
_DESCRIPTION = re.compile(r"[*_`\"')\]]*\s*[-–—:.(]+\s*[^\W_].*", re.DOTALL)
_OTHER_LEVEL = re.compile(r"(?<![^\W_])[A-D](?![^\W_'’])")
_TWICE = object()  # one key with two values

Value = TypeVar("Value", bound=str)


@dataclass(frozen=True)
class Choice(Generic[Value]):
    """What a judge chose, and why, in its own words."""

    value: Value
    rationale: str


def read_choice(answer: dict[str, Any], key: str, read: Callable[[str], Value | None]) -> Choice[Value] | None:
    """The one choice in a model's answer; None where there is none, or two different ones, or the answer was cut.

    The last JSON object with a choice counts. Keys may have capitals, strings may hold raw line breaks, and a rationale
    may be missing. An answer that is a choice and nothing else counts too.

    Args:
        answer: `content`, without thinking, and `finish_reason`.
        key: Of the choice in the object.
        read: The choice that a value names.

    >>> read_choice({"content": 'So: {"rationale": "Thin.", "Level": "c"}'}, "level", read_level)
    Choice(value='C', rationale='Thin.')
    >>> read_choice({"content": '{"level": "C"} or {"level": "D"}'}, "level", read_level) is None
    True
    """
    if is_cut(answer) or answer.get("finish_reason") == "content_filter":
        return None
    content = answer.get("content") or ""
    objects = [found for found in _objects(content) if key in found]
    values = [found[key] if isinstance(found[key], str) else "" for found in objects] or content.strip().splitlines()
    if len(values) > 1 and not objects:  # several lines of prose
        return None
    named = [(place, value) for place, text in enumerate(values) if (value := read(text)) is not None]
    if len({value for _, value in named}) != 1 or any(found[key] is _TWICE for found in objects):
        return None
    place, value = named[-1]
    rationale = objects[place].get("rationale") if objects else None
    return Choice(value, rationale if isinstance(rationale, str) else "")


def read_level(text: str) -> Level | None:
    """The level that a text names and nothing else: a letter, with or without decoration or its meaning.

    >>> [read_level(text) for text in ("c", "**C**", "C - acceptable", "Level: C", "B or C", "C/D", "Certainly")]
    ['C', 'C', 'C', 'C', None, None, None]
    """
    bare = text.strip(_DECORATION)
    found = _LEVEL.match(bare)
    if not found:
        return None
    rest = bare[found.end() :]
    if rest and (not _DESCRIPTION.fullmatch(rest) or _OTHER_LEVEL.search(rest)):
        return None
    return level_of_letter(found[1])


def _objects(content: str) -> Iterator[dict[str, Any]]:
    """All JSON objects in a text, those within others after them; keys in small letters."""
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=_folded)
    start = content.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(content, start)
        except (json.JSONDecodeError, RecursionError):
            end = start + 1
        else:
            yield from _within(value)
        start = content.find("{", end)


def _within(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _within(part)


def _folded(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    folded: dict[str, Any] = {}
    for key, value in pairs:
        key = key.strip().lower()
        folded[key] = value if folded.get(key, value) == value else _TWICE
    return folded
