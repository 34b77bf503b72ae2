from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from recexplainer.core.statistics.agreement import agreement, krippendorff_alpha

NONE = np.nan
OBSERVERS = np.array(  # Krippendorff 2011: four observers, twelve units
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
        [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
    ]
).T
DIAGNOSES = [  # Fleiss 1971: thirty patients, six psychiatrists, five diagnoses
    "00060", "03003", "01401", "00006", "03030", "20400", "00402", "20310", "20040", "00006",
    "10050", "11040", "03300", "10050", "02031", "00501", "30012", "51000", "02040", "10203",
    "00006", "01050", "02013", "20040", "10041", "05010", "40002", "02040", "10500", "00006",
]  # fmt: skip
FOURTEEN = [  # the usual worked example: ten subjects, fourteen raters, five categories
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def alpha_by_definition(ratings: np.ndarray, distance: Callable[[float, float, list[float]], float]) -> float:
    """Mean distance of the pairs within units over that of all pairs, each unit weighted by its ratings."""
    units = [[value for value in row if not np.isnan(value)] for row in ratings]
    units = [unit for unit in units if len(unit) > 1]
    everything = [value for unit in units for value in unit]
    n = len(everything)
    observed = sum(
        sum(distance(a, b, everything) for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units
    )
    expected = sum(distance(a, b, everything) for a, b in permutations(everything, 2)) / (n - 1)
    return 1 - observed / expected


def nominal(a: float, b: float, everything: list[float]) -> float:
    return float(a != b)


def interval(a: float, b: float, everything: list[float]) -> float:
    return (a - b) ** 2


def ordinal(a: float, b: float, everything: list[float]) -> float:
    low, high = min(a, b), max(a, b)
    between = sum(low <= value <= high for value in everything)
    return (between - (everything.count(low) + everything.count(high)) / 2) ** 2 if a != b else 0.0


@pytest.mark.parametrize(
    ("metric", "distance", "published"),
    [("nominal", nominal, 0.743), ("ordinal", ordinal, 0.815), ("interval", interval, 0.849)],
)
def test_alpha_of_krippendorffs_observers(
    metric: str, distance: Callable[[float, float, list[float]], float], published: float
) -> None:
    found = krippendorff_alpha(OBSERVERS, metric)
    assert round(found, 3) == published
    assert found == pytest.approx(alpha_by_definition(OBSERVERS, distance))


def test_alpha_of_levels_with_gaps() -> None:
    rng = np.random.default_rng(3)
    ratings = rng.choice([0.0, 1.0, 2.5, 7.0, NONE], size=(30, 3))
    for metric, distance in (("nominal", nominal), ("ordinal", ordinal), ("interval", interval)):
        assert krippendorff_alpha(ratings, metric) == pytest.approx(alpha_by_definition(ratings, distance))


def cohen_kappa(first: Sequence[float], second: Sequence[float], figure: str = "kappa") -> float:
    """Of a pair of raters; NaN where it is undefined."""
    [pair] = agreement(pd.DataFrame({"a": first, "b": second}), np.random.default_rng(0), n_draws=1)["pairs"]
    return np.nan if pair[figure] is None else pair[figure]


def fleiss_kappa(counts: Sequence[Sequence[int]]) -> float:
    """Of how many raters gave each level to each text; NaN where it is undefined."""
    table = pd.DataFrame([np.repeat(np.arange(len(row)), row) for row in counts])
    found = agreement(table, np.random.default_rng(0), n_draws=1)["overall"]["fleiss_kappa"]
    return np.nan if found is None else found


def fleiss_by_definition(counts: list[list[int]]) -> float:
    """The chance that two raters of one subject agree, against that of any two ratings."""
    n, total = sum(counts[0]), sum(map(sum, counts))
    observed = np.mean([sum(c * (c - 1) for c in row) / (n * (n - 1)) for row in counts])
    expected = sum((sum(column) / total) ** 2 for column in zip(*counts, strict=True))
    return float((observed - expected) / (1 - expected))


@pytest.mark.parametrize(
    ("counts", "published"), [(FOURTEEN, 0.210), ([[int(c) for c in row] for row in DIAGNOSES], 0.430)]
)
def test_fleiss(counts: list[list[int]], published: float) -> None:
    assert round(fleiss_kappa(counts), 3) == published
    assert fleiss_kappa(counts) == pytest.approx(fleiss_by_definition(counts))


@pytest.mark.parametrize("counts", [[[1, 0]], [[2, 0, 0], [0, 1, 1], [1, 0, 0]]])
def test_fleiss_is_of_texts_that_everybody_rated(counts: list[list[int]]) -> None:
    complete = [row for row in counts if sum(row) == 2]
    assert fleiss_kappa(counts) == pytest.approx(fleiss_kappa(complete) if complete else NONE, nan_ok=True)


def test_cohen_by_hand() -> None:
    """Two readers of fifty grant proposals: 20 twice yes, 15 twice no; κ = (.7 - .5) / (1 - .5)."""
    first = [1] * 25 + [0] * 25
    second = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.4)


def test_cohen_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        first = rng.integers(0, 4, 40)
        second = np.clip(first + rng.integers(-1, 2, 40), 0, 3)
        levels = [0, 1, 2, 3]
        assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))
        weighted = cohen_kappa_score(first, second, weights="quadratic", labels=levels)
        assert cohen_kappa(first, second, "kappa_quadratic") == pytest.approx(weighted)


