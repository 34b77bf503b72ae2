"""What a run is called in the UI, and the few words beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MAX_OPTION_CHARACTERS = 40


def run_name(stage: str, dataset: str, options: Mapping[str, str] | None = None) -> str:
    """The stage, what it is of, and the data set.

    >>> run_name("align", "demo", {"mode": "both"}), run_name("prepare", "demo")
    ('align both (demo)', 'prepare (demo)')
    """
    values = [_shortened(value) for value in (options or {}).values() if value.strip()]
    return f"{' '.join([stage, *values])} ({dataset})"


def run_description(about: str, dataset: str, options: Mapping[str, str] | None = None) -> str:
    """What the run does, and of what, in Markdown.

    >>> run_description("Align the base LLM.", "demo", {"mode": "both"})
    'Align the base LLM.\\n\\nData set: demo; mode: both'
    """
    facts = {"Data set": dataset, **{name: _shortened(value) for name, value in (options or {}).items()}}
    return "\n\n".join(filter(None, [about, "; ".join(f"{name}: {value}" for name, value in facts.items())]))


def _shortened(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= MAX_OPTION_CHARACTERS else line[: MAX_OPTION_CHARACTERS - 1] + "…"


def renamed(figures: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Figures whose names, at any depth, say what they are of, even alone.

    >>> renamed({"mean": 2.5, "rubric": {"mean": 2.0}}, {"mean": "level_mean"})
    {'level_mean': 2.5, 'rubric': {'level_mean': 2.0}}
    """
    return {
        names.get(name, name): renamed(value, names) if isinstance(value, Mapping) else value
        for name, value in figures.items()
    }


def clean(name: str) -> str:
    """A name with the characters that MLflow takes in the names of metrics, parameters and tags.

    >>> clean("recommender.json:hr@5")
    'recommender.json:hr_at_5'
    """
    return re.sub(r"[^\w./ :-]", "_", name.replace("@", "_at_"))
