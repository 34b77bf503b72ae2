"""Which items an explanation names: items of the shown history, the target, other items of the catalogue, or
inventions.

They are resolved once, when the text is written (`resolve_citations`), and kept in its record; whoever needs them
later reads them from there (`read_citations`). The history that counts is the shown one, `Explanation.history`: the
newest `build_alignment.max_history` items. An older item of the user's is one of the catalogue, as no prompt showed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.citations.attributes import attribute_names
from recexplainer.citations.cache import cached_by_catalogue
from recexplainer.citations.phrases import QUOTES, Token, is_numeral, plain_word, tokens
from recexplainer.citations.quotations import Quotation, opens, quotations
from recexplainer.citations.titles import TitleIndex
from recexplainer.core.records.explanation import Explanation, Mention, MentionKind
from recexplainer.data.catalogue import Catalogue


@dataclass(frozen=True)
class Citations:
    """What a text names.

    Attributes:
        in_history: Positions in the shown history, in the order in which the text first names their items. An item
            that occurs several times in the history has all its positions, newest first.
        in_catalogue: Ids of named items that are neither in the history nor the target, in order, without
            repeats.
        invented: Quoted strings that name no item of the catalogue, in order, without repeats.
        names_target: Whether the text names the target; that does not count as citing the history.
        mentions: Every place, in the order of the text.
    """

    in_history: list[int]
    in_catalogue: list[int]
    invented: list[str]
    names_target: bool
    mentions: list[Mention]

    @property
    def cited_items(self) -> list[int]:
        """Items of the history, in the order of the text, without repeats."""
        named = [mention.item_id for mention in self.mentions if mention.kind == "history"]
        return [item_id for item_id in dict.fromkeys(named) if item_id is not None]

    @property
    def n_titles(self) -> int:
        """Distinct titles named besides the target's: of history items, of other items, invented."""
        return len(self.cited_items) + self.n_unseen

    @property
    def n_unseen(self) -> int:
        """Distinct titles named that are neither in the history nor in the prompt."""
        return len(self.in_catalogue) + len(self.invented)


def resolve_citations(text: str, history: Sequence[int], catalogue: Catalogue, target: int | None = None) -> Citations:
    """Resolve the titles that a text names against a history, a target and a catalogue.

    Titles in quotation marks come first (exactly; then without case, accents and signs; then nearly, see
    `TitleIndex.fuzzy`); a quoted string that is a verdict or an attribute's value is not a title, any other is
    invented. Outside of quotation marks only exact titles of at least two words count, since a title like
    "Journey" is a word too. Everywhere the longest title counts, so one that begins a longer cited one is
    not cited itself.

    Args:
        text: The explanation.
        history: The shown items, oldest first.
        catalogue: Where the titles are.
        target: The item that the explanation is about.
    """
    known = {item_id: kind for kind, ids in (("history", history), ("target", [target])) for item_id in ids}
    mentions = _Reader(text, title_index(catalogue), known).mentions()
    return _collect(mentions, list(history))


def read_citations(explanation: Explanation) -> Citations:
    """The citations of an explanation, as they were resolved when it was written."""
    return _collect(explanation.citations, explanation.history)


@cached_by_catalogue
def title_index(catalogue: Catalogue) -> TitleIndex:
    """The index of a catalogue's titles, made once per catalogue object."""
    return TitleIndex(catalogue.titles, attribute_names(catalogue))


def _collect(mentions: list[Mention], history: Sequence[int]) -> Citations:
    named = {kind: [m for m in mentions if m.kind == kind] for kind in ("history", "target", "catalogue", "invented")}
    cited = dict.fromkeys(mention.item_id for mention in named["history"])
    newest_first = list(reversed(range(len(history))))
    return Citations(
        in_history=[position for item_id in cited for position in newest_first if history[position] == item_id],
        in_catalogue=[item_id for item_id in dict.fromkeys(m.item_id for m in named["catalogue"]) if item_id],
        invented=list(dict.fromkeys(mention.text for mention in named["invented"])),
        names_target=bool(named["target"]),
        mentions=mentions,
    )


