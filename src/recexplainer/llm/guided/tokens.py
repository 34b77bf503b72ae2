"""What the tokens of a vocabulary write, once per tokenizer: which hold a quotation mark, which close a title."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from recexplainer.citations.attributes import attribute_index
from recexplainer.citations.cache import cached_by_catalogue
from recexplainer.citations.phrases import QUOTES
from recexplainer.data.catalogue import Catalogue
from recexplainer.prompting.tokens import TextTokens

_BEHIND = frozenset(" .,;:)]}、。，；：）")  # what may follow a title in the same token
_BROKEN = "\ufffd"  # marks a token that is a part of a letter


class TokenTexts:
    """The text that each token writes in the midst of an answer.

    Args:
        tokenizer: Any transformers tokenizer.

    Attributes:
        pieces: By token what it writes; "" for special tokens, `_BROKEN` where it is a part of a letter.
        has_mark: (vocabulary,) whether a token writes a quotation mark.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._encode = TextTokens(tokenizer)
        self._anchor = list(self._encode.alone("a"))
        self._n_anchor = len(self._decode(self._anchor))
        size = 1 + max(tokenizer.get_vocab().values())  # more than its tokens where their numbers have gaps
        self.pieces = [
            text[self._n_anchor :]
            for text in tokenizer.batch_decode(
                [[*self._anchor, token] for token in range(size)],
                skip_special_tokens=True,
                clean_up_tokenization_spaces=False,
            )
        ]
        self.has_mark = torch.tensor([not QUOTES.isdisjoint(piece) for piece in self.pieces])
        ordered = sorted((piece, token) for token, piece in enumerate(self.pieces) if piece)
        self._ordered, self._tokens = [piece for piece, _ in ordered], [token for _, token in ordered]
        self.closing = lru_cache(maxsize=10_000)(self._closing)

    def decode(self, tokens: list[int]) -> str:
        """What tokens write together."""
        text = "".join(self.pieces[token] for token in tokens)
        return self._decode([*self._anchor, *tokens])[self._n_anchor :] if _BROKEN in text else text

    def encode(self, text: str) -> tuple[int, ...]:
        """The tokens of a text that something stands before."""
        return self._encode.inside(text)

    def titles(self, catalogue: Catalogue) -> frozenset[int]:
        """The tokens that the tokenizer was given for whole titles which are no value of an attribute."""
        added = self._tokenizer.get_added_vocab().values()
        return frozenset(token for token in added if self.pieces[token].strip() in _title_names(catalogue))

    def marks(self, size: int, device: torch.device) -> Tensor:
        """`has_mark` for logits of some size: an LLM may have more of them than its tokenizer has tokens."""
        table = torch.zeros(size, dtype=torch.bool, device=device)
        table[: len(self.has_mark)] = self.has_mark[:size].to(device)
        return table

    def _closing(self, rest: str) -> tuple[int, ...]:
        """The tokens that write `rest`, the end of a title with its closing mark, and perhaps a sign or blank more."""
        start = bisect_left(self._ordered, rest)
        found = []
        for place in range(start, len(self._ordered)):
            piece = self._ordered[place]
            if not piece.startswith(rest):
                break
            behind = piece[len(rest) :]
            if all(sign in _BEHIND for sign in behind):
                found.append(self._tokens[place])
        return tuple(found)

    def _decode(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))


@cached_by_catalogue
def _title_names(catalogue: Catalogue) -> frozenset[str]:
    """The titles that are no value of an attribute, however its items write it."""
    is_value = attribute_index(catalogue).is_value
    return frozenset(title for title in catalogue.titles[1:] if not is_value(title))
