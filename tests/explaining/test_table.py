from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import mlflow
import pandas as pd
import pytest

from recexplainer import cli
from recexplainer.core import environment
from recexplainer.core.errors import InputError
from recexplainer.explaining import table
from tests import tiny
from tests.conftest import REPOSITORY
from tests.explaining.test_served import log_explainer

pytestmark = pytest.mark.slow
NAME = "recexplainer-demo-explainer-both"
N_ROWS, ROWS = 240, 40
OPTIONS = ("-S", "explain.max_new_tokens=2", "--rows", str(ROWS))


@pytest.fixture
def registered(base: Path, project: Path) -> str:
    """The tiny explainer as the candidate of the working folder's registry."""
    model_id = log_explainer(base)
    tags = mlflow.MlflowClient().get_logged_model(model_id).tags
    mlflow.register_model(f"models:/{model_id}", NAME, tags=tags)
    mlflow.MlflowClient().set_registered_model_alias(NAME, "candidate", "1")
    return f"models:/{NAME}/1"


def questions(n_rows: int = N_ROWS) -> pd.DataFrame:
    """Histories by raw ids and titles, in a column besides the model's own."""
    histories = [["B3", "B5", "title:fox"], ["B8", "B1", "B2", "B9"], ["B4"], ["B12", "B7", "B10"]]
    return pd.DataFrame(
        {
            "order": [f"o{row}" for row in range(n_rows)],
            "history": [histories[row % 4] for row in range(n_rows)],
            "item": [f"B{6 + row % 3 * 3}" for row in range(n_rows)],
        }
    )


def start(log: Path, *words: str) -> subprocess.Popen[bytes]:
    known = {
        **os.environ, "MLFLOW_TRACKING_URI": environment.tracking_uri(), "PYTHONPATH": str(REPOSITORY / "src")
    }  # fmt: skip
    command = [sys.executable, "-m", "recexplainer", "explain-table", *words]
    with log.open("wb") as file:
        return subprocess.Popen(command, env=known, start_new_session=True, stderr=file)


needs_spark = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")


@needs_spark
@pytest.mark.timeout(900)
def test_a_killed_run_resumes_and_gives_the_answers_of_predict(registered: str, project: Path) -> None:
    pytest.importorskip("pyspark")
    asked, out = questions(), Path("out.parquet")
    asked.to_parquet("in.parquet", index=False)
    killed = start(Path("killed.log"), "in.parquet", str(out), "--spark", "local[2]", *OPTIONS)
    while len(table.finished_parts(out)) < 2:
        assert killed.poll() is None, Path("killed.log").read_text()
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    kept = {part: next((out / f"part={part}").glob("*.parquet")) for part in table.finished_parts(out)}
    written = {part: file.stat().st_mtime_ns for part, file in kept.items()}
    assert 2 <= len(kept) < N_ROWS // ROWS
    rest = start(Path("rest.log"), "in.parquet", str(out), "--spark", "local[1]", *OPTIONS)
    assert rest.wait() == 0, Path("rest.log").read_text()
    assert {part: file.stat().st_mtime_ns for part, file in kept.items()} == written  # nothing was done twice

    found = pd.read_parquet(out)
    assert found["order"].tolist() == asked["order"].tolist()
    answers, different = found["answer"].tolist(), asked.iloc[:12]
    expected = mlflow.pyfunc.load_model(registered).predict(different, params={"max_new_tokens": 2}).to_dict("records")
    for row, answer in enumerate(answers):
        wanted = expected[row % 12]
        for name in ("verdict", "text", "counterfactual", "text_by", "label", "rank", "n_ranked", "item", "model"):
            assert answer[name] == wanted[name], (row, name)
        assert answer["p_yes"] == pytest.approx(wanted["p_yes"], abs=2e-6)
    assert None in [answer["label"] for answer in answers]
    assert json.loads((out / table.PLAN).read_text())["model"] == registered


def test_bad_questions_start_nothing(
    registered: str, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "_check_installation", lambda: None)
    good = questions(30)
    folder = Path("questions")
    folder.mkdir()
    for name, change, message in (
        ("unknown", {"item": ["B1"] * 29 + ["B99"]}, "item in row 30: the catalogue has no item with the raw id 'B99'"),
        ("empty", {"history": [["B1"]] * 20 + [[]] * 10}, "history in row 21: expected 1 to 10000 items, got 0"),
        ("taken", {"answer": 1}, "the column 'answer' has a name that explain-table itself uses; rename it"),
        ("replaced", {"Answer": 1}, "the column 'Answer' has a name that explain-table itself uses; rename it"),
        ("_hidden", {}, "Spark passes over files whose name begins with _ or a dot; rename it"),
        ("both", {"item_id": 1}, "expected the columns history and item (or item_id), found order, history, item, ite"),
    ):
        file = folder / f"{name}.parquet"
        good.assign(**change).to_parquet(file)
        assert cli.run(["explain-table", str(file), "out", "--spark", "local[2]"]) == 2
        assert f"{name}.parquet: {message}" in capsys.readouterr().err
    for name, columns in (("a", {}), ("b", {"note": 1})):
        Path("more").mkdir(exist_ok=True)
        good.assign(**columns).to_parquet(f"more/{name}.parquet")
    assert cli.run(["explain-table", "more", "out", "--spark", "local[2]"]) == 2
    assert "b.parquet: differs from a.parquet in the columns note" in capsys.readouterr().err
    assert cli.run(["explain-table", "none.parquet", "out", "--spark", "local[2]"]) == 2
    assert "none.parquet: is neither a Parquet file nor a folder of them" in capsys.readouterr().err
    for option, message in (
        ("max_new_tokens=513", "params.max_new_tokens: expected a whole number from 1 to 512, got 513"),
        ("max_sentences=21", "params.max_sentences: expected a whole number from 1 to 20, got 21"),
    ):
        good.to_parquet("good.parquet")
        assert cli.run(["explain-table", "good.parquet", "out", "--spark", "local[2]", "-S", f"explain.{option}"]) == 2
        assert message in capsys.readouterr().err
    assert not Path("out").exists()


