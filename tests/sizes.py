"""How large the arrays are that a step makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LargestTensor(TorchDispatchMode):
    """Within it, every tensor that torch makes is seen.

    Attributes:
        n_numbers: Of the largest one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.n_numbers = 0

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call the operation, and note the size of what it gives."""
        given = func(*args, **(kwargs or {}))
        for made in tree_leaves(given):
            if isinstance(made, torch.Tensor):
                self.n_numbers = max(self.n_numbers, made.untyped_storage().nbytes() // made.element_size())
        return given
