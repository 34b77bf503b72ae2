"""Which items of the history carry the recommender's decision?

Source: none in the paper, whose alignment teaches decisions and not what they rest on. The answer is the recommender's
    evidence (`recexplainer.evidence`): the shown items without which it would decide otherwise, strongest first.
    Decisions are drawn as those are that get explained, of Yes from the top of the ranking; otherwise what is learnt
    here is learnt about others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from recexplainer.core.places import items_at
from recexplainer.data.examples import Example
from recexplainer.evidence.evidence import MAX_ITEMS, Evidence, find_evidence
from recexplainer.evidence.perturbation import Decision
from recexplainer.prompting import wording
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import Form, PromptWriter, answer_text
from recexplainer.tasks import interest_classification, task
from recexplainer.tasks.task import Examiner, Measured, Teacher, by_split

NAME = "evidence"
ABOUT_USERS = True


def make_examples(teacher: Teacher) -> list[Example]:
    """Some decisions per (user, position), Yes and No in turn; the aspect is the decision."""
    drawn = list(_draw(teacher))
    decisions = [
        Decision(_whole_history(teacher, row), item, len(teacher.batch.histories[row]), "Yes" if liked else "No")
        for row, item, liked in drawn
    ]
    found = find_evidence(teacher.recommender, decisions, "shift")
    return [
        teacher.batch.example(row, NAME, answer(evidence), [item], wording.YES if liked else wording.NO)
        for (row, item, liked), evidence in zip(drawn, found, strict=True)
    ]


def answer(evidence: Evidence) -> list[int] | str:
    """The items, or the sentence that there are none."""
    return evidence.items or wording.NO_EVIDENCE


def form_shares(example: Example, mode: str, both_forms: Mapping[str, float]) -> dict[Form, float]:
    """The mode's own form, in which explanations are asked for, if it shows the history in words."""
    shares = task.form_shares(mode, both_forms, ("behaviour", "both"))
    return {form: share for form, share in shares.items() if form == mode}


def question(writer: PromptWriter, example: Example, form: Form) -> list[str | Slot]:
    """The user, the question, and the item last."""
    user = writer.user(form, example.history, example.vector_row)
    return [*user, f"{wording.EVIDENCE[example.aspect]}\n", *writer.item(form, example.items[0])]


def score(examples: list[Example], answers: list[list[int | None]]) -> dict[str, float]:
    """How often the first item is the recommender's strongest, how often the newest is, and the invalid answers' share.

    Where no item carries the decision, naming none is right. Invalid is an answer that names what is not in the
    history, or an item twice.

    Args:
        examples: The questions.
        answers: Per question the items that are named; empty if the answer says that there are none.

    >>> asked = [Example(NAME, "test", [7, 3], history=[7, 3]), Example(NAME, "test", wording.NO_EVIDENCE, history=[4])]
    >>> score(asked, [[7], [4]])
    {'evidence_top1': 0.5, 'newest_top1': 0.0, 'invalid_rate': 0.0}
    """
    pairs = list(zip(examples, answers, strict=True))
    right = [answer[:1] == _strongest(example) for example, answer in pairs]
    newest = [example.history[-1:] == _strongest(example) for example in examples]
    invalid = [len(set(answer) & set(example.history)) < len(answer) for example, answer in pairs]
    figures = {"evidence_top1": right, "newest_top1": newest, "invalid_rate": invalid}
    return {name: round(float(np.mean(values)), 4) for name, values in figures.items()}


def asked(examples: Sequence[Example]) -> list[Example]:
    """All examples of the task."""
    return task.of_task(NAME, examples)


def evaluate(examiner: Examiner, examples: Sequence[Example]) -> Measured:
    """Titles of the shown history, and free text for comparison: its share of invalid answers.

    A mode that does not show the history in words is not asked.
    """
    if examiner.form == "intention":
        return Measured({})
    named = examiner.name(examples, wording.NO_EVIDENCE, MAX_ITEMS)
    references = [answer_text(examiner.writer, example) for example in examples]
    texts = examiner.generate(examples, examiner.longest(references))
    in_history, free = (
        examiner.scored(score, examples, answers) for answers in (named, [_read(examiner, text) for text in texts])
    )
    invalid = {"invalid_rate", "invalid_rate_interval"}  # constrained answers have none by construction
    metrics = {key: value for key, value in in_history.items() if key not in invalid}
    metrics |= {key: value for key, value in free.items() if key in invalid}
    return Measured(metrics, examples, named, texts)


def _read(examiner: Examiner, text: str) -> list[int | None]:
    return [] if text.strip() == wording.NO_EVIDENCE else examiner.listed([text])[0] or [None]


def _strongest(example: Example) -> list[int]:
    return example.answer[:1] if isinstance(example.answer, list) else []


def _draw(teacher: Teacher) -> Iterator[tuple[int, int, bool]]:
    """Rows of the batch with an item, and whether it is liked; of a random stream that no other task draws from."""
    batch, chosen = teacher.batch, teacher.settings
    [rng] = teacher.rng.spawn(1)
    if not chosen.evidence_per_history:
        return
    n_decisions = by_split(chosen.evidence_per_history, min(1, chosen.evidence_per_history))
    for row, scores in enumerate(batch.scores):
        liked, disliked = interest_classification.liked_and_disliked(scores, chosen.like_top, chosen.dislike_bottom)
        n = n_decisions[batch.splits[row]]
        pools = [
            items_at(scores, interest_classification.drawn(pool, n, rng))
            for pool in (liked[: chosen.evidence_top_k], disliked)
        ]
        for number in range(n):
            is_liked = (number + row) % 2 == 0
            yield row, int(pools[0 if is_liked else 1][number // 2]), is_liked


def _whole_history(teacher: Teacher, row: int) -> list[int]:
    batch = teacher.batch
    return teacher.interactions.history(int(batch.user_ids[row]), int(batch.positions[row]))
