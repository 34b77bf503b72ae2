from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from recexplainer import store
from recexplainer.api import request as api_request
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Settings, load_settings
from recexplainer.stages import judge
from recexplainer.tracking.prompts import JUDGE
from tests.api.fake_server import FakeServer, Reply, completion, error, level
from tests.faithfulness.fakes import make_games, make_record

PARAMS = Path(__file__).parents[2] / "params.yaml"

Traced = tuple[Any, ...]  # the arguments of one call


class RecordedRun:
    """Stands in for the tracked run."""

    def __init__(self) -> None:
        self.metrics: dict[str, Any] = {}
        self.paths: list[Path] = []
        self.models: list[Any] = []

    def log_metrics(self, metrics: dict[str, Any]) -> None:
        self.metrics |= metrics

    def link_model(self, model: Any) -> None:
        self.models.append(model)

    def log_prompt(self, name: str, text: str, about: str) -> str:
        return name

    def log_artifact(self, path: Path) -> None:
        self.paths.append(path)

    def log_dataset(self, path: Path, name: str, context: str) -> None:
        self.paths.append(path)


@pytest.fixture
def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Traced]:
    """A project with a catalogue and three explanations; gives the traces that are logged."""
    monkeypatch.chdir(tmp_path)
    store.write_catalogue(make_games().frame)
    target = '"Ember Crown II - Nova 64"'
    store.write_explanations(
        "both",
        [
            make_record(explanation_id="a", text=f'Yes. {target} is a Role-Playing game like "Ember Crown".'),
            make_record(explanation_id="b", text="No. Not that.", verdict="No"),
            make_record(explanation_id="c", text=f'Yes. {target} is like "Golden Hog".'),
        ],
    )
    logged: list[Traced] = []
    monkeypatch.setattr(judge, "log_explanation_traces", lambda *given: logged.append(given))
    return logged


def settings_for(server: FakeServer | None = None, *more: str) -> Settings:
    server_settings = [
        "judge.backend=api",
        f"judge.base_url={server.base_url if server else 'http://127.0.0.1:9/v1'}",
        "judge.model=some-judge",
    ]
    return load_settings(PARAMS, [*(server_settings if server else []), "judge.n_traces=2", *more])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
    monkeypatch.setattr(api_request, "FIRST_WAIT_SECONDS", 0.01)
    with FakeServer() as running:
        yield running


def test_rubric(traces: list[Traced]) -> None:
    run = RecordedRun()
    judge.run(settings_for(), run, "both")  # type: ignore[arg-type]
    rows = store.read_judgements("both")
    assert [(of.explanation_id, of.level, of.score) for of in rows] == [
        ("a", "D", 3), ("b", "A", 0), ("c", "B", 1),
    ]  # fmt: skip
    assert {of.judge for of in rows} == {"rubric"}
    assert rows[2].reasons["unseen_titles"] == ["Golden Hog"]
    figures = store.read_json(store.judge_metrics("both"))
    assert (run.metrics["level_mean"], run.metrics["n_level_A"], run.metrics["n_explanations"]) == (4 / 3, 1, 3)
    assert not {"mean", "A", "n"} & set(run.metrics)
    assert (figures["mean"], figures["A"], figures["n"], figures["judge"]) == (4 / 3, 1, 3, "rubric")
    assert run.paths == [store.explanations("both"), store.judge_metrics("both")]
    ((records, judgements),) = traces
    assert [(of.explanation_id, of.level) for of in judgements] == [("a", "D"), ("b", "A")]
    assert [(record.explanation_id, record.source) for record in records] == [("a", "both"), ("b", "both")]
    assert judgements[1].rationale == "the verdict is missing or differs from the recommender's"
    assert not Path("cache").exists()


def test_server(traces: list[Traced], server: FakeServer) -> None:
    def reply(message: str, *_: Any) -> Reply:
        return completion("D, I think") if "Golden Hog" in message else level("C")

    server.reply = reply
    for n_calls in (3, 0):
        run = RecordedRun()
        judge.run(settings_for(server), run, "both")  # type: ignore[arg-type]
        assert (run.metrics["n_calls"], run.metrics["prompt_tokens"]) == (n_calls, 300)
    assert [of.level for of in store.read_judgements("both")] == ["C", "C", "unparseable"]
    figures = store.read_json(store.judge_metrics("both"))
    assert (figures["mean"], figures["unparseable"], figures["judge"]) == (2.0, 1, "some-judge")
    rubric = figures["rubric"]
    assert (rubric["D"], rubric["B"], rubric["A"], rubric["judge"]) == (1, 1, 1, "rubric")
    assert (rubric["agreement"]["n"], rubric["agreement"]["same"]) == (2, 0.0)  # C and C, against D and A
    assert "n_calls" not in figures  # the file depends on the answers, not on which run asked for them
    assert traces[0][2:] == ("LLM_JUDGE", JUDGE)
    assert traces[0][1][0].rationale == "because"
    everything = b"".join(path.read_bytes() for path in Path().rglob("*") if path.is_file())
    assert b"not-a-real-key" not in everything


