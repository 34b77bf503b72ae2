"""A writer without an LLM: it goes on as the examples that it has read, whatever the tokenizer."""

from __future__ import annotations

import re
import string

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from recexplainer.llm.guided.clauses import CLOSING
from recexplainer.llm.guided.draft import Draft, Written
from recexplainer.llm.guided.guide import Guide
from recexplainer.llm.guided.tokens import TokenTexts
from tests import tiny

_LONGEST_FIRST = sorted(tiny.TITLES, key=len, reverse=True)
_PLAIN_VALUES = ("Nova", "Orbit", "Racing", "Puzzle", "Horror")
_VALUES = (*_PLAIN_VALUES, *(f"{article} {value}" for article in ("a", "an", "A", "An") for value in _PLAIN_VALUES))


def sentencepiece(scheme: str) -> PreTrainedTokenizerFast:
    """A tokenizer with words and signs in one token, which puts a blank before a text."""
    raw = Tokenizer(models.BPE(unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=True)
    raw.decoder = decoders.Metaspace(prepend_scheme=scheme)
    texts = [f'"{title}" "{title}", "{title}". {title} ({title})' for title in tiny.TITLES] * 3
    letters = string.ascii_letters + string.digits + string.punctuation + "“”„«»\n"
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>", "</s>"], initial_alphabet=list(letters), show_progress=False
    )
    raw.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>", pad_token="<unk>", eos_token="</s>")


class Scripted:
    """Writes an example, whatever titles and values stand in the places of its own; else it ends its sentence.

    They stand in braces: `Yes. "{Rust}" is a {Puzzle} game.`
    """

    def __init__(self, texts: TokenTexts, end: int, example: str) -> None:
        self.texts, self.end = texts, end
        self.parts = re.split(r"[{}]", example)  # words and titles in turn

    def best(self, tokens: list[int], begun: str, among: list[int]) -> int:
        """The preferred token behind others; the first of equals."""
        text, n_parts = (begun + self.texts.decode(tokens)).rstrip("\ufffd"), 0
        while self.texts.decode(tokens[: len(tokens) - n_parts]).endswith("\ufffd"):
            n_parts += 1
        wanted = self._wanted(text)
        own = [*self.texts.encode(wanted), self.end][n_parts:][:1]
        return max(among, key=lambda token: self._score(wanted, token, token in own and bool(n_parts)))

    def _score(self, wanted: str, token: int, is_part: bool) -> float:
        if is_part:
            return 1000
        if token == self.end:
            return 0 if wanted else 1
        piece = self.texts.pieces[token]
        if piece == "\ufffd":
            return 0.1 if [token] == list(self.texts.encode(wanted)[:1]) else -1
        if not piece or "\ufffd" in piece:
            return -1
        return len(piece) if wanted.startswith(piece) else 0.5 if piece == "." and not wanted else -0.5

    def _wanted(self, text: str) -> str:
        """What it would write behind a text."""
        rest = text
        for number, part in enumerate(self.parts):
            is_last = number == len(self.parts) - 1
            if number % 2 == 0:
                if not rest.startswith(part):
                    return "".join(self.parts[number:])[len(rest) :] if part.startswith(rest) else ""
                rest = rest[len(part) :]
            else:
                mark = CLOSING.get(text[-len(rest) - 1], "")
                title = next((t for t in (_LONGEST_FIRST if mark else _VALUES) if rest.startswith(t + mark)), None)
                if title is None:
                    behind = "".join([mark, self.parts[number + 1][len(mark) :], *self.parts[number + 2 :]])
                    return part[len(rest) :] + behind if part.startswith(rest) else behind
                rest = rest[len(title) :]
            if is_last:
                return ""
        return ""

    def write(self, guide: Guide | None, begun: str = "Yes", max_tokens: int = 80) -> tuple[Written, list[int]]:
        """A whole text, and its tokens."""
        draft = Draft(self.texts, guide, begun, self.end, max_tokens)
        everything = list(range(len(self.texts.pieces)))
        while not draft.is_finished:
            for number in range(draft.n_read, len(draft.tokens)):
                draft.saw(number, self.best(draft.tokens[:number], begun, everything))
            draft.n_read = len(draft.tokens)
            allowed, written = draft.allowed, list(draft.tokens)
            if allowed is None:
                banned = {token for token in everything if draft.bans_marks and self.texts.has_mark[token]}
                allowed = [token for token in everything if token not in draft.banned | banned]
            draft.take(self.best(written, begun, allowed))
            if draft.tokens[: len(written)] == written:
                draft.saw(len(written), self.best(written, begun, everything))
        return draft.written(), draft.tokens
