"""The live page: pick a history, ask why, and try what changes the recommender's mind."""
