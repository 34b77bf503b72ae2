"""Which items, titles and attributes a text names: resolved once, read by everyone."""
