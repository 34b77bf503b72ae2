"""Prints as JSON with which kernels a process computes, and whether products hang on where their arrays lie."""

from __future__ import annotations

import json

import recexplainer  # noqa: F401  (chooses the kernels, so it comes first)

# isort: split
import numpy as np
import torch
from numpy._core._multiarray_umath import __cpu_features__
from threadpoolctl import threadpool_info

SHAPES = ((3, 16, 16), (1, 32, 8), (7, 48, 192), (5, 17, 13), (2, 192, 5000))


def placed(values: torch.Tensor, offset: int) -> torch.Tensor:
    """The same values, `offset` numbers behind the beginning of a new array."""
    return torch.empty(values.numel() + offset)[offset:].copy_(values.flatten()).view_as(values)


def products_by_place(generator: torch.Generator) -> int:
    """How many products of equal matrices differ from the first, over places and shapes."""
    differ = 0
    for n_rows, n_terms, n_columns in SHAPES:
        left = torch.randn(n_rows, n_terms, generator=generator)
        right = torch.randn(n_columns, n_terms, generator=generator)
        products = [placed(left, i) @ placed(right, j).T for i in range(16) for j in range(4)]
        differ += sum(not torch.equal(product, products[0]) for product in products)
    return differ


if __name__ == "__main__":
    torch.set_num_threads(1)
    np.ones((2, 2)) @ np.ones((2, 2))
    found = {
        "torch": torch.backends.cpu.get_cpu_capability(),
        "openblas": sorted({str(pool["architecture"]) for pool in threadpool_info() if pool["user_api"] == "blas"}),
        "numpy beyond AVX2": [name for name in ("X86_V4", "AVX512_ICL", "AVX512_SPR") if __cpu_features__.get(name)],
        "products by place": products_by_place(torch.Generator().manual_seed(1)),
    }
    print(json.dumps(found))
