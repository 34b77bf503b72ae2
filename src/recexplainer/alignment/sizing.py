"""How much two cores get through in a budget of minutes: sizes of a run of the embedded LLM, and how long one takes.

The costs are rough, measured on one core of a machine of 2024 and of the embedded LLM alone; half as fast is possible.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from recexplainer.core.settings import Settings

FIXED_MINUTES = 6.0  # recommender, drafts, evaluation, judge, report
MINUTES_PER_USER = 0.0015  # of the same
TOKENS_PER_SECOND = 2400  # of the adaptation
SECONDS_PER_HISTORY = 0.06  # of the alignment
SECONDS_PER_CLASSIFICATION = 0.005
SECONDS_PER_CHOICE = 0.0035
SECONDS_PER_TITLE = 0.005
STEPS_PER_ITEM = 1.1  # of the adaptation: an item's title is then seen about 15 times
TARGETS = "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj,lm_head"  # with the output layer: a title is a token
OUTPUT_RANK = 96  # of the output layer, which tells a thousand titles apart
# init's, as on Games; the costs of a history are at these
MIXTURE = {"next_item_retrieval": 3, "item_ranking": 1, "interest_classification": 1}
TITLES = 3  # how often an epoch asks for the title of each item, align.mixture.item_discrimination/title
MIN_STEPS, MIN_ITEMS, MIN_USERS = 300, 100, 200
_LARGE = 300  # items: from here on vectors need more than the defaults to tell them apart


@dataclass(frozen=True)
class Sizes:
    """What a budget allows.

    Attributes:
        max_items, max_users: What `prepare` keeps; None: all.
        steps: Of the adaptation.
        epochs: Of the mode `intention`; `both` gets three quarters of it.
    """

    max_items: int | None
    max_users: int | None
    steps: int
    epochs: float


def sizes_for(
    n_users: int, n_items: int, minutes: float, positions: int = 4, classifications: int = 24, choices: int = 10
) -> Sizes:
    """Share a budget: what the fixed part leaves goes to the adaptation and the alignment in equal parts.

    Items go first, since an LLM that has not learnt a title cannot name it; then users, at .6 epochs or more.

    Args:
        n_users: How many there are.
        n_items: How many there are.
        minutes: The budget.
        positions: `build_alignment.positions_per_user`.
        classifications: `build_alignment.classifications_per_history`.
        choices: `build_alignment.choices_per_history`.

    >>> sizes_for(600, 200, 60)
    Sizes(max_items=None, max_users=None, steps=300, epochs=1.0)
    >>> sizes_for(50_000, 20_000, 60)
    Sizes(max_items=2045, max_users=3935, steps=2250, epochs=0.6)
    """
    fixed = FIXED_MINUTES + MINUTES_PER_USER * min(n_users, 4000)
    seconds = 60 * max(minutes - fixed, 0.3 * minutes) / 2
    steps = max(MIN_STEPS, round(seconds * TOKENS_PER_SECOND / 1536))
    items = min(n_items, max(MIN_ITEMS, int(steps / STEPS_PER_ITEM)))
    per_user = 0.7 * positions * _per_history(classifications, choices)
    of_titles = items * TITLES * SECONDS_PER_TITLE
    users = min(n_users, 4000, max(MIN_USERS, int((seconds / 0.6 - of_titles) / per_user)))
    epochs = round(min(1.0, seconds / (users * per_user + of_titles)), 2)
    return Sizes(
        items if items < n_items else None,
        users if users < n_users else None,
        min(steps, max(MIN_STEPS, math.ceil(items * STEPS_PER_ITEM))),
        epochs,
    )


def as_parameters(sizes: Sizes, n_items: int, slot_top: float) -> dict[str, Any]:
    """The changes of params.yaml that sizes mean, for an LLM that is adapted with `adapt_llm.slot_top`."""
    large = min(n_items, sizes.max_items or n_items) >= _LARGE
    return {
        "prepare": {"max_items": sizes.max_items, "max_users": sizes.max_users},
        "adapt_llm": {"steps": sizes.steps},
        "align": {
            "epochs": {"behaviour": 0.1, "intention": sizes.epochs, "both": round(0.75 * sizes.epochs, 2)},
            "connector_hidden_size": 768 if large else 256,
            "slots_per_user": 2,
            "warm_start_steps": 1000 if large else 300,
            "warm_start_top": slot_top,  # users' slots start as the adaptation taught to read them
            "row_tokens": 512,
            "n_categories": 2,
            "lora": {"r": 32, "alpha": 64, "targets": TARGETS, "ranks": {"lm_head": OUTPUT_RANK}},
            "mixture": dict(MIXTURE),
        },
        "evaluate_alignment": {"max_title_tokens": 64},
    }


def estimated_minutes(settings: Settings, n_users: int, n_items: int, adapts: bool) -> float:
    """About how long a run takes on two cores with the embedded LLM, of as many users and items as `prepare` keeps."""
    chosen, adaptation = settings.build_alignment, settings.adapt_llm
    n_histories = settings.prepare.split.train * n_users * chosen.positions_per_user
    per_history = _per_history(chosen.classifications_per_history, chosen.choices_per_history)
    titles = settings.align.mixture.get("item_discrimination/title", 1) * n_items * SECONDS_PER_TITLE
    modes = [settings.align.epochs[mode] * (n_histories * per_history + titles) for mode in settings.align.modes]
    learnt = max(max(modes, default=0.0), sum(modes) / min(settings.run.parallel, 2))
    if adapts:
        learnt += adaptation.steps * adaptation.rows_per_step * adaptation.row_tokens / TOKENS_PER_SECOND
    return FIXED_MINUTES + MINUTES_PER_USER * n_users + learnt / 60


def _per_history(classifications: int, choices: int) -> float:
    """Seconds of the alignment."""
    return SECONDS_PER_HISTORY + SECONDS_PER_CLASSIFICATION * classifications + SECONDS_PER_CHOICE * choices
