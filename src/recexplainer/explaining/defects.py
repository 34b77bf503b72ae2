"""Texts that are not explanations and must not be shown as such."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import get_args

from recexplainer.citations.attributes import attribute_index
from recexplainer.citations.citations import Citations
from recexplainer.citations.phrases import plain_words, said_twice
from recexplainer.citations.quotations import opens
from recexplainer.core.records.explanation import Defect
from recexplainer.data.catalogue import Catalogue
from recexplainer.explaining.garbled import is_garbled

MOST = 0.1  # share of texts with defects above which a run is warned of
_AGAIN = re.compile(r"(.{3,80}?)\1{3}", re.DOTALL)  # letters, four times in a row
_WORDS_AGAIN = re.compile(r"\b(\w+(?:\W+\w+){0,7})(?:\W+\1\b){2}")  # words, three times in a row
_SENTENCE = re.compile(r"[^.!?。！？]+[.!?。！？]+")
_SMILE = r"(?:\s+(?:[:;]-?[)D]|[^\w\s!-~“”„«»–—]+))?"  # :) or an emoji
_ENDS = re.compile(rf"[.!?…。！？][\"'”’»“)\]*_]*{_SMILE}$")
_BETWEEN = re.compile(r"\W*\w{0,5}\W*")  # two titles of one list
_LITTLE = re.compile(r"yes|no|an?|and|as|but|by|for|from|in|like|of|on|or|the|to|too|with")


def find_defects(
    text: str, citations: Citations, catalogue: Catalogue, is_cut: bool = False, has_to_cite: bool = False
) -> list[Defect]:
    """Why a text is not shown as an explanation; empty if it may be.

    It `repeats` itself (letters four times in a row, words three times, a small word, a sentence or a title of a list
    twice); it
    stops in mid-sentence or in a quotation, or says nothing of what it names (`unfinished`); its letters and signs are
    in disorder (`garbled`); it `names_nothing` (no item of the history, not the target, and no value of an attribute);
    it was to cite what carries the decision, and names no item of the history (`no_reason`); or it was `cut` by
    `explain.max_new_tokens`.

    Args:
        text: The explanation.
        citations: What it names.
        catalogue: The attributes.
        is_cut: Whether its writer had no room to end it.
        has_to_cite: Whether it had evidence to cite.
    """
    found: dict[Defect, bool] = {
        "repeats": _repeats(text, citations) or _says_twice(text, citations, catalogue),
        "unfinished": not _ENDS.search(text.strip())
        or _is_open(text, citations)
        or _only_names(text, citations, catalogue),
        "garbled": is_garbled(text, citations, catalogue),
        "names_nothing": not _names_something(text, citations, catalogue),
        "no_reason": has_to_cite and not citations.cited_items,
        "cut": is_cut,
    }
    return [defect for defect, is_there in found.items() if is_there]


def defect_warning(defects: Sequence[Sequence[Defect]]) -> str | None:
    """What a run says whose texts have too many defects; None if they have not."""
    return _warning(
        defects,
        "texts are not explanations ({named}); the report shows those of the source template instead; {longer}align "
        "longer, on more examples, or with a larger base LLM",
        "explain",
    )


def dropped_warning(defects: Sequence[Sequence[Defect]]) -> str | None:
    """What a run says of whose drafts too few are taught; None if enough are."""
    return _warning(
        defects,
        "drafts are not explanations ({named}) and are not taught; {longer}a larger base LLM writes better ones",
        "draft_explanations",
    )


def _warning(defects: Sequence[Sequence[Defect]], words: str, section: str) -> str | None:
    n = sum(map(bool, defects))
    if n <= MOST * len(defects):
        return None
    counts = {name: sum(name in own for own in defects) for name in get_args(Defect)}
    named = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    longer = f"raise {section}.max_new_tokens; " if counts["cut"] * 2 > n else ""
    return f"{n} of {len(defects)} {words.format(named=named, longer=longer)}"


def _repeats(text: str, citations: Citations) -> bool:
    said = _with_numbers(text, citations)
    sentences = [match.group().strip() for match in _SENTENCE.finditer(said)]
    pairs = zip(citations.mentions, citations.mentions[1:], strict=False)
    twins = any(
        one.item_id == other.item_id and one.item_id and _BETWEEN.fullmatch(text[one.end : other.start])
        for one, other in pairs
    )
    long = [sentence for sentence in sentences if len(sentence) > 10]
    return bool(_AGAIN.search(said) or _WORDS_AGAIN.search(said)) or len(long) > len(set(long)) or twins


def _says_twice(text: str, citations: Citations, catalogue: Catalogue) -> bool:
    """Whether a word stands twice in a row outside of titles and values: "a PC game game"."""
    return said_twice(text, lambda: _named(text, citations, catalogue)) is not None


def _with_numbers(text: str, citations: Citations) -> str:
    """A text with numbers in the place of the catalogue's titles, whose own signs and repeats do not count."""
    for mention in reversed(citations.mentions):
        if mention.item_id:
            text = f"{text[: mention.start]}{mention.item_id}{text[mention.end :]}"
    return text


def _is_open(text: str, citations: Citations) -> bool:
    """Whether a quotation begins behind the last title and does not end."""
    start = citations.mentions[-1].end + 1 if citations.mentions else 0
    rest = [place for place in range(start, len(text)) if text[place] in '"“„«']
    return len(rest) % 2 == 1 and opens(text, rest[-1])


def _only_names(text: str, citations: Citations, catalogue: Catalogue) -> bool:
    """Whether a text holds titles or values of attributes, and besides them only little words: "A and B for the C"."""
    named = _named(text, citations, catalogue)
    words = [word for word in plain_words(text) if not any(start <= word.start < end for start, end in named)]
    return bool(named) and all(_LITTLE.fullmatch(word.text) for word in words)


def _named(text: str, citations: Citations, catalogue: Catalogue) -> list[tuple[int, int]]:
    """Starts and ends of the titles and the values of attributes in a text."""
    titles = [(mention.start, mention.end) for mention in citations.mentions]
    return titles + [(value.start, value.end) for value in attribute_index(catalogue).find(text, titles)]


def _names_something(text: str, citations: Citations, catalogue: Catalogue) -> bool:
    if citations.cited_items or citations.names_target:
        return True
    spans = [(mention.start, mention.end) for mention in citations.mentions]
    return bool(attribute_index(catalogue).find(text, spans))
