"""RecExplainer: align a language model to a recommender, so that it can say why it decides as it does."""

__version__ = "0.1.0"

import os

# Idle OpenMP threads must sleep, not spin: beside one busy process, spinning makes small models ten times slower.
# It is read when torch loads, so it stands before every other import.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
