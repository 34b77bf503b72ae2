"""Is an explanation true of the recommender? What a text cites, and what the recommender does without it."""
