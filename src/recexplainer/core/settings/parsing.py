"""Typed construction of nested frozen dataclasses from plain mappings."""

from __future__ import annotations

import copy
import dataclasses
import types
import typing
from typing import Any

import yaml

from recexplainer.core.errors import InputError, did_you_mean


def build_section(kind: type, values: Any, origin: str, at: str) -> Any:
    """Build the dataclass ``kind`` from a mapping; ``at`` is the section's dotted name (empty for the root).

    Raises:
        InputError: for an unknown, missing or wrongly typed key.
    """
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise InputError(f"{origin}: {at or 'the file'} must be a mapping, not {_shown(values)}")
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    for key in values:
        if key not in names:
            raise InputError(f"{origin}: unknown parameter {_join(at, str(key))!r}; {did_you_mean(str(key), names)}")
    for name in names:
        if name not in values:
            raise InputError(f"{origin}: parameter {_join(at, name)!r} is missing")
    return kind(**{name: _convert(hints[name], values[name], origin, _join(at, name)) for name in names})


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
        flat.update(flatten(value, _join(prefix, str(key))))
    return flat


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _hint_of(kind: type, path: list[str], assignment: str) -> Any:
    """Find the type of the field that a dotted path names."""
    hint: Any = kind
    for depth, key in enumerate(path):
        at = ".".join(path[:depth])
        if typing.get_origin(hint) is dict:
            hint = typing.get_args(hint)[1]
            continue
        if not dataclasses.is_dataclass(hint):
            raise InputError(f"-S {assignment!r}: {at!r} is a single value, it has no {key!r}")
        hints = typing.get_type_hints(hint)
        if key not in hints:
            raise InputError(f"-S {assignment!r}: unknown parameter {_join(at, key)!r}; {did_you_mean(key, hints)}")
        hint = hints[key]
    return hint


def _parse_text(hint: Any, text: str, assignment: str) -> Any:
    """Read an override's text as YAML, or keep it as it stands where a string is wanted."""
    try:
        value = yaml.safe_load(text) if text.strip() else ""
    except yaml.YAMLError:
        value = text
    wanted = _alternatives(hint)
    if str in wanted and not any(_fits(choice, value) for choice in wanted if choice not in (str, float)):
        return text
    if value == "" and str not in wanted:
        raise InputError(f"-S {assignment!r}: no value after '='")
    return value


def _alternatives(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


def _convert(hint: Any, value: Any, origin: str, at: str) -> Any:
    """Check one value against its type; integers pass as floats, as does text like ``1e-4`` (YAML 1.1)."""
    choices = _alternatives(hint)
    if value is None and type(None) in choices:
        return None
    for choice in choices:
        if dataclasses.is_dataclass(choice):
            return build_section(typing.cast(type, choice), value, origin, at)
        outer, inner = typing.get_origin(choice), typing.get_args(choice)
        if outer is list and isinstance(value, list):
            return [_convert(inner[0], entry, origin, f"{at}[{i}]") for i, entry in enumerate(value)]
        if outer is dict and isinstance(value, dict):
            return {str(k): _convert(inner[1], entry, origin, _join(at, str(k))) for k, entry in value.items()}
        if outer is None and _fits(choice, value):
            return float(value) if choice is float else value
    wanted = " or ".join(_name(choice) for choice in choices)
    raise InputError(f"{origin}: {at} must be {wanted}, not {_shown(value)}")


def _fits(choice: Any, value: Any) -> bool:
    if choice is float:
        return _is_number(value)
    if choice is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(choice, type) and isinstance(value, choice)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return False
        return any(c.isdigit() for c in value)
    return isinstance(value, int | float) and value == value


def _name(choice: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false", type(None): "null"}
    if choice in names:
        return names[choice]
    return {list: "a list", dict: "a mapping"}.get(typing.get_origin(choice), str(choice))


def _shown(value: Any) -> str:
    return repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."
