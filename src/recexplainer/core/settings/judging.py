"""What is done with explanations: judged, tested for faithfulness, told apart, and shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recexplainer.core.settings.api import ApiModel
from recexplainer.core.settings.checks import require, require_at_least, require_one_of, require_positive


@dataclass(frozen=True)
class Judge(ApiModel):
    """Who judges the explanations: the embedded rubric, or an OpenAI-compatible server."""

    section: ClassVar[str] = "judge"
    backend: str
    n_repeats: int
    reask_unparseable: bool  # whether answers without a level, which are kept, are asked for again
    n_traces: int

    def __post_init__(self) -> None:
        """Check the backend and the bounds."""
        super().__post_init__()
        require_one_of(self.backend, ("rubric", "api"), "judge.backend")
        require_at_least("judge", self, n_repeats=1, n_traces=0)


@dataclass(frozen=True)
class Faithfulness:
    """Cut-offs and random controls of the faithfulness metrics."""

    top_ks: list[int]
    n_random: int

    def __post_init__(self) -> None:
        """Check the bounds."""
        require(all(k >= 1 for k in self.top_ks), "faithfulness.top_ks", "a list of numbers of at least 1")
        require(self.n_random >= 1, "faithfulness.n_random", "at least 1")


@dataclass(frozen=True)
class Encoder:
    """The pre-trained model that is fine-tuned to read explanations, beside the linear models."""

    base: str | None  # a hub name or a folder; None: nothing is fine-tuned
    revision: str | None  # of a hub name
    n_layers: int | None  # the lowest so many; None: all
    epochs: float
    batch_size: int
    learning_rate: float
    max_tokens: int  # of an explanation

    def __post_init__(self) -> None:
        """Check the ranges."""
        where = "discriminate.encoder"
        require_at_least(where, self, n_layers=1, batch_size=1, max_tokens=1)
        require_positive(where, self, "epochs", "learning_rate")


@dataclass(frozen=True)
class Discriminate:
    """The models that read explanations: they tell sources apart and predict scores."""

    test_fraction: float
    max_features: int  # of the linear models over words
    encoder: Encoder

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 < self.test_fraction < 1, "discriminate.test_fraction", "a share between 0 and 1")
        require_at_least("discriminate", self, max_features=1)


@dataclass(frozen=True)
class Report:
    """What the HTML report shows."""

    n_cases: int

    def __post_init__(self) -> None:
        """Check the range."""
        require_at_least("report", self, n_cases=0)
