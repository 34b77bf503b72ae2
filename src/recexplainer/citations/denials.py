"""Values that a text says an item lacks."""

from __future__ import annotations

import re

from recexplainer.citations.attributes import AttributeIndex

DENIAL = re.compile(  # between a title and a value: "… is not a", "… is no", "… is not for the"
    r"""["”]?\s+(?:is|was)(?:n['’]t|\s+not|\s+no)\s+(?:for\s+)?(?:an?\s+|the\s+)?"""
)
_END = re.compile(r"(?:\s+\w+)?\s*(?:[.,;!?]|$|\s(?:but|and|while)\b)")  # not "… game for the Orbit"
_UNFINISHED = "\0"


def denied_value(text: str, title_end: int, attributes: AttributeIndex, *, ended: bool = True) -> int | None:
    """The attribute that a text says the item lacks whose title ends at a place, and no more: "… is not a Racing game."

    Args:
        text: What is written.
        title_end: Behind the title, with or without the quotation mark.
        attributes: Of the catalogue.
        ended: Whether nothing follows; otherwise a sign or a word has to end the denial.
    """
    denial = DENIAL.match(text, title_end)
    if denial is None:
        return None
    said = text[denial.end() :] + ("" if ended else _UNFINISHED)
    first = next(iter(attributes.find(said)), None)
    return first.attribute if first is not None and first.start == 0 and _END.match(said, first.end) else None
