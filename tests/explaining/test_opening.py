from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import mlflow
import pandas as pd
import pytest

import recexplainer
from recexplainer.core import environment
from recexplainer.core.errors import InputError
from recexplainer.explaining.reply import NamedItem, Origin, Reason, Reply
from recexplainer.explaining.table import session
from tests import tiny
from tests.conftest import REPOSITORY
from tests.explaining.test_served import log_explainer

pytestmark = pytest.mark.slow
NAME = "recexplainer-demo-explainer-both"


@pytest.fixture
def registered(base: Path, project: Path) -> str:
    """The address of the tiny explainer in the working folder's registry."""
    from mlflow import MlflowClient

    model_id = log_explainer(base)
    tags = MlflowClient().get_logged_model(model_id).tags
    mlflow.register_model(f"models:/{model_id}", NAME, tags=tags)
    MlflowClient().set_registered_model_alias(NAME, "production", "1")
    return f"models:/{NAME}@production"


def test_python_gives_the_served_answers(registered: str) -> None:
    explainer = recexplainer.load(registered)
    reply = explainer.explain(["B3", 5, "title:fox"], "B6", max_new_tokens=8)
    assert reply.model == Origin(NAME, "1", reply.model.content)
    served = mlflow.pyfunc.load_model(registered)
    asked = pd.DataFrame([{"history": [3, 5, 8], "item": 6}])
    [row] = served.predict(asked, params={"max_new_tokens": 8}).to_dict("records")
    assert json.loads(json.dumps(row)) == {**reply.to_dict(), "row": 1}
    best = explainer.explain_best(["B3", 5, "title:fox"], 2, max_new_tokens=8)
    assert [found.rank for found in best] == [1, 2]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda _: explainer.explain([3, 5, 8], 6, max_new_tokens=8), range(12)))
    assert together == [reply] * 12
    with pytest.raises(InputError, match="item: the catalogue has no item with the raw id 'B99'"):
        explainer.explain(["B3"], "B99")
    with pytest.raises(InputError, match="history in row 1: expected a list of items, got 'B3'"):
        explainer.explain("B3", 6)  # where raw ids are digits, "12" must not be the items "1" and "2"
    with pytest.raises(InputError, match="history in row 1: expected 1 to 10000 items, got 0"):
        explainer.explain([], "B3")
    assert [item.raw_id for item in explainer.search("fox")] == ["B8", "B9"] and len(explainer.search(n=3)) == 3
    with pytest.raises(InputError, match="k: expected a whole number from 1 to 50, got 0"):
        explainer.explain_best(["B3"], 0)


CODE = """
import json, sys, recexplainer
explainer = recexplainer.load(sys.argv[1])
print(json.dumps(explainer.explain(["B3", 5], "B6", max_new_tokens=4).to_dict()))
"""


def test_it_works_in_another_folder_once_it_is_told_where_the_base_is(
    base: Path, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shutil.copytree(base, "base")
    model_id = log_explainer(Path("base"))  # a base LLM that is named from the project's root
    tags = mlflow.MlflowClient().get_logged_model(model_id).tags
    mlflow.register_model(f"models:/{model_id}", NAME, tags=tags)
    here = recexplainer.load(f"models:/{NAME}/1").explain(["B3", 5], "B6", max_new_tokens=4)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    known = {
        **os.environ,
        "MLFLOW_TRACKING_URI": environment.tracking_uri(),
        "PYTHONPATH": str(REPOSITORY / "src"),
    }

    def ask(**variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CODE, f"models:/{NAME}/1"]
        return subprocess.run(command, cwd=elsewhere, env=known | variables, capture_output=True, text=True)

    found = ask(RECEXPLAINER_BASE=str(project / "base"))
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout.splitlines()[-1]) == here.to_dict()
    assert "or set RECEXPLAINER_BASE to its folder" in ask().stderr
    other = tiny.write_base(elsewhere / "other")
    (other / "config.json").write_text((other / "config.json").read_text() + " ")
    assert "has changed since the explainer was aligned" in ask(RECEXPLAINER_BASE=str(other)).stderr


