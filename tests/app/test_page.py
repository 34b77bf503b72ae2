"""The page in Streamlit's own test harness: no server, no browser."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from recexplainer.app import answers, page
from recexplainer.app.asking import ask
from recexplainer.app.models import Models
from recexplainer.app.people import People
from recexplainer.app.whatif import best, rank_items, scores_without
from recexplainer.citations.citations import resolve_citations
from recexplainer.core.errors import InputError
from recexplainer.explaining.template import VARIANT, decision_of
from recexplainer.faithfulness.carriers import find_carriers

HISTORY = [3, 5, 3, 8, 1]  # of user U1


def script() -> None:
    from recexplainer.app import page

    page.main("params.yaml", "candidate")


@pytest.fixture
def app(models: Models, people: People, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page, opened, with the models in place of registered ones."""
    monkeypatch.setattr(page, "opened", lambda *_: ("demo", models, people))
    for cached in (answers.answered, answers.traced):
        cached.clear()
    found = AppTest.from_function(script, default_timeout=60).run()
    assert not found.exception
    return found


def press(app: AppTest, name: str) -> AppTest:
    [button] = [button for button in app.button if button.label == name]
    return done(button.click().run())


def done(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    return app


def shown(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def pick(app: AppTest, raw_id: str = "U1") -> AppTest:
    return press(done(app.text_input[0].set_value(raw_id).run()), "Show")


def test_a_user_is_picked_by_raw_id_and_the_top_ten_has_scores(app: AppTest, models: Models) -> None:
    assert "unknown" not in done(app.text_input[0].set_value("U99").run()).error[0].value
    found = pick(app)
    assert [box.label.replace("\\", "").replace("\u2060", "") for box in found.checkbox][:2] == [
        "Rust; Bone; Glory (2 times)", "星の庭 Hoshi",
    ]  # fmt: skip
    scores = scores_without(models.recommender, HISTORY)
    for row in rank_items(scores, best(scores, 10)):
        assert f"<td>{row.rank}</td>" in shown(found) and f"{row.score:.3f}" in shown(found)


def test_unticking_moves_rank_and_score_to_what_the_recommender_says(app: AppTest, models: Models) -> None:
    found = pick(app)
    item = found.selectbox(key="item").value
    found = done(found.checkbox(key="keep3").uncheck().run())
    whole, rest = (models.recommender.scores([items])[0] for items in (HISTORY, [5, 8, 1]))
    assert f"{whole[item]:.3f} → {rest[item]:.3f}" in shown(found)
    found = press(found, "Tick all")
    assert "→" not in shown(found) and all(box.value for box in found.checkbox)


def test_modes_are_asked_about_an_item_that_is_ranked_last(app: AppTest, models: Models) -> None:
    found = pick(app)
    item = min(models.case(HISTORY, item).rank * -1000 + item for item in (2, 4, 6, 7, 9, 10, 11, 12)) % 1000
    found = press(done(found.selectbox(key="item").select(item).run()), "Ask why")
    for source in ("behaviour", "both", "template"):
        answer = ask(models, source, HISTORY, item, 1)
        assert answer.record.p_yes is None or f"({answer.record.p_yes:.2f})" in shown(found)
    assert shown(found).count('class="rx-said"') == 4  # three answers, and what would change the decision
    assert "What carries the decision" in shown(found)


def test_what_a_text_cites_is_removed_at_once_and_as_many_others(app: AppTest, models: Models) -> None:
    found = press(pick(app), "Ask why")
    cited = ask(models, "template", HISTORY, found.selectbox(key="item").value, 1).shown.cited_items
    assert cited
    found = done(found.button(key="cited-template").click().run())
    assert [box.key for box in found.checkbox if not box.value] == [
        f"keep{item}" for item in (3, 5, 8, 1) if item in cited
    ]
    found = done(found.button(key="others-template").click().run())
    gone = {int(box.key.removeprefix("keep")) for box in found.checkbox if not box.value}
    assert gone.isdisjoint(cited) and len(gone) == min(len(cited), 4 - len(cited))


def test_no_item_that_carries_the_decision_is_said_to_carry_nothing(
    app: AppTest, models: Models, monkeypatch: Any
) -> None:
    """The recommender's own text names three items at most."""
    found = pick(app)
    rest = [item for item in range(1, 13) if item not in HISTORY]
    decisions = [decision_of(models.case(HISTORY, item)) for item in rest]
    carriers = [found.items for found in find_carriers(models.recommender, decisions, VARIANT)]
    item = next(item for item, items in zip(rest, carriers, strict=True) if set(items) == set(HISTORY))

    def cite_all(models: Models, source: str, history: list[int], item: int, user_id: int) -> Any:
        answer = ask(models, source, history, item, user_id)
        text = " ".join(f'"{models.catalogue.title(cited)}"' for cited in history)
        citations = resolve_citations(text, history, models.catalogue, item).mentions
        return replace(answer, shown=replace(answer.shown, text=text, citations=citations))

    monkeypatch.setattr(answers, "ask", cite_all)
    found = press(done(found.selectbox(key="item").select(item).run()), "Ask why")
    assert shown(found).count("<bdi>Rust; Bone; Glory</bdi></mark>") >= 3
    assert shown(found).count('class="rx-idle"') == 1  # in the legend


def test_a_click_is_about_what_is_chosen_when_it_is_answered(app: AppTest, people: People) -> None:
    """A page that is busy takes a choice and the click after it together."""
    found = pick(app)
    found.text_input[0].set_value("U2")
    found = press(found, "Show")
    assert found.session_state["history"] == people.history(2)
    first, second, *rest = dict.fromkeys(people.history(2))
    found = done(found.checkbox(key=f"keep{first}").uncheck().run())
    found.checkbox(key=f"keep{second}").uncheck()
    found = press(found, "Go on with what is left")
    assert found.session_state["history"] == rest and found.session_state["user"] == 0


def test_controls_of_three_cards_have_names_of_their_own(app: AppTest) -> None:
    found = press(pick(app), "Ask why")
    for controls in (found.button, found.expander, found.radio, found.text_area, found.text_input):
        names = [control.label for control in controls]
        assert len(set(names)) == len(names), names


def test_the_name_of_a_rater_is_kept_for_the_next_question(app: AppTest) -> None:
    found = press(pick(app), "Ask why")
    found = done(found.text_input(key="rater").set_value("anna").run())
    selected = found.selectbox(key="item")
    other = next(item for item in range(1, 13) if item not in (*HISTORY, selected.value))
    found = press(done(selected.select(other).run()), "Ask why")
    assert found.text_input(key="rater").value == "anna"


def test_a_removal_shows_the_decision_that_it_makes(app: AppTest, models: Models) -> None:
    changes = set()
    found = pick(app)
    for item in (2, 4, 6, 7, 9, 10, 11, 12):
        found = done(found.selectbox(key="item").select(item).run())
        for box in found.checkbox:
            found = done(found.checkbox(key=box.key).uncheck().run())
            removed = int(box.key.removeprefix("keep"))
            bounds = models.template.bounds
            rank = rank_items(scores_without(models.recommender, HISTORY, [removed]), [item])[0].rank
            after = (
                "Yes" if rank <= 8 * bounds.like_top else "No" if rank > 8 - 8 * bounds.dislike_bottom else "undecided"
            )
            before = models.case(HISTORY, item).label or "undecided"
            assert f"recommender: <b><bdi>{before} → {after}</bdi></b>" in shown(found)
            changes.add((before, after))
            found = press(found, "Tick all")
    assert any(before != after for before, after in changes)


def test_a_history_is_composed_from_the_catalogue(app: AppTest) -> None:
    found = done(app.radio[0].set_value("Compose").run())
    for title in ("amber gate", "iron"):
        found = done(found.text_input(key="catalogue").set_value(title).run())
        found = press(found, "Add as the newest")
    assert [box.key for box in found.checkbox] == ["keep10", "keep12"]


def test_a_rating_needs_a_name_and_a_level_and_is_kept_on_the_trace(app: AppTest, monkeypatch: Any) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(answers, "log_live_trace", lambda dataset, record: "a trace that is deleted")
    monkeypatch.setattr(answers, "log_human_level", lambda *given: kept.append(given))

    def refuse(*_: str) -> None:
        raise InputError("the rating is not kept")

    found = press(pick(app), "Ask why")

    def keep(app: AppTest) -> AppTest:
        return done([button for button in app.button if button.label.startswith("Keep the rating")][0].click().run())

    assert keep(found).warning[0].value.startswith("Enter your name") and kept == []
    found.text_input(key="rater").set_value("anna")
    found.text_area[0].set_value(" good ")
    [level, *_] = [radio for radio in found.radio if radio.label.startswith("Level")]
    level.set_value("C")
    monkeypatch.setattr(answers, "log_human_level", refuse)
    assert "not kept" in keep(found).error[0].value and not found.success
    monkeypatch.setattr(answers, "log_human_level", lambda *given: kept.append(given))
    monkeypatch.setattr(answers, "log_live_trace", lambda dataset, record: f"{dataset} {record.source}")
    assert keep(found).success and kept == [("demo template", "anna", "C", "good")]


def test_bad_input_is_one_line_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: str) -> None:
        raise InputError("registry: no explainer <b>")

    monkeypatch.setattr(page, "opened", refuse)
    found = AppTest.from_function(script).run()
    assert not found.exception
    assert found.error[0].value.replace("\\", "").replace("\u2060", "") == "registry: no explainer <b>"
