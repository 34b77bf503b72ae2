"""Discriminators: whose explanation a text is, and which score of the recommender it carries."""
