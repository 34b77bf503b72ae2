from __future__ import annotations

from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.stages.register import main
from recexplainer.tracking import fetching, registry, runs
from tests import tiny
from tests.tracking.registry.alone import predict_alone


def test_a_missing_model_is_named(empty_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--mode", "both"]) == 2
    assert capsys.readouterr().err.startswith("error: models/explainer-both: no such model folder; run the stage")
    assert not Path("registry").exists() and not Path("mlflow.db").exists()


def test_the_base_llm_is_not_registered(empty_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--mode", "none"]) == 2
    assert "--mode must be one of behaviour, intention, both, not 'none'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_model_that_was_damaged_in_the_store_is_healed(base: Path, project: Path) -> None:
    """`align` logs the model, `register` gives it a version, a byte rots, the version is deleted as it is told."""
    folder, role, name = store.explainer_folder("both"), "explainer-both", "recexplainer-demo-explainer-both"
    tiny.explainer(base, "both").save(folder)
    store.write_catalogue(tiny.catalogue().frame, folder / store.CATALOGUE.name)
    with runs.open_run("align", tiny.settings()):
        logged = registry.log_model_folder(folder, role, "demo")
    assert main(["--mode", "both"]) == 0
    client = runs.connect()
    assert logged in client.get_model_version(name, "1").source
    card = str(client.get_model_version(name, "1").description)
    assert all(f"## {head}" in card for head in ("Intended use", "Data", "Figures", "Limits", "Licence"))
    assert f"- base LLM: {base}" in card and "- recommender: mf" in card and "- items: 12" in card
    assert card in (fetching.fetch_model(f"models:/{name}/1") / "README.md").read_text(encoding="utf-8")
    rots(registry.pull(role, "demo").folder / "connectors.safetensors")
    with pytest.raises(InputError, match=r"version 1 were changed .* \(explainer-both/connectors.safetensors\)"):
        registry.pull(role, "demo")
    client.delete_model_version(name, "1")
    assert main(["--mode", "both"]) == 0
    healed = registry.pull(role, "demo").folder / "connectors.safetensors"
    assert healed.read_bytes() == (folder / "connectors.safetensors").read_bytes()
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    rows = [{"history": [3, 5, 8], "item_id": 6}]
    [answer] = predict_alone(f"models:/{name}@candidate", rows, {"max_new_tokens": 3}, elsewhere)
    assert answer["verdict"] in ("Yes", "No") and 0 < answer["p_yes"] < 1


def rots(file: Path) -> None:
    """Flip the last byte."""
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
