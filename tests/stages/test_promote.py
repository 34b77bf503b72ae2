from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from recexplainer import cli, store
from recexplainer.core.contents import dvc_md5
from recexplainer.tracking import registry, runs
from tests.tracking.registry.score_predictor import NAME, ROLE, register

pytestmark = pytest.mark.slow

FILE = "metrics/discriminators.json"


@pytest.fixture
def gated(project: Path) -> Path:
    """A registered model whose gate asks for a spearman of .5."""
    params: dict[str, Any] = yaml.safe_load(Path("params.yaml").read_text())
    gate = {"metric": f"{FILE}:both.text.spearman", "at_least": 0.5, "at_most": None}
    params["promote"]["gates"] = {ROLE: [gate]}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    register(1.0)
    return project


def measure(value: float) -> None:
    store.write_json(FILE, {"both": {"text": {"spearman": value}}})
    outputs = [{"path": path, "md5": dvc_md5(path)} for path in (FILE, store.pointer(ROLE).parent.as_posix())]
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": {"s": {"outs": outputs}}}))


def aliases() -> dict[str, str]:
    return dict(runs.connect().get_registered_model(NAME).aliases)


def test_the_alias_moves_when_the_gates_hold(gated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measure(0.5)
    assert cli.run(["promote", "--role", ROLE, "--to", "staging", "--why", "good"]) == 0
    assert "staging is now version 1" in capsys.readouterr().out and "staging" in aliases()


def test_what_did_not_hold_is_said(gated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measure(0.4)
    assert cli.run(["promote", "--role", ROLE, "--to", "staging"]) == 1
    error = capsys.readouterr().err
    assert f"gate failed: {FILE}:both.text.spearman is 0.4, but the gate needs at least 0.5" in error
    assert "staging" not in aliases()


def test_stale_metrics_promote_nothing(gated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measure(0.4)
    store.write_json(FILE, {"both": {"text": {"spearman": 0.9}}})
    assert cli.run(["promote", "--role", ROLE, "--to", "staging"]) == 2
    assert "does not match dvc.lock; run dvc repro" in capsys.readouterr().err


def test_metrics_of_another_input_promote_nothing(gated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another stage has written anew what the metrics were measured on."""
    measure(0.9)
    lock = yaml.safe_load(Path("dvc.lock").read_text())
    lock["stages"]["s"]["deps"] = [{"path": "models/recommender", "md5": "old.dir"}]
    lock["stages"]["train"] = {"outs": [{"path": "models/recommender", "md5": "new.dir"}]}
    Path("dvc.lock").write_text(yaml.safe_dump(lock))
    assert cli.run(["promote", "--role", ROLE, "--to", "staging"]) == 2
    assert "was measured on a different models/recommender than that of dvc.lock" in capsys.readouterr().err


def test_a_model_whose_files_are_damaged_is_not_promoted(gated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measure(0.9)
    weights = next(registry.pull(ROLE, "demo").folder.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1])
    assert cli.run(["promote", "--role", ROLE, "--to", "staging"]) == 2
    assert "were changed after it was registered" in capsys.readouterr().err and "staging" not in aliases()


def test_a_missing_pointer_is_one_line(gated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measure(0.9)
    store.pointer(ROLE).unlink()
    assert cli.run(["promote", "--role", ROLE, "--to", "staging"]) == 2
    assert "no such pointer; register the model first (dvc repro)" in capsys.readouterr().err


def test_a_role_without_gates_is_said_to_be_unchecked(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(1.0)
    assert cli.run(["promote", "--role", ROLE, "--to", "staging"]) == 0
    assert f"promote.gates has none for {ROLE}: no figure was checked" in capsys.readouterr().out


def test_a_role_without_gates_needs_the_pointer_that_was_written_last(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register(1.0)
    pointer = store.pointer(ROLE).as_posix()
    lock = {"stages": {"register": {"outs": [{"path": pointer, "md5": "another"}]}}}
    Path("dvc.lock").write_text(yaml.safe_dump(lock))
    assert cli.run(["promote", "--role", ROLE, "--to", "staging"]) == 2
    assert f"{pointer}: does not match dvc.lock" in capsys.readouterr().err and "staging" not in aliases()


def test_bad_input_ends_with_2(gated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measure(0.9)
    for arguments, message in (
        (["--role", "explainer", "--to", "staging"], "'explainer' is not a role"),
        (["--role", "explainer-boht", "--to", "staging"], "'explainer-boht' is not a role; roles are recommender-"),
        (["--role", ROLE, "--from", "production", "--to", "staging"], "has no alias 'production'"),
        (["--role", ROLE, "--to", "latest"], "'latest' is not an alias"),
    ):
        assert cli.run(["promote", *arguments]) == 2
        assert message in capsys.readouterr().err
