"""The language model, the examples that it is aligned by, and how it is trained on them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from annotated_types import Interval
from pydantic import Strict
from pydantic.dataclasses import dataclass

from recexplainer.core.settings.api import ApiModel
from recexplainer.core.settings.kinds import (
    DISTINCT,
    SECTION,
    Count,
    CountOrZero,
    Flag,
    NotNegative,
    Number,
    Positive,
    ProperShare,
    Share,
    ShareBelowOne,
    Whole,
    must,
    one_of,
    require,
)

ALIGNED_MODES = ("behaviour", "intention", "both")
ATTENTIONS = ("sdpa", "flex_attention", "eager")
_GIVEN_TO_TEMPLATES = ("messages", "tools", "documents", "add_generation_prompt")

Scalar = Flag | Whole | str | Annotated[float, Strict()] | None
TemplateParameter = Annotated[
    str,
    must(lambda name: name.isidentifier() and name not in _GIVEN_TO_TEMPLATES, "a parameter of the chat template"),
]
Attention = Annotated[
    str,
    one_of(ATTENTIONS, " (only these support a separate mask for each token, which packed rows need)"),
]
Mode = Annotated[str, one_of(ALIGNED_MODES)]
OfModes = Annotated[
    dict[Mode, Number],
    must(lambda of: len(of) == len(ALIGNED_MODES), f"a number for each of {', '.join(ALIGNED_MODES)}"),
]


@dataclass(frozen=True, config=SECTION)
class Llm:
    """The base language model: a hub name with a revision, or a local folder."""

    base: str
    revision: str | None
    chat_template: str | None
    chat_template_kwargs: dict[TemplateParameter, Scalar]  # the template's own parameters, such as enable_thinking


@dataclass(frozen=True, config=SECTION)
class AdaptLlm:
    """How long and on what the embedded LLM learns the words of a catalogue of one's own."""

    steps: CountOrZero  # 0: it is aligned as it is
    n_tokens: CountOrZero  # the most titles and categories that become one token each
    slot_share: Share  # of the lessons that have vectors in the place of words
    slot_noise: NotNegative  # of a vector's size
    slot_top: NotNegative  # as align.warm_start_top
    row_tokens: Count
    rows_per_step: Count
    workers: CountOrZero  # processes that draw lessons; each has its own stream
    learning_rate: Positive
    warmup_steps: CountOrZero
    logging_steps: Count
    save_steps: Count


@dataclass(frozen=True, config=SECTION)
class Summaries(ApiModel):
    """Who writes the summaries of training users' tastes: a rule, from the catalogue, or a model behind an API."""

    section: ClassVar[str] = "summaries"
    author: Literal["catalogue", "api"]
    max_failed: ShareBelowOne  # share of the histories


@dataclass(frozen=True, config=SECTION)
class BuildAlignment:
    """How alignment examples are drawn from the recommender."""

    max_history: Count  # the newest items that a prompt shows
    min_history: Count
    positions_per_user: Count  # of a training user
    eval_positions_per_user: Count  # the newest positions of a valid or test user
    n_candidates: Annotated[Whole, Interval(ge=2, le=5)]  # of item ranking
    choices_per_history: Annotated[Whole, Interval(ge=1, le=100)]  # of a training user, taught as next items
    rankings_per_history: Count  # of a training user; the others get one
    classifications_per_history: Count  # of a training user
    eval_classifications_per_history: Count
    verdicts_per_history: CountOrZero  # classifications in the words of the explanation
    evidence_per_history: CountOrZero  # decisions of a training user whose evidence is asked for; 0: of nobody
    evidence_top_k: Count  # of these, decisions for an item are drawn from the recommender's top k
    like_top: ProperShare
    dislike_bottom: ProperShare
    n_dialogues: CountOrZero

    def __post_init__(self) -> None:
        """Check that no item is both liked and disliked."""
        shares = self.like_top + self.dislike_bottom
        require(shares <= 1, "like_top + dislike_bottom", f"at most 1, not {shares:g}")


@dataclass(frozen=True, config=SECTION)
class DraftExplanations:
    """How many explanations of training users' verdicts the base language model drafts, and at which length."""

    n_drafts: CountOrZero  # 0: none
    max_prompt_tokens: Count
    max_new_tokens: Count
    batch_size: Count


@dataclass(frozen=True, config=SECTION)
class Lora:
    """The adapter: ``targets`` is ``all-linear``, or names of linear layers separated by commas.

    Layers that ``ranks`` names have ranks of their own, and are scaled as the others are.
    """

    r: Count
    alpha: Count
    dropout: ShareBelowOne
    targets: str
    ranks: dict[str, Count]


@dataclass(frozen=True, config=SECTION)
class Align:
    """How the language model is aligned; ``modes`` drives the DVC matrix.

    The names of tasks are checked where the tasks are (`tasks.check_tasks`).
    """

    modes: Annotated[list[Mode], DISTINCT]
    epochs: OfModes
    learning_rate: Positive  # of the adapter
    connector_learning_rate: Positive
    connector_hidden_size: Count
    warm_start_steps: CountOrZero  # of fitting the connectors before the LLM; 0: no warm start, as in the paper
    slots_per_user: Count  # positions of a prompt that a user's vector takes; 1, as in the paper
    warm_start_top: NotNegative  # how much a user's best items count in the user's slot, besides the order of all
    warmup: Share  # of the steps
    row_tokens: Count
    rows_per_step: Count
    attention: Attention
    gradient_checkpointing: Flag
    compile: Flag  # the LLM's layers, before training
    four_bit: Flag  # the LLM's weights while the adapter learns (QLoRA)
    n_categories: CountOrZero  # how many categories follow a title in a prompt
    lora: Lora
    mixture: dict[str, NotNegative]  # how often an example of a task (or task/aspect) is seen in one epoch
    weights: dict[str, NotNegative]  # of the loss, by task
    both_forms: OfModes  # shares of the three forms in mode both
    logging_steps: Count
    save_steps: Count
    eval_steps: CountOrZero  # how often a few valid users are asked meanwhile; changes no weight; 0: never
    eval_users: Count

    @property
    def rows_are_filled(self) -> bool:
        """Whether every row is filled up to `row_tokens`: what is compiled is compiled for one length."""
        return self.compile or self.attention == "flex_attention"
