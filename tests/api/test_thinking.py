import pytest

from recexplainer.api.thinking import split_thinking

JSON = '{"rationale": "r", "level": "C"}'


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        (JSON, "", JSON),
        (f'<think>{{"rationale":"x","level":"B"}}</think>{JSON}', '{"rationale":"x","level":"B"}', JSON),
        (f"<think>\nan open {{ brace\n</think>\n\n{JSON}", "an open { brace", JSON),
        (f"<think></think>{JSON}", "", JSON),
        (f"<THINK>a</THINK> {JSON}", "a", JSON),
        (f"<thinking>a</thinking>{JSON}", "a", JSON),
        (f"[THINK]a[/THINK]{JSON}", "a", JSON),
        (f"◁think▷a◁/think▷{JSON}", "a", JSON),
        (f"a, opened by the template</think>{JSON}", "a, opened by the template", JSON),
        (f"<think>a <think>b</think> c</think>{JSON}", "a b c", JSON),
        (f"<think>a</think><think>b</think>{JSON}", "ab", JSON),
        (f"{JSON}<think>was that right?</think>", "was that right?", JSON),
        ('<think>{"rationale":"x","level":"A"} or', '{"rationale":"x","level":"A"} or', ""),
        (f"<think>a</think>{JSON}<think>or", "aor", JSON),
        ("<think>", "", ""),
        ("the user thinks <so>", "", "the user thinks <so>"),
        ("", "", ""),
    ],
)
def test_thinking_is_told_from_the_answer(text: str, thought: str, answer: str) -> None:
    assert split_thinking(text) == (thought, answer)
