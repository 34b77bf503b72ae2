"""The stage on a small world, alone and beside another recommender: in a folder, and in the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from recexplainer import cli, store
from recexplainer.core.contents import dvc_md5
from recexplainer.core.errors import InputError
from recexplainer.recommenders.baselines import Popularity
from recexplainer.stages import audit
from recexplainer.tracking import registry, runs
from tests import tiny

pytestmark = pytest.mark.slow

ROLE = "recommender-mf"
ADDRESS = f"models:/recexplainer-demo-{ROLE}@production"


@pytest.fixture
def prepared(project: Path) -> Path:
    tiny.write_prepared()
    tiny.write_alignment()
    store.write_json(
        store.RECOMMENDER_METRICS, {"item_knn_settings": {"n_neighbours": 5, "normalisation": 0.5, "recency": 1.0}}
    )
    return project


def run_audit(*assignments: str) -> tuple[dict[str, Any], tiny.RecordedRun]:
    run = tiny.RecordedRun()
    given = ("audit.n_near=2", "audit.n_draws=50", "explain.top_k=2", *assignments)
    audit.run(tiny.settings(*given), run)  # type: ignore[arg-type]
    return store.read_json(store.AUDIT_METRICS), run


def register() -> None:
    settings = tiny.settings()
    registry.register(store.RECOMMENDER, ROLE, "demo", lambda: runs.open_run("register_recommender", settings))
    registry.write_pointer(store.RECOMMENDER, ROLE, "demo")


def test_the_recommender_stands_beside_its_floors(prepared: Path) -> None:
    figures, run = run_audit()
    assert figures["kind"] == "mf" and figures["n_items"] == tiny.N_ITEMS and "against" not in figures
    assert figures["popularity"]["top"]["shares"]["nothing"] == 1
    top = figures["recommender"]["top"]
    assert top["n_decisions"] == figures["n_rankings"]  # a fifth of what is left of 12 items is one
    low, high = top["shares"]["newest_interval"]
    assert low <= top["shares"]["newest"] <= high
    where = ("newest", "earlier", "unshown", "together", "nothing")
    assert sum(top["shares"][kind] for kind in where) == pytest.approx(1)
    assert [said["holds"] for said in figures["sentences"]] == [True] * 3
    assert run.artifacts == [store.AUDIT_METRICS] and run.metrics["recommender"] == figures["recommender"]
    assert run_audit()[0] == figures


def test_a_recommender_beside_itself_has_not_changed(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    against = run_audit(f"audit.against={store.RECOMMENDER}")[0]["against"]
    assert (against["largest_change"], against["same_top"]) == (0, 1)
    assert against["top"]["newest_interval"] == [0, 0]
    said = capsys.readouterr().out
    assert "largest change 0.000" in said and f"written: {store.AUDIT_METRICS}" in said


def test_another_recommender_shows_how_far_shares_moved(prepared: Path) -> None:
    other = Path("other")
    tiny.sasrec().save(other)
    figures = run_audit(f"audit.against={other}")[0]
    against = figures["against"]
    part, kind = against["largest_change_of"].split(".")
    new, old = (
        audited["recommender"][part]["shares"].get(kind, audited["recommender"][part]["hangs_on_one"])
        for audited in (figures, against)
    )
    assert against["largest_change"] == pytest.approx(abs(new - old))
    assert against["largest_change"] > 0
    assert against[part][kind] == pytest.approx(new - old)


def test_only_recommenders_of_the_same_catalogue_are_compared(prepared: Path) -> None:
    Popularity(5).freeze().save(Path("other"))
    with pytest.raises(InputError, match="other knows 5 items, but the prepared data has 12"):
        run_audit("audit.against=other")
    with pytest.raises(InputError, match="nowhere/config.json: not found"):
        run_audit("audit.against=nowhere")
    assert not store.AUDIT_METRICS.exists()


def test_a_promotion_is_gated_by_the_change_from_production(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The gate reads the largest change; figures beside what was production before do not count."""
    register()
    runs.connect().set_registered_model_alias(f"recexplainer-demo-{ROLE}", "production", "1")
    tiny.sasrec().save(store.RECOMMENDER)
    register()
    params = yaml.safe_load(Path("params.yaml").read_text())
    gate = {"metric": f"{store.AUDIT_METRICS}:against.largest_change", "at_least": None, "at_most": 0.0}
    params["promote"]["gates"] = {ROLE: [gate]}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    figures = run_audit(f"audit.against={ADDRESS}")[0]
    against = figures["against"]
    assert (against["named"], against["name"], against["version"]) == (ADDRESS, f"recexplainer-demo-{ROLE}", "1")
    assert against["largest_change"] > 0
    outputs = [{"path": path, "md5": dvc_md5(path)} for path in ("metrics/audit.json", store.pointer(ROLE).as_posix())]
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": {"all": {"outs": outputs}}}))
    promote = ["promote", "--role", ROLE, "--to", "production"]
    assert cli.run(promote) == 1
    assert "gate failed: metrics/audit.json:against.largest_change is" in capsys.readouterr().err
    gate["at_most"] = 1.0
    Path("params.yaml").write_text(yaml.safe_dump(params))
    assert cli.run(promote) == 0
    assert cli.run(promote) == 2  # production is the new version now
    assert f"compares with version 1, but {ADDRESS} is version 2 now" in capsys.readouterr().err


def test_the_command_takes_what_to_compare_with(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["audit", "--against", "models:/none"]) == 2
    assert "models:/none: must be models:/<name>@<alias> or models:/<name>/<version>" in capsys.readouterr().err
    assert cli.run(["audit", "--against", ADDRESS]) == 2
    assert "has no alias 'production'; no such model is registered here" in capsys.readouterr().err
    assert cli.run(["audit", "--against", ADDRESS.replace("@production", "/7")]) == 2
    assert "has no version 7" in capsys.readouterr().err
