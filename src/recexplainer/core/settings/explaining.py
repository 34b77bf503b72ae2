"""Who explains what, for whom, and in which form."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic.dataclasses import dataclass

from recexplainer.core.settings.alignment import ALIGNED_MODES
from recexplainer.core.settings.kinds import DISTINCT, SECTION, Count, must, one_of

SOURCES = (*ALIGNED_MODES, "none", "template")
MAX_FOCUS_CHARACTERS = 80
Audience = Literal["end_user", "developer", "auditor"]
Focus = Annotated[
    str,
    must(
        lambda words: words.strip() and words.isprintable() and len(words) <= MAX_FOCUS_CHARACTERS,
        f"words on one line, at most {MAX_FOCUS_CHARACTERS} characters",
    ),
]


@dataclass(frozen=True, config=SECTION)
class Explain:
    """Which sources explain (aligned modes, ``none``, the base language model, and ``template``, the recommender's
    evidence in sentences), what, for whom, and how.
    """

    sources: Annotated[list[Annotated[str, one_of(SOURCES)]], DISTINCT]
    n_cases: Count
    top_k: Count  # positive cases are drawn from the recommender's top k
    evidence: Literal["recommender", "self", "own", "free"]  # who supplies the items that a text may cite; free: nobody
    facts: Literal["guided", "free"]  # guided: a text names only values that hold
    counterfactual: Literal["none", "append"]  # append: what would change the decision, behind the text of an LLM
    template: str | None  # a file with the request's words; null: those of the alignment
    sentences: str | None  # a file with the words of the source `template` and of counterfactuals; null: English
    focus: Focus | None  # an aspect to speak of above all
    max_sentences: Count | None  # what is asked for; max_new_tokens is what cuts
    audience: Audience | None
    max_prompt_tokens: Count
    max_new_tokens: Count
    batch_size: Count
    save_every: Count
