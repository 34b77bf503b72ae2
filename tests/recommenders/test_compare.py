from __future__ import annotations

import pandas as pd
import pytest

from recexplainer import cli
from recexplainer.core.errors import InputError
from recexplainer.recommenders.compare import compare_files


def per_user(ranks: dict[str, list[int]], part: str = "test") -> pd.DataFrame:
    frames = [
        pd.DataFrame(
            {"part": part, "user_id": range(1, len(found) + 1), "target": 3, "rank": found, "recommender": name}
        )
        for name, found in ranks.items()
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture
def files(tmp_path):
    paths = tmp_path / "a.parquet", tmp_path / "b.parquet"
    per_user({"sasrec": [1] * 20, "popularity": [30] * 20}).to_parquet(paths[0])
    per_user({"gru4rec": [1] * 10 + [30] * 10, "popularity": [30] * 20}).to_parquet(paths[1])
    return paths


def test_the_trained_recommenders_are_compared(files):
    table = compare_files(*files, seed=7).set_index("metric")
    assert table.loc["hr@10", ["first", "second", "difference"]].tolist() == [1.0, 0.5, 0.5]
    assert 0.2 < table.loc["ndcg@10", "from"] < 0.5 < table.loc["ndcg@10", "to"] < 0.8
    assert table.loc["ndcg@10", "p_value"] < 0.01
    assert table.equals(compare_files(*files, seed=7).set_index("metric"))


def test_others_are_compared_by_name(files):
    table = compare_files(files[0], files[0], seed=7, names=("popularity", "sasrec"))
    assert table["difference"].tolist() == [-1.0, -1.0]


def test_the_command_prints_a_table(files, empty_project, capsys):
    assert cli.run(["recommenders", "compare", str(files[0]), str(files[1]), "--second", "popularity"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["metric", "first", "second", "difference", "from", "to", "p_value"]
    assert lines[2].split() == ["hr@10", "1.0000", "0.0000", "1.0000", "1.0000", "1.0000", "0.0001"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.parquet", "none.parquet"], "none.parquet: no such file"),
        (["a.parquet", "b.parquet", "--first", "mf"], "a.parquet: has no recommender 'mf'; known: sasrec, popularity"),
        (["a.parquet", "b.parquet", "--part", "valid"], "has no part 'valid'; known: test"),
        (["a.parquet", "short.parquet"], "measured on different users"),
        (["a.parquet", "empty.parquet"], "empty.parquet: contains no users"),
        (["a.parquet", "other.parquet"], "other.parquet: has no column 'recommender'"),
    ],
)
def test_bad_input_is_one_clear_line(files, empty_project, capsys, arguments, message):
    per_user({"sasrec": [1] * 19}).to_parquet("short.parquet")
    per_user({"sasrec": []}).to_parquet("empty.parquet")
    pd.DataFrame({"rank": [1]}).to_parquet("other.parquet")
    assert cli.run(["recommenders", "compare", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1


def test_a_wrong_name_raises_for_callers(files):
    with pytest.raises(InputError, match="known"):
        compare_files(*files, seed=7, names=("oracle", None))
