"""The recommender as a whole: what carries its decisions, added up over thousands of them."""
