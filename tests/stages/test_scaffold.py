"""What every stage shares."""

from __future__ import annotations

from typing import Any

import pytest

from recexplainer.core.errors import InputError
from recexplainer.core.settings import Settings, load_settings
from recexplainer.stages import Extras, StageRun, Write, stage_main
from recexplainer.tracking import runs


@pytest.fixture
def seen() -> list[Any]:
    return []


def test_the_body_gets_settings_run_and_options(project: Any, seen: list[Any]) -> None:
    def body(settings: Settings, run: StageRun, mode: str) -> None:
        seen.extend([settings.run.seed, settings.judge.max_calls, mode, run.run_id])

    main = stage_main("align", body, options=("mode",))
    assert main(["--mode", "both", "-S", "run.seed=99", "--set", "judge.max_calls=5 run.threads=1"]) == 0
    assert seen[:3] == [99, 5, "both"]
    run = runs.connect().get_run(seen[3])
    assert run.data.params["run.seed"] == "99" and "align.learning_rate" in run.data.params
    assert run.info.run_name == "align both (demo)"
    assert run.data.tags["mlflow.note.content"].startswith("What every stage shares.")
    assert not {"dataset.format", "run.minutes", "align.epochs.intention"} & set(run.data.params)


def test_bad_input_is_one_line_and_exit_code_2(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def body(settings: Settings, run: StageRun) -> None:
        raise InputError("data/x.json: line 3: no title;\nadd one")

    assert stage_main("prepare", body)([]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "error: data/x.json: line 3: no title; add one"
    client = runs.connect()
    experiment = client.get_experiment_by_name("recexplainer-demo")
    assert [run.info.status for run in client.search_runs([experiment.experiment_id])] == ["FAILED"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mode", "all"], "error: --mode must be one of behaviour, intention, both, not 'all'"),
        (
            ["--mode", "both", "-S", "run.sede=1"],
            "error: -S 'run.sede=1': unknown parameter 'run.sede'; did you mean",
        ),
        (
            ["--mode", "both", "--set", "run.seed=x"],
            "error: params.yaml: run.seed must be a whole number, not 'x'",
        ),
        (["--mode", "both", "--set", "a='"], 'error: --set "a=\'": No closing quotation'),
        (["--mode", "both", "--params", "none.yaml"], "error: none.yaml: no such file"),
    ],
)
def test_a_bad_command_line_needs_no_tracking_store(
    empty_project: Any, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    main = stage_main("align", lambda *_: pytest.fail("ran"), options=("mode",))
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(message)
    assert not (empty_project / "mlflow.db").exists()


def test_a_list_of_names_is_an_option(project: Any, seen: list[Any]) -> None:
    def body(settings: Settings, run: StageRun) -> None:
        seen.append(settings.evaluate_alignment.tasks)

    main = stage_main("evaluate_alignment", body, extras=Extras(lists={"tasks": "evaluate_alignment.tasks"}))
    whole = load_settings().evaluate_alignment.tasks
    for given in (["--tasks", "item_ranking, next_item_retrieval"], ["--tasks", ""], []):
        assert main(given) == 0
    assert seen == [["item_ranking", "next_item_retrieval"], whole, whole]


def test_unknown_arguments_end_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert stage_main("align", lambda: None, options=("mode",))([]) == 2
    assert "error: Missing option '--mode'" in capsys.readouterr().err


def test_an_interrupt_is_130(project: Any) -> None:
    def body(settings: Settings, run: StageRun) -> None:
        raise KeyboardInterrupt

    assert stage_main("prepare", body)([]) == 130


def test_other_errors_are_the_programs_own(project: Any) -> None:
    def body(settings: Settings, run: StageRun) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stage_main("prepare", body)([])


def test_a_launch_that_cannot_work_starts_nothing(
    empty_project: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    assert stage_main("align", lambda *_: pytest.fail("ran"))([]) == 2
    assert capsys.readouterr().err.startswith("error: accelerate: DeepSpeed is not supported; launch with")
    assert not (empty_project / "mlflow.db").exists()


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_of_several_processes_one_alone_tracks_and_writes(
    empty_project: Any, seen: list[Any], monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    def body(settings: Settings, run: StageRun) -> Write:
        run.log_metrics({"loss": 1.0}, step=1)
        run.set_tags({"nothing": "here"})
        seen.append("computed")
        return lambda: seen.append("written")

    monkeypatch.setenv("RANK", str(rank))
    assert stage_main("prepare", body)(["-S", "run.seed=99"]) == 0
    assert seen == ["computed", "written"][: 2 - rank]
    assert (empty_project / "mlflow.db").exists() is (rank == 0)
