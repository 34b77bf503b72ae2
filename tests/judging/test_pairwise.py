from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recexplainer import cli, store
from recexplainer.api import request as api_request
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.records.preference import OrderFigures, Preference, PreferenceOutcome, SourceComparison
from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.compare import pair_up
from recexplainer.judging.grade import Grade
from recexplainer.judging.pairwise import (
    ANSWER_SCHEMA,
    compare_answers,
    compare_levels,
    pair_messages,
    parse_choice,
    summarise_comparisons,
)
from recexplainer.store.typed import from_row
from tests.api.fake_server import FakeServer, Reply, completion, error
from tests.conftest import REPOSITORY
from tests.faithfulness.fakes import make_record

TARGET = '"Ember Crown II - Nova 64"'
GOOD = f'Yes. {TARGET} is a Role-Playing game like "Ember Crown".'  # level D
PLAIN = f'Yes. {TARGET} is like "Ember Crown".'  # level C
WRONG = "No. Not that."  # level A


def better(choice: str) -> Reply:
    return completion(json.dumps({"rationale": "because", "better": choice}))


@pytest.mark.parametrize(
    ("straight", "swapped", "outcome"),
    [
        ("first", "second", "first"),
        ("second", "first", "second"),
        ("first", "first", "tie"),
        ("second", "second", "tie"),
        ("tie", "tie", "tie"),
        ("first", "tie", "tie"),
        ("tie", "first", "tie"),
        ("first", "unparseable", "unparseable"),
        ("failed", "first", "failed"),
        ("unparseable", "failed", "failed"),
    ],
)
def test_a_win_needs_both_orders(
    straight: PreferenceOutcome, swapped: PreferenceOutcome, outcome: PreferenceOutcome
) -> None:
    found = compare_answers("u1", (straight, "a"), (swapped, "b"))
    assert found == Preference(explanation_id="u1", outcome=outcome, by_order=(straight, swapped), reasons=("a", "b"))


def test_the_higher_level_wins() -> None:
    grades = [("D", "A"), ("B", "C"), ("C", "C"), ("failed", "C")]
    found = [compare_levels("u1", Grade(first), Grade(second)) for first, second in grades]
    assert [row.outcome for row in found] == ["first", "second", "tie", "unparseable"]
    assert found[0].reasons == ("D", "A")


@pytest.mark.parametrize(
    ("content", "choice"),
    [
        ('{"rationale": "r", "better": "first"}', "first"),
        ('```json\n{"better": "tie", "rationale": "r"}\n```', "tie"),
        ('{"rationale": "r", "better": "**First**"}', "first"),
        ('{"rationale": "r", "better": "first or second"}', "unparseable"),
        ('{"rationale": "r", "better": "first"} {"rationale": "r", "better": "second"}', "unparseable"),
        ('{"rationale": "r", "better": ["first"]}', "unparseable"),
        ('{"rationale": "cut o', "unparseable"),
        ('["first"]', "unparseable"),
        ("", "unparseable"),
        (None, "unparseable"),
    ],
)
def test_choices(content: str | None, choice: str) -> None:
    assert parse_choice({"content": content}) == (choice, (content or "") if choice == "unparseable" else "r")


def test_a_choice_needs_no_rationale_and_no_cut_answer_holds_one() -> None:
    assert parse_choice({"content": '{"better": "first"}'}) == ("first", "")
    assert parse_choice({"content": '{"better": "first"}', "finish_reason": "length"})[0] == "unparseable"


def test_messages_hold_both_texts_and_no_author(games: Catalogue) -> None:
    _, user = pair_messages(make_record(), ("Yes. One.", "No. Two."), games)
    assert "<<<FIRST\nYes. One.\nFIRST>>>\n\n<<<SECOND\nNo. Two.\nSECOND>>>" in user["content"]
    assert "Item: Ember Crown II - Nova 64" in user["content"] and "decision: Yes" in user["content"]
    assert "both" not in user["content"]
    schema = ANSWER_SCHEMA["json_schema"]["schema"]
    assert schema["additionalProperties"] is False and set(schema["required"]) == set(schema["properties"])


