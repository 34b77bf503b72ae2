"""Run the whole pipeline, or some stages and everything they depend on, under one parent run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from recexplainer import store
from recexplainer.core import environment
from recexplainer.core.errors import InputError
from recexplainer.core.interruptions import ends_children
from recexplainer.core.settings import Settings, load_settings
from recexplainer.tasks import check_tasks
from recexplainer.tracking.headline import headline
from recexplainer.tracking.runs import StageRun, open_run

ABOUT = "Run the pipeline. The stages' runs hang under this one, but those whose results DVC had already."
_DVC = (sys.executable, "-m", "dvc")
_OF_A_MODE = ("align", "register")
_OF_A_SOURCE = ("explain", "judge", "faithfulness")


def run_targets(targets: list[str]) -> int:
    """Run stages with all that they need (none: the whole pipeline); return 0, or the exit code of ``dvc repro``.

    Raises:
        InputError: There is no pipeline in the working folder, or params.yaml is at fault.
    """
    settings = load_settings()
    check_tasks(settings)
    if not Path("dvc.yaml").is_file():
        raise InputError("dvc.yaml: no such file; run this in the project's root")
    try:
        with open_run("main", settings, sections=("run", "dataset.name"), about=ABOUT) as run:
            if not targets:
                _tell_estimate(settings, run.run_id)
            if not targets and settings.run.parallel > 1:
                run_side_by_side(settings, run.run_id)
            repro(targets, run.run_id)
            if not targets:
                _conclude(settings, run)
    except subprocess.CalledProcessError as error:
        print(
            f"error: dvc repro ended with exit code {error.returncode}; its own message is above",
            file=sys.stderr,
        )
        return error.returncode if error.returncode > 0 else 1
    return 0


def _tell_estimate(settings: Settings, parent_run: str) -> None:
    """Say how long the run takes; where the sizes are not known yet, once `prepare` has run."""
    if not store.is_embedded(settings.llm.base):
        return
    if (estimate := estimated(settings)) is None:
        repro(["prepare"], parent_run)
        estimate = estimated(settings)
    if estimate:
        print(estimate, flush=True)


def _conclude(settings: Settings, run: StageRun) -> None:
    """Log what the whole run came to: a few figures per source, and the report."""
    sources = settings.evaluate_alignment.sources, settings.explain.sources
    run.log_metrics(headline(*sources, settings.recommender.kind))
    if store.REPORT.is_file():
        run.log_artifact(store.REPORT)


def estimated(settings: Settings) -> str | None:
    """How long a run of the embedded LLM takes, against the budget; None where the sizes or another LLM's costs are
    not known.
    """
    from recexplainer.alignment.sizing import estimated_minutes
    from recexplainer.stages.adapt_llm import why_not

    if not store.is_embedded(settings.llm.base):
        return None
    n_users, n_items = settings.prepare.max_users, settings.prepare.max_items
    if store.PREPARE_REPORT.is_file():
        report = store.read_json(store.PREPARE_REPORT)
        if report.get("dataset") == settings.dataset.name:
            n_users, n_items = report["n_users"], report["n_items"]
    if not n_users or not n_items:
        return None
    minutes = estimated_minutes(settings, n_users, n_items, why_not(settings) is None)
    advice = (
        "" if minutes <= 1.2 * settings.run.minutes else "; `recexplainer init --minutes` fits the sizes to a budget"
    )
    return (
        f"about {minutes:.0f} minutes on two cores for {n_users:,} users and {n_items:,} items, if nothing is "
        f"cached (run.minutes: {settings.run.minutes:g}{advice})"
    )


def repro(targets: list[str], parent_run: str) -> None:
    """Run ``dvc repro`` with this Python; the runs of its stages hang under ``parent_run``.

    Raises:
        subprocess.CalledProcessError: when it fails.
    """
    if code := run_dvc(["repro", *targets], parent_run):
        raise subprocess.CalledProcessError(code, "dvc repro")


def run_side_by_side(settings: Settings, parent_run: str) -> None:
    """Run what every source needs, then one chain of stages per source, `run.parallel` chains at once, dearest first.

    DVC runs one stage after the other, and a small model keeps no more than one core busy. Stages are named singly: to
    look whether what they need has changed, DVC would lock it against the other chain. Whatever fails here is left to
    the ``dvc repro`` that follows, which runs it again and says why.

    Raises:
        subprocess.CalledProcessError: when a stage before the chains fails.
    """
    repro(["draft_explanations"], parent_run)

    def run_chain(targets: list[str]) -> None:
        run_dvc(["--wait-for-lock", "repro", "--single-item", *targets], parent_run)

    with ThreadPoolExecutor(settings.run.parallel) as pool, ends_children():
        measured = settings.evaluate_alignment.sources
        list(pool.map(run_chain, chains(settings.align.modes, measured, settings.explain.sources)))


def chains(modes: Sequence[str], measured: Sequence[str], sources: Sequence[str]) -> list[list[str]]:
    """The stages of each source, from its alignment to its faithfulness, and two of no source: no chain needs another.

    >>> chains(["behaviour"], ["none"], ["none"])  # doctest: +NORMALIZE_WHITESPACE
    [['align@behaviour', 'register@behaviour'],
     ['evaluate_alignment@none', 'explain@none', 'judge@none', 'faithfulness@none'],
     ['evaluate_baselines', 'audit']]
    """
    dearest_first = dict.fromkeys([*reversed(modes), *measured, *sources])  # modes: cheapest first
    of_sources = []
    for source in dearest_first:
        stages: tuple[str, ...] = _OF_A_MODE if source in modes else ()
        stages += ("evaluate_alignment",) if source in measured else ()
        stages += _OF_A_SOURCE if source in sources else ()
        of_sources.append([f"{stage}@{source}" for stage in stages])
    return [*of_sources, ["evaluate_baselines", "audit"]]


def run_dvc(arguments: list[str], parent_run: str) -> int:
    """Run DVC and return its exit code; when this process is interrupted, DVC and its stage end first."""
    with ends_children():
        return subprocess.Popen([*_DVC, *arguments], env=_variables(parent_run)).wait()


def _variables(parent_run: str) -> dict[str, str]:
    variables = {**os.environ, environment.PARENT_RUN_VARIABLE: parent_run, "RECEXPLAINER_PYTHON": sys.executable}
    variables.pop("MLFLOW_RUN_ID", None)  # it would send every stage into this one run
    return variables
