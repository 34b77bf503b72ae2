"""From decisions to explanations: cases, generation, and the served model."""
