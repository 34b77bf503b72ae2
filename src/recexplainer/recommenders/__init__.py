"""Recommenders that can be explained, and the floors that they have to beat.

Importing the package makes all kinds loadable.
"""

from recexplainer.recommenders import external, floors, gru4rec, mf, sasrec
from recexplainer.recommenders.base import Recommender, load_recommender, pad_histories

__all__ = ["Recommender", "external", "floors", "gru4rec", "load_recommender", "mf", "pad_histories", "sasrec"]
