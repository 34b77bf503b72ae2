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
from recexplainer.store.texts import jsonl_rows, write_jsonl

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

    Raises:
        InputError: when a file is missing or malformed.
    """
    from safetensors.torch import load_file

    from recexplainer.data.examples import AlignmentData

    examples = _read_examples(Path(folder) / ALIGNMENT_EXAMPLES.name, "build_alignment")
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
    return _read_examples(EXPLANATION_DRAFTS, "draft_explanations")


def write_answers(source: str, rows: Iterable[dict[str, Any]]) -> None:
    """Write what a source answered to each alignment test example."""
    write_jsonl(alignment_answers(source), rows)


def _read_examples(path: Path, stage: str) -> list[Example]:
    from recexplainer.data.examples import Example

    known: dict[Any, Any] = {}  # many examples have equal values: one object stands for them

    def shared(name: str, value: Any) -> Any:
        if name in ("task", "split", "aspect", "history"):
            return known.setdefault(tuple(value) if isinstance(value, list) else value, value)
        return value

    try:
        return [
            Example(**{name: shared(name, value) for name, value in row.items()})
            for row in jsonl_rows(path, ("task", "split", "answer"))
        ]
    except TypeError as error:
        raise InputError(f"{path}: is not what {stage} writes ({error}); run dvc repro {stage}") from None