RUN = """
import ast, json, sys
cells = [cell for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
known, shown = {}, []
for cell in cells:
    *body, last = ast.parse("".join(cell["source"])).body
    exec(compile(ast.Module(body, []), "cell", "exec"), known)
    shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), known))
items, best, page, reasons, after, (removed, compared) = shown
assert page is known["reply"] and "<table>" in page._repr_html_() and "<blockquote>" in after._repr_html_()
assert [rank for rank, *_ in best] == [1, 2, 3] and len(items) == 5 and reasons
assert abs(compared["score"][1] - known["reply"].evidence[0].score_without) < 1e-4
assert compared["score"][0] != compared["score"][1]
"""


def test_the_notebook_runs(registered: str, project: Path) -> None:
    notebook = REPOSITORY / "docs" / "tutorial.ipynb"
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert len(cells) <= 10 and not any(cell.get("outputs") for cell in cells)
    mlflow.MlflowClient().set_registered_model_alias(NAME, "candidate", "1")
    known = {**os.environ, "MLFLOW_TRACKING_URI": environment.tracking_uri(), "PYTHONPATH": str(REPOSITORY / "src")}
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(notebook)], cwd=project, env=known, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def test_spark_gives_the_answers_of_predict(registered: str) -> None:
    pytest.importorskip("pyspark")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    spark = session("local[2]")
    asked = pd.DataFrame({"history": [["B3", "B5"], ["B8", "B1", "B2"]] * 20, "item": ["B6", "B7"] * 20})
    udf = mlflow.pyfunc.spark_udf(spark, registered, env_manager="local", params={"max_new_tokens": 4})
    found = spark.createDataFrame(asked).select(udf("history", "item").alias("answer")).toPandas()["answer"]
    expected = mlflow.pyfunc.load_model(registered).predict(asked, params={"max_new_tokens": 4})
    assert [row["text"] for row in found] == expected["text"].tolist()
    assert [row["rank"] for row in found] == expected["rank"].tolist()


def test_what_is_not_an_explainer_is_refused(project: Path) -> None:
    with pytest.raises(InputError, match="must be models:/<name>@<alias> or models:/<name>/<version>"):
        recexplainer.load("explainer-both")
    with pytest.raises(InputError, match=f"{NAME} has no alias 'production'"):
        recexplainer.load(f"models:/{NAME}@production")


def test_in_a_notebook_titles_are_never_markup() -> None:
    title = '<b>&</b> "Fox"'
    cited = [
        Reason(1, "<i>", title, True, 0.5, 7, None),
        Reason(2, "B2", "Wolf", False, None, None, None),
        Reason(None, None, "<script>", False, None, None, None),
    ]
    reply = Reply(
        item=NamedItem(3, "B<3", title), label=None, verdict="Yes", p_yes=0.75, text=f"Yes. Like {title}.",
        counterfactual=f"Without {title} …",
        text_by="template", defects=["cut"], score=1.0, rank=2, n_ranked=9, cited=cited, evidence=cited[:1],
        model=Origin(None, None, None),
    )  # fmt: skip
    page = reply._repr_html_()
    assert "<b>&</b>" not in page and "<script>" not in page and "<i>&" not in page and "B&lt;3" in page
    assert page.count("&lt;b&gt;&amp;&lt;/b&gt;") == 5  # heading, text, counterfactual and two tables
    assert "None" not in replace(reply, counterfactual=None)._repr_html_()
    assert "rank 2 → 7 without it" in page and "not in the history" in page and "not in the catalogue" in page
    assert "recommender: undecided, rank 2 of 9; explainer: Yes, p(Yes) 0.75" in page
    assert "own text is not shown (cut)" in page
    assert "not shown" not in replace(reply, defects=[])._repr_html_()