def test_what_only_one_rated_counts_for_nothing() -> None:
    first, second = [0.0, 1, 2, NONE, 3], [0.0, 2, 2, 3, NONE]
    assert cohen_kappa(first, second) == cohen_kappa(first[:3], second[:3])
    of_all, of_both = (agreement(pd.DataFrame({"a": a, "b": b}), np.random.default_rng(0))["pairs"][0]
                       for a, b in ((first, second), (first[:3], second[:3])))  # fmt: skip
    assert (of_all["n"], of_all["spearman"]) == (of_both["n"], of_both["spearman"]) == (3, pytest.approx(3**0.5 / 2))


def test_without_spread_nothing_is_defined() -> None:
    same = [2.0, 2.0, 2.0]
    assert np.isnan([cohen_kappa(same, same), fleiss_kappa([[2], [2]])]).all()
    assert np.isnan([krippendorff_alpha(np.full((3, 2), 2.0), metric) for metric in ("nominal", "ordinal")]).all()
    assert np.isnan(cohen_kappa([NONE], [1.0]))


def test_unknown_distances() -> None:
    with pytest.raises(ValueError, match="unknown"):
        krippendorff_alpha([[1, 2]], "ratio")


def test_table_of_all_pairs_and_all_together() -> None:
    table = pd.DataFrame(OBSERVERS, columns=list("abcd"))
    found = agreement(table, np.random.default_rng(0))
    assert [(pair["first"], pair["second"]) for pair in found["pairs"]] == [
        ("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d"),
    ]  # fmt: skip
    of_a_and_b = found["pairs"][0]
    assert (of_a_and_b["n"], of_a_and_b["same"]) == (9, pytest.approx(8 / 9))
    assert of_a_and_b["kappa"] == pytest.approx(cohen_kappa(table["a"], table["b"]))
    assert of_a_and_b["spearman"] == pytest.approx(spearmanr(table["a"], table["b"], nan_policy="omit").statistic)
    overall = found["overall"]
    assert (overall["n_ratings"], overall["n_compared"], overall["n_complete"]) == (41, 11, 8)
    assert round(overall["alpha_ordinal"], 3) == 0.815
    low, high = overall["alpha_ordinal_interval"]
    assert 0 < low < 0.815 < high <= 1
    complete = table.dropna().to_numpy().astype(int)
    counts = np.array([[np.sum(row == value) for value in range(1, 6)] for row in complete])
    assert overall["fleiss_kappa"] == pytest.approx(fleiss_kappa(counts))
    assert found == agreement(table, np.random.default_rng(0))


def test_a_draw_of_the_bootstrap_is_the_figure_of_the_texts_drawn() -> None:
    """With two clusters and one draw an interval's two ends are one figure: that of the drawn texts."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame(rng.integers(0, 4, (60, 3)), columns=list("abc"))
    clusters = np.repeat(["x", "y"], 30)
    for seed in range(6):
        counts = np.random.default_rng(seed).multinomial(2, [0.5, 0.5])
        texts = pd.concat([table[clusters == name] for name, n in zip("xy", counts, strict=True) for _ in range(n)])
        found = agreement(table, np.random.default_rng(seed), clusters, n_draws=1)
        expected = {"alpha_ordinal": krippendorff_alpha(texts, "ordinal")}
        assert found["overall"]["alpha_ordinal_interval"] == pytest.approx([expected["alpha_ordinal"]] * 2)
        kappa = cohen_kappa_score(texts["a"], texts["b"], weights="quadratic", labels=[0, 1, 2, 3])
        assert found["pairs"][0]["kappa_quadratic_interval"] == pytest.approx([kappa] * 2)


def test_chance_and_agreement() -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 4, 400)
    table = pd.DataFrame({"a": truth, "b": truth, "c": rng.integers(0, 4, 400)})
    agreed, by_chance, _ = agreement(table, rng)["pairs"]
    assert (agreed["kappa"], agreed["kappa_interval"]) == (1.0, [1.0, 1.0])
    low, high = by_chance["kappa_interval"]
    assert low < 0 < high and high - low < 0.2


def test_tables_with_nothing_to_compare() -> None:
    rng = np.random.default_rng(0)
    alone = agreement(pd.DataFrame({"a": [1.0, 2.0]}), rng)
    assert alone["pairs"] == [] and alone["overall"]["alpha_nominal"] is None
    apart = agreement(pd.DataFrame({"a": [1.0, NONE], "b": [NONE, 2.0]}), rng)
    assert apart["pairs"][0]["n"] == 0
    assert apart["pairs"][0]["kappa"] is None and apart["pairs"][0]["kappa_interval"] is None
    empty = agreement(pd.DataFrame({"a": [], "b": []}, dtype=float), rng)
    assert empty["overall"]["n_ratings"] == 0 and empty["overall"]["fleiss_kappa"] is None
