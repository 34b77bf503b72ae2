"""What a reasoning model thinks aloud, told from its answer."""

from __future__ import annotations

import re

_TAG = re.compile(r"[<\[◁](/?)(?:think|thinking|thought|reasoning)[>\]▷]", re.IGNORECASE)


def split_thinking(text: str) -> tuple[str, str]:
    """The thinking in a text, and the text without it.

    A thought that does not end takes the rest of the text: the answer never came. One that does not begin takes all
    before its end, since some chat templates open it in the prompt.

    >>> split_thinking("<think>B or C?</think>C")
    ('B or C?', 'C')
    >>> split_thinking("B or C?</think>C")
    ('B or C?', 'C')
    >>> split_thinking("<think>B or")
    ('B or', '')
    """
    thought, answer, end, is_thinking = "", "", 0, False
    for tag in _TAG.finditer(text):
        if is_thinking:
            thought += text[end : tag.start()]
        else:
            answer += text[end : tag.start()]
        closes = bool(tag[1])
        if closes and not is_thinking:
            thought, answer = thought + answer, ""
        is_thinking, end = not closes, tag.end()
    if is_thinking:
        return (thought + text[end:]).strip(), answer.strip()
    return thought.strip(), (answer + text[end:]).strip() if end else text