def test_summary_by_hand() -> None:
    answers: list[tuple[PreferenceOutcome, PreferenceOutcome]] = (
        [("first", "second")] * 6 + [("second", "first")] * 2 + [("first", "first")] * 3 + [("second", "second")]
    )
    answers += [("tie", "tie"), ("first", "tie"), ("first", "unparseable"), ("failed", "failed")]
    found = summarise_comparisons(
        [compare_answers("u1", (a, ""), (b, "")) for a, b in answers], range(len(answers)), np.random.default_rng(0)
    )
    assert (found.first, found.second, found.tie, found.unparseable, found.failed, found.n) == (6, 2, 6, 1, 1, 16)
    assert found.win_rate == 9 / 14 and found.win_rate_interval is not None
    low, high = found.win_rate_interval
    assert 0.4 < low < 9 / 14 < high < 0.9
    assert found.decided_win_rate == 0.75
    assert found.decided_win_rate_interval == pytest.approx([0.40928, 0.92852], abs=1e-5)  # Wilson, of 6 among 8
    assert found.order == OrderFigures(n=14, position_bias=4 / 14, always_first=3, always_second=1, consistent=9 / 14)


def test_the_cases_of_one_user_are_drawn_together() -> None:
    """Two users, each of one mind in twenty cases: a draw in four has the one alone."""
    answers = [compare_answers("c", ("first", ""), ("second", ""))] * 20
    answers += [compare_answers("c", ("second", ""), ("first", ""))] * 20
    apart = summarise_comparisons(answers, range(40), np.random.default_rng(0)).win_rate_interval
    together = summarise_comparisons(answers, [1] * 20 + [2] * 20, np.random.default_rng(0)).win_rate_interval
    assert together == [0.0, 1.0] and apart is not None and 0.3 < apart[0] < apart[1] < 0.7


def test_summary_of_nothing() -> None:
    found = summarise_comparisons([], [], np.random.default_rng(0))
    assert found.win_rate is None and found.decided_win_rate is None and found.order is None
    failed = summarise_comparisons(
        [compare_answers("u1", ("failed", ""), ("failed", ""))], [1], np.random.default_rng(0)
    )
    assert failed.win_rate is None and failed.order is not None and failed.order.position_bias is None


def test_pairs_are_of_one_case() -> None:
    def rows(*ids: str, **changes: Any) -> list[Explanation]:
        return [make_record(explanation_id=name, **changes) for name in ids]

    assert [pair[1].explanation_id for pair in pair_up(rows("a", "b", "c"), rows("c", "a"))] == ["a", "c"]
    with pytest.raises(InputError, match="no case in common"):
        pair_up(rows("a"), rows("b"))
    with pytest.raises(InputError, match="case a differs in its label"):
        pair_up(rows("a"), rows("a", label="No"))


# --- the command -----------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, games: Catalogue) -> Path:
    """Four cases: `both` is better in two, `none` in one, and in one the texts are the same."""
    monkeypatch.chdir(tmp_path)
    store.write_catalogue(games.frame)
    texts = {"both": (GOOD, PLAIN, PLAIN, WRONG), "none": (PLAIN, WRONG, GOOD, WRONG)}
    for source, written in texts.items():
        store.write_explanations(
            source,
            [
                make_record(
                    explanation_id=f"u{n}", user_id=n, source=source, text=text, verdict=text[: text.index(".")]
                )
                for n, text in enumerate(written)
            ],
        )
    return tmp_path


def run(*arguments: str, server: FakeServer | None = None) -> int:
    words = list(arguments)
    if server:
        values = ("backend=api", f"base_url={server.base_url}", "model=m")
        words += [word for value in values for word in ("-S", f"judge.{value}")]
    return cli.run(["judge", "compare", *words, "--params", str(REPOSITORY / "params.yaml")])


def written(first: str = "both", second: str = "none") -> dict[str, Any]:
    """The file, every field of which is one of a comparison's."""
    path = store.comparison(first, second)
    from_row(path.read_text(encoding="utf-8"), SourceComparison, str(path), "", to_rewrite=True)
    found: dict[str, Any] = store.read_json(path)
    return found


def shown(message: str) -> tuple[str, str]:
    first, second = (message.split(f"<<<{name}\n")[1].split(f"\n{name}>>>")[0] for name in ("FIRST", "SECOND"))
    return first, second


def true_choice(message: str, *_: Any) -> Reply:
    """A judge that knows the levels."""
    order = (WRONG, PLAIN, GOOD)
    first, second = (order.index(text) for text in shown(message))
    return better("tie" if first == second else "first" if first > second else "second")


