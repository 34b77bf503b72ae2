"""From messages to token ids through the tokenizer's own chat template, with slots that no text can imitate.

A prompt is a list of pieces: text, and `Slot`s that the recommender's vectors will fill. They are put into the
template's frame (see `frames`). So a title that contains a placeholder or a special token's name stays text, no
template is parsed, and no offset of an answer is counted by hand.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from recexplainer.prompting.frames import read_frame, render
from recexplainer.prompting.tokens import TextTokens

IGNORED = -100
_SHORT = ("Which title?", "Yes")  # a conversation to be compared with the template's own tokens


@dataclass(frozen=True)
class Slot:
    """A place in a prompt that a vector of the recommender takes."""

    kind: Literal["user", "item"]
    row: int  # row of the table of user vectors, or an item id


Content = Sequence[str | Slot]


@dataclass(frozen=True)
class Encoded:
    """One tokenised example.

    `targets[i]` is the token to be predicted from position i (`IGNORED` where no loss falls), so an example can be
    cut and packed without shifting labels. `user_slots` and `item_slots` hold the row of the vector that replaces
    the token's embedding, or -1; where a user takes several positions, row * n + the number of the position.
    """

    input_ids: np.ndarray  # int32 (length,)
    targets: np.ndarray  # int32 (length,)
    user_slots: np.ndarray  # int32 (length,)
    item_slots: np.ndarray  # int32 (length,)
    weight: float = 1.0  # of every target of this example
    group: int = -1  # examples of one group may share the computation of their common prefix; -1: none

    def __len__(self) -> int:
        return len(self.input_ids)

    @property
    def n_targets(self) -> int:
        """How many tokens of this example carry loss."""
        return int((self.targets != IGNORED).sum())


def grouped(prompts: Sequence[Encoded], keys: Iterable[Hashable]) -> list[Encoded]:
    """Prompts of which those with one key are a group: what they share is computed once."""
    groups: dict[Hashable, int] = {}
    return [
        replace(prompt, group=groups.setdefault(key, len(groups))) for prompt, key in zip(prompts, keys, strict=True)
    ]


class ChatEncoder:
    """Encodes contents and answers for one tokenizer.

    Texts get the tokens that they have in the midst of a conversation. Some tokenizers (SentencePiece's) put a blank
    before every text that they are given alone; here it stands where it stands in the template's own tokens, and never
    behind a slot.

    Args:
        tokenizer: Any transformers tokenizer. Where it has no chat template, a plain one is used.
        slots_per_user: How many positions a user's vector takes.

    Attributes:
        frame: The text around the messages.

    Raises:
        InputError: If the chat template has no such frame, see `read_frame`.
    """

    def __init__(self, tokenizer: Any, slots_per_user: int = 1) -> None:
        self.tokenizer = tokenizer
        self.slots_per_user = slots_per_user
        self.slot_id = _slot_id(tokenizer)
        self.frame = read_frame(tokenizer)
        self._texts = TextTokens(tokenizer)
        self._past: list[tuple[int, ...]] = []
        self._begins_alone = (False, False)  # a question, an answer: with the tokenizer's own blank in front
        if self._texts.adds_blanks:
            self._begins_alone = self._as_in_the_template()

    @property
    def end_ids(self) -> tuple[int, ...]:
        """The token that ends an answer, and stops generation."""
        return (int(self.tokenizer.convert_tokens_to_ids(self.frame.end)),)

    def answer_ids(self, answer: str) -> tuple[int, ...]:
        """An answer's tokens, without its end.

        Lines are tokenised apart, so that a title has the same tokens wherever in a list it stands.
        """
        return self._answer(answer, self.frame.open)

    def after(self, turns: Sequence[tuple[str, str]]) -> ChatEncoder:
        """The same encoder in the midst of a conversation: its prompts follow these (question, answer) turns."""
        encoder = copy.copy(self)
        encoder._past = [
            tokens
            for number, (question, answer) in enumerate(turns)
            for tokens in (
                *self._question([question], number == 0),
                self._header(self.frame.past_open),
                self._answer(answer, self.frame.past_open),
            )
        ]
        return encoder

    @property
    def n_past_tokens(self) -> int:
        """How many tokens precede every prompt."""
        return sum(map(len, self._past))

    def prompt(self, content: Content) -> Encoded:
        """A prompt up to and with the header of the answer; no token carries loss."""
        return self._assemble([(self._pieces(content), False)])

    def example(
        self, content: Content, answer: str, *, ends: bool = True, weight: float = 1.0, group: int = -1
    ) -> Encoded:
        """A prompt with its answer; exactly the answer's tokens (and its end, if it `ends`) carry loss."""
        answer_ids = self.answer_ids(answer) + (self.end_ids if ends else ())
        parts: list[tuple[list, bool]] = [(self._pieces(content), False), ([answer_ids], True)]
        return self._assemble(parts, weight, group)

    def dialogue(self, turns: Sequence[tuple[str, str]], weight: float = 1.0) -> Encoded:
        """A conversation of (question, answer) turns.

        Every answer carries loss; the last one alone where the template writes earlier answers otherwise than the one
        that is given.
        """
        if not self.frame.is_uniform:
            question, answer = turns[-1]
            return self.after(turns[:-1]).example([question], answer, weight=weight)
        parts: list[tuple[list, bool]] = []
        for number, (question, answer) in enumerate(turns):
            asked = [*self._question([question], number == 0), self._header(self.frame.open)]
            if number:  # the answer before brought its end
                asked[0] = asked[0][1:]
            parts.append((asked, False))
            parts.append(([self.answer_ids(answer) + self.end_ids], True))
        return self._assemble(parts, weight)

    def dialogues(self, turns: Sequence[tuple[str, str]], weight: float = 1.0) -> list[Encoded]:
        """A conversation as examples, in which every answer carries loss once, in the form in which it is given."""
        if self.frame.is_uniform:
            return [self.dialogue(turns, weight)]
        return [self.dialogue(turns[: n + 1], weight) for n in range(len(turns))]

    def difference(self) -> str | None:
        """How the tokens of a short conversation differ from those that the template itself gives; None: not at all."""
        own, native = self._probe(), self._native()
        if own == native:
            return None
        shared = min(len(own), len(native))
        start = next((n for n in range(shared) if own[n] != native[n]), shared)
        shown = [self.tokenizer.convert_ids_to_tokens(ids[max(0, start - 1) : start + 4]) for ids in (own, native)]
        return f"{shown[0]}, but the chat template's own tokens are {shown[1]}"

    def _pieces(self, content: Content) -> list[tuple[int, ...] | Slot]:
        return [*self._past, *self._question(content, not self._past), self._header(self.frame.open)]

    def _question(self, content: Content, is_first: bool) -> list[Any]:
        """A question with what precedes it, whose last blanks belong to the question."""
        text = self.frame.before if is_first else self.frame.next
        core = text.rstrip(" ")
        header = self._texts.alone(core, True) if is_first else self._texts.inside(core, True)
        first, rest = (content[0], content[1:]) if content and isinstance(content[0], str) else ("", content)
        begun = self._beginning(text[len(core) :], first, self._begins_alone[0])
        return [header, begun, *(piece if isinstance(piece, Slot) else self._texts.inside(piece) for piece in rest)]

    def _header(self, text: str) -> tuple[int, ...]:
        return self._texts.inside(text.rstrip(" "), True)

    def _answer(self, answer: str, header: str) -> tuple[int, ...]:
        """The lines of an answer, each with the blanks at the end of the header before it."""
        blanks = header[len(header.rstrip(" ")) :]
        lines = [self._beginning(blanks, line, self._begins_alone[1]) if line else () for line in answer.split("\n")]
        broken = [tokens for line in lines for tokens in (self._texts.inside("\n"), line)][1:]
        return tuple(token for tokens in broken for token in tokens)

    def _beginning(self, blanks: str, text: str, alone: bool) -> tuple[int, ...]:
        """The tokens of a message's first words."""
        return self._texts.alone(blanks + text) if alone else self._texts.inside(blanks + text)

    def _as_in_the_template(self) -> tuple[bool, bool]:
        """Where messages begin with the tokenizer's own blank, so that a conversation has the template's own tokens."""
        ways = [(False, False), (False, True), (True, False), (True, True)]
        native = self._native()
        for self._begins_alone in ways:
            if self._probe() == native:
                return self._begins_alone
        return ways[0]

    def _probe(self) -> list[int]:
        encoded = self.example([_SHORT[0]], _SHORT[1])
        return [*encoded.input_ids.tolist(), int(encoded.targets[-1])]

    def _native(self) -> list[int]:
        """The template's own tokens of a short, finished conversation, up to the end of the last answer."""
        tokens: list[int] = self.tokenizer(render(self.tokenizer, _SHORT, False), add_special_tokens=False)["input_ids"]
        last = len(tokens) - tokens[::-1].index(self.end_ids[0]) if self.end_ids[0] in tokens else len(tokens)
        return tokens[:last]

    def _assemble(self, parts: list[tuple[list, bool]], weight: float = 1.0, group: int = -1) -> Encoded:
        ids: list[int] = []
        carries: list[bool] = []
        users: dict[int, int] = {}
        items: dict[int, int] = {}
        for pieces, has_loss in parts:
            for piece in pieces:
                if isinstance(piece, Slot):
                    n = self.slots_per_user if piece.kind == "user" else 1
                    rows = users if piece.kind == "user" else items
                    rows.update((len(ids) + part, piece.row * n + part) for part in range(n))
                    piece = (self.slot_id,) * n
                ids.extend(piece)
                carries.extend([has_loss] * len(piece))
        input_ids = np.asarray(ids, dtype=np.int32)
        targets = np.full(len(ids), IGNORED, dtype=np.int32)
        mask = np.asarray(carries[1:], dtype=bool)
        targets[:-1][mask] = input_ids[1:][mask]
        # The last token of an answer is a target only: nothing is predicted from it.
        length = len(ids) - int(parts[-1][1])
        return Encoded(
            input_ids[:length], targets[:length], _slots(users, len(ids))[:length], _slots(items, len(ids))[:length],
            weight, group,
        )  # fmt: skip


def _slot_id(tokenizer: Any) -> int:
    """The id that stands at slots; its embedding is replaced and never seen."""
    for token_id in (tokenizer.pad_token_id, tokenizer.eos_token_id, 0):
        if token_id is not None:
            return int(token_id)
    raise AssertionError("unreachable")


def _slots(rows: dict[int, int], length: int) -> np.ndarray:
    slots = np.full(length, -1, dtype=np.int32)
    for place, row in rows.items():
        slots[place] = row
    return slots
