"""Sharding: the processes of one launch share a list of batches, and each of them ends with all answers.

Batches are formed from all questions before they are shared, so that each is the batch that one process alone would
ask, and the answers are the same. Where the LLM's weights are sharded, processes need each other in every pass of it,
so that each asks all batches.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from recexplainer.core.environment import join_processes, llm_is_sharded, n_processes, process_number

T = TypeVar("T")


def shard(batches: Iterable[T]) -> Iterator[T]:
    """The batches that are this process's to ask: every n-th, or all where the LLM is sharded."""
    if llm_is_sharded():
        return iter(batches)
    return itertools.islice(batches, process_number(), None, n_processes())


def gather(answered: Mapping[int, T]) -> list[T]:
    """The answers of all processes, in the order of the questions.

    Args:
        answered: What this process answered, by the number of the question.
    """
    parts: list[Mapping[int, T]] = [answered]
    if n_processes() > 1:
        import torch.distributed

        join_processes()
        parts = [{} for _ in range(n_processes())]
        torch.distributed.all_gather_object(parts, dict(answered))
    everything = {number: answer for part in parts for number, answer in part.items()}
    return [everything[number] for number in sorted(everything)]
