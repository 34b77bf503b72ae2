from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer.tracking import fetching, registry, runs
from recexplainer.tracking.registry.cards import model_card
from tests.tracking.registry.score_predictor import NAME, ROLE, register

METRICS = {
    "interest_classification": {"accuracy": 0.8958, "accuracy_interval": [0.8786, 0.9131]},
    "next_item_retrieval": {"hr@5": 0.66, "free": {"hr@5": 0.5, "hr@5_interval": [0.4, 0.6]}},
}


def test_a_card_grows_its_figures_in_the_description_and_the_folder(project: Path) -> None:
    version, client = register(2.0), runs.connect()
    registry.add_figures(NAME, version, METRICS)  # there is no card yet
    assert not client.get_model_version(NAME, version).description
    registry.write_card(ROLE, "demo", version, {"items": 12, "base LLM": None})
    for _ in range(2):  # again, in the place of the first
        registry.add_figures(NAME, version, METRICS)
        card = str(client.get_model_version(NAME, version).description)
        assert card.count("| interest_classification.accuracy | 0.8958 | 0.8786 to 0.9131 |") == 1
        assert card.count("| next_item_retrieval.free.hr@5 | 0.5 | 0.4 to 0.6 |") == 1
        assert "next_item_retrieval.hr@5 " not in card and "Not measured" not in card  # it has no interval
    assert "- items: 12\n" in card and "None" not in card
    kept = fetching.fetch_model(f"models:/{NAME}/{version}") / "README.md"
    assert kept.read_text(encoding="utf-8") == f"# {NAME}, version {version}\n\n{card}"
    registry.pull(ROLE, "demo")  # the card is no change of the model
    registry.write_card(ROLE, "demo", version, {})  # what was written stays
    assert client.get_model_version(NAME, version).description == card


@pytest.mark.parametrize(
    ("role", "use"),
    [
        ("recommender-sasrec", "Ranks a catalogue"),
        ("explainer-both", "Explains decisions"),
        ("source-classifier", "Measures"),
    ],
)
def test_every_role_says_what_it_is_for(role: str, use: str) -> None:
    assert f"## Intended use\n\n{use}" in model_card(role, "demo", {})
