"""The embedded judge: a rule-based rubric, not a language model. It checks facts and knows nothing of
style.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from recexplainer.citations.attributes import AttributeIndex, AttributeMention, attribute_index, speaks_of_series
from recexplainer.citations.citations import Citations, read_citations
from recexplainer.citations.denials import denied_value
from recexplainer.citations.sharing import TO_THE_USER, likeness, opposed_title, shared_values
from recexplainer.core.records.explanation import Explanation, Label, Mention
from recexplainer.core.records.judgement import Level
from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.grade import Grade

JUDGE = "rubric"
MIN_WORDS = 3  # after the verdict; fewer are not an explanation
_VERDICT = re.compile(r"\s*(yes|no)\b\W*", re.IGNORECASE)
_SAME_SERIES = "same series"
_CLAIM_OF_TITLE = re.compile(  # between a title and an attribute: "… is a", "… was for the"
    r"""["”]?\s+(?:is|was)\s+(?:\w+\s+)?(?:an?|for|the)\b"""
    rf"""(?:(?!\b(?:like|unlike|than|such|similar)\b|{TO_THE_USER.pattern})[^,.;!?"“])*"""
)
_BESIDE_TITLES = re.compile(  # between the last title of a list and an attribute: "… for the", "…, a"
    r"""["”]?(?:,?\s+(?:for|on)\s+(?:the\s+)?|,\s+an?\s+)"""
)
_CLAIM_OF_LIST = re.compile(r"""["”]?\s+(?:are|were)\s+(?:(?:both|all)\s+)?(?:for\s+the\s+)?""")  # "… are both"
_IN_BRACKETS = re.compile(r"""["”]?\s*\(\s*""")  # between a title and an attribute
_LIST_SIGN = re.compile(r"""["”]?(?:\s*,)?(?:\s+(?:and|or))?\s+["“]?""")  # between two titles of a list


@dataclass(frozen=True)
class Checks:
    """What the rubric finds in one explanation; titles and attributes as the catalogue writes them."""

    verdict_right: bool
    n_words: int
    cited_titles: list[str]
    unseen_titles: list[str]
    target_titled: bool
    target_attributes: list[str]
    shared_attributes: list[str]
    differing_attributes: list[str]
    false_attributes: list[str]

    @property
    def talks_about_target(self) -> bool:
        """Whether the target is named by its title or by an attribute that holds for it."""
        return self.target_titled or bool(self.target_attributes)


def judge_by_rubric(record: Explanation, catalogue: Catalogue) -> Grade:
    """Give an explanation one of the four levels by facts that can be checked.

    - A: the verdict is not the recommender's, or there is none.
    - B: the verdict is right, and the text explains nothing (fewer than `MIN_WORDS` words), names a title
      that is neither in the history nor the target (another item or an invented one), claims an attribute
      that does not hold (neither for the target nor a cited item, or not for the titles that the text says it
      of), denies one of an item that has it, sets one against the target that the target has as well ("a Drama, but
      the user watched Drama movies"), cites no item of the history, or does not talk about the target.
    - C: none of these.
    - D: moreover it names what decides: for "Yes" an attribute that the target and a cited item share, for
      "No" one that holds on one side only.

    An attribute is a brand, category, short feature value or series of the catalogue. One that more than
    half of the items hold counts for nothing. Denied attributes ("no Racing games") are not claims.

    Args:
        record: The explanation.
        catalogue: Titles and attributes.

    Source: the levels are the RecExplainer paper's, where GPT-4 and humans give them; the rules are our own.
    """
    checks = check(record, catalogue)
    level, because = _level(checks, record.decision)
    return Grade(level, {"because": because, **asdict(checks)})


def check(record: Explanation, catalogue: Catalogue) -> Checks:
    """Find the facts that the rubric's levels rest on."""
    target, citations, attributes = record.item_id, read_citations(record), attribute_index(catalogue)
    text = attributes.without_signs(record.text, _title_spans(citations))
    cited_items = citations.cited_items
    of_target = attributes.of_item[target]
    of_cited = frozenset().union(*(attributes.of_item[item] for item in cited_items))
    named = _named(text, citations, attributes, target, cited_items)
    return Checks(
        verdict_right=record.verdict == record.label,
        n_words=len(_VERDICT.sub("", text, count=1).split()),
        cited_titles=[catalogue.title(item) for item in cited_items],
        unseen_titles=[catalogue.title(item) for item in citations.in_catalogue] + citations.invented,
        target_titled=citations.names_target,
        target_attributes=_names(named & of_target, attributes),
        shared_attributes=_names(named & of_target & of_cited, attributes),
        differing_attributes=_names(named & (of_target ^ of_cited), attributes),
        false_attributes=_false_claims(text, citations, attributes, target, cited_items),
    )


def _level(checks: Checks, label: Label) -> tuple[Level, str]:
    if not checks.verdict_right:
        return "A", "the verdict is missing or differs from the recommender's"
    flaws = [
        (checks.n_words < MIN_WORDS, "it gives no explanation"),
        (bool(checks.unseen_titles), f"it names titles that were not shown: {_listed(checks.unseen_titles)}"),
        (
            bool(checks.false_attributes),
            f"it makes false claims: {_listed(checks.false_attributes)}",
        ),
        (not checks.cited_titles, "it cites no item of the history"),
        (not checks.talks_about_target, "it does not discuss the item"),
    ]
    found = [reason for holds, reason in flaws if holds]
    if found:
        return "B", "; ".join(found)
    if label == "Yes":
        deciding, kind = checks.shared_attributes, "that the item and a cited item share"
    else:
        deciding, kind = checks.differing_attributes, "that distinguishes the item from the cited items"
    if not deciding:
        return "C", f"correct, but it names no attribute {kind}"
    return "D", f"correct, and it names an attribute {kind}: {_listed(deciding)}"


