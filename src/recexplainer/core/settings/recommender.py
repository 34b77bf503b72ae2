"""The recommender that is explained: its kind, and what every kind is trained with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from recexplainer.core.settings.checks import require, require_at_least, require_one_of, require_positive

ITEM_INITS = ("random", "spectral", "near")
ATTENTION_INITS = ("random", "mean")
SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class RecommenderChoice:
    """Which recommender is trained and explained."""

    kind: str

    def __post_init__(self) -> None:
        """Check the kind."""
        require_one_of(self.kind, ("sasrec", "gru4rec", "mf", "external"), "recommender.kind")


@dataclass(frozen=True)
class SequenceModel:
    """Architecture and training of a sequential recommender, as far as all kinds have it."""

    dim: int
    n_layers: int
    max_length: int
    dropout: float
    temperature: float | None
    learning_rate: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    patience: int
    n_negatives: int | None
    item_init: str
    init_recency: float
    init_text_weight: float
    schedule: str

    def __post_init__(self) -> None:
        """Check the choices and the ranges."""
        where = f"train_recommender.{type(self).__name__.lower()}"
        counts = ("dim", "n_layers", "max_length", "batch_size", "max_epochs", "patience", "n_negatives")
        require_at_least(where, self, weight_decay=0, **dict.fromkeys(counts, 1))
        require_at_least(where, self, init_text_weight=0)
        require_positive(where, self, "learning_rate", "temperature")
        require(0 < self.init_recency <= 1, f"{where}.init_recency", "above 0 and at most 1")
        require(0 <= self.dropout < 1, f"{where}.dropout", "a share from 0 to below 1")
        require_one_of(self.item_init, ITEM_INITS, f"{where}.item_init")
        require_one_of(self.schedule, SCHEDULES, f"{where}.schedule")


@dataclass(frozen=True)
class Sasrec(SequenceModel):
    """The self-attentive sequential recommender."""

    n_heads: int
    attention_init: str

    def __post_init__(self) -> None:
        """Check the choice beside what all kinds have."""
        super().__post_init__()
        require_one_of(self.attention_init, ATTENTION_INITS, "train_recommender.sasrec.attention_init")


@dataclass(frozen=True)
class Gru4rec(SequenceModel):
    """The recurrent sequential recommender."""


@dataclass(frozen=True)
class Mf:
    """Implicit matrix factorisation by alternating least squares."""

    dim: int
    iterations: int
    regularisation: float
    confidence: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        require_at_least("train_recommender.mf", self, dim=1, iterations=1, confidence=0)
        require_positive("train_recommender.mf", self, "regularisation")


@dataclass(frozen=True)
class External:
    """A recommender that was made elsewhere: ``adapter`` and ``model`` lie in ``folder``, which DVC watches."""

    folder: str
    adapter: str | None  # file.py or file.py:Class
    model: str | None  # null: the folder itself; or an MLflow URI
    max_missing_items: float  # the share of the catalogue that item vectors may lack
    regularisation: float  # of a user's vector, folded in
    confidence: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        where = "train_recommender.external"
        require(bool(self.folder), f"{where}.folder", "a folder")
        require(0 <= self.max_missing_items < 1, f"{where}.max_missing_items", "a share from 0 to below 1")
        require(self.regularisation > 0, f"{where}.regularisation", "above 0")
        require(self.confidence >= 0, f"{where}.confidence", "at least 0")


@dataclass(frozen=True)
class ItemKnn:
    """The item-neighbourhood floor: of each setting the values to choose from, on the valid items."""

    n_neighbours: list[int]
    normalisation: list[float]
    recency: list[float]

    def __post_init__(self) -> None:
        """Check the ranges."""
        where = "train_recommender.item_knn"
        for name, values in dataclasses.asdict(self).items():
            require(bool(values), f"{where}.{name}", "a list of one value or more")
        require(all(n >= 1 for n in self.n_neighbours), f"{where}.n_neighbours", "at least 1")
        require(all(0 <= share <= 1 for share in self.normalisation), f"{where}.normalisation", "from 0 to 1")
        require(all(0 < share <= 1 for share in self.recency), f"{where}.recency", "above 0 and at most 1")


@dataclass(frozen=True)
class TrainRecommender:
    """Hyper-parameters of every kind of recommender."""

    refit: bool
    sasrec: Sasrec
    gru4rec: Gru4rec
    mf: Mf
    external: External
    item_knn: ItemKnn
