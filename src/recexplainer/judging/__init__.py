"""How good is an explanation? Four levels, given by an embedded rule-based rubric or by a language model."""
