"""Blocks: the cases of a long run in pieces that are kept as soon as they are explained.

A run that was killed resumes where it was. The results are those of a run without a break, since a block is computed
alone either way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from recexplainer import store
from recexplainer.core.environment import is_main_process
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation
from recexplainer.explaining.cases import Case


def explain_blocks(
    cases: Sequence[Case],
    size: int,
    folder: Path,
    explain: Callable[[Sequence[Case]], list[Explanation]],
) -> list[Explanation]:
    """Explain cases block by block; a block that is complete in the folder is not explained again.

    Args:
        cases: All cases.
        size: Cases in a block.
        folder: Holds one file per finished block.
        explain: One explanation per case of a block, in order.

    Returns:
        The explanations, in the order of the cases.
    """
    records: list[Explanation] = []
    for start in range(0, len(cases), size):
        block = cases[start : start + size]
        path = folder / f"{start // size:06}.jsonl"
        finished = _finished(path, block)
        if finished is None:
            finished = explain(block)
            if is_main_process():
                store.write_records(path, finished)
        records += finished
    return records


def _finished(path: Path, block: Sequence[Case]) -> list[Explanation] | None:
    """A block's records, None when they are not there whole."""
    if not path.exists():
        return None
    try:
        records = store.read_records(path, Explanation, "explain again")
    except InputError:  # cut off by a machine that went down: explained again
        return None
    ids = [record.explanation_id for record in records]
    return records if ids == [case.explanation_id for case in block] else None
