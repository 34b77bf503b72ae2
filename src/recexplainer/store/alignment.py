"""What a language model is aligned by, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer.core.errors import InputError
from recexplainer.store.atomic import atomic_path
from recexplainer.store.paths import (
    ALIGNMENT,
    ALIGNMENT_EXAMPLES,
    ALIGNMENT_SUMMARIES,
    ALIGNMENT_USER_VECTORS,
    EXPLANATION_DRAFTS,
    alignment_answers,
)
from recexplainer.store.texts import JsonLines, write_jsonl

if TYPE_CHECKING:
    from torch import Tensor

    from recexplainer.data.examples import AlignmentData, Example


def write_alignment(
    examples: Iterable[Example],
    user_vectors: Tensor,
    folder: Path | str = ALIGNMENT,
    summaries: Sequence[dict[str, Any]] = (),
) -> None:
    """Write the mode-free examples, the user vectors that their ``vector_row`` names, and what was asked of a model
    that writes summaries.
    """
    from safetensors.torch import save_file

    with atomic_path(folder) as temporary:
        temporary.mkdir()
        write_jsonl(temporary / ALIGNMENT_EXAMPLES.name, (example.to_row() for example in examples))
        save_file({"user_vectors": user_vectors.contiguous()}, temporary / ALIGNMENT_USER_VECTORS.name)
        if summaries:
            write_jsonl(temporary / ALIGNMENT_SUMMARIES.name, summaries)


def read_alignment(folder: Path | str = ALIGNMENT, with_drafts: bool = False) -> AlignmentData:
    """Read the alignment examples, their table of user vectors, and where asked for the drafted explanations.

    An example is read from its file whenever it is asked for.

    Raises:
        InputError: when a file is missing or malformed; of a malformed example when it is asked for.
    """
    from safetensors.torch import load_file

    from recexplainer.data.examples import AlignmentData

    examples = _Examples(Path(folder) / ALIGNMENT_EXAMPLES.name, "build_alignment")
    try:
        vectors = load_file(Path(folder) / ALIGNMENT_USER_VECTORS.name)["user_vectors"]
    except (OSError, KeyError) as error:
        raise InputError(
            f"{folder}: is not what build_alignment writes ({error}); run dvc repro build_alignment"
        ) from None
    return AlignmentData(examples, vectors, read_drafts() if with_drafts else [])


def write_vectors(path: Path | str, user_vectors: Tensor, item_vectors: Tensor) -> None:
    """Write the vectors that slots point to: of users by row, of items by id."""
    from safetensors.torch import save_file

    with atomic_path(path) as temporary:
        save_file({"user_vectors": user_vectors.contiguous(), "item_vectors": item_vectors.contiguous()}, temporary)


def write_drafts(drafts: Iterable[Example]) -> None:
    """Write the examples whose answers are explanations drafted by the base language model."""
    write_jsonl(EXPLANATION_DRAFTS, (example.to_row() for example in drafts))


def read_drafts() -> list[Example]:
    """Read the drafted explanations.

    Raises:
        InputError: when the file is missing or malformed.
    """
    return list(_Examples(EXPLANATION_DRAFTS, "draft_explanations"))


def write_answers(source: str, rows: Iterable[dict[str, Any]]) -> None:
    """Write what a source answered to each alignment test example."""
    write_jsonl(alignment_answers(source), rows)


class _Examples(Sequence["Example"]):
    """The examples of a file that a stage wrote."""

    def __init__(self, path: Path, stage: str) -> None:
        self._path, self._stage, self._rows = path, stage, JsonLines(path, ("task", "split", "answer"))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> Example:  # type: ignore[override]
        from recexplainer.data.examples import Example

        try:
            return Example(**self._rows[number])
        except (TypeError, ValueError) as error:
            remedy = f"run dvc repro {self._stage}"
            raise InputError(f"{self._path}: is not what {self._stage} writes ({error}); {remedy}") from None
