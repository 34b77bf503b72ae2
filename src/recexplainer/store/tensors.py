"""Whether a file of tensors holds those of a model: all of them, no others, in their shapes."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def check_tensors(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], owner: str) -> None:
    """Compare tensors that were read with those that their owner has.

    Args:
        found: By name, as read.
        expected: By name, as the owner has them.
        owner: Named in the message, such as "the adapter".

    Raises:
        ValueError: If tensors are missing, spare or of another shape; the first of them is named.
    """
    missing, spare = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    if missing:
        raise ValueError(f"{owner} lacks {len(missing)} of {len(expected)} tensors, such as {missing[0]}")
    if spare:
        raise ValueError(f"{owner} has {len(spare)} unexpected tensors, such as {spare[0]}")
    for name, tensor in expected.items():
        if found[name].shape != tensor.shape:
            raise ValueError(f"{owner}: {name} is {list(found[name].shape)} and should be {list(tensor.shape)}")
