"""The words of every prompt: what is said to the LLM around histories, items and candidates.

Constants only, so that the embedded dialogues and the demo LLM's recipe can speak the same language without
importing more.
"""

HISTORY = "History, oldest first:"
USER = "User:"
NEXT_ITEM_RETRIEVAL = "Which item does the recommender rank first for this user? Answer with its title."
ITEM_RANKING = "Order these candidates from best to worst for this user, one title per line:"
INTEREST = "Will the user like this item?"
ANSWER_YES_NO = "Answer Yes or No."
ANSWER_AND_EXPLAIN = (
    "Answer Yes or No and explain, as the recommender would: which items and traits in the history "
    "speak for or against it?"
)
ITEM = "Item:"
ITEM_QUESTIONS = {
    "title": "What is the title of this item?",
    "brand": "What is the brand of this item?",
    "categories": "What are the categories of this item?",
    "features": "What are the features of this item?",
    "description": "Describe this item.",
    "similar": "Which other item is most similar to this item? Answer with its title.",
}
TITLE_FROM = {
    "description": "Which item is described here? Answer with its title.",
    "features": "Which item has these features? Answer with its title.",
}
EVIDENCE = {
    "Yes": "Which items in the history speak for this item? Answer with the titles, strongest first, one per line.",
    "No": "Which items in the history speak against this item? Answer with the titles, strongest first, one per line.",
}
NO_EVIDENCE = "No item in the history does."
HISTORY_RECONSTRUCTION = "Which items are in the user's history? Answer with the titles, one per line."
USER_SUMMARY = "Summarise what this user likes."

YES, NO = "Yes", "No"
