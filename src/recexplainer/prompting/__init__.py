"""From examples to prompts: wording, chat templates, requests."""
