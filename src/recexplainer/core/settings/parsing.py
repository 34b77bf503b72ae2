"""Parameters out of nested mappings: overrides, and one clear line for the first that does not fit."""

from __future__ import annotations

import copy
import dataclasses
import types
import typing
from typing import Annotated, Any, Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from recexplainer.core.errors import InputError, did_you_mean

_CONDITIONS = {"ge": "at least {:g}", "gt": "above {:g}", "le": "at most {:g}", "lt": "below {:g}", "condition": "{}"}
_NAMES = {int: "a whole number", float: "a number", str: "text", bool: "true or false", types.NoneType: "null",
          list: "a list", dict: "a mapping"}  # fmt: skip


def build_section(kind: type, values: Any, origin: str) -> Any:
    """Build a section, or the whole settings, from a mapping.

    Raises:
        InputError: for an unknown or missing key, or a value of another type or outside of its range.
    """
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as failed:
        first = min(failed.errors(), key=lambda error: error["type"] != "unexpected_keyword_argument")
        raise InputError(f"{origin}: {_explain(kind, first)}") from None


def apply_overrides(kind: type, values: dict[str, Any], assignments: list[str]) -> dict[str, Any]:
    """Copy ``values`` with every ``section.key=value`` assignment applied; values are written as in YAML.

    Raises:
        InputError: when an assignment has no ``=`` or names a parameter that does not exist.
    """
    changed = copy.deepcopy(values)
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        path = name.strip().split(".")
        if not equals or not all(path):
            raise InputError(f"-S {assignment!r}: expected section.key=value")
        hint = _hint_of(kind, path, assignment)
        node = changed
        for key in path[:-1]:
            if not isinstance(node.get(key), dict):
                node[key] = {}
            node = node[key]
        node[path[-1]] = _parse_text(hint, text, assignment)
    return changed


def flatten(values: Any, prefix: str = "") -> dict[str, Any]:
    """Flatten dataclasses and mappings to dotted keys; lists stay whole.

    >>> flatten({"a": {"b": 1, "c": [1, 2]}}, "x")
    {'x.a.b': 1, 'x.a.c': [1, 2]}
    """
    if dataclasses.is_dataclass(values) and not isinstance(values, type):
        values = dataclasses.asdict(values)
    if not isinstance(values, dict):
        return {prefix: values}
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat.update(flatten(value, f"{prefix}.{key}" if prefix else str(key)))
    return flat


def _hint_of(kind: type, path: list[str], assignment: str) -> Any:
    """The type of the field that a dotted path names."""
    hint: Any = kind
    for depth, key in enumerate(path):
        inside = _inside(hint, key)
        if inside is None and not dataclasses.is_dataclass(hint):
            raise InputError(f"-S {assignment!r}: {'.'.join(path[:depth])!r} is a single value, it has no {key!r}")
        if inside is None:
            raise InputError(f"-S {assignment!r}: {_unknown(hint, path[: depth + 1])}")
        hint = inside
    return hint


def _parse_text(hint: Any, text: str, assignment: str) -> Any:
    """Read an override's text as YAML, or keep it as it is where a string is wanted."""
    try:
        value = yaml.safe_load(text) if text.strip() else ""
    except yaml.YAMLError:
        value = text
    if value == "" and not _fits(hint, ""):
        raise InputError(f"-S {assignment!r}: no value after '='")
    return text if isinstance(value, str) or (_fits(hint, text) and not _fits(hint, value)) else value


def _fits(hint: Any, value: Any) -> bool:
    try:
        TypeAdapter(hint).validate_python(value)
    except ValidationError:
        return False
    return True


def _explain(kind: type, error: Any) -> str:
    """Pydantic's finding in words: where, what was expected, what was found."""
    path, context = error["loc"], error.get("ctx", {})
    is_key = path[-1:] == ("[key]",)
    hint: Any = kind
    for depth, key in enumerate(path[:-2] if is_key else path):
        if (inside := _inside(hint, key)) is None:
            if dataclasses.is_dataclass(hint):
                return _unknown(hint, path)
            path = path[:depth]  # which of several types pydantic tried
            break
        hint = inside
    if error["type"] == "missing":
        return f"parameter {_dotted(path)!r} is missing"
    if error["type"] == "rule":
        return f"{_dotted((*path, context['name']))} must be {context['expected']}"
    if is_key:
        key_type, _ = typing.get_args(_choices(hint)[0])
        return f"{_dotted(path[:-2])}: {path[-2]!r} must be {_expected(key_type, context)}"
    return f"{_dotted(path) or 'the file'} must be {_expected(hint, context)}, not {_shown(error['input'])}"


def _unknown(section: Any, path: Any) -> str:
    names = [field.name for field in dataclasses.fields(section)]
    return f"unknown parameter {_dotted(path)!r}; {did_you_mean(str(path[-1]), names)}"


def _expected(hint: Any, context: dict[str, Any]) -> str:
    for name, words in _CONDITIONS.items():
        if name in context:
            return words.format(context[name])
    return " or ".join(map(_name, _choices(hint)))


def _inside(hint: Any, key: str | int) -> Any:
    """The type of the value under a key or a place of a list; None if there is none."""
    for choice in _choices(hint):
        if dataclasses.is_dataclass(choice):
            return typing.get_type_hints(choice, include_extras=True).get(str(key))
        if typing.get_origin(choice) is (list if isinstance(key, int) else dict):
            return typing.get_args(choice)[-1]
    return None


def _choices(hint: Any) -> list[Any]:
    """The alternatives of a type, without their ranges."""
    if typing.get_origin(hint) is Annotated:
        return _choices(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [choice for part in typing.get_args(hint) for choice in _choices(part)]
    return [hint]


def _name(choice: Any) -> str:
    if typing.get_origin(choice) is Literal:
        return f"one of {', '.join(typing.get_args(choice))}"
    return _NAMES.get(typing.get_origin(choice) or choice, "a mapping")


def _dotted(path: Any) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def _shown(value: Any) -> str:
    return repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."
