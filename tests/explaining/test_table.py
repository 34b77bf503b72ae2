from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

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
        for name in ("verdict", "text", "text_by", "label", "rank", "n_ranked", "item", "model"):
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
        ("both", {"item_id": 1}, "expected the columns history and item (or item_id), found order, history, item, ite"),
    ):
        file = folder / f"{name}.parquet"
        good.assign(**change).to_parquet(file)
        assert cli.run(["explain-table", str(file), "out", "--spark", "local[2]"]) == 2
        assert f"{name}.parquet: {message}" in capsys.readouterr().err
    assert cli.run(["explain-table", "none.parquet", "out", "--spark", "local[2]"]) == 2
    assert "none.parquet: is neither a Parquet file nor a folder of them" in capsys.readouterr().err
    assert not Path("out").exists()


def test_answers_to_something_else_are_not_mixed(
    registered: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "_check_installation", lambda: None)
    explained = []
    monkeypatch.setattr(table, "_explain", lambda *given: explained.append(given[-1]["part"].tolist()))
    folder = Path("questions")
    folder.mkdir()
    for name, n_rows in (("a", 25), ("b", 10)):
        questions(n_rows).to_parquet(folder / f"{name}.parquet")
    explain = tiny.settings().explain

    def run(rows: int = 10, out: str = "out") -> tuple[int, int]:
        return table.explain_table(folder, Path(out), "local[2]", registered, explain, rows)

    assert run() == (4, 4) and explained == [["000000", "000001", "000002", "000003"]]
    for part in (0, 3):
        (Path("out") / f"part=00000{part}").mkdir()
        (Path("out") / f"part=00000{part}" / "x.parquet").touch()
    assert run() == (2, 4) and explained[-1] == ["000001", "000002"]
    with pytest.raises(InputError, match="out: was begun with another value of rows_per_part"):
        run(rows=5)
    questions(11).to_parquet(folder / "b.parquet")
    with pytest.raises(InputError, match="out: was begun with another value of files"):
        run()
    with pytest.raises(InputError, match="questions: exists, and explain-table did not begin it"):
        run(out="questions")


def test_it_says_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(InputError, match=r"explain-table needs pyspark: pip install 'recexplainer\[spark\]'"):
        table._check_installation()
    monkeypatch.setitem(sys.modules, "pyspark", table)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(InputError, match="there is no java on PATH"):
        table._check_installation()
