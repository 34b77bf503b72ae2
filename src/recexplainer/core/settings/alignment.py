"""The language model, the examples that it is aligned by, and how it is trained on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recexplainer.core.settings.api import ApiModel
from recexplainer.core.settings.checks import require, require_at_least, require_one_of, require_positive

ALIGNED_MODES = ("behaviour", "intention", "both")
_GIVEN_TO_TEMPLATES = ("messages", "tools", "documents", "add_generation_prompt")
ATTENTIONS = ("sdpa", "flex_attention", "eager")


Scalar = bool | int | str | float | None


@dataclass(frozen=True)
class Llm:
    """The base language model: a hub name with a revision, or a local folder."""

    base: str
    revision: str | None
    chat_template: str | None
    chat_template_kwargs: dict[str, Scalar]  # the template's own parameters, such as enable_thinking

    def __post_init__(self) -> None:
        """Check that the template's parameters are names, and none of those that are given to every template."""
        for name in self.chat_template_kwargs:
            allowed = name.isidentifier() and name not in _GIVEN_TO_TEMPLATES
            require(allowed, f"llm.chat_template_kwargs: {name!r}", "a parameter of the chat template's own")


@dataclass(frozen=True)
class Summaries(ApiModel):
    """Who writes the summaries of training users' tastes: a rule, from the catalogue, or a model behind an API."""

    section: ClassVar[str] = "summaries"
    author: str
    max_failed: float  # share of the histories

    def __post_init__(self) -> None:
        """Check the author and the bounds."""
        super().__post_init__()
        require_one_of(self.author, ("catalogue", "api"), "summaries.author")
        require(0 <= self.max_failed < 1, "summaries.max_failed", "a share from 0 to below 1")


@dataclass(frozen=True)
class BuildAlignment:
    """How alignment examples are drawn from the recommender."""

    max_history: int  # the newest items that a prompt shows
    min_history: int
    positions_per_user: int  # of a training user
    eval_positions_per_user: int  # the newest positions of a valid or test user
    n_candidates: int  # of item ranking, at most 5
    rankings_per_history: int  # of a training user; the others get one
    classifications_per_history: int  # of a training user
    eval_classifications_per_history: int
    verdicts_per_history: int  # classifications in the words of the explanation
    like_top: float
    dislike_bottom: float
    n_dialogues: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        counts = (
            "max_history", "min_history", "positions_per_user", "eval_positions_per_user", "rankings_per_history",
            "classifications_per_history", "eval_classifications_per_history",
        )  # fmt: skip
        require_at_least("build_alignment", self, verdicts_per_history=0, n_dialogues=0, **dict.fromkeys(counts, 1))
        require(2 <= self.n_candidates <= 5, "build_alignment.n_candidates", "2 to 5")
        for name in ("like_top", "dislike_bottom"):
            require(0 < getattr(self, name) < 1, f"build_alignment.{name}", "a share between 0 and 1")
        shares = self.like_top + self.dislike_bottom
        require(shares <= 1, "build_alignment.like_top + dislike_bottom", f"at most 1, not {shares:g}")


@dataclass(frozen=True)
class DraftExplanations:
    """How many explanations of training users' verdicts the base language model drafts, and at which length."""

    n_drafts: int  # 0: none
    max_prompt_tokens: int
    max_new_tokens: int
    batch_size: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        require_at_least("draft_explanations", self, n_drafts=0, max_prompt_tokens=1, max_new_tokens=1, batch_size=1)


@dataclass(frozen=True)
class Lora:
    """The adapter: ``targets`` is ``all-linear``, or names of linear layers separated by commas."""

    r: int
    alpha: int
    dropout: float
    targets: str

    def __post_init__(self) -> None:
        """Check the ranges."""
        require_at_least("align.lora", self, r=1, alpha=1)
        require(0 <= self.dropout < 1, "align.lora.dropout", "a share from 0 to below 1")


@dataclass(frozen=True)
class Align:
    """How the language model is aligned; ``modes`` drives the DVC matrix."""

    modes: list[str]
    epochs: dict[str, float]  # by mode
    learning_rate: float  # of the adapter
    connector_learning_rate: float
    connector_hidden_size: int
    warm_start_steps: int  # of fitting the connectors before the LLM; 0 starts them at random, as the paper does
    warm_start_top: float  # how much a user's best items count in the user's slot, beside the order of all
    warmup: float  # share of the steps
    row_tokens: int
    rows_per_step: int
    attention: str
    gradient_checkpointing: bool
    compile: bool  # the LLM's layers, before training
    four_bit: bool  # the LLM's weights while the adapter learns (QLoRA)
    n_categories: int  # how many categories stand behind a title in a prompt
    lora: Lora
    mixture: dict[str, float]  # how often an example of a task (or task/aspect) is seen in one epoch
    weights: dict[str, float]  # of the loss, by task
    both_forms: dict[str, float]  # shares of the three forms in mode both
    logging_steps: int
    save_steps: int

    def __post_init__(self) -> None:
        """Check the modes and the ranges; the names of tasks are checked where the tasks are (`tasks.check_tasks`)."""
        for mode in self.modes:
            require_one_of(mode, ALIGNED_MODES, "align.modes")
        require(
            self.attention in ATTENTIONS,
            "align.attention",
            f"one of {', '.join(ATTENTIONS)}, not {self.attention!r}: only they take a mask of its own for each token, "
            "which rows of packed examples need",
        )
        require(len(set(self.modes)) == len(self.modes), "align.modes", "without repeats")
        for name in ("epochs", "both_forms"):
            named = sorted(getattr(self, name)) == sorted(ALIGNED_MODES)
            require(named, f"align.{name}", f"a number for each of {', '.join(ALIGNED_MODES)}")
        for name in ("mixture", "weights"):
            for task, value in getattr(self, name).items():
                require(value >= 0, f"align.{name}.{task}", "at least 0")
        counts = ("connector_hidden_size", "row_tokens", "rows_per_step", "logging_steps", "save_steps")
        require_at_least(
            "align", self, warm_start_steps=0, warm_start_top=0, n_categories=0, **dict.fromkeys(counts, 1)
        )
        require_positive("align", self, "learning_rate", "connector_learning_rate")
        require(0 <= self.warmup <= 1, "align.warmup", "a share from 0 to 1")

    @property
    def rows_are_filled(self) -> bool:
        """Whether every row is filled up to `row_tokens`: what is compiled is compiled for one length."""
        return self.compile or self.attention == "flex_attention"
