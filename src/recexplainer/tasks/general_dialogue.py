"""Task 5: general dialogue, to keep the LLM's language.

Source: section 3.2 "ShareGPT training", which has no score. Here what is said to the first question of conversations
that were not taught is held against their answer by ROUGE-L (Lin, 2004): it shows how far an alignment moves the
language, and says nothing of an answer's worth.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from recexplainer.data.examples import Example
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import Form, PromptWriter
from recexplainer.tasks import task
from recexplainer.tasks.task import Examiner, Measured, Teacher

NAME = "general_dialogue"
ABOUT_USERS = False


def make_examples(teacher: Teacher) -> list[Example]:
    """The first `n_dialogues` conversations to be taught, and as many as a tenth of them behind these to be asked.

    They are pairs of question and answer; a turn without its answer is left out.
    """
    n_dialogues = teacher.settings.n_dialogues
    examples = []
    for number, dialogue in enumerate(teacher.dialogues[: n_dialogues + n_dialogues // 10]):
        turns = dialogue["turns"]
        pairs = [
            [first["content"], second["content"]]
            for first, second in zip(turns, turns[1:], strict=False)
            if first["role"] == "user" and second["role"] == "assistant"
        ]
        if pairs:
            split = "train" if number < n_dialogues else "test"
            examples.append(Example(NAME, split, pairs[-1][1], turns=pairs))
    return examples


def form_shares(example: Example, mode: str, both_forms: Mapping[str, float]) -> dict[Form, float]:
    """In words, whatever the mode: a dialogue has neither user nor item."""
    return {"behaviour": 1.0}


def question(writer: PromptWriter, example: Example, form: Form) -> list[str | Slot]:
    """The first question."""
    return [example.turns[0][0]]


def score(examples: list[Example], texts: list[str]) -> dict[str, float]:
    """The mean ROUGE-L of what is said to the first question.

    >>> asked = [Example(NAME, "test", "", turns=[["Hello!", "Hello! How can I help?"]])]
    >>> score(asked, ["hello, I can help"])
    {'rouge_l': 0.6667}
    """
    overlaps = [rouge_l(text, example.turns[0][1]) for example, text in zip(examples, texts, strict=True)]
    return {"rouge_l": round(float(np.mean(overlaps)), 4)}


def asked(examples: Sequence[Example]) -> list[Example]:
    """All examples of the task."""
    return task.of_task(NAME, examples)


def evaluate(examiner: Examiner, examples: Sequence[Example]) -> Measured:
    """Texts as long as the longest answer."""
    texts = examiner.generate(examples, examiner.longest([example.turns[0][1] for example in examples]))
    return Measured(examiner.scored(score, examples, texts), examples, texts)


def rouge_l(text: str, reference: str) -> float:
    """The F-measure of the words that two texts have in common in the same order, case and punctuation apart.

    >>> rouge_l("you can help", "How can I help you?")  # can, help
    0.5
    """
    one, other = (re.findall(r"\w+", words.lower()) for words in (text, reference))
    if not one or not other:
        return float(one == other)
    lengths = np.zeros(len(other) + 1, dtype=int)  # of the longest common subsequence with each beginning of `other`
    for word in one:
        extended = lengths.copy()
        for place, candidate in enumerate(other):
            extended[place + 1] = lengths[place] + 1 if word == candidate else max(lengths[place + 1], extended[place])
        lengths = extended
    return 2 * float(lengths[-1]) / (len(one) + len(other))
