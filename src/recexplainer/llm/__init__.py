"""The language model: the base, its connectors, and how it reads and decodes packed prompts."""
