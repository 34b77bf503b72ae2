from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from transformers.utils import chat_template_utils

from recexplainer.core.errors import InputError
from recexplainer.prompting.frames import PLAIN_TEMPLATE, Frame, pinned, read_frame, render
from tests import tiny
from tests.prompting.test_chat import END_AT_THE_VERY_END, FAMILIES, THINKING

OPENS_A_THOUGHT = (  # in the manner of DeepSeek-R1: a finished conversation holds no thought
    "{{ '<s>' }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST]' + m['content'] }}{% else %}"
    "{{ '[/INST]' + m['content'].split('</think>') | last + '</s>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '[/INST]<think>\n' }}{% endif %}"
)
DATED = "{{ 'Today is ' + strftime_now('%d %b %Y, %-d.%m.') + '\n' }}" + tiny.TEMPLATE


@pytest.fixture
def another_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock that transformers' own `strftime_now` reads, some years later."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Later:
            return cls(2031, 7, 9)

    monkeypatch.setattr(chat_template_utils, "datetime", Later)


def test_the_frame_of_a_template() -> None:
    frame = read_frame(tiny.tokenizer(FAMILIES["phi3"][0]))
    opened = "</s>\n[INST]assistant\n"
    assert frame == Frame("[INST]user\n", opened, opened, "</s>\n[INST]user\n", "</s>") and frame.is_uniform
    late = read_frame(tiny.tokenizer(END_AT_THE_VERY_END))
    assert (late.next, late.end, late.is_uniform) == ("\nuser:", "<|end|>", False)
    plain = read_frame(tiny.tokenizer(None, bos_token="<s>"))
    assert plain.before == "<s>User: " and plain.is_uniform
    assert read_frame(tiny.tokenizer(None)).before == "User: "


@pytest.mark.parametrize(
    ("template", "shown"),
    [(THINKING, r"'<think>\\n\\n</think>\\n\\n' in a finished"), (OPENS_A_THOUGHT, r"'<think>\\n' in the generation")],
)
def test_a_template_that_opens_answers_otherwise_than_finished_ones_is_refused(template: str, shown: str) -> None:
    with pytest.raises(InputError, match=f"opens an answer with .*{shown}.*llm.chat_template_kwargs such as") as caught:
        read_frame(tiny.tokenizer(template))
    assert "\n" not in str(caught.value)


def test_with_thinking_switched_off_the_empty_block_belongs_to_the_prompt() -> None:
    frame = read_frame(tiny.tokenizer(pinned(THINKING, {"enable_thinking": False})))
    assert frame.open == "</s>\n<s>assistant\n<think>\n\n</think>\n\n"
    assert frame.past_open == "</s>\n<s>assistant\n" and not frame.is_uniform


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (
            "{% for m in messages %}{{ dict(role=m['role'], text=m['content']) | tojson }}{% endfor %}",
            "exactly once and unchanged",
        ),
        (
            "{% for m in messages %}{{ m['role'] + ': ' + m['content'] | e }}</s>{% endfor %}",
            "exactly once and unchanged",
        ),
        (
            "{% for m in messages %}{{ m['role'] + ': \"' + m['content'] + '\"\n' }}{% endfor %}"
            "{{ 'assistant: \"' if add_generation_prompt else '' }}",
            "ends an answer with '\"', which does not begin with a special token",
        ),
        (
            "{% for m in messages %}{{ m['content'] + ('</s>' if loop.index < 4 else '<|end|>') }}{% endfor %}",
            "differently when other turns precede it",
        ),
    ],
)
def test_what_a_title_could_not_stand_in_is_refused(template: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        read_frame(tiny.tokenizer(template))
    assert "llm.chat_template" in str(caught.value) and "\n" not in str(caught.value)


def test_neither_the_template_nor_the_tokenizer_ends_an_answer() -> None:
    template = END_AT_THE_VERY_END.replace("{{ eos_token }}", "")
    with pytest.raises(InputError, match="neither the chat template nor the tokenizer ends an answer"):
        read_frame(tiny.tokenizer(template, eos_token=None))
    assert read_frame(tiny.tokenizer(template)).end == "<|end|>"


@pytest.mark.usefixtures("another_day")
def test_a_template_that_asks_for_the_date_is_told_the_same_on_every_day() -> None:
    assert render(tiny.tokenizer(DATED), ["?"], True).startswith("Today is 09 Jul 2031")
    told = pinned(DATED, {})
    assert render(tiny.tokenizer(told), ["?"], True) == "Today is 01 Jan 2026, 1.01.\n<|user|>?<|end|><|assistant|>"
    assert pinned(told, {}) == told  # also of a saved explainer


def test_what_asks_for_nothing_stays_as_it_is() -> None:
    assert pinned(tiny.TEMPLATE, {}) == tiny.TEMPLATE and pinned(PLAIN_TEMPLATE, {}) == PLAIN_TEMPLATE


@pytest.mark.parametrize("value", [True, False, None, 3, 0.5, 'a "quoted"\n\\ line', "été 🎲"])
def test_parameters_of_a_template_are_written_into_it(value: Any) -> None:
    template = "{{ [given is boolean, given is none, given] }}" + tiny.TEMPLATE
    own = render(tiny.tokenizer(pinned(template, {"given": value})), ["?"], True)
    assert own.startswith(str([isinstance(value, bool), value is None, value]))


def test_a_parameter_that_the_template_does_not_read_is_refused() -> None:
    with pytest.raises(InputError, match="llm.chat_template_kwargs: the chat template does not read 'enable_thinkin'"):
        pinned(THINKING, {"enable_thinkin": False})
