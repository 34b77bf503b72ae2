"""The invented world: its catalogue, its users and their dialogues."""
