from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from recexplainer import store
from recexplainer.alignment.adaptation import teaching
from recexplainer.alignment.adaptation.slots import world_catalogue
from recexplainer.core.contents import content_sha256, dvc_md5
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Llm
from recexplainer.demo.world import make_world
from recexplainer.explaining import sources
from recexplainer.explaining.sources import load_source
from recexplainer.llm import explainer as explainer_module
from recexplainer.llm.base_model import chosen_base, load_base
from recexplainer.stages import adapt_llm, align, draft_explanations, evaluate_baselines
from tests import tiny
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow

OWN = (
    "dataset.raw=mine", "dataset.item_noun=film", "llm.base=demo_llm/model", "adapt_llm.steps=2",
    "adapt_llm.rows_per_step=1", "adapt_llm.n_tokens=100", "adapt_llm.workers=0", "adapt_llm.warmup_steps=1",
)  # fmt: skip


@pytest.fixture
def own(empty_project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with a catalogue of its own whose titles begin with a word that the demo LLM never saw."""
    monkeypatch.setattr(teaching, "N_EVALUATED", 1)
    shutil.copytree(REPOSITORY / store.EMBEDDED_LLM, store.EMBEDDED_LLM)
    write_catalogue(40)
    yield empty_project


def write_catalogue(n_items: int) -> None:
    frame = world_catalogue(make_world(np.random.default_rng(4), n_items)).frame
    store.CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    frame.assign(title="Zqwrx " + frame["title"]).to_parquet(store.CATALOGUE)


def test_the_stages_after_it_take_the_adapted_llm(own: Path) -> None:
    run = tiny.RecordedRun()
    tiny.run_stage(adapt_llm.run, tiny.settings(*OWN), run)
    chosen = chosen_base(tiny.settings(*OWN).llm)
    model, tokenizer = load_base(chosen)
    assert chosen.base == "models/llm"
    assert model.get_input_embeddings().weight.shape[0] == len(tokenizer) > 1628
    titles = store.read_catalogue().titles[1:]
    assert all(len(tokenizer(title, add_special_tokens=False)["input_ids"]) == 1 for title in titles)
    explainer, _ = load_source(tiny.settings(*OWN), "none")
    assert explainer.reference is not None and explainer.reference["name"] == "models/llm"
    assert not store.ADAPTATION_CHECKPOINTS.exists() and run.metrics["n_new_tokens"] > 0
    assert chosen_base(tiny.settings("llm.base=org/other").llm).base == "org/other"


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("dataset.raw=data/raw/demo", "already knows the demo's catalogue"),
        ("llm.base=org/other", "llm.base org/other is not the embedded LLM"),
        ("adapt_llm.steps=0", "adapt_llm.steps is 0"),
    ],
)
def test_what_needs_no_adaptation_is_said_and_left_as_it_is(
    own: Path, capsys: pytest.CaptureFixture[str], assignment: str, reason: str
) -> None:
    settings = tiny.settings(*OWN, assignment)
    tiny.run_stage(adapt_llm.run, settings, tiny.RecordedRun())
    assert reason in capsys.readouterr().out
    assert [path.name for path in store.ADAPTED_LLM.iterdir()] == ["adaptation.json"]
    assert chosen_base(settings.llm) == settings.llm


def test_an_adaptation_is_not_left_over_beside_a_note_that_there_is_none(own: Path) -> None:
    tiny.run_stage(adapt_llm.run, tiny.settings(*OWN), tiny.RecordedRun())
    tiny.run_stage(adapt_llm.run, tiny.settings(*OWN, "adapt_llm.steps=0"), tiny.RecordedRun())
    assert [path.name for path in store.ADAPTED_LLM.iterdir()] == ["adaptation.json"]


def test_a_server_that_fails_at_the_end_costs_no_adaptation(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class FailingRun(tiny.RecordedRun):
        def log_artifact(self, path: Path) -> None:
            raise ConnectionError("no answer")

    with pytest.raises(ConnectionError):
        tiny.run_stage(adapt_llm.run, tiny.settings(*OWN), FailingRun())
    first = content_sha256(store.ADAPTED_LLM)
    tiny.run_stage(adapt_llm.run, tiny.settings(*OWN), tiny.RecordedRun())
    assert "resumes from step 2 of 2" in capsys.readouterr().out
    assert content_sha256(store.ADAPTED_LLM) == first and not store.ADAPTATION_CHECKPOINTS.exists()


def test_an_llm_adapted_to_another_catalogue_is_refused(own: Path) -> None:
    tiny.run_stage(adapt_llm.run, tiny.settings(*OWN), tiny.RecordedRun())
    write_catalogue(41)
    with pytest.raises(InputError, match="models/llm was adapted to another catalogue .* run adapt_llm"):
        chosen_base(tiny.settings(*OWN).llm)


def test_a_catalogue_that_is_too_small_is_refused(own: Path) -> None:
    write_catalogue(12)
    with pytest.raises(InputError, match="12 items; the lessons of adapt_llm need at least 20"):
        adapt_llm.run(tiny.settings(*OWN), tiny.RecordedRun())  # type: ignore[arg-type]
    assert not store.ADAPTED_LLM.exists()


def test_the_note_of_what_is_not_adapted_depends_on_nothing(own: Path) -> None:
    """Or the demo's alignment would be made again for a parameter that it does not read."""
    tiny.run_stage(adapt_llm.run, tiny.settings(*OWN, "adapt_llm.steps=0"), tiny.RecordedRun())
    assert json.loads(store.ADAPTATION.read_text()) == {"adapted": False}


class Taken(Exception):
    """A stage asked for its base LLM."""


@pytest.mark.parametrize(
    ("module", "loader", "arguments"),
    [
        (align, "new_explainer", ("both",)),
        (draft_explanations, "base_explainer", ()),
        (sources, "base_explainer", ("none",)),
        (explainer_module, "base_explainer", None),  # evaluate_baselines imports it when it needs it
    ],
)
def test_every_stage_that_loads_the_base_takes_the_adapted_one(
    own: Path, monkeypatch: pytest.MonkeyPatch, module: ModuleType, loader: str, arguments: tuple[str, ...] | None
) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    store.write_json(store.ADAPTATION, {"adapted": True, "catalogue": dvc_md5(store.CATALOGUE)})
    taken: list[str] = []

    def load(*given: object, **_: object) -> None:
        taken.extend(llm.base for llm in given if isinstance(llm, Llm))
        raise Taken

    monkeypatch.setattr(module, loader, load)
    settings = tiny.settings("llm.base=demo_llm/model", "evaluate_baselines.in_context.answerers=[none]")
    with pytest.raises(Taken):
        if module is sources:
            sources.load_source(settings, "none")
        elif arguments is None:
            evaluate_baselines.run(settings, tiny.RecordedRun())  # type: ignore[arg-type]
        else:
            module.run(settings, tiny.RecordedRun(), *arguments)
    assert taken == ["models/llm"]
