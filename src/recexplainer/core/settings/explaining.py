"""Who explains what, for whom, and in which form."""

from __future__ import annotations

from dataclasses import dataclass

from recexplainer.core.settings.alignment import ALIGNED_MODES
from recexplainer.core.settings.checks import require, require_at_least, require_one_of

SOURCES = (*ALIGNED_MODES, "none")
AUDIENCES = ("end_user", "developer", "auditor")
MAX_FOCUS_CHARACTERS = 80


@dataclass(frozen=True)
class Explain:
    """Which sources explain (aligned modes and ``none``, the base language model), what, for whom, and how."""

    sources: list[str]
    n_cases: int
    top_k: int  # positive cases are drawn from the recommender's top k
    template: str | None  # a file with the request's words; null: those of the alignment
    focus: str | None  # an aspect to speak of above all
    max_sentences: int | None  # what is asked for; max_new_tokens is what cuts
    audience: str | None
    max_prompt_tokens: int
    max_new_tokens: int
    batch_size: int
    save_every: int

    def __post_init__(self) -> None:
        """Check the sources, the ranges and what goes into prompts."""
        for source in self.sources:
            require_one_of(source, SOURCES, "explain.sources")
        require(len(set(self.sources)) == len(self.sources), "explain.sources", "without repeats")
        tokens = {"max_prompt_tokens": 1, "max_new_tokens": 1}
        require_at_least("explain", self, n_cases=1, top_k=1, max_sentences=1, batch_size=1, save_every=1, **tokens)
        if self.audience is not None:
            require_one_of(self.audience, AUDIENCES, "explain.audience")
        if self.focus is not None:
            words = self.focus.strip() and self.focus.isprintable() and len(self.focus) <= MAX_FOCUS_CHARACTERS
            require(bool(words), "explain.focus", f"words on one line, at most {MAX_FOCUS_CHARACTERS} characters")
