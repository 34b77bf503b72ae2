"""What is written where a claim does not hold or sets nothing against the target, or where words lead nowhere."""

from __future__ import annotations

import re
from collections.abc import Sequence

from recexplainer.citations.facts import PRICE, YEAR, Claim
from recexplainer.citations.phrases import said_twice
from recexplainer.citations.sharing import AND_THE_USER, TOO, shared_values
from recexplainer.core.words import certain_article
from recexplainer.llm.guided.changes import Change, otherwise, unnamed, with_article
from recexplainer.llm.guided.clauses import CLOSING, clause_start, closing_sign
from recexplainer.llm.guided.subjects import Said
from recexplainer.llm.guided.wording import foreign, leads_nowhere

_NO = re.compile(r"\s*No\b")
_USER_DID = re.compile(r"\b(?:user|you|they|he|she) \w+ (?=(?:an? )?$)")
_ARTICLE = re.compile(r"\b(an?) $", re.IGNORECASE)
_IS_A = re.compile(r"\b(?:is|was) (an?) $")


def false_contrast(said: Said, claim: Claim, listed: Sequence[Claim], ended: bool) -> Change | None:
    """A value behind "but the user" that sets nothing against the target: one that does, or none, is written."""
    against = said.set_against(claim)
    if against is None:
        return None
    first = listed[-1] if listed else claim
    if not against:
        return dead_end(said, first.start)
    if not said.facts.holds(claim, said.target) and all(said.facts.holds(claim, item) for item in against):
        leads = not ended and said.may_be_of_next(claim)
        return None if leads or said.is_true(claim) else _title_instead(said, first, against[0])
    return _one_of(said.facts.contrasting(claim.kind, against, said.target), said, claim, listed, against[0])


def false_agreement(said: Said, claim: Claim, listed: Sequence[Claim]) -> Change | None:
    """A value behind "and the user" where the sentence names another one of the target, so that it reads as a reason
    against it: one that the items share with the target, or none, is written.
    """
    if _NO.match(said.text) or claim.kind in (YEAR, PRICE):
        return None
    beside = said.set_against(claim, AND_THE_USER)
    if not beside or all(said.facts.holds(claim, item) for item in [said.target, *beside]):
        return None
    if not said.names_own_before(claim):
        return None
    return _one_of(said.facts.values(claim.kind, [said.target, *beside]), said, claim, listed, beside[0])


def false_sharing(said: Said) -> Change | None:
    """A value behind a title that the target is said to have, too, and lacks: one that both have is written."""
    start = said.titles_end
    if not said.titles or not TOO.search(said.text, start):
        return None
    claims = said.claims()
    spans = [(claim.start, claim.end) for claim in claims]
    for place in shared_values(said.text, spans, [title.end for title in said.titles]):
        claim = claims[place]
        if claim.start >= start and not said.facts.holds(claim, said.target):
            if said.set_against(claim) is not None:
                return otherwise(claim.end)
            groups = [[said.target, *group] for group in said.subjects(claim)]
            return instead(said, claim, said.listed_before(claim), *groups)
    return None


def idle_word(said: Said, ended: bool) -> Change | None:
    """A word or a blank that stands twice, or words that lead to a name which the catalogue does not hold, behind the
    last title.
    """

    def values() -> list[tuple[int, int]]:
        return [(claim.start, claim.end) for claim in said.claims()]

    text, start = said.text, said.titles_end
    blanks = text.find("  ", start)
    if blanks >= 0:
        return otherwise(blanks + 1)
    twice = said_twice(text, values, start)
    if twice is not None and (ended or twice.end < len(text)):
        return otherwise(twice.start)
    name = foreign(text, start, ended, said.facts.knows)
    if name is not None:
        return otherwise(name)
    place = leads_nowhere(text, start, ended, said.facts.knows)
    if place is None:
        return None
    end = len(text[:place].rstrip())
    return dead_end(said, end, end)


def instead(said: Said, claim: Claim, listed: Sequence[Claim], *items: list[int]) -> Change:
    """The values that hold, and that the list before does not name, where a claim stands that does not; "is a gift
    card" where nothing else can be said of an item.
    """
    holding = list(dict.fromkeys(value for group in items for value in said.facts.values(claim.kind, group)))
    values = unnamed(holding, said.text, listed)
    if not holding and said.facts.noun and _IS_A.search(said.text[: claim.start]):
        values = [said.facts.noun]
    if values:
        return _values(said, claim, values)
    return otherwise(listed[0].end) if holding else dead_end(said, claim.start)


def other_article(said: Said, claim: Claim) -> Change | None:
    """A claim that holds with the article that it wants, where the other one stands before it: "is a Xbox 360"."""
    before, value = _IS_A.search(said.text[: claim.start]), said.written[claim.start : claim.end]
    fitting = certain_article(value)
    if before is None or fitting in (None, before.group(1)):
        return None
    written = with_article(before.group(1), value)
    return Change(before.start(1), "article", (written,), (written,))


def dead_end(said: Said, start: int, back: int | None = None) -> Change:
    """A clause that cannot be said to its end; it is given up from its beginning on, or from `back`."""
    back = clause_start(said.text, said.titles, start) if back is None else back
    return Change(start, "fact", ("",), (None,), back=back, stop=closing_sign(said.text, said.titles, back))


def _one_of(values: list[str], said: Said, claim: Claim, listed: Sequence[Claim], item: int) -> Change:
    """One of some values that its list does not name yet, in the place of a claim; if there is none, the list or the
    sentence ends before it, or leads to an item's title without it.
    """
    left = unnamed(values, said.text, listed)
    if left:
        return _values(said, claim, left)
    if listed:
        return otherwise(listed[0].end)
    if said.is_of_title_before(claim):
        return dead_end(said, claim.start)
    return _title_instead(said, claim, item)


def _title_instead(said: Said, claim: Claim, item: int) -> Change:
    """A title where a value was to lead to it: "the user played "Fox"", and not "the user played Horror games"."""
    led = _USER_DID.search(said.text, 0, claim.start)
    if led is None:
        return dead_end(said, claim.start)
    mark = said.text[said.titles[0].start]
    closing, title = CLOSING.get(mark, mark), mark + said.catalogue.titles[item]
    return Change(led.end(), "title", (title,), (title,), closing, (item,), led.end())


def _values(said: Said, claim: Claim, values: list[str]) -> Change:
    """Values in the place of a claim, with the article that fits each."""
    start, results = claim.start, values
    article = _ARTICLE.search(said.text[: claim.start])
    if article:
        start, results = article.start(), [with_article(article.group(1), value) for value in values]
    return Change(start, "fact", tuple(results), tuple(results))
