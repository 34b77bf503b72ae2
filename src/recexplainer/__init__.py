"""RecExplainer: align a language model to a recommender, so that it can say why it decides as it does."""

from recexplainer.core.numerics import choose_kernels

__version__ = "0.1.0"

choose_kernels()  # before anything loads torch or numpy
