"""Aligning a language model to a recommender: tasks, prompts, packing, training, decoding, metrics."""