def test_files_whose_links_lead_to_one_name_are_refused(tmp_path: Path) -> None:
    """Spark tells the name that a link leads to: every row would be answered twice, in two parts."""
    (tmp_path / "asked").mkdir()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        questions(4).to_parquet(tmp_path / name / "rows.parquet")
        (tmp_path / "asked" / f"{name}.parquet").symlink_to(tmp_path / name / "rows.parquet")
    with pytest.raises(InputError, match="two of its files have the same name"):
        table._files(tmp_path / "asked")


def test_answers_to_something_else_are_not_mixed(
    registered: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "_check_installation", lambda: None)
    explained = []

    def write(*given: Any) -> None:
        explained.append(given[-1]["part"].tolist())
        for part in explained[-1]:
            (given[1] / f"part={part}").mkdir()
            (given[1] / f"part={part}" / "x.parquet").touch()

    monkeypatch.setattr(table, "_explain", write)
    folder = Path("questions")
    folder.mkdir()
    for name, n_rows in (("a", 25), ("b", 10)):
        questions(n_rows).to_parquet(folder / f"{name}.parquet")
    explain = tiny.settings().explain

    def run(rows: int = 10, out: str = "out") -> tuple[int, int]:
        return table.explain_table(folder, Path(out), "local[2]", registered, explain, rows)

    assert run() == (4, 4) and explained == [["000000", "000001", "000002", "000003"]]
    for part in (1, 2):
        shutil.rmtree(Path("out") / f"part=00000{part}")
    assert run() == (2, 4) and explained[-1] == ["000001", "000002"]
    with pytest.raises(InputError, match="out: was begun with another value of rows_per_part"):
        run(rows=5)
    for changed in (questions(11), questions(10).assign(item="B1")):
        changed.to_parquet(folder / "b.parquet")
        with pytest.raises(InputError, match="out: was begun with another value of files"):
            run()
    with pytest.raises(InputError, match="questions: exists, and explain-table did not begin it"):
        run(out="questions")


def test_every_part_is_there_once(registered: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_check_installation", lambda: None)
    monkeypatch.setattr(table, "_explain", lambda *_: None)
    questions(25).to_parquet("in.parquet")

    def run() -> tuple[int, int]:
        return table.explain_table(Path("in.parquet"), out, "local[2]", registered, tiny.settings().explain, 10)

    out = Path("out")
    with pytest.raises(InputError, match="out: Spark wrote no answers of 3 parts, the first 000000; run again"):
        run()
    (out / "part=000001").mkdir()
    for name in ("x", "y"):
        (out / "part=000001" / f"{name}.parquet").touch()
    with pytest.raises(InputError, match="out: two runs at once wrote part=000001; delete these folders and run again"):
        run()


@needs_spark
@pytest.mark.timeout(600)
def test_spark_reads_files_of_any_name(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark")
    from pyspark.sql.functions import pandas_udf

    def repeat(asked: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"label": "Yes", "item": asked["item"], "row": 1})

    monkeypatch.setattr(table, "load_spark_udf", lambda *_: pandas_udf(repeat, "label string, item string, row long"))
    names = [
        "q[1].parquet",
        "q1.parquet",
        "a b.parquet",
        "a%20b.parquet",
        "a+b.parquet",
        "質問.parquet",
        "{a}?*.parquet",
    ]
    for number, name in enumerate(names):
        questions(5).assign(order=[f"{number}-{row}" for row in range(5)]).to_parquet(name)
    files = [Path(name).resolve() for name in names]
    plan = table.Plan([table._identity(file) for file in files], "", "", {}, 3)
    table._explain(files, Path("out"), "local[1]", plan, "item", plan.parts())
    found = pd.concat(map(pd.read_parquet, sorted(Path("out").glob("part=*/*.parquet"))))
    assert found["order"].tolist() == [f"{number}-{row}" for number in range(len(names)) for row in range(5)]
    assert [answer["item"] for answer in found["answer"]] == found["item"].tolist()


def test_bad_input_that_a_worker_finds_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = pytest.importorskip("pyspark.errors")
    traceback = "An exception was thrown from the Python worker:\nTraceback\n{}: the base model llm is missing\n"
    monkeypatch.setattr(table, "session", lambda _: SimpleNamespace(stop=lambda: None))

    def explain(kind: str) -> None:
        monkeypatch.setattr(table, "load_spark_udf", Mock(side_effect=errors.PythonException(traceback.format(kind))))
        plan = table.Plan([], "", "", {}, 3)
        table._explain([], Path("out"), "local[1]", plan, "item", plan.parts())

    with pytest.raises(InputError, match="^on a worker of Spark: the base model llm is missing$"):
        explain("recexplainer.core.errors.InputError")
    with pytest.raises(errors.PythonException):
        explain("ZeroDivisionError")


def test_it_says_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(InputError, match=r"explain-table needs pyspark: pip install 'recexplainer\[spark\]'"):
        table._check_installation()
    monkeypatch.setitem(sys.modules, "pyspark", table)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(InputError, match="there is no java on PATH"):
        table._check_installation()
