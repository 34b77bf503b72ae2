"""What every recommender is: histories in, vectors and scores out, frozen, stored without pickle."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from recexplainer.core.errors import InputError
from recexplainer.data.interactions import PADDING_ID

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "weights.safetensors"
HISTORIES_AT_ONCE = 256
SCORES_AT_ONCE = 2**24  # bounds the memory of scores, not the result
NO_LIMIT = 2**31 - 1  # the `max_length` of a recommender that reads histories of any length

Histories: TypeAlias = "Sequence[Sequence[int] | np.ndarray] | Tensor"

_KINDS: dict[str, type[Recommender]] = {}


class Recommender(nn.Module, ABC):
    """A trained recommender, frozen: its answers depend on the history alone.

    A history holds item ids, oldest first. The id 0 is padding everywhere: it is never read, and the
    other items keep their places. Of a history longer than `max_length` the newest items count.

    It stays in evaluation mode, in its own precision and without gradients, whatever a model that contains it
    is told (`train()`, `bfloat16()`, an autocast region).

    Attributes:
        kind: The name in configuration files.
        has_vectors: Whether it gives user and item vectors, and not scores alone.
        gives_logits: Whether a softmax makes probabilities of its scores, as in training; otherwise their unit is
            arbitrary.
        n_items: The number of items; their ids are 1 … n_items.
        dim: Width of the vectors, 0 without vectors.
        max_length: The number of newest items that a history is cut to.
    """

    kind: ClassVar[str]
    has_vectors: bool
    gives_logits: ClassVar[bool] = True
    places_at_once: ClassVar[int] = 2**16  # rows · length: bounds the memory of one pass, not the result

    def __init__(self, n_items: int, dim: int, max_length: int) -> None:
        super().__init__()
        self.n_items = n_items
        self.dim = dim
        self.max_length = max_length

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "kind" in cls.__dict__:
            _KINDS[cls.kind] = cls

    # -- what a kind implements --------------------------------------------------------------------------

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The arguments of the constructor that make an empty recommender of the same shape (JSON values)."""

    @abstractmethod
    def _score(self, item_ids: Tensor) -> Tensor:
        """Raw scores (batch, n_items + 1) of histories (batch, length)."""

    def _user_vectors(self, item_ids: Tensor) -> Tensor:
        raise NotImplementedError(f"{self.kind} has no user vectors")

    def item_vectors(self) -> Tensor:
        """The items' vectors, (n_items + 1, dim); row 0 is padding.

        Raises:
            NotImplementedError: The recommender gives scores alone (`has_vectors` is False).
        """
        raise NotImplementedError(f"{self.kind} has no item vectors")

    # -- what its users call -----------------------------------------------------------------------------

    def user_vectors(self, histories: Histories) -> Tensor:
        """The users' vectors, (batch, dim), of their histories; a history without items gives zeros.

        Args:
            histories: Sequences or arrays of item ids, or a tensor (batch, length), left-padded with 0.

        Raises:
            NotImplementedError: The recommender gives scores alone (`has_vectors` is False).
        """
        item_ids = self._as_tensor(histories)
        with self._inference():
            return torch.cat([self._user_vectors(rows) for rows in self._batches(item_ids)])

    def scores(self, histories: Histories, exclude_seen: bool = False) -> Tensor:
        """Scores of all items, (batch, n_items + 1); the padding's column is -inf.

        Args:
            histories: Sequences or arrays of item ids, or a tensor (batch, length), left-padded with 0.
            exclude_seen: Put every item of the given history at -inf, also those that are too old to count.
        """
        item_ids = self._as_tensor(histories)
        with self._inference():
            scores = torch.cat([self._score(rows) for rows in self._batches(item_ids)])
        scores[:, PADDING_ID] = -torch.inf
        if exclude_seen:
            scores.scatter_(1, item_ids, -torch.inf)
        return scores

    def n_at_once(self, most: int, n_scores: int | None = None) -> int:
        """How many histories to score at once: `most`, or fewer where these have more scores than `SCORES_AT_ONCE`.

        Args:
            most: Histories.
            n_scores: Another bound of the scores.
        """
        return max(1, min(most, (n_scores or SCORES_AT_ONCE) // (self.n_items + 1)))

    def each_scores(
        self, histories: Sequence[Sequence[int] | np.ndarray], exclude_seen: bool = False
    ) -> Iterator[np.ndarray]:
        """The scores of one history after the other, (n_items + 1,) in double precision; see `scores`."""
        n_at_once = self.n_at_once(HISTORIES_AT_ONCE)
        for start in range(0, len(histories), n_at_once):
            yield from self.scores(histories[start : start + n_at_once], exclude_seen).double().cpu().numpy()

    def save(self, folder: Path) -> None:
        """Write the configuration and the weights into `folder`, which is made if needed."""
        folder.mkdir(parents=True, exist_ok=True)
        config = {"kind": self.kind, **self.config()}
        (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        (folder / WEIGHTS_FILE).write_bytes(save(weights))  # `save_file` would close it to other readers

    def read_files(self, folder: Path) -> None:  # noqa: B027  (most kinds keep nothing)
        """Read what the kind keeps in `folder` besides configuration and weights."""

    # -- what keeps it frozen ----------------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        """Where its weights are, and its answers."""
        return next(iter(self.state_dict().values())).device

    def freeze(self) -> Self:
        """Take the gradients off the weights, when training is over."""
        return self.requires_grad_(False).train(False)

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode: a model that holds this one may switch its own mode."""
        return super().train(False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        def move_only(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            return moved if moved.dtype == tensor.dtype else tensor.to(moved.device)

        return super()._apply(move_only, recurse)

    @contextmanager
    def _inference(self) -> Iterator[None]:
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            yield

    # -- histories ---------------------------------------------------------------------------------------

    def _as_tensor(self, histories: Histories) -> Tensor:
        if isinstance(histories, Tensor):
            item_ids = histories.long()
        else:
            item_ids = pad_histories(histories, max((len(history) for history in histories), default=0))
        if item_ids.numel() and not 0 <= int(item_ids.min()) <= int(item_ids.max()) <= self.n_items:
            raise ValueError(f"a history contains an item id outside 0 … {self.n_items}")
        return item_ids.to(self.device)

    def _batches(self, item_ids: Tensor) -> Iterator[Tensor]:
        if item_ids.shape[1] == 0:
            item_ids = item_ids.new_full((len(item_ids), 1), PADDING_ID)
        item_ids = item_ids[:, -self.max_length :]
        return iter(item_ids.split(max(1, self.places_at_once // item_ids.shape[1])))


class VectorRecommender(Recommender):
    """A recommender whose score is the dot product of a user's and an item's vector."""

    has_vectors = True

    def _score(self, item_ids: Tensor) -> Tensor:
        return self._user_vectors(item_ids) @ self.item_vectors().T


def pad_histories(histories: Sequence[Sequence[int] | np.ndarray], length: int) -> Tensor:
    """Histories as one tensor (batch, length), left-padded with 0; of a longer one the newest items are kept.

    >>> pad_histories([[5, 6, 7], [8]], 2).tolist()
    [[6, 7], [0, 8]]
    """
    padded = np.full((len(histories), length), PADDING_ID, dtype=np.int64)
    for row, history in enumerate(histories):
        n_kept = min(len(history), length)
        if n_kept:
            padded[row, length - n_kept :] = history[len(history) - n_kept :]
    return torch.from_numpy(padded)


def load_recommender(folder: Path) -> Recommender:
    """The recommender that `save` wrote into `folder`, frozen.

    Raises:
        InputError: A file is missing or damaged, the kind is unknown, or the weights do not fit it.
    """
    config_path, weights_path = folder / CONFIG_FILE, folder / WEIGHTS_FILE
    for path in (config_path, weights_path):
        if not path.is_file():
            raise InputError(f"{path}: not found; run the stage train_recommender")
    try:
        config = json.loads(config_path.read_text(encoding="utf-8"))
        kind = config.pop("kind")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        expected = "expected a JSON object with a 'kind'"
        raise InputError(f"{config_path}: {expected}; train the recommender again") from error
    if kind not in _KINDS:
        raise InputError(f"{config_path}: unknown kind {kind!r}; known: {', '.join(sorted(_KINDS))}")
    try:
        with torch.random.fork_rng(devices=[]):  # what draws weights that are replaced at once
            recommender = _KINDS[kind](**config)
            recommender.load_state_dict(load_file(weights_path), strict=True)
            recommender.read_files(folder)
    except (TypeError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"{weights_path}: does not fit {config_path} ({error}); train the recommender again"
        ) from error
    return recommender.freeze()


def check_stored(folder: Path, recommender: Recommender, histories: Histories) -> None:
    """Hold what `save` wrote into `folder` against the recommender that was saved.

    Raises:
        InputError: It cannot be loaded from there alone, or answers otherwise.
    """
    try:
        stored, own = load_recommender(folder).scores(histories), recommender.scores(histories)
    except InputError as error:
        raise InputError(f"{error} (from the stored copy, which contains only what was copied)") from error
    if not torch.allclose(stored, own, rtol=1e-4, atol=1e-3 * float(own[:, 1:].std())):
        raise InputError(
            f"recommender.kind: {recommender.kind} gives different scores when loaded from its stored copy; "
            "does it read files outside its folder?"
        )
