from pathlib import Path

from recexplainer.alignment import api_baseline, summaries
from recexplainer.data.catalogue import Catalogue
from recexplainer.judging import pairwise
from recexplainer.judging.prompts import ANSWER_SCHEMA, RUBRIC, judge_messages, parse_answer
from tests.faithfulness.fakes import make_record

GOLDEN = Path(__file__).with_name("prompts.txt")


def test_no_word_that_a_model_behind_an_api_is_told_has_changed() -> None:
    """Other words make other judges: their levels cannot be compared with those of the old ones."""
    told = (RUBRIC, pairwise.INSTRUCTIONS, summaries.INSTRUCTIONS, api_baseline.INSTRUCTIONS, api_baseline.FIVE_ITEMS)
    assert "\n\n----\n\n".join(told) + "\n" == GOLDEN.read_text(encoding="utf-8")


def test_messages_hold_the_case_and_not_its_author(games: Catalogue) -> None:
    system, user = judge_messages(make_record(text="Yes. Because."), games)
    assert system["role"] == "system" and user["role"] == "user"
    for part in (
        "- Ember Crown (Crown Works, Video Games, Nova 64, Role-Playing, Genre: Role-Playing",
        'The "Quiet" Harbor',
        "Item: Ember Crown II - Nova 64",
        "decision: Yes",
        "Yes. Because.",
    ):
        assert part in user["content"]
    assert "both" not in user["content"]


def test_answers_become_judgements() -> None:
    judged = parse_answer({"content": '{"rationale": "r", "level": "A"}', "finish_reason": "stop"})
    assert (judged.level, judged.reasons) == ("A", {"rationale": "r"})
    refused = parse_answer({"content": None, "finish_reason": "stop", "refusal": "I would rather not."})
    assert refused.level == "unparseable"
    assert refused.reasons == {"answer": None, "finish_reason": "stop", "refusal": "I would rather not."}


def test_schema_is_strict() -> None:
    schema = ANSWER_SCHEMA["json_schema"]["schema"]
    assert schema["additionalProperties"] is False and set(schema["required"]) == set(schema["properties"])
    assert schema["properties"]["level"]["enum"] == ["A", "B", "C", "D"]
