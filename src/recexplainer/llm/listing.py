"""Answers that list titles, one per line: which tokens may follow what is written."""

from __future__ import annotations

from collections.abc import Sequence

from recexplainer.llm.reading import Node


class Listing:
    """The answer to one question, as far as it is written.

    Without `otherwise` it ranks: it names every candidate. With it it may end behind every candidate, or say that
    sentence instead of the first.

    Attributes:
        order: The candidates in it.
        allowed: The tokens among which the LLM has to choose next; none when the answer is complete.
        unread: What was written since the last choice.

    Args:
        candidates: Their tokens. In a ranking none of them begins another one followed by the line break.
        otherwise: The tokens of the sentence.
        line_break: The tokens between two lines.
        end: What ends an answer.
        most: Candidates that are named at most; None: all.
    """

    def __init__(
        self,
        candidates: Sequence[Sequence[int]],
        otherwise: Sequence[int],
        line_break: Sequence[int],
        end: int,
        most: int | None = None,
    ) -> None:
        self.order: list[int] = []
        self.allowed: list[int] = []
        self.unread: list[Node] = []
        self._most = len(candidates) if most is None else min(most, len(candidates))
        self._lines: list[tuple[int | None, list[int]]]
        self._lines = [(c, [*tokens, *line_break]) for c, tokens in enumerate(candidates)]
        if otherwise:
            self._lines += [(c, [*tokens, end]) for c, tokens in enumerate(candidates)]
            self._lines.append((None, [*otherwise, end]))
        self._end = end
        self._node = Node()
        self._fitting: list[tuple[int | None, list[int]]] = []  # what the present line may become
        self._place = 0  # of the next token in its line
        self._begin_line()

    def take(self, token: int) -> None:
        """Write a token, and all that follows it without a choice."""
        self.unread = []
        self._write(token)
        while len(self.allowed) == 1:
            self._write(self.allowed[0])

    def _write(self, token: int) -> None:
        self._node = Node(token, self._node)
        self.unread.append(self._node)
        self._fitting = [(c, line) for c, line in self._fitting if line[self._place] == token]
        self._place += 1
        if self._place < len(self._fitting[0][1]):
            self._allow()
            return
        candidate = self._fitting[0][0]
        if candidate is not None:
            self.order.append(candidate)
        if token == self._end:
            self.allowed = []
        else:
            self._begin_line()

    def _begin_line(self) -> None:
        named = {*self.order, *([None] if self.order else [])}
        self._fitting = [(c, line) for c, line in self._lines if c not in named]
        self._place = 0
        if len(self.order) == self._most:
            self._fitting = []
        left = {c for c, _ in self._fitting}
        if len(left) == 1:  # there is nothing to choose any more
            self.order += [c for c in left if c is not None]
            self._fitting = []
        self._allow()

    def _allow(self) -> None:
        self.allowed = sorted({line[self._place] for _, line in self._fitting})
