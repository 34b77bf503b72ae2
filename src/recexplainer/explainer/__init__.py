"""The explainer: a language model that reads the vectors of a recommender and speaks for it."""
