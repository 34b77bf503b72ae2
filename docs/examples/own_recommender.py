"""An adapter: a recommender made elsewhere, as the pipeline asks it. The guide is docs/how-to/own-recommender.md.

The recommender of this example has a vector per item. A user is the mean of the vectors of what the user took.
"""

import numpy as np


class MeanOfItems:
    """Answers from `vectors.npy` (n, dim) and `items.txt`, the raw id of each row."""

    def __init__(self, items):
        self.items = items  # (n_items + 1, dim), in the catalogue's order; row 0 is padding

    @classmethod
    def load(cls, model, raw_item_ids):
        """Bring the vectors into the catalogue's order; an item that the recommender does not know scores 0."""
        vectors = np.load(model / "vectors.npy")
        row_of = {raw_id: row for row, raw_id in enumerate((model / "items.txt").read_text().split())}
        items = np.zeros((len(raw_item_ids) + 1, vectors.shape[1]))
        for item_id, raw_id in enumerate(raw_item_ids, start=1):
            if raw_id in row_of:
                items[item_id] = vectors[row_of[raw_id]]
        return cls(items)

    def scores(self, histories):
        """The inner products of users and items, (batch, n_items + 1)."""
        users = [self.items[history].mean(axis=0) if history else self.items[0] for history in histories]
        return np.array(users) @ self.items.T

    def user_vectors(self, histories):
        """The means, (batch, dim)."""
        return np.array([self.items[history].mean(axis=0) for history in histories])

    def item_vectors(self):
        """The vectors, (n_items + 1, dim)."""
        return self.items
