from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from recexplainer import cli, store
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.records.judgement import Judgement, Level
from recexplainer.core.records.rating import Rating, SheetKey
from recexplainer.core.statistics.agreement import krippendorff_alpha
from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.agree import agreement_of_all, rate_all
from recexplainer.judging.grade import Grade
from recexplainer.judging.ratings import rate, text_hash
from tests.faithfulness.fakes import make_record

TARGET = '"Ember Crown II - Nova 64"'
TEXTS = {  # by the rubric's level
    "D": f'Yes. {TARGET} is a Role-Playing game like "Ember Crown".',
    "C": f'Yes. {TARGET} is like "Ember Crown".',
    "B": f'Yes. {TARGET} is like "Golden Hog".',
    "A": "No. Not that.",
}


def explanations(source: str, levels: str) -> list[Explanation]:
    return [
        make_record(
            explanation_id=f"u{n}", user_id=n, source=source, text=TEXTS[level], verdict=TEXTS[level].split(".")[0]
        )
        for n, level in enumerate(levels)
    ]


def rating(rater: str, record: Explanation, level: Level) -> Rating:
    shown = SheetKey(
        id="r", source=record.source, explanation_id=record.explanation_id, text_sha256=text_hash(record.text)
    )
    return rate(rater, shown, level, "")


@pytest.fixture
def given() -> tuple[dict[str, list[Explanation]], dict[str, list[Judgement]], list[Rating]]:
    """Two sources; two people who rated some of their texts, and a judge that rated one source."""
    texts = {"both": explanations("both", "DCBA"), "none": explanations("none", "AABB")}
    judged = {
        "both": [Grade(level).of(f"u{n}", "m") for n, level in enumerate(["D", "C", "failed", "A"])],
        "none": [Grade("A").of(f"u{n}", "rubric") for n in range(4)],
    }
    ratings = [rating("anna", row, level) for row, level in zip(texts["both"], "DDBA", strict=True)]
    ratings += [
        rating("ben", row, level) for row, level in zip(texts["both"][:2] + texts["none"][:1], "DCB", strict=True)
    ]
    return texts, judged, ratings


def test_everybody_on_the_texts_that_people_rated(given: Any, games: Catalogue) -> None:
    table, n_outdated = rate_all(*given, games)
    assert n_outdated == 0
    assert list(table.index.droplevel("case")) == [
        ("both", "u0"),
        ("both", "u1"),
        ("both", "u2"),
        ("both", "u3"),
        ("none", "u0"),
    ]
    expected = {
        "human:anna": [3, 3, 1, 0, np.nan],
        "human:ben": [3, 2, np.nan, np.nan, 1],
        "judge:m": [3, 2, np.nan, 0, np.nan],
        "rubric": [3, 2, 1, 0, 0],
    }
    assert list(table.columns) == list(expected)
    for name, scores in expected.items():
        np.testing.assert_array_equal(table[name], scores)


def test_without_people_judge_and_rubric_are_compared_on_all_texts(given: Any, games: Catalogue) -> None:
    texts, judged, _ = given
    table, _ = rate_all(texts, judged, [], games)
    assert list(table.columns) == ["judge:m", "rubric"] and len(table) == 8
    found = agreement_of_all(table, seed=1)
    assert (found["pairs"][0]["n"], found["pairs"][0]["kappa"], found["overall_human"]) == (3, 1.0, None)


def test_ratings_of_other_texts_are_counted_and_left_out(given: Any, games: Catalogue) -> None:
    texts, judged, ratings = given
    texts["both"][0] = replace(texts["both"][0], text="Yes. Written anew.")
    texts["none"] = texts["none"][1:]
    table, n_outdated = rate_all(texts, judged, ratings, games)
    assert n_outdated == 3
    places = table.index.droplevel("case")
    assert ("both", "u0") not in places and ("none", "u0") not in places


def test_texts_of_one_case_are_drawn_together_whatever_their_ids(games: Catalogue) -> None:
    """The live page gives each text an id of its own."""
    rows = {source: [make_record(explanation_id=f"live-{source}", source=source)] for source in ("both", "none")}
    rows["both"].append(make_record(explanation_id="u2", source="both", history=[1, 2]))
    table, _ = rate_all(rows, {}, [], games)
    cases = table.index.get_level_values("case")
    assert cases[0] == cases[2] != cases[1]


def test_figures(given: Any, games: Catalogue) -> None:
    table, _ = rate_all(*given, games)
    found = agreement_of_all(table, seed=1)
    assert found["raters"]["human:ben"] == {"n": 3, "mean": 2.0}
    assert len(found["pairs"]) == 6
    last = found["pairs"][2]
    assert (last["first"], last["second"], last["n"]) == ("human:anna", "rubric", 4)
    of_both = table[["human:anna", "rubric"]].dropna().astype(int)
    kappa = cohen_kappa_score(of_both["human:anna"], of_both["rubric"], weights="quadratic", labels=range(4))
    assert last["kappa_quadratic"] == pytest.approx(kappa)
    assert found["overall"]["alpha_ordinal"] == pytest.approx(krippendorff_alpha(table.to_numpy(), "ordinal"))
    people = table[["human:anna", "human:ben"]].to_numpy()
    assert found["overall_human"]["alpha_ordinal"] == pytest.approx(krippendorff_alpha(people, "ordinal"))
    assert found == agreement_of_all(table, seed=1)


def test_the_command(given: Any, games: Catalogue, empty_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["ratings", "agree"]) == 2
    assert capsys.readouterr().err.startswith("error: results/explanations_<source>.jsonl: no such file")
    store.write_catalogue(games.frame)
    texts, judged, ratings = given
    for source, rows in texts.items():
        store.write_explanations(source, rows)
    store.write_judgements("both", judged["both"])
    store.write_ratings([replace(ratings[0], text_sha256="of another text"), *ratings[1:]])
    assert cli.run(["ratings", "agree", "-S", "run.seed=3"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "5 texts; ratings: human:anna 3, human:ben 3, judge:m 3, rubric 5"
    assert out[1] == "skipped 1 ratings of texts that no longer exist"
    assert out[2].split() == ["first", "second", "n", "same", "kappa", "kappa_quadratic", "spearman"]
    assert out[-3].startswith("all: fleiss_kappa") and out[-2].startswith("people: fleiss_kappa")
    found = store.read_json(store.AGREEMENT)
    assert found["n_outdated_ratings"] == 1 and len(found["pairs"]) == 6
    assert cli.run(["ratings", "agree"]) == 0  # by the seed of params.yaml
    drawn = [row["overall"]["alpha_ordinal_interval"] for row in (found, store.read_json(store.AGREEMENT))]
    assert drawn[0] != drawn[1]
