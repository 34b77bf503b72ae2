"""The explorer's data, small: repeated texts are stored once, and all of it is compressed."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any


class Texts:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of a text.

        >>> texts = Texts()
        >>> [texts.number(text) for text in ("a", "b", "a")], texts.all
        ([0, 1, 0], ['a', 'b'])
        """
        return self._numbers.setdefault(text, len(self._numbers))

    @property
    def all(self) -> list[str]:
        """The texts in the order of their numbers."""
        return list(self._numbers)


def share_texts(cases: list[dict[str, Any]]) -> dict[str, Any]:
    """Cases whose titles, lines of prompts and reasons are numbers of `texts`.

    Args:
        cases: As `build_cases` gives them; they stay as they are.

    Returns:
        `texts` and `cases`; explorer.js puts them together again.
    """
    texts = Texts()
    shared = [
        case
        | {
            "item": texts.number(case["item"]),
            "history": [texts.number(title) for title in case["history"]],
            "answers": [
                answer
                | {
                    "prompt": [texts.number(line) for line in answer["prompt"].split("\n")],
                    "reasons": [[texts.number(part) for part in reason] for reason in answer["reasons"]],
                }
                for answer in case["answers"]
            ],
        }
        for case in cases
    ]
    return {"texts": texts.all, "cases": shared}


def pack(value: Any) -> str:
    r"""JSON, compressed, in letters that are safe inside any element: no character of it can end a script.

    >>> unpack(pack({"title": "</script><!--"}))
    {'title': '</script><!--'}
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


def unpack(text: str) -> Any:
    """What was packed."""
    return json.loads(gzip.decompress(base64.b64decode(text)))
