"""Model cards: what a registered version is for, what it was made of, how well it does, and where it ends."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from recexplainer.store import write_text
from recexplainer.tracking import runs
from recexplainer.tracking.registry.roles import registered_name

CARD = "README.md"  # in the folder of the logged model, next to MLmodel
_INTERVAL = "_interval"
LICENCE = (
    "The code is under Apache-2.0. The licences of the training data and of the base LLM apply to weights that were "
    "made from them."
)
_PLACE = re.compile(r"(?<=## Figures\n\n).*?(?=\n\n## Limits)", re.DOTALL)
USES = {  # the start of a role → intended use, limits
    "recommender-": (
        "Ranks a catalogue for a history of items, and is what the explainers of the same data set explain.",
        "It knows no item and no interaction from after its training data, and scores are comparable within one "
        "history only.",
    ),
    "explainer-": (
        "Explains decisions of the recommender that it was aligned to (it carries a copy): a verdict with its "
        "probability, a text, and the items that carry the decision, tested by removal.",
        "It does not explain any other recommender. The verdict is the LLM's and may differ from the recommender's "
        "decision, which every answer states. A text says what carries a decision of the model, not why a person "
        "likes an item. Do not use it for decisions about people.",
    ),
    "": (
        "Measures explanations: tells the source, or predicts the recommender's score, from a text.",
        "It knows the sources, the wording and the catalogue that it was trained on, and no others.",
    ),
}


def write_card(role: str, dataset: str, version: str, made_of: Mapping[str, Any]) -> None:
    """Write a version's card, without figures, into its description and its folder, unless it has a description.

    Args:
        role: The model's.
        dataset: Its data set.
        version: Of the registered model.
        made_of: What it was made of, by name; None values are left out.
    """
    name = registered_name(dataset, role)
    if not runs.connect().get_model_version(name, version).description:
        _write(name, version, model_card(role, dataset, made_of))


def add_figures(name: str, version: str, metrics: Mapping[str, Any]) -> None:
    """Put what was measured into a version's card, in the place of earlier figures; without a card nothing happens.

    Args:
        name: The registered model's.
        version: Its version.
        metrics: Nested as in a metrics file; those that have an interval are shown.
    """
    card = str(runs.connect().get_model_version(name, version).description or "")
    if _PLACE.search(card):
        _write(name, version, _PLACE.sub(lambda _: _table(metrics), card))


def _write(name: str, version: str, card: str) -> None:
    client = runs.connect()
    client.update_model_version(name, version, description=card)
    source = re.fullmatch(r"models:/(m-\w+)", str(client.get_model_version(name, version).source))
    if source is not None:
        with tempfile.TemporaryDirectory() as folder:
            write_text(Path(folder) / CARD, f"# {name}, version {version}\n\n{card}")
            client.log_model_artifact(source[1], str(Path(folder) / CARD))


def model_card(role: str, dataset: str, made_of: Mapping[str, Any]) -> str:
    """A card in Markdown, on which nothing was measured yet."""
    use, limits = next(texts for start, texts in USES.items() if role.startswith(start))
    known = {"data set": dataset} | {name: value for name, value in made_of.items() if value is not None}
    sections = {
        "Intended use": use,
        "Data": "\n".join(f"- {name}: {value}" for name, value in known.items()),
        "Figures": "Not measured yet; see the metrics of its run.",
        "Limits": limits,
        "Licence": LICENCE,
    }
    return "\n\n".join(f"## {head}\n\n{text}" for head, text in sections.items()) + "\n"


def _table(metrics: Mapping[str, Any]) -> str:
    rows = [f"| {name} | {value:.4g} | {interval} |" for name, value, interval in _figures(metrics)]
    head = ["On users held out from alignment, with 95 % intervals:", "", "| | | |", "|---|---|---|"]
    return "\n".join([*head, *rows])


def _figures(metrics: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float, str]]:
    """Every figure that has an interval: its dotted name, value, and interval in words."""
    for key, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _figures(value, f"{above}{key}.")
        elif isinstance(value, int | float) and (interval := metrics.get(key + _INTERVAL)):
            yield f"{above}{key}", float(value), f"{interval[0]:.4g} to {interval[1]:.4g}"
