"""One name for one thing: entry point, DVC stage, module, test; and deps cover the code that is imported."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from recexplainer import store
from recexplainer.settings import Align, Settings, load_settings
from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "src" / "recexplainer"
PIPELINE = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
PROJECT = yaml.safe_load((REPOSITORY / "MLproject").read_text())
STAGES = sorted(PIPELINE)
COMMANDS = ("explain_users", "export_prompts", "main", "promote")  # entry points that are no stage of the pipeline
LISTS = {"evaluate_alignment": ["tasks"]}  # options of an entry point that stand for a parameter
# Scaffolding: it moves data about and does not make it, and half of it changes with every new parameter.
SCAFFOLDING = (
    "", "contents", "environment", "errors", "interruptions", "numerics", "promotion", "stages", "tracking", "waiting",
)  # fmt: skip
SCAFFOLDING_PACKAGES = ("registry", "settings", "store")  # with all their modules
OPTION = re.compile(r"--(mode|source) \$\{item\.(mode|source)\}")


def paths(stage: str, field: str) -> list[str]:
    """The paths of a stage's deps, outs or metrics, as they stand in dvc.yaml."""
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in PIPELINE[stage].get(field, [])]


def filled(path: str, stage: str) -> list[str]:
    """A templated path, once per item of the stage's matrix."""
    settings = load_settings(REPOSITORY / "params.yaml")
    path = path.replace("${dataset.raw}", settings.dataset.raw).replace(
        "${recommender.kind}", settings.recommender.kind
    )
    path = path.replace("${train_recommender.external.folder}", settings.train_recommender.external.folder)
    found = re.search(r"\$\{item\.(\w+)\}", path)
    if not found:
        return [path]
    variable = PIPELINE[stage]["matrix"][found.group(1)]
    values = {"${align.modes}": settings.align.modes, "${explain.sources}": settings.explain.sources}[variable]
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
    assert declared == keys - {"align.modes", "align.epochs"} | {"align.epochs.${item.mode}"}


@pytest.mark.parametrize("stage", STAGES)
def test_deps_cover_the_code(stage: str) -> None:
    module = f"stages.{stage}"
    if module not in modules():
        pytest.skip("no module yet")
    deps = [PurePosixPath(dep) for dep in paths(stage, "deps") if dep.startswith("src/")]
    if PIPELINE[stage].get("always_changed"):
        assert not deps
        return
    needed = {modules()[name].relative_to(REPOSITORY).as_posix() for name in closure(module)}
    missing = [path for path in sorted(needed) if not any(covers(dep, path) for dep in deps)]
    assert not missing, f"deps of {stage} lack {missing}"
    unused = [str(dep) for dep in deps if not any(covers(dep, path) for path in needed)]
    assert not unused, f"deps of {stage} name code that it does not import: {unused}"


def test_paths_are_those_of_the_store() -> None:
    assert filled_outs("outs") | filled_outs("metrics") == known_paths() | {"report"}


def test_what_is_read_is_written() -> None:
    outs = {PurePosixPath(out) for out in filled_outs("outs") | filled_outs("metrics")}
    for stage in STAGES:
        for dep in (path for name in paths(stage, "deps") for path in filled(name, stage)):
            given = dep.startswith(("src/", "demo_llm/", "docs/examples", "params/"))
            if given or dep == "registry/explainer-none.json":
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


def test_conda_and_lock_hold_the_same_pins() -> None:
    lock = [line for line in (REPOSITORY / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    conda = yaml.safe_load((REPOSITORY / "conda.yaml").read_text())["dependencies"]
    assert conda[-1] == {"pip": lock}
    assert all(re.fullmatch(r"[\w.\-\[\]]+==[\w.]+", pin) for pin in lock), "no local versions, no addresses"
    assert "torch==2.13.0" in lock and not [pin for pin in lock if re.match(r"nvidia|triton|cuda", pin)]


def test_only_tracking_registry_and_served_models_import_mlflow() -> None:
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^\s*(import|from) mlflow", path.read_text(), re.MULTILINE)
    }
    users = {name for name in users if not name.endswith("/served.py")}
    assert {name for name in users if not name.startswith(("registry/", "serving/"))} == {"tracking.py"}


# --- helpers -----------------------------------------------------------------------------------------------


def covers(dep: PurePosixPath, path: str) -> bool:
    return dep == PurePosixPath(path) or dep in PurePosixPath(path).parents


def filled_outs(field: str) -> set[str]:
    return {path for stage in STAGES for name in paths(stage, field) for path in filled(name, stage)}


def known_paths() -> set[str]:
    settings = load_settings(REPOSITORY / "params.yaml")
    modes, sources = settings.align.modes, settings.explain.sources
    known: list[Any] = [store.RAW_DEMO, store.PREPARED, store.RECOMMENDER, store.RECOMMENDER_METRICS,
                        store.ALIGNMENT, store.EXPLANATION_DRAFTS,
                        store.ALIGNMENT_BASELINES_METRICS, store.FAITHFULNESS_PAIRS_METRICS,
                        store.DISCRIMINATORS, store.DISCRIMINATORS_METRICS,
                        store.pointer(f"recommender-{settings.recommender.kind}"),
                        store.pointer("source-classifier").parent]  # fmt: skip
    known += [place for mode in modes for place in (store.explainer_folder(mode), store.pointer(f"explainer-{mode}"))]
    for source in sources:
        known += [store.alignment_metrics(source), store.alignment_answers(source),
                  store.explanations(source), store.judgements(source), store.judge_metrics(source),
                  store.faithfulness_rows(source), store.faithfulness_metrics(source)]  # fmt: skip
    return {path.as_posix() for path in known}


@cache
def modules() -> dict[str, Path]:
    """Dotted name inside the package → file; a package is its ``__init__``."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def sections_read(module: str) -> set[str]:
    """Attributes of a variable ``settings`` in a module that knows the whole Settings."""
    text = modules()[module].read_text()
    if not re.search(r"\bSettings\b", text):
        return set()
    return set(re.findall(r"\bsettings\.(\w+)", text))


@cache
def imports(module: str) -> frozenset[str]:
    """The package's modules that one module imports, wherever it does (not for type checking alone)."""
    tree = ast.parse(modules()[module].read_text())
    found: set[str] = set()
    for node in runtime_nodes(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("recexplainer").lstrip(".") for alias in node.names
                      if alias.name.split(".")[0] == "recexplainer"}  # fmt: skip
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "recexplainer":
            base = (node.module or "").removeprefix("recexplainer").lstrip(".")
            found |= {base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)}
    with_parents = {".".join(name.split(".")[: n + 1]) for name in found for n in range(len(name.split(".")))}
    return frozenset(name for name in with_parents if name in modules())


def runtime_nodes(tree: ast.AST) -> list[ast.AST]:
    nodes: list[ast.AST] = []
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        nodes += [child, *runtime_nodes(child)]
    return nodes


def closure(module: str) -> set[str]:
    """A module and all it imports, directly or not, without the scaffolding (and what only that imports)."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen or name in SCAFFOLDING or name.split(".")[0] in SCAFFOLDING_PACKAGES:
            continue
        seen.add(name)
        waiting += imports(name)
    return seen


def test_the_closure_follows_imports() -> None:
    found = closure("stages.train_recommender")
    assert {"stages.train_recommender", "recommenders.sasrec", "data.interactions", "recommenders"} <= found
    assert "report.inputs" in closure("stages.report")  # which imports a module of a package of scaffolding
    assert not [name for name in found | closure("stages.report") if name.startswith(SCAFFOLDING_PACKAGES)]
