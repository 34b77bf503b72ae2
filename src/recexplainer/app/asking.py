"""Why: what each source says of one decision, and what the rubric makes of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

from recexplainer.app.models import Models
from recexplainer.core.records.explanation import Explanation
from recexplainer.explaining.respond import Options
from recexplainer.explaining.template import SOURCE as TEMPLATE
from recexplainer.judging.grade import Grade
from recexplainer.judging.rubric import judge_by_rubric


@dataclass(frozen=True)
class Answer:
    """What a source says of a decision.

    Attributes:
        record: Its own words.
        shown: The same, or the recommender's where the own words have defects.
        grade: The rubric's level of the own words; None where they are not shown, or the recommender is undecided.
    """

    record: Explanation
    shown: Explanation
    grade: Grade | None


def ask(models: Models, source: str, history: list[int], item: int, user_id: int = 0) -> Answer:
    """Ask a source why; sources take turns.

    Args:
        models: Who can be asked.
        source: A mode, or `template` for what the recommender itself says.
        history: Item ids, oldest first.
        item: What is asked about.
        user_id: Whose history it is, if anybody's.
    """
    case = models.case(history, item)
    with models.turn:
        own = [] if source == TEMPLATE else models.responders[source].explain([case], Options())
        needs_template = not own or own[0].defects
        written = models.template.explain([case]) if needs_template else []
    record = _named((own or written)[0], history, user_id)
    shown = _named(written[0], history, user_id) if own and written else record
    grade = judge_by_rubric(shown, models.catalogue) if shown.label and shown is record else None
    return Answer(record, shown, grade)


def _named(record: Explanation, history: list[int], user_id: int) -> Explanation:
    """The record under an id that its content gives it: the same for all who ask the same and are answered the same."""
    known = json.dumps([record.source, history, record.item_id, record.text])
    digest = hashlib.sha256(known.encode("utf-8", errors="surrogatepass")).hexdigest()
    return replace(record, user_id=user_id, explanation_id=f"live-{digest[:16]}")