def test_repeats_show_how_steady_the_judge_is(traces: list[Any], server: FakeServer) -> None:
    server.reply = lambda message, earlier, body: level("D" if "Golden Hog" in message and body["seed"] == 8 else "C")
    run = RecordedRun()
    judge.run(settings_for(server, "judge.n_repeats=2"), run, "both")  # type: ignore[arg-type]
    rows = store.read_judgements("both")
    assert [of.level for of in rows] == ["C", "C", "C"]
    assert [of.reasons["repeats"] for of in rows] == [["C", "C"], ["C", "C"], ["C", "D"]]
    repeats = store.read_json(store.judge_metrics("both"))["repeats"]
    assert (repeats["n"], repeats["same"]) == (2, 2 / 3)
    assert run.metrics["n_calls"] == 6


def test_what_the_parameters_say_is_what_is_asked(traces: list[Any], server: FakeServer) -> None:
    more = ("judge.max_answer_tokens=4000", "judge.reasoning_effort=low")
    judge.run(settings_for(server, *more), RecordedRun(), "both")  # type: ignore[arg-type]
    assert {(body["max_tokens"], body["reasoning_effort"]) for body in server.bodies} == {(4000, "low")}
    judge.run(settings_for(server), RecordedRun(), "both")  # type: ignore[arg-type]
    assert "reasoning_effort" not in server.bodies[-1]


def test_a_judge_with_time_outs_is_waited_for_as_long_as_the_parameters_say(
    traces: list[Any], server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_request, "MAX_ATTEMPTS", 1)
    server.delay_seconds = 0.5
    with pytest.raises(InputError, match="no answer within 0.1 s"):
        judge.run(settings_for(server, "judge.timeout_seconds=0.1"), RecordedRun(), "both")  # type: ignore[arg-type]


def test_many_answers_without_a_level_end_with_a_warning(
    traces: list[Any], server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.reply = lambda message, *_: completion("Hm.") if "Golden Hog" in message else level("C")
    run = RecordedRun()
    judge.run(settings_for(server), run, "both")  # type: ignore[arg-type]
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == (
        "warning: judge (both): 1 of 3 have no level (1 unparseable, 0 failed); the mean covers the other 2"
    )
    assert run.metrics["without_level"] == store.read_json(store.judge_metrics("both"))["without_level"] == 1 / 3
    server.reply = lambda *_: level("C")
    judge.run(settings_for(server, "judge.reask_unparseable=true"), run, "both")  # type: ignore[arg-type]
    assert "warning" not in capsys.readouterr().err
    assert (run.metrics["without_level"], run.metrics["n_calls"]) == (0, 1)


def test_whose_grade_it_is(traces: list[Any], server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint may have another model under its own name."""
    monkeypatch.setenv("ENGINE", "another-model")
    judge.run(settings_for(server), RecordedRun(), "both")  # type: ignore[arg-type]
    figures = store.read_json(store.judge_metrics("both"))
    assert (figures["judge"], figures["answered_by"]) == ("another-model", {"judge": 3})  # the server says "judge"
    assert {of.judge for of in store.read_judgements("both")} == {"another-model"}


def test_failed_calls_are_a_category(traces: list[Any], server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_request, "MAX_ATTEMPTS", 2)
    server.reply = lambda message, *_: error(500) if "Golden Hog" in message else level("C")
    judge.run(settings_for(server), RecordedRun(), "both")  # type: ignore[arg-type]
    assert [of.level for of in store.read_judgements("both")] == ["C", "C", "failed"]


@pytest.mark.parametrize(
    ("change", "message"),
    [("judge.model=null", "judge.model"), ("judge.max_calls=2", "max_calls is 2, but 3")],
)
def test_bad_settings_write_nothing(traces: list[Any], server: FakeServer, change: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        judge.run(settings_for(server, change), RecordedRun(), "both")  # type: ignore[arg-type]
    assert not store.judgements("both").exists() and not store.judge_metrics("both").exists()


def test_money_is_logged_where_the_prices_are_known(traces: list[Any], server: FakeServer) -> None:
    prices = ["judge.price_per_million_prompt_tokens=1000", "judge.price_per_million_completion_tokens=0"]
    for cost in (3 * 0.1, 0.0):  # the second run finds all answers
        run = RecordedRun()
        judge.run(settings_for(server, *prices, "judge.max_cost=10"), run, "both")  # type: ignore[arg-type]
        assert run.metrics["cost"] == pytest.approx(cost)
        assert run.metrics["cost_of_answers"] == pytest.approx(3 * 0.1)
    assert "cost" not in store.read_json(store.judge_metrics("both"))


def test_rubric_needs_no_openai_package(traces: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    judge.run(settings_for(), RecordedRun(), "both")  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_command_line_ends_with_one_line_on_a_missing_key(
    traces: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    arguments = [
        "--source",
        "both",
        "--params",
        str(PARAMS),
        "-S",
        "judge.backend=api",
        "-S",
        "judge.model=m",
    ]
    assert judge.main(arguments) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("error: judge uses a server and needs")
    assert not store.judgements("both").exists()
