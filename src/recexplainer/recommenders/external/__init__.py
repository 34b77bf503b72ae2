"""Recommenders that were made elsewhere: behind an adapter of the user's, an MLflow model, or matrices.

Importing the package makes their kinds loadable. The guide is docs/how-to/own-recommender.md.
"""

from recexplainer.recommenders.external.adapter import Adapter, VectorAdapter
from recexplainer.recommenders.external.matrices import ExternalMatrices
from recexplainer.recommenders.external.opening import open_external
from recexplainer.recommenders.external.recommender import ExternalRecommender

__all__ = ["Adapter", "ExternalMatrices", "ExternalRecommender", "VectorAdapter", "open_external"]
