"""What the record of an explanation holds whoever wrote it: the case, the question, the text and what it names."""

from __future__ import annotations

import hashlib
from typing import Any

from recexplainer.citations.citations import Citations
from recexplainer.explaining.cases import Case
from recexplainer.prompting.requests import Request


def fields_of(case: Case, request: Request, prompt: str, text: str, found: Citations) -> dict[str, Any]:
    """The fields of an `Explanation` that are not its source's own.

    Args:
        case: What is explained.
        request: How it was asked for.
        prompt: What was asked.
        text: The explanation.
        found: The items that it names.
    """
    example = case.example
    return {
        "explanation_id": case.explanation_id,
        "user_id": example.user_id,
        "position": example.position,
        "item_id": example.items[0],
        "history": example.history,
        "label": case.label,
        "score": round(case.score, 6),
        "rank": case.rank,
        "n_ranked": case.n_ranked,
        "prompt": prompt,
        "prompt_sha256": hashlib.sha256(prompt.encode("utf-8")).hexdigest(),
        "request": request.as_record(),
        "text": text,
        "citations": found.mentions,
        "cited_items": found.cited_items,
        "other_items": found.in_catalogue,
        "invented_titles": found.invented,
    }
