"""Recommenders that can be explained, and the baselines that they have to beat.

Importing the package makes all kinds loadable.
"""

from recexplainer.recommenders import baselines, external, gru4rec, mf, sasrec
from recexplainer.recommenders.base import Recommender, load_recommender, pad_histories

__all__ = ["Recommender", "external", "baselines", "gru4rec", "load_recommender", "mf", "pad_histories", "sasrec"]
