"""Explanations: the explainer says whether a user will like an item, and why, from the recommender's view."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recexplainer.alignment import decoding, wording
from recexplainer.alignment.chat import IGNORED, Encoded
from recexplainer.alignment.examples import Example
from recexplainer.alignment.prompts import PromptWriter, fit, readable, render
from recexplainer.alignment.tasks import interest_classification
from recexplainer.data.interactions import Interactions
from recexplainer.explainer.model import Explainer
from recexplainer.recommenders.base import Recommender
from recexplainer.settings import BuildAlignment, Explain


@dataclass(frozen=True)
class Case:
    """One decision of the recommender that is to be explained."""

    example: Example
    score: float  # the recommender's raw score of the item
    rank: int  # 1 = best of the items outside the history
    n_ranked: int

    @property
    def explanation_id(self) -> str:
        """The id of this case, the same for every source."""
        example = self.example
        return f"u{example.user_id}-p{example.position}-i{example.items[0]}"


def choose_cases(
    recommender: Recommender,
    interactions: Interactions,
    pairs: Sequence[Example],
    build: BuildAlignment,
    settings: Explain,
    seed: int,
) -> list[Case]:
    """Positive and negative decisions about test users, in turn: the recommender's top and bottom items.

    No (user, position, item) comes twice, so there may be fewer cases than asked for.

    Args:
        recommender: The frozen recommender.
        interactions: The histories.
        pairs: One example per (user, position) that may be explained, with its vector row and shown history.
        build: What counts as liked and disliked.
        settings: How many cases.
        seed: Of the draw.
    """
    rng = np.random.default_rng(seed)
    cases: list[Case] = []
    taken: set[tuple[int, int]] = set()  # (place in pairs, item): no decision is explained twice
    for number in range(settings.n_cases):
        place = number % len(pairs)
        pair = pairs[place]
        history = interactions.sequence(pair.user_id)[: pair.position].tolist()
        scores = recommender.scores([history], exclude_seen=True)[0].double().numpy()
        scores[history] = -np.inf
        liked, disliked = interest_classification.liked_and_disliked(scores, build.like_top, build.dislike_bottom)
        is_liked = (place + number // len(pairs)) % 2 == 0
        pool = [int(i) for i in (liked[: settings.top_k] if is_liked else disliked)]
        left = [i for i in pool if (place, i) not in taken]
        if not left:
            continue
        item = int(rng.choice(left))
        taken.add((place, item))
        example = replace(
            pair,
            task=interest_classification.NAME,
            aspect=interest_classification.EXPLAIN,
            items=[item],
            answer=wording.YES if is_liked else wording.NO,
        )
        open_scores = scores[np.isfinite(scores)]
        cases.append(Case(example, float(scores[item]), int((open_scores > scores[item]).sum()) + 1, len(open_scores)))
    return cases


@dataclass(frozen=True)
class Answer:
    """An explainer's verdict, its probability of Yes against No, and the whole text (which begins with the verdict)."""

    verdict: str
    p_yes: float
    text: str


def answer(
    explainer: Explainer,
    writer: PromptWriter,
    examples: Sequence[Example],
    max_prompt_tokens: int,
    max_new_tokens: int,
    batch_size: int,
) -> list[Answer]:
    """Answer questions of interest in the explanation's words.

    The verdict is the more probable of Yes and No as the first token, and the explanation goes on from it, so that
    every explanation has a verdict and its probability.
    """
    prompts = _prompts(explainer, writer, examples, max_prompt_tokens, max_new_tokens)
    p_yes = decoding.p_yes(explainer, prompts, max_prompt_tokens)
    verdicts = [wording.YES if p >= 0.5 else wording.NO for p in p_yes]
    texts = _go_on(explainer, prompts, verdicts, max_new_tokens, batch_size)
    return [
        Answer(verdict, round(float(probability), 6), text)
        for verdict, probability, text in zip(verdicts, p_yes, texts, strict=True)
    ]


def draft(
    explainer: Explainer,
    writer: PromptWriter,
    examples: Sequence[Example],
    max_prompt_tokens: int,
    max_new_tokens: int,
    batch_size: int,
) -> list[str]:
    """Explanations of verdicts that are given: each begins with its example's answer, and the explainer goes on."""
    prompts = _prompts(explainer, writer, examples, max_prompt_tokens, max_new_tokens)
    verdicts = [str(example.answer) for example in examples]
    return _go_on(explainer, prompts, verdicts, max_new_tokens, batch_size)


def explain(
    explainer: Explainer, writer: PromptWriter, cases: Sequence[Case], settings: Explain, model: dict[str, str] | None
) -> list[dict[str, Any]]:
    """One record per case, in the order of the cases."""
    examples = [case.example for case in cases]
    answers = answer(
        explainer, writer, examples, settings.max_prompt_tokens, settings.max_new_tokens, settings.batch_size
    )
    return [_record(explainer, writer, case, given, model) for case, given in zip(cases, answers, strict=True)]


def _record(
    explainer: Explainer, writer: PromptWriter, case: Case, given: Answer, model: dict[str, str] | None
) -> dict[str, Any]:
    form: Any = explainer.form
    prompt = readable(render(writer, case.example, form))
    return {
        "explanation_id": case.explanation_id,
        "source": explainer.mode,
        "user_id": case.example.user_id,
        "position": case.example.position,
        "item_id": case.example.items[0],
        "history": case.example.history,
        "label": case.example.answer,
        "score": round(case.score, 6),
        "rank": case.rank,
        "n_ranked": case.n_ranked,
        "prompt": prompt,
        "prompt_sha256": hashlib.sha256(prompt.encode("utf-8")).hexdigest(),
        "text": given.text,
        "verdict": given.verdict,
        "p_yes": given.p_yes,
        "model": model,
    }


def _prompts(
    explainer: Explainer, writer: PromptWriter, examples: Sequence[Example], max_tokens: int, n_new: int
) -> list[Encoded]:
    form: Any = explainer.form
    verdict = max(len(explainer.encoder.answer_ids(word)) for word in (wording.YES, wording.NO))
    room = explainer.room(max_tokens, n_new + verdict)
    return [fit(explainer.encoder, writer, e, form, room, with_answer=False) for e in examples]


def _go_on(
    explainer: Explainer, prompts: Sequence[Encoded], verdicts: Sequence[str], max_new_tokens: int, batch_size: int
) -> list[str]:
    encode = explainer.encoder.answer_ids
    begun = [_append(prompt, encode(verdict)) for prompt, verdict in zip(prompts, verdicts, strict=True)]
    rests = decoding.generate(explainer, begun, max_new_tokens, batch_size, strip=False)
    return [(verdict + rest).strip() for verdict, rest in zip(verdicts, rests, strict=True)]


def _append(prompt: Encoded, tokens: Sequence[int]) -> Encoded:
    n = len(tokens)
    return Encoded(
        input_ids=np.concatenate([prompt.input_ids, np.asarray(tokens, dtype=np.int32)]),
        targets=np.concatenate([prompt.targets, np.full(n, IGNORED, dtype=np.int32)]),
        user_slots=np.concatenate([prompt.user_slots, np.full(n, -1, dtype=np.int32)]),
        item_slots=np.concatenate([prompt.item_slots, np.full(n, -1, dtype=np.int32)]),
    )
