"""One name for one thing: entry point, DVC stage, module, test; and deps cover the code that is imported."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from bin.wire import closure, modules, wired
from recexplainer import store
from recexplainer.core.settings import Align, Settings, load_settings
from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "src" / "recexplainer"
PIPELINE = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
PROJECT = yaml.safe_load((REPOSITORY / "MLproject").read_text())
STAGES = sorted(PIPELINE)
SETTINGS = load_settings(REPOSITORY / "params.yaml")
COMMANDS = ("explain_users", "export_prompts", "main", "promote")  # entry points that are no stage of the pipeline
LISTS = {"evaluate_alignment": ["tasks"], "audit": ["against"]}  # options of an entry point that stand for a parameter
OPTION = re.compile(r"--(mode|source) \$\{item\.(mode|source)\}")


def paths(stage: str, field: str) -> list[str]:
    """The paths of a stage's deps, outs or metrics, as they stand in dvc.yaml."""
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in PIPELINE[stage].get(field, [])]


def filled(path: str, stage: str) -> list[str]:
    """A templated path, once per item of the stage's matrix."""
    path = path.replace("${dataset.raw}", SETTINGS.dataset.raw).replace(
        "${recommender.kind}", SETTINGS.recommender.kind
    )
    path = path.replace("${train_recommender.external.folder}", SETTINGS.train_recommender.external.folder)
    found = re.search(r"\$\{item\.(\w+)\}", path)
    if not found:
        return [path]
    variable = PIPELINE[stage]["matrix"][found.group(1)]
    values = {
        "${align.modes}": SETTINGS.align.modes,
        "${explain.sources}": SETTINGS.explain.sources,
        "${evaluate_alignment.sources}": SETTINGS.evaluate_alignment.sources,
    }[variable]
    return [path.replace(found.group(0), value) for value in values]


def test_entry_points_are_the_stages() -> None:
    assert sorted(PROJECT["entry_points"]) == sorted([*STAGES, *COMMANDS])
    assert PROJECT["conda_env"] == "conda.yaml"


@pytest.mark.parametrize("stage", [*STAGES, *COMMANDS])
def test_every_stage_has_a_module_and_a_test(stage: str) -> None:
    assert (PACKAGE / "stages" / f"{stage}.py").is_file()
    assert (REPOSITORY / "tests" / "stages" / f"test_{stage}.py").is_file()


def test_every_module_is_a_stage() -> None:
    modules = {path.stem for path in (PACKAGE / "stages").glob("*.py")} - {"__init__"}
    assert modules == {*STAGES, *COMMANDS}


@pytest.mark.parametrize("stage", STAGES)
def test_commands_agree(stage: str) -> None:
    command = PIPELINE[stage]["cmd"]
    point = PROJECT["entry_points"][stage]
    options = [name for name in ("mode", "source") if name in PIPELINE[stage].get("matrix", {})]
    assert command.split() == f"sh bin/recexplainer {stage}".split() + [
        word for name in options for word in (f"--{name}", f"${{item.{name}}}")
    ]
    options += LISTS.get(stage, [])
    expected = "".join(f" --{name} {{{name}}}" for name in options)
    assert point["command"] == f"sh bin/recexplainer {stage}{expected} --set {{set}}"
    assert sorted(point["parameters"]) == sorted([*options, "set"])
    assert all(set(parameter) == {"type", "default"} for parameter in point["parameters"].values())


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_parameters_that_it_reads(stage: str) -> None:
    sections = set(Settings.__dataclass_fields__)
    declared = {name.split(".")[0] for name in PIPELINE[stage].get("params", [])}
    assert declared <= sections
    path = PACKAGE / "stages" / f"{stage}.py"
    if not path.exists():
        pytest.skip("no module yet")
    read = set().union(*(sections_read(name) for name in closure(f"stages.{stage}")))
    assert (read & sections) - declared - {"run", "dataset"} == set(), "missing in the stage's params"
    assert ("settings.run.seed" in path.read_text()) is ("run.seed" in PIPELINE[stage].get("params", []))
    if stage in sections:
        assert stage in declared


def test_a_mode_is_trained_again_for_every_key_of_align_but_the_other_modes_epochs() -> None:
    declared = {name for name in PIPELINE["align"]["params"] if name.startswith("align.")}
    keys = {f"align.{name}" for name in Align.__dataclass_fields__}
    watching = {"align.eval_steps", "align.eval_users"}  # change no weight
    assert declared == keys - {"align.modes", "align.epochs"} - watching | {"align.epochs.${item.mode}"}