def test_the_rubric_compares_levels(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("both", "none") == 0
    found = written()
    assert (found["judge"], found["first"], found["second"], found["tie"]) == ("rubric", 2, 1, 1)
    assert (found["win_rate"], found["decided_win_rate"], found["order"]) == (2.5 / 4, 2 / 3, None)
    assert found["cases"][0] == {
        "explanation_id": "u0", "outcome": "first", "by_order": [], "reasons": ["D", "C"],
    }  # fmt: skip
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "4 cases, judged by rubric: both better 2, none better 1, neither 1"
    assert out[1].startswith("win rate of both on 4 cases, ties counted as half: 0.625 (")
    assert "order" not in "".join(out)
    assert not Path("cache").exists()


def test_a_language_model_sees_both_orders(project: Path, server: FakeServer) -> None:
    server.reply = true_choice
    assert run("both", "none", server=server) == 0
    found = written()
    assert (found["judge"], found["first"], found["second"], found["tie"]) == ("m", 2, 1, 1)
    assert found["order"] == {"n": 3, "position_bias": 0.0, "always_first": 0, "always_second": 0, "consistent": 1.0}
    assert found["costs"] == {"prompt_tokens": 400, "completion_tokens": 28}  # two of the six are asked already
    assert found["cases"][3]["reasons"] == ["both texts are the same"]
    assert {frozenset([shown(message), shown(message)[::-1]]) for message in server.asked} == {
        frozenset([(GOOD, PLAIN), (PLAIN, GOOD)]),
        frozenset([(PLAIN, WRONG), (WRONG, PLAIN)]),
    }
    assert server.bodies[0]["response_format"]["json_schema"]["name"] == "comparison"


def test_nothing_is_asked_twice_whichever_is_named_first(project: Path, server: FakeServer) -> None:
    server.reply = true_choice
    run("both", "none", server=server)
    n_asked = server.asked.total()
    assert run("none", "both", server=server) == 0
    assert server.asked.total() == n_asked
    assert (written("none", "both")["first"], written("none", "both")["second"]) == (1, 2)


@pytest.mark.parametrize("place", ["first", "second"])
def test_a_judge_that_prefers_a_place(
    project: Path, server: FakeServer, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server.reply = lambda *_: better(place)
    assert run("both", "none", server=server) == 0
    found = written()
    assert (found["first"], found["second"], found["tie"], found["win_rate"]) == (0, 0, 4, 0.5)
    assert found["decided_win_rate"] is None
    assert found["order"]["position_bias"] == 1.0 and found["order"][f"always_{place}"] == 3
    assert "the order of the texts decided 1.000 of 3 pairs" in capsys.readouterr().out


def test_malformed_and_failed_answers_are_counted_and_no_rate_hides_them(
    project: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(api_request, "MAX_ATTEMPTS", 2)
    monkeypatch.setattr(api_request, "FIRST_WAIT_SECONDS", 0.01)

    def reply(message: str, earlier: int, body: dict[str, Any]) -> Reply:
        if shown(message) == (GOOD, PLAIN):
            return completion("The first one is better.")
        return error(500) if WRONG in shown(message) else true_choice(message)

    server.reply = reply
    assert run("both", "none", server=server) == 0
    found = written()
    assert [row["outcome"] for row in found["cases"]] == ["unparseable", "failed", "unparseable", "tie"]
    assert found["cases"][0]["by_order"] == ["unparseable", "second"]
    assert (found["unparseable"], found["failed"], found["order"]["n"], found["win_rate"]) == (2, 1, 0, 0.5)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "warning: 3 of 4 cases have no choice; the rates cover 1"
    assert out[2].startswith("win rate of both on 1 cases, ties counted as half: 0.500")


def test_answers_without_a_choice_can_be_asked_for_again(project: Path, server: FakeServer) -> None:
    server.reply = lambda *_: completion("I cannot decide.")
    run("both", "none", server=server)
    assert written()["unparseable"] == 3
    server.reply = true_choice
    run("both", "none", server=server)
    assert written()["unparseable"] == 3
    run("both", "none", "-S", "judge.reask_unparseable=true", server=server)
    assert written()["unparseable"] == 0


def test_the_budget_holds(project: Path, server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("both", "none", "-S", "judge.max_calls=3", server=server) == 2
    assert "judge.max_calls is 3" in capsys.readouterr().err
    assert not server.bodies and not store.comparison("both", "none").exists()


def test_bad_input_is_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (("both", "both"), "cannot be compared with itself"),
        (("both", "behaviour"), "explanations_behaviour.jsonl: no such file"),
        (("both", "none", "-S", "judge.backend=api"), "judge.model must name"),
        (("both", "none", "-S", "judge.nonsense=1"), "judge.nonsense"),
    ):
        assert run(*arguments) == 2
        written = capsys.readouterr().err
        assert written.startswith("error: ") and message in written and written.count("\n") == 1
    assert not Path("comparisons").exists()
