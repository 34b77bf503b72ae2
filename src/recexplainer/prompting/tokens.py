"""The tokens of pieces of a conversation, as they are in its midst and not where a text stands alone."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_ANCHOR = "\n"  # stands in front of a text that does not begin a conversation


class TextTokens:
    """Tokenises texts piece by piece, and remembers.

    Args:
        tokenizer: Any transformers tokenizer.

    Attributes:
        adds_blanks: Whether the tokenizer puts a blank before every text that it is given, as SentencePiece's do.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.alone = lru_cache(maxsize=200_000)(self._alone)
        self.inside = lru_cache(maxsize=200_000)(self._inside)
        self._anchor = self._alone(_ANCHOR)
        self.adds_blanks = self._behind_anchor("a", False) not in (None, self._alone("a"))

    def _alone(self, text: str, is_frame: bool = False) -> tuple[int, ...]:
        """Tokens as the tokenizer gives them; a special token's name is one in the frame, and text elsewhere."""
        if not text:
            return ()
        chosen = {} if is_frame else {"split_special_tokens": True}
        return tuple(self._tokenizer(text, add_special_tokens=False, **chosen)["input_ids"])

    def _inside(self, text: str, is_frame: bool = False) -> tuple[int, ...]:
        """Tokens of a text that something stands before: without the tokenizer's own blank."""
        if not text or not self.adds_blanks:
            return self._alone(text, is_frame)
        found = self._behind_anchor(text, is_frame)
        return self._alone(text, is_frame) if found is None else found

    def _behind_anchor(self, text: str, is_frame: bool) -> tuple[int, ...] | None:
        """None where the anchor grows together with the text."""
        tokens, n = self._alone(_ANCHOR + text, is_frame), len(self._anchor)
        return tokens[n:] if tokens[:n] == self._anchor else None