def test_deps_are_the_code_that_a_stage_imports() -> None:
    """`make wire` writes them."""
    text = (REPOSITORY / "dvc.yaml").read_text(encoding="utf-8")
    assert wired(text) == text


def test_code_that_a_stage_does_not_import_leaves_it_alone() -> None:
    def stale(changed: str) -> set[str]:
        of = {stage: [PurePosixPath(dep) for dep in paths(stage, "deps")] for stage in STAGES}
        return {stage for stage, deps in of.items() if any(covers(dep, changed) for dep in deps)}

    assert stale("src/recexplainer/alignment/chat_files.py") == set()
    assert stale("src/recexplainer/alignment/training.py") == {"align"}
    for watching in ("validation", "evaluation", "examiner", "intervals"):  # what the curves alone need trains nothing
        assert "align" not in stale(f"src/recexplainer/alignment/{watching}.py")
    assert stale("src/recexplainer/recommenders/training.py") == {"train_recommender"}


def test_paths_are_those_of_the_store() -> None:
    assert filled_outs("outs") | filled_outs("metrics") == known_paths() | {"report"}


def test_what_is_read_is_written() -> None:
    outs = {PurePosixPath(out) for out in filled_outs("outs") | filled_outs("metrics")}
    for stage in STAGES:
        for dep in (path for name in paths(stage, "deps") for path in filled(name, stage)):
            given = dep.startswith(("src/", "demo_llm/", "docs/examples", "params/"))
            if given or dep in ("registry/explainer-none.json", "registry/explainer-template.json"):
                continue
            known = any(covers(out, dep) or covers(PurePosixPath(dep), str(out)) for out in outs)
            assert known, f"{stage} reads {dep}, which no stage writes"


def test_metrics_are_in_git_and_large_files_are_not() -> None:
    for stage in STAGES:
        for field in ("outs", "metrics"):
            for entry in PIPELINE[stage].get(field, []):
                name, options = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
                small = name.startswith(("metrics/", "registry/"))
                assert options.get("cache", True) is not small, name


def test_only_tracking_registry_and_served_models_import_mlflow() -> None:
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^\s*(import|from) mlflow", path.read_text(), re.MULTILINE)
    }
    users = {name for name in users if not name.endswith("/served.py")}
    assert {name for name in users if not name.startswith(("tracking/", "serving/"))} == set()


# --- helpers -----------------------------------------------------------------------------------------------


def covers(dep: PurePosixPath, path: str) -> bool:
    return dep == PurePosixPath(path) or dep in PurePosixPath(path).parents


def filled_outs(field: str) -> set[str]:
    return {path for stage in STAGES for name in paths(stage, field) for path in filled(name, stage)}


def known_paths() -> set[str]:
    settings = load_settings(REPOSITORY / "params.yaml")
    modes, sources = settings.align.modes, settings.explain.sources
    known: list[Any] = [store.RAW_DEMO, store.PREPARED, store.RECOMMENDER, store.RECOMMENDER_METRICS,
                        store.ALIGNMENT, store.ADAPTED_LLM, store.EXPLANATION_DRAFTS, store.AUDIT_METRICS,
                        store.ALIGNMENT_BASELINES_METRICS, store.FAITHFULNESS_PAIRS_METRICS,
                        store.DISCRIMINATORS, store.DISCRIMINATORS_METRICS,
                        store.pointer(f"recommender-{settings.recommender.kind}"),
                        store.pointer("source-classifier").parent]  # fmt: skip
    known += [place for mode in modes for place in (store.explainer_folder(mode), store.pointer(f"explainer-{mode}"))]
    for mode in settings.evaluate_alignment.sources:
        known += [store.alignment_metrics(mode), store.alignment_answers(mode)]
    for source in sources:
        known += [store.explanations(source), store.judgements(source), store.judge_metrics(source),
                  store.faithfulness_rows(source), store.faithfulness_metrics(source)]  # fmt: skip
    return {path.as_posix() for path in known}


def sections_read(module: str) -> set[str]:
    """Attributes of a variable ``settings`` in a module that knows the whole Settings."""
    text = modules()[module].read_text()
    if not re.search(r"\bSettings\b", text):
        return set()
    return set(re.findall(r"\bsettings\.(\w+)", text))


def test_the_closure_follows_imports() -> None:
    found = closure("stages.train_recommender")
    assert {"stages.train_recommender", "recommenders.sasrec", "data.interactions", "recommenders"} <= found
    assert "report.inputs" in closure("stages.report")  # which imports a module of a room of scaffolding
    assert not [name for name in found | closure("stages.report") if name.startswith(("store", "tracking"))]
