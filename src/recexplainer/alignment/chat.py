"""From messages to token ids through the tokenizer's own chat template, with slots that no text can imitate.

A prompt is a list of pieces: text, and `Slot`s that the recommender's vectors will fill. The template is rendered
once with sentinels in place of the contents; what it puts around them is the frame of every later example. So a
title that contains a placeholder or a special token's name stays text, no template is parsed, and no offset of an
answer is counted by hand.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from recexplainer.errors import InputError

IGNORED = -100
PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "{{ 'User: ' if message['role'] == 'user' else 'Assistant: ' }}{{ message['content'] }}"
    "{{ eos_token + '\n' if message['role'] == 'assistant' else '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}"
)
_QUESTION_1, _ANSWER_1, _QUESTION_2 = "\ue000one\ue000", "\ue000two\ue000", "\ue000three\ue000"


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
    the token's embedding, or -1.
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


class ChatEncoder:
    """Encodes contents and answers for one tokenizer.

    Args:
        tokenizer: Any transformers tokenizer. Where it has no chat template, a plain one is used.

    Raises:
        InputError: If the chat template cannot render a conversation of user and assistant.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.slot_id = _slot_id(tokenizer)
        first = self._render([_QUESTION_1, _ANSWER_1, _QUESTION_2], generate=True)
        try:
            self._before, rest = first.split(_QUESTION_1)
            self._between, rest = rest.split(_ANSWER_1)
            self._next, _ = rest.split(_QUESTION_2)
            tail = self._render([_QUESTION_1, _ANSWER_1], generate=False).split(_ANSWER_1)[1]
            prompt = self._render([_QUESTION_1], generate=True).split(_QUESTION_1)[1]
        except ValueError as error:
            raise InputError(
                "the tokenizer's chat template does not repeat each message exactly once: "
                "give llm.chat_template a Jinja template that does"
            ) from error
        self._between = prompt  # a template may write past turns otherwise than the one to be answered
        self._end = tail.strip() or tokenizer.eos_token or ""
        self._next = self._next.split(self._end, 1)[-1] if self._end else self._next  # the answer brings its end
        self._ids = lru_cache(maxsize=200_000)(self._tokenise)
        self._frame = lru_cache(maxsize=8)(self._tokenise_frame)
        self._past: list[tuple[int, ...]] = []

    @property
    def end_ids(self) -> tuple[int, ...]:
        """The tokens that end an answer; the first of them stops generation."""
        return self._frame(self._end)

    def answer_ids(self, answer: str) -> tuple[int, ...]:
        """An answer's tokens, without its end.

        Lines are tokenised apart, so that a title has the same tokens wherever in a list it stands.
        """
        lines = answer.split("\n")
        broken = [self._ids(part) for line in lines for part in ("\n", line)][1:]
        return tuple(token for tokens in broken for token in tokens)

    def after(self, turns: Sequence[tuple[str, str]]) -> ChatEncoder:
        """The same encoder in the midst of a conversation: its prompts go on after these (question, answer) turns."""
        encoder = copy.copy(self)
        encoder._past = [
            tokens
            for number, (question, answer) in enumerate(turns)
            for tokens in (
                self._frame(self._next if number else self._before),
                self._ids(question),
                self._frame(self._between),
                self.answer_ids(answer) + self.end_ids,
            )
        ]
        return encoder

    @property
    def n_past_tokens(self) -> int:
        """How many tokens stand before every prompt."""
        return sum(map(len, self._past))

    def prompt(self, content: Content) -> Encoded:
        """A prompt up to and with the header of the answer; no token carries loss."""
        return _assemble([(self._pieces(content), False)], self.slot_id)

    def example(
        self, content: Content, answer: str, *, ends: bool = True, weight: float = 1.0, group: int = -1
    ) -> Encoded:
        """A prompt with its answer; exactly the answer's tokens (and its end, if it `ends`) carry loss."""
        answer_ids = self.answer_ids(answer) + (self.end_ids if ends else ())
        parts: list[tuple[list, bool]] = [(self._pieces(content), False), ([answer_ids], True)]
        return _assemble(parts, self.slot_id, weight, group)

    def dialogue(self, turns: Sequence[tuple[str, str]], weight: float = 1.0) -> Encoded:
        """A conversation of (question, answer) turns; every answer carries loss."""
        parts: list[tuple[list, bool]] = []
        for number, (question, answer) in enumerate(turns):
            header = self._frame(self._before if number == 0 else self._next)
            parts.append(([header, self._ids(question), self._frame(self._between)], False))
            parts.append(([self.answer_ids(answer) + self.end_ids], True))
        return _assemble(parts, self.slot_id, weight)

    def _pieces(self, content: Content) -> list[tuple[int, ...] | Slot]:
        pieces = [piece if isinstance(piece, Slot) else self._ids(piece) for piece in content]
        header = self._frame(self._next if self._past else self._before)
        return [*self._past, header, *pieces, self._frame(self._between)]

    def _tokenise(self, text: str) -> tuple[int, ...]:
        """Tokens of a content; a special token's name in it is text."""
        if not text:
            return ()
        return tuple(self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])

    def _tokenise_frame(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"]) if text else ()

    def _render(self, contents: list[str], generate: bool) -> str:
        messages = [
            {"role": "user" if number % 2 == 0 else "assistant", "content": content}
            for number, content in enumerate(contents)
        ]
        template = self.tokenizer.chat_template or PLAIN_TEMPLATE
        try:
            return self.tokenizer.apply_chat_template(
                messages, chat_template=template, add_generation_prompt=generate, tokenize=False
            )
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(
                f"the chat template cannot render a conversation: {reason}; see llm.chat_template"
            ) from error


def _slot_id(tokenizer: Any) -> int:
    """The id that stands at slots; its embedding is replaced and never seen."""
    for token_id in (tokenizer.pad_token_id, tokenizer.eos_token_id, 0):
        if token_id is not None:
            return int(token_id)
    raise AssertionError("unreachable")


def _assemble(parts: list[tuple[list, bool]], slot_id: int, weight: float = 1.0, group: int = -1) -> Encoded:
    ids: list[int] = []
    carries: list[bool] = []
    users: dict[int, int] = {}
    items: dict[int, int] = {}
    for pieces, has_loss in parts:
        for piece in pieces:
            if isinstance(piece, Slot):
                (users if piece.kind == "user" else items)[len(ids)] = piece.row
                piece = (slot_id,)
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


def _slots(rows: dict[int, int], length: int) -> np.ndarray:
    slots = np.full(length, -1, dtype=np.int32)
    for place, row in rows.items():
        slots[place] = row
    return slots
