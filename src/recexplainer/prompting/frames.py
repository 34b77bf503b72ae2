"""The frame: what a chat template puts around the messages of a conversation, the same on every day.

The template is rendered with marks in place of the contents; the text around them is the frame of every later
example. What a template asks for besides the messages, its parameters and the date, is written into it once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recexplainer.core.errors import InputError, reason_of

PLAIN_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ 'User: ' if message['role'] == 'user' else 'Assistant: ' }}{{ message['content'] }}"
    "{{ eos_token + '\n' if message['role'] == 'assistant' else '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}"
)
DAY = datetime(2026, 1, 1)  # what every template is told that asks for the date: equal inputs give equal prompts
_CODES = [*"aAbBcdHIjmMpSUwWxXyYZ", "-d", "-m", "-H", "-I"]  # of strftime
# Marks hold what a template might escape. They stand in no text, and begin and end with what no template strips.
_QUESTION_1, _ANSWER_1, _QUESTION_2, _ANSWER_2 = (
    f'\ue000{n} "&" \\ <{n}>\ue000' for n in ("one", "two", "three", "four")
)


@dataclass(frozen=True)
class Frame:
    """The texts around the messages; blanks at the end of one belong to the message behind it.

    Attributes:
        before: In front of the first question.
        open: Between a question and the answer to be given.
        past_open: Between a question and an answer that was given earlier.
        next: Between an earlier answer and the next question, with the end of that answer.
        end: The special token that ends an answer.
    """

    before: str
    open: str
    past_open: str
    next: str
    end: str

    @property
    def is_uniform(self) -> bool:
        """Whether an answer reads the same when it is given and when the conversation has gone on."""
        return self.past_open == self.open and self.next.startswith(self.end)


def read_frame(tokenizer: Any) -> Frame:
    """The frame of a tokenizer's chat template, or of a plain one where it has none.

    Raises:
        InputError: If the template cannot render a conversation of user and assistant, changes messages, opens an
            answer otherwise than a finished one begins, ends it with more than a special token, or writes turns
            otherwise in another place.
    """
    marks = [_QUESTION_1, _ANSWER_1, _QUESTION_2, _ANSWER_2]
    try:
        before, asked = _cut(render(tokenizer, marks[:1], True), marks[:1])
        _, written, tail = _cut(render(tokenizer, marks[:2], False), marks[:2])
        _, past_open, following, _ = _cut(render(tokenizer, marks[:3], True), marks[:3])
    except ValueError as error:
        raise InputError(
            "the tokenizer's chat template does not repeat each message exactly once and unchanged: set "
            "llm.chat_template to a Jinja template that does"
        ) from error
    if asked.rstrip() != written.rstrip():
        raise InputError(_opens_otherwise(asked, written))
    end = _end_of_turn(tokenizer, tail)
    if following.lstrip().startswith(end):
        following = following.lstrip()
    frame = Frame(before, written, past_open, following, end)
    _check_turns(tokenizer, frame, marks)
    return frame


def render(tokenizer: Any, contents: Sequence[str], generate: bool) -> str:
    """A conversation as the template writes it: a question, an answer, a question, …

    Raises:
        InputError: If it cannot.
    """
    messages = [
        {"role": "user" if number % 2 == 0 else "assistant", "content": content}
        for number, content in enumerate(contents)
    ]
    template = tokenizer.chat_template or PLAIN_TEMPLATE
    try:
        rendered: str = tokenizer.apply_chat_template(
            messages, chat_template=template, add_generation_prompt=generate, tokenize=False
        )
    except Exception as error:
        message = f"the chat template cannot render a conversation: {reason_of(error)}; see llm.chat_template"
        raise InputError(message) from error
    return rendered


def pinned(template: str, values: Mapping[str, Any]) -> str:
    """A template into which its parameters, and the date if it asks for one, are written: it needs no others.

    Args:
        template: Jinja, as transformers renders it.
        values: Its parameters by name (`llm.chat_template_kwargs`).

    Raises:
        InputError: If the template reads no such parameter.
    """
    for name in values:
        if not re.search(rf"\b{re.escape(name)}\b", template):
            raise InputError(f"llm.chat_template_kwargs: the chat template does not read {name!r}; remove it")
    lines = [f"{{%- set {name} = {_literal(value)} %}}\n" for name, value in values.items()]
    if "strftime_now" in template and "macro strftime_now" not in template:
        codes = "".join(f"|replace({_literal('%' + code)}, {_literal(DAY.strftime('%' + code))})" for code in _CODES)
        lines.append(f"{{%- macro strftime_now(format) %}}{{{{ format{codes} }}}}{{% endmacro %}}\n")
    return "".join(lines) + template


def _literal(value: Any) -> str:
    """A value as Jinja writes it, which takes JSON but for null."""
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def _cut(text: str, marks: Sequence[str]) -> list[str]:
    """The text around the marks.

    Raises:
        ValueError: If each does not stand there exactly once, in order.
    """
    pieces = []
    for mark in marks:
        piece, text = text.split(mark)
        pieces.append(piece)
    return [*pieces, text]


def _opens_otherwise(asked: str, written: str) -> str:
    shared = next((n for n, pair in enumerate(zip(asked, written, strict=False)) if pair[0] != pair[1]), None)
    start = min(len(asked), len(written)) if shared is None else shared
    return (
        f"the chat template opens an answer with {asked[start:]!r} in the generation prompt and with "
        f"{written[start:]!r} in a finished conversation, as those of thinking models do: switch thinking off where "
        "the template can, with llm.chat_template_kwargs such as {enable_thinking: false}, or set llm.chat_template "
        "to a template that opens both alike"
    )


def _end_of_turn(tokenizer: Any, tail: str) -> str:
    """The special token with which a finished answer ends; the tokenizer's own where the template writes none."""
    text = tail.strip() or tokenizer.eos_token
    if not text:
        raise InputError(
            "neither the chat template nor the tokenizer ends an answer: set llm.chat_template to a template that does"
        )
    first = tokenizer(text, add_special_tokens=False)["input_ids"][0]
    added = tokenizer.added_tokens_decoder.get(first)
    token: str = tokenizer.convert_ids_to_tokens(first)
    if (first in tokenizer.all_special_ids or (added is not None and added.special)) and text.startswith(token):
        return token
    raise InputError(
        f"the chat template ends an answer with {text!r}, which does not begin with a special token, so a title "
        f"could contain it: set llm.chat_template to a template that ends answers with {tokenizer.eos_token or 'one'}"
    )


def _check_turns(tokenizer: Any, frame: Frame, marks: Sequence[str]) -> None:
    """Hold the frame against a conversation of three questions, blanks before the end of an answer aside."""
    one, two, three, four = marks
    expected = (
        frame.before + one + frame.past_open + two + frame.next
        + three + frame.past_open + four + frame.next + one + frame.open
    )  # fmt: skip
    found = render(tokenizer, [one, two, three, four, one], True)
    blanks = re.compile(r"\s+(?=" + re.escape(frame.end) + r")|\s+$")
    if blanks.sub("", found) != blanks.sub("", expected):
        raise InputError(
            "the chat template renders a turn differently when other turns precede it: set llm.chat_template to "
            "a Jinja template that renders all turns alike"
        )