class _Reader:
    """Reads one text: exact quoted titles, then other quotations, then exact titles that are not quoted."""

    def __init__(self, text: str, titles: TitleIndex, known: dict[int | None, str]) -> None:
        self._text = text
        self._titles = titles
        self._known = known
        self._tokens = tokens(text)
        self._words = [token.text for token in self._tokens]
        self._found: list[Mention] = []
        self._taken: list[tuple[int, int]] = []  # spans that are read, quotation marks included

    def mentions(self) -> list[Mention]:
        self._read_exact_with_marks()
        for quotation in quotations(self._text, list(self._taken)):
            self._read_quotation(quotation)
        self._read_exact_unquoted()
        return sorted(self._found, key=lambda mention: mention.start)

    def _read_exact_with_marks(self) -> None:
        """Take exact titles in quotation marks, and those that hold quotation marks themselves."""
        place = 0
        while place < len(self._tokens):
            token = self._tokens[place]
            if token.text in QUOTES and opens(self._text, token.start):
                length = self._quoted_title(place)
                place += length + 2 if length else 1
            else:
                place += self._marked_title(place) or 1

    def _quoted_title(self, mark: int) -> int:
        """Take the longest title between the mark and another one; its length in tokens, 0 without any."""
        first = mark + 1
        if first >= len(self._tokens):
            return 0
        for length, items in self._titles.exact.at(self._words, first):
            closing = first + length
            if closing < len(self._tokens) and self._words[closing] in QUOTES:
                self._add(self._tokens[first], self._tokens[closing - 1], items)
                self._taken.append((self._tokens[mark].start, self._tokens[closing].end))
                return length
        return 0

    def _marked_title(self, place: int) -> int:
        """Take the longest title at a place that holds quotation marks; its length, 0 if there is none."""
        for length, items in self._titles.exact.at(self._words, place):
            words = self._words[place : place + length]
            if not QUOTES.isdisjoint(words) and self._stands_alone(place, place + length):
                self._add(self._tokens[place], self._tokens[place + length - 1], items)
                self._taken.append((self._tokens[place].start, self._tokens[place + length - 1].end))
                return length
        return 0

    def _read_quotation(self, quotation: Quotation) -> None:
        start, end = quotation.start, quotation.end
        quoted = self._text[start:end]
        for matched in ("normalised", "fuzzy"):
            candidates = getattr(self._titles, matched)(quoted)
            if matched == "fuzzy" and self._titles.is_other_name(quoted):
                break
            if candidates:
                item_id = self._likeliest(candidates)
                self._found = [found for found in self._found if not start <= found.start < end]  # the same, exactly
                self._found.append(Mention(start, end, quoted, self._kind(item_id), item_id, matched))
                break
        else:
            if quotation.inside:
                for inner in quotation.inside:
                    self._read_quotation(inner)
                return
            self._found.append(Mention(start, end, quoted.strip(), "invented", None, "none"))
        self._taken.append((start - 1, end + 1))

    def _read_exact_unquoted(self) -> None:
        taken = [any(start <= token.start < end for start, end in self._taken) for token in self._tokens]
        place = 0
        while place < len(self._tokens):
            step = 1
            for length, items in self._titles.exact.at(self._words, place):
                end = place + length
                if not any(taken[place:end]) and self._stands_alone(place, end):
                    self._add(self._tokens[place], self._tokens[end - 1], items)
                    step = length
                    break
            place += step

    def _stands_alone(self, start: int, end: int) -> bool:
        """Whether a title without marks around it is meant: two words at least, no number after it."""
        n_words = sum(word[0].isalnum() for word in self._words[start:end])
        sequel = end < len(self._words) and is_numeral(plain_word(self._words[end]))
        return n_words >= 2 and not sequel

    def _add(self, first: Token, last: Token, items: list[int]) -> None:
        start, end = first.start, last.end
        named = self._text[start:end]
        item_id = self._likeliest([item for item in items if self._titles.title(item) == named] or items)
        self._found.append(Mention(start, end, named, self._kind(item_id), item_id, "exact"))

    def _kind(self, item_id: int) -> MentionKind:
        return self._known.get(item_id, "catalogue")  # type: ignore[return-value]

    def _likeliest(self, candidates: list[int]) -> int:
        """Of titles that fit equally: one of the history, else the target, else the first of the
        catalogue.
        """
        for kind in ("history", "target"):
            for item_id in candidates:
                if self._known.get(item_id) == kind:
                    return item_id
        return candidates[0]
