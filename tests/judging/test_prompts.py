import pytest

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


@pytest.mark.parametrize(
    ("content", "level"),
    [
        ('{"rationale": "r", "level": "A"}', "A"),
        ('```json\n{"level": "D", "rationale": "r"}\n```', "D"),
        ('Sure! {"level": "C", "rationale": "r"} Anything else?', "C"),
        ('{"rationale": "r", "level": "E"}', "unparseable"),
        ('{"rationale": "r", "level": "d"}', "unparseable"),
        ('{"rationale": "r", "level": ["D"]}', "unparseable"),
        ('{"level": "D"}', "unparseable"),
        ('{"rationale": "cut o', "unparseable"),
        ('["D"]', "unparseable"),
        ("D", "unparseable"),
        ("", "unparseable"),
        (None, "unparseable"),
    ],
)
def test_answers(content: str | None, level: str) -> None:
    judgement = parse_answer(content)
    assert judgement.level == level
    assert judgement.reasons == ({"answer": content} if level == "unparseable" else {"rationale": "r"})


def test_schema_is_strict() -> None:
    schema = ANSWER_SCHEMA["json_schema"]["schema"]
    assert schema["additionalProperties"] is False and set(schema["required"]) == set(schema["properties"])
    assert schema["properties"]["level"]["enum"] == ["A", "B", "C", "D"]
