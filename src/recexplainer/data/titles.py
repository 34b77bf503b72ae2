"""Titles that an LLM can be asked to give: clean text, one title for one item."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ATTRIBUTES = r"(?:\s[^<>]*)?/?>"
_INLINE = "a|abbr|b|big|cite|code|em|font|i|img|mark|s|small|span|strong|sub|sup|tt|u"
_BLOCK = "br|blockquote|center|dd|div|dl|dt|h[1-6]|hr|li|ol|p|pre|table|tbody|td|th|thead|tr|ul"
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE}){_ATTRIBUTES}", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK}){_ATTRIBUTES}", re.IGNORECASE)
_SCRIPT = re.compile(r"<(script|style)\b[^>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)
# What is left of a tag that was cut in two: its end before the text, or its beginning behind it.
_TAG_END = re.compile(r"""^(?:[^<>]*?[\w-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*')|\s*["'])\s*/?>""")
_TAG_START = re.compile(
    rf"""(?:<(?:{_INLINE}|{_BLOCK}|script)\s+[\w-]+\s*=[^<>]*|</(?:{_INLINE}|{_BLOCK}|script)\s*|["']\s*/>\s*)$""",
    re.IGNORECASE,
)
# Most texts of a catalogue hold none of these, which is all that a step of the cleaning looks at.
_ODD = "[^ -~]|[&<>]|^ | $|  "
_KEPT_FORMAT_CHARACTERS = "\u200c\u200d"  # joiners that Persian, Indic scripts and emoji are spelt with
_LONGEST_SUFFIX = 40


def clean_text(text: str, has_markup: bool) -> tuple[str, list[str]]:
    """A text without HTML entities, markup, control characters and runs of white space.

    Only an entity that ends in ";" is one, and only tags that HTML knows are markup: ``<item>`` stays as it
    is. Scripts and pieces of tags are never part of a text, whether it has markup or not.

    Args:
        text: The raw text.
        has_markup: Whether to remove tags.

    Returns:
        The clean text and the names of what was changed, of ``html_entities``, ``scripts``, ``markup``,
        ``pieces_of_tags``, ``control_characters``, ``unicode_form`` and ``white_space``.

    >>> clean_text(" R&amp;B <b>Hits</b> ", has_markup=True)
    ('R&B Hits', ['html_entities', 'markup', 'white_space'])
    """
    changes = []
    for name, step in _STEPS.items():
        if name == "markup" and not has_markup:
            continue
        before, text = text, step(text)
        if text != before:
            changes.append(name)
    return text, changes


def clean_texts(texts: Sequence[str], has_markup: bool) -> list[str]:
    """What ``clean_text`` makes of each text: only those are looked at in which it may find something to change."""
    clean = list(texts)
    is_odd = pc.match_substring_regex(pa.array(clean, pa.string()), _ODD)
    for index in np.flatnonzero(is_odd):
        clean[index] = clean_text(clean[index], has_markup)[0]
    return clean


def _unescape(text: str) -> str:
    # Twice, for shops that escape what is escaped already ("&amp;amp;").
    for _ in range(2):
        if "&" in text:
            text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    return text


def _strip_markup(text: str) -> str:
    return _BLOCK_TAG.sub(" ", _INLINE_TAG.sub("", text)) if "<" in text else text


def _strip_scripts(text: str) -> str:
    return _SCRIPT.sub(" ", text) if "<" in text else text


def _strip_pieces_of_tags(text: str) -> str:
    if ">" in text:
        text = _TAG_END.sub("", text)
    return _TAG_START.sub("", text) if "<" in text or ">" in text else text


def _strip_control_characters(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(_without_control(character) for character in text)


def _compose(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _unify_white_space(text: str) -> str:
    return " ".join(text.split())


def _without_control(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cc" and character not in "\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85":
        return ""
    if category == "Cf" and character not in _KEPT_FORMAT_CHARACTERS:
        return ""
    return "" if category in ("Cs", "Co") or character == "\ufffd" else character


_STEPS: dict[str, Callable[[str], str]] = {
    "html_entities": _unescape,
    "scripts": _strip_scripts,
    "markup": _strip_markup,
    "pieces_of_tags": _strip_pieces_of_tags,
    "control_characters": _strip_control_characters,
    "unicode_form": _compose,
    "white_space": _unify_white_space,
}


@dataclass
class TitleChanges:
    """What was done to titles: per kind of change the count and the first examples, for report.json."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def add(self, kind: str, raw_id: str, before: str, after: str) -> None:
        """Count one change of one title."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < 5:
            examples.append({"raw_id": raw_id, "before": before, "after": after})


def unique_titles(
    titles: Sequence[str], raw_ids: Sequence[str], attributes: Sequence[Mapping[str, Sequence[str]]]
) -> tuple[list[str], list[str | None]]:
    """Titles without duplicates, ignoring upper and lower case.

    Each of a group of twins gets the shortest of its attributes' values that no other twin has, in
    parentheses; one that has no such value gets its raw id. A value that the title holds already, or that
    is long, tells nobody anything and is passed over. The result does not depend on the order of the items.

    Args:
        titles: Clean titles.
        raw_ids: The items' raw ids, all different.
        attributes: Per item the values that may tell it apart, by kind (brand, category, year).

    Returns:
        The titles, and per item the kind that told it apart: None where its title was unique.

    >>> unique_titles(["Go", "Go"], ["1", "2"], [{"brand": ["Sega"]}, {"brand": ["Sony"]}])
    (['Go (Sega)', 'Go (Sony)'], ['brand', 'brand'])
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for index, title in enumerate(titles):
        groups[title.casefold()].append(index)
    unique, told_apart_by = list(titles), [None] * len(titles)  # type: list[str], list[str | None]
    taken = set(groups)
    for key in sorted(key for key, group in groups.items() if len(group) > 1):
        group = sorted(groups[key], key=lambda index: raw_ids[index])
        n_twins_with: dict[str, int] = defaultdict(int)
        for index in group:
            for value in _values(attributes[index]):
                n_twins_with[value] += 1
        for index in group:
            own = {value for value in _values(attributes[index]) if n_twins_with[value] == 1}
            kind, title = _with_suffix(titles[index], raw_ids[index], attributes[index], own, taken)
            told_apart_by[index], unique[index] = kind, title
            taken.add(title.casefold())
    return unique, told_apart_by


def _values(attributes: Mapping[str, Sequence[str]]) -> set[str]:
    return {value.casefold() for values in attributes.values() for value in values}


def _with_suffix(
    title: str, raw_id: str, attributes: Mapping[str, Sequence[str]], own: set[str], taken: set[str]
) -> tuple[str, str]:
    """The kind of suffix and the title with it: the shortest value in ``own``, else the raw id."""
    options = [
        (len(value), order, value, kind)
        for order, (kind, values) in enumerate(attributes.items())
        for value in values
        if value.casefold() in own and len(value) <= _LONGEST_SUFFIX and value.casefold() not in title.casefold()
    ]
    for _, _, value, kind in sorted(options):
        if (longer := f"{title} ({value})").casefold() not in taken:
            return kind, longer
    longer = f"{title} ({raw_id})"
    while longer.casefold() in taken:
        longer += f" ({raw_id})"
    return "raw_id", longer
