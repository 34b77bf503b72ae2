"""Guided decoding: an LLM writes free text in which titles and facts can only be those that are right."""
