"""Users and items as people name them on a command line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import pandas as pd

from recexplainer.core.errors import InputError
from recexplainer.data.catalogue import Catalogue
from recexplainer.explaining.cases import Wanted
from recexplainer.explaining.names import RAW, ItemNames

ALL, TOP, BOTTOM = "all", "top", "bottom"
SPLITS = ("train", "valid", "test")


def parse_users(text: str, users: pd.DataFrame) -> list[int]:
    """User ids, in the order named and without repeats.

    Words are separated by blanks or commas, and quoted where they hold such: ``12`` is an id of the prepared data,
    ``raw:A3X`` one of the raw data, ``train``, ``valid`` and ``test`` are the users of a split, ``all`` is everybody.

    Args:
        text: The words.
        users: The prepared users: ``user_id``, ``raw_id``, ``split``.

    Raises:
        InputError: A user is unknown, or none is named.
    """
    by_raw_id = dict(zip(users["raw_id"].astype(str), users["user_id"], strict=True))
    found: list[int] = []
    for word in _words(text, "users"):
        if word == ALL:
            found += users["user_id"].tolist()
        elif word in SPLITS:
            found += users.loc[users["split"] == word, "user_id"].tolist()
        else:
            found.append(_user_by_id(word, by_raw_id, len(users)))
    if not found:
        raise InputError(f"users: {text!r} names no users; give ids, raw:<id>, a split, or {ALL}")
    return list(dict.fromkeys(map(int, found)))


def parse_items(text: str, catalogue: Catalogue) -> Wanted:
    """Items, in the order named: as `ItemNames` reads them (a number is an id of the catalogue), and ``top`` and
    ``bottom`` for what the recommender ranks first and last; separated and quoted as in `parse_users`.

    Raises:
        InputError: An item is unknown, or none is named.
    """
    words, names = _words(text, "items"), ItemNames(catalogue)
    if not words:
        raise InputError(f"items: names no items; give ids, raw:<id>, title:<title>, {TOP} or {BOTTOM}")
    items = [names.find(_read(word), "items") for word in words if word not in (TOP, BOTTOM)]
    return Wanted(list(dict.fromkeys(items)), TOP in words, BOTTOM in words)


def _read(word: str) -> int | str:
    return int(word) if word.isdecimal() and word.isascii() and len(word) < 16 else word


def _words(text: str, where: str) -> list[str]:
    reader = shlex.shlex(text, posix=True, punctuation_chars=False)
    reader.whitespace += ","
    reader.whitespace_split, reader.commenters = True, ""
    try:
        return list(reader)
    except ValueError as error:
        raise InputError(f"{where}: {text!r}: {str(error).lower()}") from None


def _user_by_id(word: str, by_raw_id: Mapping[str, int], n: int) -> int:
    kind, colon, name = word.partition(":")
    if kind == RAW and colon:
        if name not in by_raw_id:
            raise InputError(f"users: the prepared data has no user with the raw id {name!r}")
        return int(by_raw_id[name])
    if not (word.isdecimal() and word.isascii()):
        raise InputError(f"users: {word!r} is not an id; give a number from 1 to {n}, or raw:<id of the raw data>")
    if not 1 <= int(word) <= n:
        raise InputError(f"users: unknown id {word}; ids range from 1 to {n}")
    return int(word)
