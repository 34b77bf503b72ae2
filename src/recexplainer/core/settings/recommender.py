"""The recommender that is explained: its kind, and what every kind is trained with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic.dataclasses import dataclass

from recexplainer.core.settings.kinds import (
    FILLED,
    SECTION,
    Count,
    Flag,
    NotNegative,
    Positive,
    Share,
    ShareAboveZero,
    ShareBelowOne,
    must,
    require,
)

Kind = Literal["sasrec", "gru4rec", "mf", "external"]
ItemInit = Literal["random", "spectral", "near"]
AttentionInit = Literal["random", "mean"]
Schedule = Literal["constant", "cosine"]


@dataclass(frozen=True, config=SECTION)
class RecommenderChoice:
    """Which recommender is trained and explained."""

    kind: Kind


@dataclass(frozen=True, config=SECTION)
class SequenceModel:
    """Architecture and training of a sequential recommender, as far as all kinds have it."""

    dim: Count
    n_layers: Count
    max_length: Count
    dropout: ShareBelowOne
    temperature: Positive | None
    learning_rate: Positive
    weight_decay: NotNegative
    batch_size: Count
    max_epochs: Count
    patience: Count
    n_negatives: Count | None  # None: as many as the size of the catalogue asks for
    item_init: ItemInit
    init_recency: ShareAboveZero
    init_text_weight: NotNegative
    schedule: Schedule


@dataclass(frozen=True, config=SECTION)
class Sasrec(SequenceModel):
    """The self-attentive sequential recommender."""

    n_heads: Count
    attention_init: AttentionInit

    def __post_init__(self) -> None:
        """Check that all heads are equally wide."""
        require(self.dim % self.n_heads == 0, "dim", f"a multiple of n_heads ({self.n_heads}), not {self.dim}")


@dataclass(frozen=True, config=SECTION)
class Gru4rec(SequenceModel):
    """The recurrent sequential recommender."""


@dataclass(frozen=True, config=SECTION)
class Mf:
    """Implicit matrix factorisation by alternating least squares."""

    dim: Count
    iterations: Count
    regularisation: Positive
    confidence: Positive


@dataclass(frozen=True, config=SECTION)
class External:
    """A recommender that was made elsewhere: ``adapter`` and ``model`` are in ``folder``, which DVC watches."""

    folder: Annotated[str, must(len, "a folder")]
    adapter: str | None  # file.py or file.py:Class
    model: str | None  # null: the folder itself; or an MLflow URI
    max_missing_items: ShareBelowOne  # the share of the catalogue that item vectors may lack
    regularisation: Positive  # of a user's vector, folded in
    confidence: NotNegative


@dataclass(frozen=True, config=SECTION)
class ItemKnn:
    """The item-neighbourhood baseline: of each setting the values to choose from, on the valid items."""

    n_neighbours: Annotated[list[Count], FILLED]
    normalisation: Annotated[list[Share], FILLED]
    recency: Annotated[list[ShareAboveZero], FILLED]


@dataclass(frozen=True, config=SECTION)
class TrainRecommender:
    """Hyper-parameters of every kind of recommender."""

    refit: Flag
    max_evaluated_users: Count | None
    sasrec: Sasrec
    gru4rec: Gru4rec
    mf: Mf
    external: External
    item_knn: ItemKnn
