"""Blocks: the cases of a long run in pieces that are kept as soon as they are explained.

A run that was killed goes on where it was, and several processes share one list of cases. The results are those of one
process without a break, since a block is computed alone either way.
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
    part: tuple[int, int],
    folder: Path,
    explain: Callable[[Sequence[Case]], list[Explanation]],
) -> list[Explanation]:
    """Explain one part of the cases, block by block; a block that lies whole in the folder is not explained again.

    Args:
        cases: All cases, the same for every process.
        size: Cases in a block.
        part: (number, of): this process takes every of-th block, from block `number` on; (1, 1) takes all.
        folder: Holds one file per finished block.
        explain: One explanation per case of a block, in order.

    Returns:
        The explanations of this part, in the order of the cases.
    """
    number, of = part
    starts = range((number - 1) * size, len(cases), of * size)
    records: list[Explanation] = []
    for start in starts:
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
