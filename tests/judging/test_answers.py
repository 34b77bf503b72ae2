import pytest

from recexplainer.judging.answers import read_choice, read_level

D = '{"rationale": "r", "level": "D"}'


@pytest.mark.parametrize(
    ("content", "level"),
    [
        (D, "D"),
        ('```json\n{"level": "D", "rationale": "r"}\n```', "D"),
        ('Sure! {"level": "C", "rationale": "r"} Anything else?', "C"),
        ('{"level": "D"}', "D"),
        ('{"Rationale": "r", "Level": "d"}', "D"),
        ('{"LEVEL ": "**C**"}', "C"),
        ('{"level": "C - acceptable"}', "C"),
        ('{"level": "C: acceptable, but thin"}', "C"),
        ('{"level": "C (acceptable)"}', "C"),
        ('{"level": "Level B."}', "B"),
        ('{"rationale": "two\nlines\tand a tab", "level": "B"}', "B"),
        ('{"rationale": {"short": "r"}, "level": "B"}', "B"),
        ('{"result": {"rationale": "r", "level": "B"}}', "B"),
        ('{"level": "<A, B, C or D>"} was asked for: {"level": "B"}', "B"),
        ('{"level": "Z"} no, {"level": "A"}', "A"),
        ('{"level": "A"} as said: {"level": "A"}', "A"),
        ('Weighing {braces} first. {"level": "A"}', "A"),
        ("C", "C"),
        ("**C**", "C"),
        ("Level: C", "C"),
        ('"c"', "C"),
    ],
)
def test_one_clear_level_is_read(content: str, level: str) -> None:
    choice = read_choice({"content": content, "finish_reason": "stop"}, "level", read_level)
    assert choice is not None and choice.value == level


@pytest.mark.parametrize(
    "content",
    [
        '{"rationale": "r", "level": "B"} {"rationale": "r", "level": "C"}',
        '{"level": "B", "level": "C"}',
        '{"level": "B", "Level": "C"}',
        '{"first": {"level": "B"}, "second": {"level": "C"}}',
        '{"level": "B or C"}',
        '{"level": "B/C"}',
        '{"level": "A, B, C or D"}',
        '{"level": "C - not D"}',
        '{"level": "AB"}',
        '{"level": "E"}',
        '{"level": "C+"}',
        '{"level": "acceptable"}',
        '{"level": ["D"]}',
        '{"level": 3}',
        '{"level": null}',
        '{"rationale": "level D"}',
        '{"rationale": "cut o',
        '{"rationale": "r", "level": "D"',
        '["D"]',
        "I would say D",
        "A good text. Level D",
        "D\nC",
        "",
        None,
        "{" * 5000,
    ],
)
def test_what_is_not_one_clear_level_is_none(content: str | None) -> None:
    assert read_choice({"content": content, "finish_reason": "stop"}, "level", read_level) is None


@pytest.mark.parametrize("finish_reason", ["length", "max_tokens", "MAX_TOKENS", "content_filter"])
def test_an_answer_that_was_cut_holds_no_choice(finish_reason: str) -> None:
    assert read_choice({"content": D, "finish_reason": finish_reason}, "level", read_level) is None
    assert read_choice({"content": D, "finish_reason": None}, "level", read_level) is not None


def test_the_rationale_is_that_of_the_last_choice() -> None:
    content = '{"rationale": "first", "level": "B"}, better said: {"rationale": "last", "level": "b"}'
    choice = read_choice({"content": content}, "level", read_level)
    assert choice is not None and (choice.value, choice.rationale) == ("B", "last")
