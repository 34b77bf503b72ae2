"""RecExplainer: align a language model to a recommender, so that it can say why it decides as it does."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from recexplainer.core.numerics import choose_kernels

if TYPE_CHECKING:
    from recexplainer.explaining.opening import LoadedExplainer

__version__ = "0.1.0"

choose_kernels()  # before anything loads torch or numpy


def load(address: str, base: str | None = None) -> LoadedExplainer:
    """Open a registered explainer, such as ``models:/recexplainer-demo-explainer-both@production``; see `opening.load`.

    Its module is imported here by its name alone: no served model takes it along.
    """
    opened: LoadedExplainer = importlib.import_module("recexplainer.explaining.opening").load(address, base)
    return opened
