"""Rendering: an example and a form become a prompt; the example's task words its question."""

from __future__ import annotations

from recexplainer.data.examples import Example
from recexplainer.prompting.chat import ChatEncoder, Content, Encoded
from recexplainer.prompting.prompts import Form, PromptWriter, answer_text, merge_text, shorten
from recexplainer.tasks.known import TASKS


def render(writer: PromptWriter, example: Example, form: Form) -> Content:
    """The prompt of an example in one form: the user's part first, so that the questions about one user share it."""
    return merge_text(TASKS[example.task].question(writer, example, form))


def fit(
    encoder: ChatEncoder, writer: PromptWriter, example: Example, form: Form, max_tokens: int, with_answer: bool = True,
    group: int = -1, weight: float = 1.0,
) -> Encoded:  # fmt: skip
    """Encode an example in at most `max_tokens`; what is too long loses its oldest history first, and nothing else.

    Raises:
        PromptTooLongError: If it does not fit even without history.
    """

    def encode(shown: Example) -> Encoded:
        content = render(writer, shown, form)
        if not with_answer:
            return encoder.prompt(content)
        ends = example.aspect != "explain"  # an explanation continues after its verdict
        return encoder.example(content, answer_text(writer, shown), ends=ends, group=group, weight=weight)

    return shorten(encode, example, max_tokens)[0]
