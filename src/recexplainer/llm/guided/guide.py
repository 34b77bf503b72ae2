"""What one text may say: which titles, and which values of attributes. It knows letters, not tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from recexplainer.citations.attributes import speaks_of_series
from recexplainer.citations.citations import resolve_citations
from recexplainer.citations.denials import DENIAL
from recexplainer.citations.facts import PRICE, YEAR, Claim, Facts
from recexplainer.citations.phrases import said_twice
from recexplainer.citations.sharing import (
    AND_THE_USER,
    BUT_THE_USER,
    NEW_AFTER,
    TAKEN,
    TO_THE_USER,
    TOO,
    likeness,
    opposed_title,
    shared_values,
)
from recexplainer.core.words import certain_article
from recexplainer.data.catalogue import Catalogue
from recexplainer.llm.guided.changes import Change, otherwise, unnamed, with_article
from recexplainer.llm.guided.clauses import (
    SENTENCE_END,
    Named,
    clause_start,
    continues_list,
    first_opening,
    list_start,
    sentence_start,
)
from recexplainer.llm.guided.wording import foreign, leads_nowhere, stray_mark, untitled

UNKNOWN, NOBODY = 0, -1  # of an invented title, which has no attributes; of none
CLOSING = {'"': '"', "“": "”", "”": "”", "„": "“", "‟": "”", "«": "»", "»": "«"}
_TOO_FAR = re.compile(rf"{SENTENCE_END.pattern}|[,;:(\[—–、，]\W*(?:\w+\W+){{4}}")  # for a title to be meant
_VALUE_SIGN = re.compile(r"\s*[,/&+]?\s*(?:\w{1,4}\s+)?")  # between the values of a list: ", ", " and ", " oder "
_NO = re.compile(r"\s*No\b")
_ARE = re.compile(r"\s+(?:are|were)\b[^,;:.!?]*")  # between a list and what all of it is
_TURNS_BACK = re.compile(r",? and this\b")  # to the target
_IT_IS = re.compile(r"\s*(?:It|This) (?:is|was)\b")
_MAY_GO_ON = ("", ".", ",")  # behind a word or a number that is the last one yet
_USER_DID = re.compile(r"\b(?:user|you|they|he|she) \w+ (?=(?:an? )?$)")
_ARTICLE = re.compile(r"\b(an?) $", re.IGNORECASE)
_IS_A = re.compile(r"\b(?:is|was) (an?) $")


@dataclass
class Guide:
    """What one text may say.

    Attributes:
        catalogue: Titles.
        target: The item that the text is about.
        history: The items that the prompt shows: what the writer may mean where it begins a title.
        cited: The items that may be cited, in order, each once; None: any title.
        facts: Which values hold; None: the text may say anything of the items.
        titles: The titles in the text, in order.
    """

    catalogue: Catalogue
    target: int
    history: Sequence[int]
    cited: Sequence[int] | None
    facts: Facts | None = None
    titles: list[Named] = field(default_factory=list)
    _text: str = ""  # as it was written, with the signs in its values
    _checked: int = 0  # up to here all claims are right
    _waits: bool = False  # whether a claim behind it is right only if it is said of the next title

    def look(self, text: str, *, ended: bool = False) -> Change | None:
        """What has to change at the end of a text that was right before its last token; None: nothing.

        Args:
            text: All that is written.
            ended: Whether nothing follows; otherwise the last word may not be finished.
        """
        if self.cited is None and self.facts and self._says_something(text, self.facts):
            self._read_titles(text)
        self._text = text
        if self.facts:
            text = self.facts.without_signs(text, self._masked())
        wrong = self._false_claim(text, ended) or self._false_denial(text, ended) or self._false_sharing(text)
        if wrong is None and self.facts:
            wrong = self._idle_word(text, ended, self.facts)
        return wrong or (None if self.cited is None else self._wrong_mark(text, ended))

    def wrote(self, start: int, end: int, item: int | None) -> None:
        """A result was written into the text: a title, or a value (`item` None)."""
        if item is not None:
            self.titles.append(Named(start, end, item))
        if item is not None or not self._waits:  # what waited for a title was found true of this one
            self._checked = max(self._checked, end)

    def rewind(self, place: int) -> None:
        """The text was cut at a place."""
        self.titles = [title for title in self.titles if title.end <= place]
        self._checked = min(self._checked, place)

    @property
    def _names_target(self) -> bool:
        return any(title.item == self.target for title in self.titles)

    @property
    def _uncited(self) -> list[int]:
        """The items that may still be cited, in order."""
        named = {title.item for title in self.titles}
        return [item for item in self.cited or [] if item not in named]

    def _read_titles(self, text: str) -> None:
        """Find the titles that the writer chose itself; one that it has not closed yet counts, too."""
        found = resolve_citations(text, self.history, self.catalogue, self.target).mentions
        self.titles = [Named(max(m.start - 1, 0), m.end + 1, m.item_id or UNKNOWN) for m in found]
        opening = first_opening(text, self._free_from)
        if opening is not None:
            self.titles.append(Named(opening, len(text), UNKNOWN))

    @property
    def _free_from(self) -> int:
        return self.titles[-1].end if self.titles else 0

    def _wrong_mark(self, text: str, ended: bool) -> Change | None:
        """A quotation mark behind the last title that begins another where none fits, or closes nothing."""
        opening = first_opening(text, self._free_from)
        end = len(text) if opening is None else opening
        place = stray_mark(text, self._free_from, end, ended)
        if place is None and opening is not None:
            place = untitled(text, self._free_from, opening)
        if place is not None:
            return otherwise(place)
        return None if opening is None else self._title_at(text, opening, text[opening])

    def _idle_word(self, text: str, ended: bool, facts: Facts) -> Change | None:
        """What stands twice in a row, if only a blank, or leads to a name that the catalogue does not hold, behind the
        last title.
        """

        def values() -> list[tuple[int, int]]:
            return [(claim.start, claim.end) for claim in facts.claims(text, self._masked())]

        blanks = text.find("  ", self._free_from)
        if blanks >= 0:
            return otherwise(blanks + 1)
        twice = said_twice(text, values, self._free_from)
        if twice is not None and (ended or twice.end < len(text)):
            return otherwise(twice.start)
        name = foreign(text, self._free_from, ended, facts.knows)
        if name is not None:
            return otherwise(name)
        place = leads_nowhere(text, self._free_from, ended, facts.knows)
        if place is None:
            return None
        end = len(text[:place].rstrip())
        return self._dead_end(text, end, end)

    def _title_at(self, text: str, place: int, mark: str) -> Change:
        following = next(iter(self._uncited), None)
        if following is not None:
            wrong = self._wrong_before(text, place, following)
            if wrong is not None:
                return wrong
        is_subject = not text[sentence_start(text, self.titles, place) : place].strip() and not self._names_target
        may_be_target = (
            all(t.item != self.target or t.end <= sentence_start(text, self.titles, place) for t in self.titles)
            and not TAKEN.search(text[:place])
            and self._wrong_before(text, place, self.target) is None
        )
        others = [] if is_subject else dict.fromkeys(reversed(self.history))
        meant = [*([self.target] if may_be_target else []), *others]
        titles = self.catalogue.titles
        named = [item if item == self.target else following for item in meant] or [following]
        return Change(
            place,
            "title",
            tuple(mark + titles[item] for item in meant) or ("",),
            tuple(None if item is None else mark + titles[item] for item in named),
            CLOSING[mark],
            tuple(named),
            *self._way_back(text, clause_start(text, self.titles, place)),
        )

    def _wrong_before(self, text: str, place: int, item: int) -> Change | None:
        """What the clause says before it names an item, and is not true of it."""
        if self.facts is None:
            return None
        is_list = continues_list(text, self.titles, place)
        first = list_start(text, self.titles, place, self.target) if is_list else place
        start = clause_start(text, self.titles, first)
        given_up = self._dead_end(text, place, self.titles[-1].end if is_list else start)
        if speaks_of_series(text[start:place]) and not self.facts.are_one_series([self.target, item]):
            return given_up
        new = NEW_AFTER.search(text, start, place)
        if new and any(self.facts.are_alike(self.target, other) for other in self.history):
            return otherwise(next(letter for letter in range(start, place) if text[letter].isalnum()))
        like = self._false_like(text, first, item)
        if like is not None:
            return given_up if is_list else otherwise(like)
        for claim in self.facts.claims(text[:place], self._masked()):
            waits = claim.start >= self._checked and not self._is_true(text, claim, self.facts)
            is_led = claim.start >= start and not self._is_said(text, claim)
            if (waits or is_led) and not self.facts.holds(claim, item):
                return given_up if is_list else self._instead(text, claim, self._listed(text, claim), [item])
        return None

    def _false_like(self, text: str, place: int, item: int) -> int | None:
        """Where a sentence says that the target is like an item which has none of the values that it names before."""
        assert self.facts is not None
        said = likeness(text, place, self._masked())
        if said is None:
            return None
        own = [claim for claim in self.facts.claims(text[: said[1]], self._masked()) if claim.start >= said[0]]
        return said[1] if own and not any(self.facts.holds(claim, item) for claim in own) else None

    def _false_claim(self, text: str, ended: bool) -> Change | None:
        """The first claim that is not true of what it is said of."""
        if self.facts is None:
            return None
        start, self._waits = self._checked, False
        for claim in self.facts.claims(text[start:], self._masked(start)):
            claim = Claim(claim.start + start, claim.end + start, claim.kind, claim.value)
            if not ended and text[claim.end :].strip() in _MAY_GO_ON:
                return None
            listed = self._listed(text, claim)
            if any(said.value == claim.value for said in listed):
                return otherwise(listed[0].end)
            other = self._false_contrast(text, claim, listed, self.facts, ended)
            other = other or self._false_likeness(text, claim, listed, self.facts)
            if other is not None:
                return other
            holds = self._is_true(text, claim, self.facts)
            if not holds and (ended or not self._may_be_of_next(text, claim, self.facts)):
                return self._instead(text, claim, listed, *self._said_of(text, claim))
            other = self._other_article(text, claim)
            if other is not None:
                return other
            self._waits = self._waits or not holds
            self._checked = self._checked if self._waits else claim.end
        return None

    def _says_something(self, text: str, facts: Facts) -> bool:
        """Whether there is a claim or a denial behind what was checked."""
        return bool(facts.claims(text[self._checked :]) or DENIAL.search(text, self._checked))

    def _false_denial(self, text: str, ended: bool) -> Change | None:
        """Give up a denial of what holds for the title before it; the sentence continues behind the title."""
        last = self.titles[-1] if self.titles else None
        if self.facts is None or last is None or not self.facts.denies(text, last.end, last.item, ended):
            return None
        return otherwise(last.end)

    def _false_contrast(
        self, text: str, claim: Claim, listed: Sequence[Claim], facts: Facts, ended: bool
    ) -> Change | None:
        """A value behind "but the user" that sets nothing against the target: one that does, or none, is written."""
        said = self._set_against(text, claim)
        if said is None:
            return None
        first = listed[-1] if listed else claim
        if not said:
            return self._dead_end(text, first.start)
        if not facts.holds(claim, self.target) and all(facts.holds(claim, item) for item in said):
            leads = not ended and self._may_be_of_next(text, claim, facts)
            return None if leads or self._is_true(text, claim, facts) else self._title_instead(text, first, said[0])
        return self._one_of(facts.contrasting(claim.kind, said, self.target), text, claim, listed, said)

    def _false_likeness(self, text: str, claim: Claim, listed: Sequence[Claim], facts: Facts) -> Change | None:
        """A value behind "and the user" where the sentence names another one of the target, so that it reads as a
        reason against it: one that the items share with the target, or none, is written.
        """
        said = None if _NO.match(text) or claim.kind in (YEAR, PRICE) else self._set_against(text, claim, AND_THE_USER)
        if not said or all(facts.holds(claim, item) for item in [self.target, *said]):
            return None
        if not self._names_own(text, claim, facts):
            return None
        return self._one_of(facts.values(claim.kind, [self.target, *said]), text, claim, listed, said)

    def _names_own(self, text: str, claim: Claim, facts: Facts) -> bool:
        """Whether the sentence names a value of the target, before a claim, that answers the same question."""
        start = sentence_start(text, self.titles, claim.start)
        return any(
            own.start >= start and facts.are_of_one_field(own.kind, claim.kind) and facts.holds(own, self.target)
            for own in facts.claims(text[: claim.start], self._masked())
        )

    def _one_of(self, values: list[str], text: str, claim: Claim, listed: Sequence[Claim], said: list[int]) -> Change:
        """One of some values that its list does not name yet, in the place of a claim about items; if there is none,
        the list or the sentence ends before it, or leads to the first item's title without it.
        """
        left = unnamed(values, text, listed)
        if left:
            return self._written(text, claim, left)
        if listed:
            return otherwise(listed[0].end)
        if self._is_said(text, claim):
            return self._dead_end(text, claim.start)
        return self._title_instead(text, claim, said[0])

    def _set_against(self, text: str, claim: Claim, turn_sign: re.Pattern[str] = BUT_THE_USER) -> list[int] | None:
        """The items that a claim is made of, where it is set against the target; None where it is not. With
        `AND_THE_USER`, where it is set beside the target.
        """
        subject = opposed_title(text, claim.start, self._masked(), turn_sign)
        if subject is None or self.titles[subject].item != self.target:
            return None
        if self._is_said(text, claim):
            said = self._said_of(text, claim)[0]
            return None if self.target in said else said
        return None if self.cited is None else self._uncited[:1]

    def _title_instead(self, text: str, claim: Claim, item: int) -> Change:
        """A title where a value was to lead to it: "the user played "Fox"", and not "the user played Horror games"."""
        led = _USER_DID.search(text, 0, claim.start)
        if led is None:
            return self._dead_end(text, claim.start)
        mark = text[self.titles[0].start]
        closing, title = CLOSING.get(mark, mark), mark + self.catalogue.titles[item]
        return Change(led.end(), "title", (title,), (title,), closing, (item,), led.end())

    def _false_sharing(self, text: str) -> Change | None:
        """A value behind a title that the target is said to have, too, and lacks: one that both have is written."""
        start = self._free_from
        if self.facts is None or not self.titles or not TOO.search(text, start):
            return None
        claims = self.facts.claims(text, self._masked())
        spans = [(claim.start, claim.end) for claim in claims]
        for place in shared_values(text, spans, [title.end for title in self.titles]):
            claim = claims[place]
            if claim.start >= start and not self.facts.holds(claim, self.target):
                if self._set_against(text, claim) is not None:
                    return otherwise(claim.end)
                groups = [[self.target, *group] for group in self._said_of(text, claim)]
                return self._instead(text, claim, self._listed(text, claim), *groups)
        return None

    def _is_true(self, text: str, claim: Claim, facts: Facts) -> bool:
        """Whether a claim holds for what it is said of."""
        return any(all(facts.holds(claim, item) for item in group) for group in self._said_of(text, claim))

    def _may_be_of_next(self, text: str, claim: Claim, facts: Facts) -> bool:
        """Whether a claim may be said of the next item of the evidence: "Horror games, like "."""
        if self._is_said(text, claim) or _TOO_FAR.search(text, claim.end):
            return False
        if _IT_IS.match(text, clause_start(text, self.titles, claim.start)):
            return False
        return any(facts.holds(claim, item) for item in self._uncited[:1])

    def _instead(self, text: str, claim: Claim, listed: Sequence[Claim], *items: list[int]) -> Change:
        """The values that hold, and that the list before does not name, where a claim stands that does not; "is a gift
        card" where nothing else can be said of an item.
        """
        assert self.facts is not None
        holding = list(dict.fromkeys(value for group in items for value in self.facts.values(claim.kind, group)))
        values = unnamed(holding, text, listed)
        if not holding and self.facts.noun and _IS_A.search(text[: claim.start]):
            values = [self.facts.noun]
        if values:
            return self._written(text, claim, values)
        return otherwise(listed[0].end) if holding else self._dead_end(text, claim.start)

    def _written(self, text: str, claim: Claim, values: list[str]) -> Change:
        """Values in the place of a claim, with the article that fits each."""
        start, said = claim.start, values
        article = _ARTICLE.search(text[: claim.start])
        if article:
            start, said = article.start(), [with_article(article.group(1), value) for value in values]
        return Change(start, "fact", tuple(said), tuple(said))

    def _other_article(self, text: str, claim: Claim) -> Change | None:
        """A claim that holds with the article that it wants, where the other one stands before it: "is a Xbox 360"."""
        said, value = _IS_A.search(text[: claim.start]), self._text[claim.start : claim.end]
        fitting = certain_article(value)
        if said is None or fitting in (None, said.group(1)):
            return None
        written = with_article(said.group(1), value)
        return Change(said.start(1), "article", (written,), (written,))

    def _listed(self, text: str, claim: Claim) -> list[Claim]:
        """The claims of the list that a claim continues ("a Drama and Comedy"), the last one first."""
        assert self.facts is not None
        listed, place = [], claim.start
        for said in reversed(self.facts.claims(text[:place], self._masked())):
            between = text[said.end : place]
            if not between.strip() or not _VALUE_SIGN.fullmatch(between):
                break
            listed.append(said)
            place = said.start
        return listed

    def _dead_end(self, text: str, start: int, back: int | None = None) -> Change:
        """A clause that cannot be said to its end; it is given up from where it began, or from another place, on."""
        place, stop = self._way_back(text, clause_start(text, self.titles, start) if back is None else back)
        return Change(start, "fact", ("",), (None,), back=place, stop=stop)

    def _way_back(self, text: str, back: int) -> tuple[int, str | None]:
        """Where a clause is given up, and the sign with which its sentence can end there."""
        start = sentence_start(text, self.titles, back)
        said = text[start:back]
        if not said.strip() or said.rstrip()[-1] in ".!?。！？":
            return back, "" if self.titles else None
        subjects = [title for title in self.titles if title.start >= start]
        is_bare = len(subjects) == 1 and said.strip() == text[subjects[0].start : subjects[0].end]
        return back, None if is_bare else "。" if "。" in text else "."

    def _said_of(self, text: str, claim: Claim) -> list[list[int]]:
        """The items that a claim may be about, in groups: it has to be true of all items of one group."""
        before = [
            title
            for title in self.titles
            if sentence_start(text, self.titles, claim.start) <= title.start < claim.start
        ]
        is_of_all = bool(before) and _ARE.fullmatch(text, before[-1].end, claim.start)
        run = list_start(text, self.titles, claim.start, alone=NOBODY if is_of_all else self.target)
        last = [title.item for title in before if title.start >= run]
        if before and self._speaks_of(text, before[-1], claim):
            return [last]
        return [[self.target], *([last] if last else [])]

    def _is_said(self, text: str, claim: Claim) -> bool:
        """Whether a claim is said of a title before it, in its own clause, and not of the next."""
        return any(title.end <= claim.start and self._speaks_of(text, title, claim) for title in self.titles)

    def _speaks_of(self, text: str, title: Named, claim: Claim) -> bool:
        """Whether the clause of a claim names a title before it, and turns neither to the user nor to the target."""
        clause = clause_start(text, self.titles, claim.start)
        turns = (TO_THE_USER, _TURNS_BACK)
        return title.end >= clause and not any(turn.search(text, title.end, claim.start) for turn in turns)

    def _masked(self, offset: int = 0) -> list[tuple[int, int]]:
        return [(title.start - offset, title.end - offset) for title in self.titles]
