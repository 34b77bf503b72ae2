"""RecExplainer: align a language model to a recommender, so that it can say why it decides as it does."""

__version__ = "0.1.0"
