"""Texts whose letters and signs are in disorder, as an LLM writes that has lost its way."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from recexplainer.citations.attributes import TITLE_PART, attribute_index, series_stem
from recexplainer.citations.cache import cached_by_catalogue
from recexplainer.citations.citations import Citations
from recexplainer.citations.phrases import QUOTES
from recexplainer.citations.quotations import closes, opens
from recexplainer.citations.sharing import TAKEN
from recexplainer.data.catalogue import Catalogue

_TITLE = "\0"  # stands for a title and its quotation marks
_WORD = "x"  # stands for a title without them, and for one that ends with a sign: "Fox." The user
_LETTER = "a-zA-Zß-öø-ÿÀ-ÖØ-Þ"  # of scripts that part words by blanks
_AT_A_TITLE = re.compile(rf"{_TITLE}[.,;:!?)]?[{_LETTER}]")
# A sentence begins in the midst of another, or with a small letter (iPhone has none).
_AMID = re.compile(rf"{_TITLE} (?:A|An|The) [a-z]|{_TITLE}[.!?] [a-zß-öø-ÿ](?![A-Z])")
_GAP = re.compile(rf"[\w{_TITLE}] {{2,}}[\w{_TITLE}]")  # amid a sentence; behind its end two blanks are a habit
_STOP = re.compile(rf"\s\.[{_LETTER}]\b")  # a sentence ends behind a blank, and another begins without one
_WITHOUT_BEGINNING = re.compile(
    r"^(?:Yes|No)[.,:!]? (?:such as|and|or)\b|(?!etc|vol)\b[a-z]{3,}[.!?] (?:and|or|but|too)\b"
)
_TWICE = re.compile(r"\band, and\b|\b(and|or|but|the|an?|is|of|for|with|which) \1\b")
_COMMAND = re.compile(r"[.!?] Answer(?![a-z:])")  # what the request says, not an explanation
_WITHOUT_TO = re.compile(rf"\bbelongs? {_TITLE}")
_DISORDER = (_WITHOUT_TO, _AT_A_TITLE, _AMID, _GAP, _STOP, _WITHOUT_BEGINNING, _TWICE, _COMMAND)
_GLUED = re.compile(r"\b(?:(?:[Ii]t|[Tt]his|[Aa]nd|the|for|which|user)[A-Z][a-z]+|[a-z]+(?:Yes|No)\b)")
_NAME = re.compile(r"\b[A-Z]\w{3,}")
_NAME_TWICE = re.compile(rf"{_WORD} ([A-Z]\w{{2,}}) \1\b")  # behind a value or a title
_NAMES_AMID = re.compile(r"(?<=[\w,;] )[A-Z]\w*(?: [A-Z]\w*)*")  # of a sentence
_PAIR = re.compile(r"\([^()]*\)")
_SMILE = re.compile(r"[:;]-?\)")
_NUMBER = re.compile(r"\b\w\)")  # 1) and 2) of a list


def is_garbled(text: str, citations: Citations, catalogue: Catalogue) -> bool:
    """Whether words are glued together or to a title, a gap stands amid a sentence, a sentence begins amid another,
    with "and", or behind a title with a small letter, "belongs" lacks its "to", a little word stands twice, or a name
    behind a value, a bracket or quotation ends that never began, a label of other items' titles ("for the Deluxe
    Edition") stands for a value, the text asks for an answer, or it says that the user took the item in question. What
    stands in titles does not count.
    """
    said = _without_titles(text, citations, catalogue)
    if any(pattern.search(said) for pattern in _DISORDER):
        return True
    if any(TAKEN.search(text[: mention.start - 1]) for mention in citations.mentions if mention.kind == "target"):
        return True
    if _ends_a_bracket(said) or _ends_a_quotation(said) or _quotes_from_amid(text, citations):
        return True
    if _NAME_TWICE.search(said) or _names_a_label(said, citations, catalogue):
        return True
    glued = [match.group() for match in _GLUED.finditer(said)]
    glued += _glued_values(said, catalogue)
    return any(not any(word in title for title in catalogue.titles) for word in glued)


def _glued_values(said: str, catalogue: Catalogue) -> list[str]:
    """Words that are two values of the catalogue in one, of which the second has a capital letter: "IMAXAction"."""
    number_of = attribute_index(catalogue).number_of
    return [
        word
        for word in _NAME.findall(said)
        if any(
            word[place].isupper() and number_of(word[:place]) is not None and number_of(word[place:]) is not None
            for place in range(2, len(word) - 1)
        )
    ]


def _names_a_label(said: str, citations: Citations, catalogue: Catalogue) -> bool:
    """Whether names amid a sentence hold a label that no title in the text bears."""
    named = [catalogue.title(mention.item_id) for mention in citations.mentions if mention.item_id]
    labels = {label for names in _NAMES_AMID.findall(said) for label in _runs(names.split())} & _labels(catalogue)
    return any(not any(label in title for title in named) for label in labels)


def _runs(words: list[str]) -> Iterator[str]:
    for start in range(len(words)):
        for end in range(start + 1, len(words) + 1):
            yield " ".join(words[start:end])


@cached_by_catalogue
def _labels(catalogue: Catalogue) -> frozenset[str]:
    """What titles of several series bear behind their names, in several words that are no value: "Deluxe Edition"."""
    stems = defaultdict[str, set[str]](set)
    for title in catalogue.titles[1:]:
        for part in TITLE_PART.split(title)[1:]:
            stems[part.strip(" )]")].add(series_stem(title))
    is_value = attribute_index(catalogue).is_value
    return frozenset(label for label, of in stems.items() if " " in label and len(of) > 1 and not is_value(label))


def _without_titles(text: str, citations: Citations, catalogue: Catalogue) -> str:
    spans = [(mention.start, mention.end) for mention in citations.mentions]
    for value in attribute_index(catalogue).find(text, spans):
        text = text[: value.end - 1] + _WORD + text[value.end :]  # the 2 of an Orbit 2 is not a length: 2"
    for mention in reversed(citations.mentions):
        before, behind = text[: mention.start], text[mention.end :]
        is_quoted = before[-1:] in QUOTES and behind[:1] in QUOTES
        sign = _TITLE if is_quoted and mention.text[-1:] not in ".!?" else _WORD
        text = before[:-1] + sign + behind[1:] if is_quoted else before + sign + behind
    return text


def _ends_a_bracket(said: str) -> bool:
    said = _SMILE.sub("", said)
    if "1)" in said or "a)" in said:
        said = _NUMBER.sub("", said)
    while (rest := _PAIR.sub("", said)) != said:
        said = rest
    return ")" in said


def _ends_a_quotation(said: str) -> bool:
    n_open = 0
    for place in (place for place, sign in enumerate(said) if sign in QUOTES):
        if opens(said, place):
            n_open += 1
        elif closes(said, place) and said[place - 1].isalpha():  # 5" is a length
            if not n_open:
                return True
            n_open -= 1
    return False


def _quotes_from_amid(text: str, citations: Citations) -> bool:
    """Whether a quotation that is not a title has a blank at one end only: its two marks do not belong together."""
    quoted = [text[mention.start : mention.end] for mention in citations.mentions if mention.kind == "invented"]
    return any(part[:1].isspace() != part[-1:].isspace() for part in quoted)
