"""What a decision of the recommender rests on: asked of the recommender itself, by deleting items of the history."""
