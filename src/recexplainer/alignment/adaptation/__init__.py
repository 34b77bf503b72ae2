"""Adapting the embedded demo LLM to a catalogue before it is aligned: its words, its titles, its slots."""
