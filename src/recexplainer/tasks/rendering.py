"""Rendering: an example and a form become a prompt; the example's task words its question."""

from __future__ import annotations

from recexplainer.data.examples import Example
from recexplainer.prompting.chat import ChatEncoder, Content, Encoded
from recexplainer.prompting.prompts import Form, PromptWriter, answer_text, merge_text, shorten
from recexplainer.tasks.known import TASKS


def render(writer: PromptWriter, example: Example, form: Form) -> Content:
    """The prompt of an example in one form: the user's part first, so that the questions about one user share it."""
    return merge_text(TASKS[example.task].question(writer, example, form))


def fit_prompt(encoder: ChatEncoder, writer: PromptWriter, example: Example, form: Form, max_tokens: int) -> Encoded:
    """Encode a question in at most `max_tokens`; what is too long loses its oldest history first, and nothing else.

    Raises:
        PromptTooLongError: If it does not fit even without history.
    """
    return shorten(lambda shown: encoder.prompt(render(writer, shown, form)), example, max_tokens)[0]


def fit_answers(
    encoder: ChatEncoder, writer: PromptWriter, example: Example, form: Form, max_tokens: int, *,
    group: int = -1, weight: float = 1.0,
) -> list[Encoded]:  # fmt: skip
    """Encode an example with each answer that is taught, in at most `max_tokens`.

    All answers follow one prompt: its history is as short as the longest of them needs it.

    Raises:
        PromptTooLongError: If one does not fit even without history.
    """
    ends = example.aspect != "explain"  # an explanation continues after its verdict
    found: list[Encoded] = []

    def encode(shown: Example) -> Encoded:
        content = render(writer, shown, form)
        found[:] = [
            encoder.example(content, answer_text(writer, one), ends=ends, group=group, weight=weight * share)
            for one, share in shown.answers()
        ]
        return max(found, key=len)

    shorten(encode, example, max_tokens)
    return found
