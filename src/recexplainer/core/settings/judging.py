"""What is done with explanations: judged, tested for faithfulness, told apart, and shown."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic.dataclasses import dataclass

from recexplainer.core.settings.api import ApiModel
from recexplainer.core.settings.kinds import SECTION, Count, CountOrZero, Flag, Positive, ProperShare


@dataclass(frozen=True, config=SECTION)
class Judge(ApiModel):
    """Who judges the explanations: the embedded rubric, or an OpenAI-compatible server."""

    section: ClassVar[str] = "judge"
    backend: Literal["rubric", "api"]
    n_repeats: Count
    reask_unparseable: Flag  # whether answers without a level, which are kept, are asked for again
    n_traces: CountOrZero


@dataclass(frozen=True, config=SECTION)
class Faithfulness:
    """Cut-offs and random controls of the faithfulness metrics."""

    top_ks: list[Count]
    n_random: Count


@dataclass(frozen=True, config=SECTION)
class Encoder:
    """The pre-trained model that is fine-tuned to read explanations, besides the linear models."""

    base: str | None  # a hub name or a folder; None: nothing is fine-tuned
    revision: str | None  # of a hub name
    n_layers: Count | None  # the lowest so many; None: all
    epochs: Positive
    batch_size: Count
    learning_rate: Positive
    max_tokens: Count  # of an explanation


@dataclass(frozen=True, config=SECTION)
class Discriminate:
    """The models that read explanations: they tell sources apart and predict scores."""

    test_fraction: ProperShare
    max_features: Count  # of the linear models over words
    encoder: Encoder


@dataclass(frozen=True, config=SECTION)
class Report:
    """What the HTML report shows."""

    n_cases: CountOrZero
