"""What one text may say: which titles, and which values of attributes. It knows letters, not tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from recexplainer.citations.attributes import speaks_of_series
from recexplainer.citations.citations import resolve_citations
from recexplainer.citations.denials import DENIAL
from recexplainer.citations.facts import Facts
from recexplainer.citations.sharing import NEW_AFTER, TAKEN
from recexplainer.data.catalogue import Catalogue
from recexplainer.llm.guided.changes import Change, otherwise
from recexplainer.llm.guided.clauses import (
    CLOSING,
    Named,
    clause_start,
    closing_sign,
    continues_list,
    first_opening,
    last_end,
    list_start,
    sentence_start,
    spans,
)
from recexplainer.llm.guided.corrections import (
    dead_end,
    false_agreement,
    false_contrast,
    false_sharing,
    idle_word,
    instead,
    other_article,
)
from recexplainer.llm.guided.subjects import UNKNOWN, Said
from recexplainer.llm.guided.wording import stray_mark, untitled

_MAY_GO_ON = ("", ".", ",")  # behind a word or a number that is the last one yet


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
    _checked: int = 0  # up to here all claims are right
    _waits: bool = False  # whether a claim behind it is right only if it is said of the next title

    def look(self, text: str, *, ended: bool = False) -> Change | None:
        """What has to change at the end of a text that was right before its last token; None: nothing.

        Args:
            text: All that is written.
            ended: Whether nothing follows; otherwise the last word may not be finished.
        """
        said = None
        if self.facts:
            if self.cited is None and self._says_something(text, self.facts):
                self._read_titles(text)
            said = self._said(text, self.facts)
            wrong = (
                self._false_claim(said, ended)
                or self._false_denial(said, ended)
                or false_sharing(said)
                or idle_word(said, ended)
            )
            if wrong is not None:
                return wrong
        return None if self.cited is None else self._wrong_mark(text if said is None else said.text, said, ended)

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

    def _said(self, written: str, facts: Facts) -> Said:
        text = facts.without_signs(written, spans(self.titles))
        following = None if self.cited is None else self._uncited[:1]
        return Said(text, written, tuple(self.titles), self.target, following, facts, self.catalogue)

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
        return last_end(self.titles)

    def _wrong_mark(self, text: str, said: Said | None, ended: bool) -> Change | None:
        """A quotation mark behind the last title that begins another where none fits, or closes nothing."""
        opening = first_opening(text, self._free_from)
        end = len(text) if opening is None else opening
        place = stray_mark(text, self._free_from, end, ended)
        if place is None and opening is not None:
            place = untitled(text, self._free_from, opening)
        if place is not None:
            return otherwise(place)
        return None if opening is None else self._title_at(text, said, opening)

    def _title_at(self, text: str, said: Said | None, place: int) -> Change:
        mark, following = text[place], next(iter(self._uncited), None)
        if following is not None:
            wrong = self._wrong_before(said, place, following)
            if wrong is not None:
                return wrong
        is_subject = not text[sentence_start(text, self.titles, place) : place].strip() and not self._names_target
        may_be_target = (
            all(t.item != self.target or t.end <= sentence_start(text, self.titles, place) for t in self.titles)
            and not TAKEN.search(text[:place])
            and self._wrong_before(said, place, self.target) is None
        )
        others = [] if is_subject else dict.fromkeys(reversed(self.history))
        meant = [*([self.target] if may_be_target else []), *others]
        titles, back = self.catalogue.titles, clause_start(text, self.titles, place)
        named = [item if item == self.target else following for item in meant] or [following]
        return Change(
            place,
            "title",
            tuple(mark + titles[item] for item in meant) or ("",),
            tuple(None if item is None else mark + titles[item] for item in named),
            CLOSING[mark],
            tuple(named),
            back,
            closing_sign(text, self.titles, back),
        )

    def _wrong_before(self, said: Said | None, place: int, item: int) -> Change | None:
        """What the clause says before it names an item, and is not true of it."""
        if said is None:
            return None
        text, titles, facts = said.text, said.titles, said.facts
        is_list = continues_list(text, titles, place)
        first = list_start(text, titles, place, self.target) if is_list else place
        start = clause_start(text, titles, first)
        given_up = dead_end(said, place, titles[-1].end if is_list else start)
        if speaks_of_series(text[start:place]) and not facts.are_one_series([self.target, item]):
            return given_up
        new = NEW_AFTER.search(text, start, place)
        if new and any(facts.are_alike(self.target, other) for other in self.history):
            return otherwise(next(letter for letter in range(start, place) if text[letter].isalnum()))
        like = said.misleading_like(first, item)
        if like is not None:
            return given_up if is_list else otherwise(like)
        for claim in said.claims(place):
            waits = claim.start >= self._checked and not said.is_true(claim)
            is_led = claim.start >= start and not said.is_of_title_before(claim)
            if (waits or is_led) and not facts.holds(claim, item):
                return given_up if is_list else instead(said, claim, said.listed_before(claim), [item])
        return None

    def _false_claim(self, said: Said, ended: bool) -> Change | None:
        """The first claim that is not true of what it is said of."""
        self._waits = False
        for claim in said.claims_from(self._checked):
            if not ended and said.text[claim.end :].strip() in _MAY_GO_ON:
                return None
            listed = said.listed_before(claim)
            if any(one.value == claim.value for one in listed):
                return otherwise(listed[0].end)
            other = false_contrast(said, claim, listed, ended) or false_agreement(said, claim, listed)
            if other is not None:
                return other
            holds = said.is_true(claim)
            if not holds and (ended or not said.may_be_of_next(claim)):
                return instead(said, claim, listed, *said.subjects(claim))
            other = other_article(said, claim)
            if other is not None:
                return other
            self._waits = self._waits or not holds
            self._checked = self._checked if self._waits else claim.end
        return None

    def _false_denial(self, said: Said, ended: bool) -> Change | None:
        """Give up a denial of what holds for the title before it; the sentence continues behind the title."""
        last = said.titles[-1] if said.titles else None
        if last is None or not said.facts.denies(said.text, last.end, last.item, ended):
            return None
        return otherwise(last.end)

    def _says_something(self, text: str, facts: Facts) -> bool:
        """Whether there is a claim or a denial behind what was checked."""
        return bool(facts.claims(text[self._checked :]) or DENIAL.search(text, self._checked))
