"""One client for every model behind an OpenAI-compatible server: endpoints, failures, money, and paid answers kept."""