def _named(
    text: str, citations: Citations, attributes: AttributeIndex, target: int, cited_items: list[int]
) -> frozenset[int]:
    """Attribute numbers that a text names, also those that it denies, without common ones."""
    masked = _title_spans(citations)
    named = {mention.attribute for mention in attributes.find(text, masked)} - attributes.common
    series = attributes.series_of_item[target]
    if series is not None and speaks_of_series(text, masked) and _in_series(series, attributes, cited_items):
        named.add(series)
    return frozenset(named)


def _false_claims(
    text: str, citations: Citations, attributes: AttributeIndex, target: int, cited_items: list[int]
) -> list[str]:
    """Attributes that a text claims and that hold for no item that it can mean, or denies of an item that has them.

    An attribute that is said of one title ("… is a Racing game", "… (Racing)") must hold for that item; one beside a
    list of titles ("… and … for the Orbit 2", "… and … are both") for all of these; one that it is said to share
    ("…, Racing too") for the target as well; any other one for the target or a cited item. One that is set against the
    target must not hold for it. Of those that are named before a title which is said to be like the target, one must
    hold for that title.
    """
    false = {
        attributes.names[value]
        for mention in citations.mentions
        if (value := denied_value(text, mention.end, attributes)) in attributes.of_item[mention.item_id or 0]
    }
    named = attributes.find(text, _title_spans(citations))
    for mention in named:
        meant = _items_spoken_of(text, citations, mention)
        bears = [mention.attribute in attributes.of_item[item] for item in meant or [target, *cited_items]]
        if not mention.denied and not (all(bears) if meant else any(bears)):
            false.add(attributes.names[mention.attribute])
    unknown = attributes.unknown_versions(text, _title_spans(citations), named)
    false |= {text[mention.start : mention.end] for mention in unknown if not mention.denied}
    of_target = attributes.of_item[target]
    false |= {attributes.names[value] for value in _shared(text, citations, named) - of_target}
    false |= {attributes.names[value] for value in _opposed(text, citations, named, target) & of_target}
    false |= {attributes.names[value] for value in _unlike(text, citations, attributes, named)}
    if _claims_false_series(text, citations, attributes, target, cited_items):
        false.add(_SAME_SERIES)
    return sorted(false)


def _shared(text: str, citations: Citations, named: list[AttributeMention]) -> frozenset[int]:
    """The attributes that the target is said to share with a title."""
    ends = [mention.end for mention in citations.mentions]
    places = shared_values(text, [(mention.start, mention.end) for mention in named], ends)
    return frozenset(named[place].attribute for place in places if not named[place].denied)


def _opposed(text: str, citations: Citations, named: list[AttributeMention], target: int) -> frozenset[int]:
    """The attributes that are set against the target."""
    titles, items = _title_spans(citations), [mention.item_id for mention in citations.mentions]
    subjects = [(mention, opposed_title(text, mention.start, titles)) for mention in named if not mention.denied]
    return frozenset(mention.attribute for mention, at in subjects if at is not None and items[at] == target)


def _unlike(
    text: str, citations: Citations, attributes: AttributeIndex, named: list[AttributeMention]
) -> frozenset[int]:
    """The attributes in which a title is said to be like the target, where it has none of them."""
    false = frozenset[int]()
    for number, title in enumerate(citations.mentions):
        first = _last_list(text, citations.mentions[: number + 1])[0]
        said = likeness(text, first.start, _title_spans(citations))
        own = [m.attribute for m in named if said and said[0] <= m.start and m.end <= said[1] and not m.denied]
        if not attributes.of_item[title.item_id or 0].intersection(own):
            false = false.union(own)
    return false


def _items_spoken_of(text: str, citations: Citations, attribute: AttributeMention) -> list[int]:
    """The items of the titles before an attribute, when the words between say that they have it; else none."""
    before = [mention for mention in citations.mentions if mention.end <= attribute.start]
    if not before:
        return []
    between = text[before[-1].end : attribute.start]
    if _CLAIM_OF_TITLE.fullmatch(between) or _IN_BRACKETS.fullmatch(between):
        meant = before[-1:]
    else:
        is_of_all = _BESIDE_TITLES.fullmatch(between) or _CLAIM_OF_LIST.fullmatch(between)
        meant = _last_list(text, before) if is_of_all else []
    return [mention.item_id for mention in meant if mention.item_id is not None]


def _last_list(text: str, mentions: list[Mention]) -> list[Mention]:
    """The last mentions that follow each other with nothing but a comma or a conjunction between them."""
    start = len(mentions) - 1
    while start and _LIST_SIGN.fullmatch(text[mentions[start - 1].end : mentions[start].start]):
        start -= 1
    return mentions[start:]


def _claims_false_series(
    text: str, citations: Citations, attributes: AttributeIndex, target: int, cited_items: list[int]
) -> bool:
    if not cited_items or not speaks_of_series(text, _title_spans(citations)):
        return False
    series = [attributes.series_of_item[item] for item in (target, *cited_items)]
    known = [number for number in series if number is not None]
    return len(known) == len(set(known))  # no two of the items that the text is about are of one series


def _title_spans(citations: Citations) -> list[tuple[int, int]]:
    return [(mention.start, mention.end) for mention in citations.mentions]


def _in_series(series: int, attributes: AttributeIndex, items: list[int]) -> bool:
    return any(attributes.series_of_item[item] == series for item in items)


def _names(numbers: frozenset[int], attributes: AttributeIndex) -> list[str]:
    return sorted(attributes.names[number] for number in numbers)


def _listed(names: list[str]) -> str:
    return ", ".join(names)
