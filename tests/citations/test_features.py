import pytest

from recexplainer.citations.attributes import attribute_index
from recexplainer.citations.citations import resolve_citations
from recexplainer.citations.features import feature_figures, named_features
from recexplainer.data.catalogue import Catalogue


def named(text: str, games: Catalogue) -> frozenset[int]:
    return named_features(text, resolve_citations(text, [1, 3], games), attribute_index(games))


def test_features_are_named_outside_of_titles_and_not_when_denied(games: Catalogue) -> None:
    index = attribute_index(games)
    found = named('Yes. A racing game for the Nova 64, not by Crown Works, like "Iron Drift - Nova 64".', games)
    assert {index.names[number] for number in found} == {"Racing", "Nova 64"}


def test_figures_by_hand(games: Catalogue) -> None:
    index = attribute_index(games)
    texts = ["Racing on the Nova 64.", "Racing on the Nova 64.", "A puzzle.", "One of many video games."]
    found = feature_figures(texts, [named(text, games) for text in texts], [3, 5, 5, 5], index)
    assert found["fmr"] == 0.5  # item 3 is a racing game for the Nova 64, item 5 a puzzle
    assert found["fcr"] == pytest.approx(3 / (len(index.names) - len(index.common)))
    assert found["div"] == pytest.approx(2 / 6)  # of six pairs, one shares two features
    assert found["usr"] == 0.75


def test_no_text_gives_no_figure(games: Catalogue) -> None:
    assert feature_figures([], [], [], attribute_index(games)) == dict.fromkeys(["fmr", "fcr", "div", "usr"])
