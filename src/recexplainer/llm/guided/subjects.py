"""What the claims of a text are said of: the target, the titles before them, or the title that comes next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.citations.facts import Claim, Facts
from recexplainer.citations.sharing import BUT_THE_USER, TO_THE_USER, likeness, opposed_title
from recexplainer.data.catalogue import Catalogue
from recexplainer.llm.guided.clauses import (
    SENTENCE_END,
    Named,
    clause_start,
    last_end,
    list_start,
    sentence_start,
    spans,
)

UNKNOWN = 0  # the item of an invented title, which has no attributes
NO_ITEM = -1
_TOO_FAR = re.compile(rf"{SENTENCE_END.pattern}|[,;:(\[—–、，]\W*(?:\w+\W+){{4}}")  # for a title to be meant
_VALUE_SIGN = re.compile(r"\s*[,/&+]?\s*(?:\w{1,4}\s+)?")  # between the values of a list: ", ", " and ", " oder "
_ARE = re.compile(r"\s+(?:are|were)\b[^,;:.!?]*")  # between a list and what all of it is
_TO_THE_TARGET = re.compile(r",? and this\b")
_IT_IS = re.compile(r"\s*(?:It|This) (?:is|was)\b")


@dataclass(frozen=True)
class Said:
    """A text as far as it is written.

    Attributes:
        text: With & for those signs in values that would end a clause.
        written: As it was written; of the same length.
        titles: In the text, in order.
        target: The item that the text is about.
        following: The first item that may still be cited, or none; None: any title may follow.
        facts: Which values hold.
        catalogue: Titles.
    """

    text: str
    written: str
    titles: Sequence[Named]
    target: int
    following: Sequence[int] | None
    facts: Facts
    catalogue: Catalogue

    @property
    def title_spans(self) -> list[tuple[int, int]]:
        """The spans of the titles, in which nothing is claimed."""
        return spans(self.titles)

    @property
    def titles_end(self) -> int:
        """Where the last title ends."""
        return last_end(self.titles)

    def claims(self, end: int | None = None) -> list[Claim]:
        """All claims, or those before a place."""
        return self.facts.claims(self.text[:end], self.title_spans)

    def claims_from(self, start: int) -> list[Claim]:
        """The claims of what stands from a place on."""
        shifted = [(first - start, last - start) for first, last in self.title_spans]
        found = self.facts.claims(self.text[start:], shifted)
        return [Claim(claim.start + start, claim.end + start, claim.kind, claim.value) for claim in found]

    def clause_start_of(self, claim: Claim) -> int:
        """Where the words begin that lead to a claim."""
        return clause_start(self.text, self.titles, claim.start)

    def sentence_start_of(self, claim: Claim) -> int:
        """Where the sentence of a claim begins."""
        return sentence_start(self.text, self.titles, claim.start)

    def listed_before(self, claim: Claim) -> list[Claim]:
        """The claims of the list that a claim continues ("a Drama and Comedy"), the last one first."""
        listed, place = [], claim.start
        for before in reversed(self.claims(place)):
            between = self.text[before.end : place]
            if not between.strip() or not _VALUE_SIGN.fullmatch(between):
                break
            listed.append(before)
            place = before.start
        return listed

    def subjects(self, claim: Claim) -> list[list[int]]:
        """The items that a claim may be about, in groups: it has to be true of all items of one group."""
        start = self.sentence_start_of(claim)
        before = [title for title in self.titles if start <= title.start < claim.start]
        is_of_all = bool(before) and _ARE.fullmatch(self.text, before[-1].end, claim.start)
        run = list_start(self.text, self.titles, claim.start, alone=NO_ITEM if is_of_all else self.target)
        last = [title.item for title in before if title.start >= run]
        if before and self._speaks_of(before[-1], claim):
            return [last]
        return [[self.target], *([last] if last else [])]

    def is_true(self, claim: Claim) -> bool:
        """Whether a claim holds for what it is said of."""
        return any(all(self.facts.holds(claim, item) for item in group) for group in self.subjects(claim))

    def is_of_title_before(self, claim: Claim) -> bool:
        """Whether a claim is said of a title before it, in its own clause, and not of the next."""
        return any(title.end <= claim.start and self._speaks_of(title, claim) for title in self.titles)

    def may_be_of_next(self, claim: Claim) -> bool:
        """Whether a claim may be said of the next item of the evidence: "Horror games, like "."""
        if self.is_of_title_before(claim) or _TOO_FAR.search(self.text, claim.end):
            return False
        if _IT_IS.match(self.text, self.clause_start_of(claim)):
            return False
        return any(self.facts.holds(claim, item) for item in self.following or ())

    def set_against(self, claim: Claim, turn_sign: re.Pattern[str] = BUT_THE_USER) -> Sequence[int] | None:
        """The items that a claim is made of, where it is set against the target; None where it is not. With
        `AND_THE_USER`, where it is set beside the target.
        """
        subject = opposed_title(self.text, claim.start, self.title_spans, turn_sign)
        if subject is None or self.titles[subject].item != self.target:
            return None
        if self.is_of_title_before(claim):
            items = self.subjects(claim)[0]
            return None if self.target in items else items
        return self.following

    def names_own_before(self, claim: Claim) -> bool:
        """Whether the sentence names a value of the target, before a claim, that answers the same question."""
        start = self.sentence_start_of(claim)
        return any(
            own.start >= start
            and self.facts.are_of_one_field(own.kind, claim.kind)
            and self.facts.holds(own, self.target)
            for own in self.claims(claim.start)
        )

    def misleading_like(self, place: int, item: int) -> int | None:
        """Where a sentence says that the target is like an item which has none of the values that it names before."""
        span = likeness(self.text, place, self.title_spans)
        if span is None:
            return None
        start, like = span
        own = [claim for claim in self.claims(like) if claim.start >= start]
        return like if own and not any(self.facts.holds(claim, item) for claim in own) else None

    def _speaks_of(self, title: Named, claim: Claim) -> bool:
        """Whether the clause of a claim names a title before it, and turns neither to the user nor to the target."""
        turns = (TO_THE_USER, _TO_THE_TARGET)
        return title.end >= self.clause_start_of(claim) and not any(
            turn.search(self.text, title.end, claim.start) for turn in turns
        )
