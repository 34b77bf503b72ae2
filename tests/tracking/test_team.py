"""A team shares a server on PostgreSQL and a DVC remote: what one runs, registers and promotes, another evaluates."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import mlflow
import pytest
import yaml
from mlflow.entities import AssessmentSource

from recexplainer.core.settings import load_settings
from recexplainer.judging.feedback import read_human_feedback
from recexplainer.tracking import runs
from recexplainer.tracking.traces import log_explanation_traces
from tests.records import make_explanation, make_judgement
from tests.test_dvc_and_registry import evaluated, lay_out, run_in, set_weight
from tests.tracking.registry.score_predictor import NAME, ROLE
from tests.tracking.team import postgres, status, tracking_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(shutil.which("initdb") is None, reason="PostgreSQL is not installed"),
]


def test_a_team_works_on_one_server(empty_project: Path, tmp_path_factory: pytest.TempPathFactory,
                                    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    pytest.importorskip("psycopg")
    folder = tmp_path_factory.mktemp("server")
    with postgres() as database, tracking_server(database, folder) as port:
        assert status(port, "mlflow.example.org") == 200 and status(port, "elsewhere.example.org") == 403
        uri = f"http://127.0.0.1:{port}"
        one, two = empty_project, folder / "clone"
        command = functools.partial(run_in, one, MLFLOW_TRACKING_URI=uri)
        lay_out(one)
        params = yaml.safe_load((one / "params.yaml").read_text())
        gate = {"metric": "metrics/discriminators.json:weight", "at_least": 2.0, "at_most": None}
        params["promote"]["gates"] = {ROLE: [gate]}
        (one / "params.yaml").write_text(yaml.safe_dump(params))
        set_weight(one, 2)
        command("dvc repro")  # trains, registers, evaluates
        command(f"dvc remote add -q -d team {folder / 'dvc'}")
        command("dvc push -q")
        command("git add -A")
        command("git commit -qm first")
        promote = f"sh {Path(__file__).parents[2]}/bin/recexplainer promote --role {ROLE} --to staging"
        assert "staging is now version 1" in command(promote).stdout

        command(f"git clone -q {one} {two}")
        elsewhere = functools.partial(run_in, two, MLFLOW_TRACKING_URI=uri)
        elsewhere("dvc pull -q")
        assert "Stage 'evaluate' didn't change, skipping" in elsewhere("dvc repro").stdout
        (two / "metrics" / "discriminators.json").unlink()
        elsewhere("dvc repro -f -s evaluate")
        assert evaluated(two) == 2 and elsewhere("git status --porcelain").stdout == ""
        assert not (one / "mlflow.db").exists() and not (two / "mlflow.db").exists()

        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        client = runs.connect()
        assert dict(client.get_registered_model(NAME).aliases) == {"candidate": "1", "staging": "1"}
        assert len(client.search_model_versions(f"name='{NAME}'")) == 1  # the second clone made none
        explanation = make_explanation()
        with runs.open_run("explain_users", load_settings()):
            assert log_explanation_traces([explanation], [make_judgement()]) == 1
        experiment = runs.find_experiment(client, "demo")
        assert experiment is not None
        [trace] = mlflow.search_traces(locations=[experiment], return_type="list")
        person = AssessmentSource("HUMAN", "anna")
        mlflow.log_feedback(trace_id=trace.info.trace_id, name="level", value="C", source=person)
        assert [(said.rater, said.value) for said in read_human_feedback("demo")] == [("anna", "C")]
        rated = mlflow.get_trace(trace.info.trace_id)
        assert rated is not None
        assert {said.source.source_type for said in rated.info.assessments} == {"CODE", "HUMAN"}
