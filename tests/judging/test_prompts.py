from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.prompts import ANSWER_SCHEMA, judge_messages, parse_answer
from tests.faithfulness.fakes import make_record


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
