"""The decisions of the recommender to explain: about test users, or about any users and items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from recexplainer.core.errors import InputError
from recexplainer.core.places import items_at, place_of
from recexplainer.core.records.explanation import Label
from recexplainer.core.settings import BuildAlignment
from recexplainer.data.examples import Example
from recexplainer.data.interactions import Interactions
from recexplainer.prompting import wording
from recexplainer.recommenders.base import Recommender
from recexplainer.tasks import interest_classification

UNDECIDED = ""  # the label of an item between the liked and the disliked ones


@dataclass(frozen=True)
class Asking:
    """What an explainer is asked about: an item for a history, with the recommender's decision in the example."""

    example: Example
    history: list[int]  # all that the recommender decided on; the example has the newest part, for prompts

    @property
    def label(self) -> Label | None:
        """The recommender's decision; None for an item between the liked and the disliked ones."""
        labels: dict[object, Label] = {wording.YES: "Yes", wording.NO: "No"}
        return labels.get(self.example.answer)


@dataclass(frozen=True)
class Case(Asking):
    """One decision of the recommender to explain."""

    score: float  # the recommender's raw score of the item
    rank: int  # 1 = best of the items outside the history; ties count against it, as in `rank_of_target`
    n_ranked: int

    @property
    def explanation_id(self) -> str:
        """The id of this case, the same for every source."""
        example = self.example
        return f"u{example.user_id}-p{example.position}-i{example.items[0]}"


@dataclass(frozen=True)
class Wanted:
    """Which items to explain to each user.

    Attributes:
        items: Items by id.
        top: The recommender's best `top_k` as well.
        bottom: Its last `top_k` as well.
    """

    items: list[int]
    top: bool
    bottom: bool


def in_turn(pairs: Sequence[Example], rng: np.random.Generator) -> list[Example]:
    """Pairs of (user, position) in random order, but every user once before any user twice."""
    shuffled = [pairs[int(place)] for place in rng.permutation(len(pairs))]
    seen: Counter[int] = Counter()
    rounds = []
    for pair in shuffled:
        rounds.append(seen[pair.user_id])
        seen[pair.user_id] += 1
    return [shuffled[place] for place in sorted(range(len(shuffled)), key=rounds.__getitem__)]


def choose_cases(
    recommender: Recommender,
    interactions: Interactions,
    pairs: Sequence[Example],
    build: BuildAlignment,
    n_cases: int,
    top_k: int,
    seed: int,
) -> list[Case]:
    """Positive and negative decisions about a split's users, in turn: the recommender's top and bottom items.

    Users come in random order, each once before any comes twice, so that neither a user's place in the file nor the
    position says what is decided. No (user, position, item) comes twice, so there may be fewer cases than asked for.

    Args:
        recommender: The frozen recommender.
        interactions: The histories.
        pairs: One example per (user, position) that may be explained, with its vector row and shown history.
        build: What counts as liked and disliked.
        n_cases: How many.
        top_k: Yes is about one of so many best items.
        seed: Of the draw.

    Raises:
        InputError: There are no pairs.
    """
    if not pairs:
        raise InputError(
            "data/alignment: contains no users to explain to; see prepare.split and build_alignment.min_history"
        )
    pairs, rng = in_turn(pairs, np.random.default_rng(seed)), np.random.default_rng(seed)
    cases: list[Case] = []
    taken: dict[int, list[int]] = {}  # by pair the places of its items in its order: no decision is explained twice
    for number in range(n_cases):
        place = number % len(pairs)
        pair = pairs[place]
        history = interactions.history(pair.user_id, pair.position)
        scores = recommender.scores([history], exclude_seen=True)[0].double().numpy()
        liked, disliked = interest_classification.liked_and_disliked(scores, build.like_top, build.dislike_bottom)
        is_liked = (place + number // len(pairs)) % 2 == 0
        places, before = liked[:top_k] if is_liked else disliked, taken.setdefault(place, [])
        n_left = len(places) - sum(earlier in places for earlier in before)
        if not n_left:
            continue
        drawn = _untaken(places, before, int(rng.integers(n_left)))
        before.append(drawn)
        item = int(items_at(scores, [drawn])[0])
        cases.append(_case(pair, history, item, wording.YES if is_liked else wording.NO, scores))
    return cases


def cases_of_users(
    recommender: Recommender,
    interactions: Interactions,
    user_ids: Sequence[int],
    wanted: Wanted,
    build: BuildAlignment,
    top_k: int,
    max_history: int,
) -> list[Case]:
    """The recommender's decisions about some users as they are now, after the last of their interactions.

    A decision is Yes for the share `build.like_top` of the items outside of the history, No for the share
    `build.dislike_bottom` at the end, and `UNDECIDED` between them. A named item in a user's history is
    no decision, and is passed over: the caller sees it by the number of cases.

    Args:
        recommender: The frozen recommender.
        interactions: The histories.
        user_ids: The users, in the order of the cases; `vector_row` is a user's place among them.
        wanted: Which items: the best ones, best first, then the last ones, last first, then the named ones.
        build: What counts as liked and disliked.
        top_k: How many of the best and of the last items.
        max_history: How many of the newest items a prompt shows.
    """
    cases: list[Case] = []
    for row, user_id, history, scores in _scored(recommender, interactions, user_ids):
        pair = Example(
            task=interest_classification.NAME,
            split="",
            answer=UNDECIDED,
            user_id=user_id,
            position=len(history),
            vector_row=row,
            history=history[-max_history:],
        )
        liked, disliked = interest_classification.liked_and_disliked(scores, build.like_top, build.dislike_bottom)
        for item in _items_of(scores, wanted, top_k):
            place = place_of(scores, item)
            label = wording.YES if place in liked else wording.NO if place in disliked else UNDECIDED
            cases.append(_case(pair, history, item, label, scores))
    return cases


def case_of(
    history: list[int],
    item: int,
    scores: np.ndarray,
    like_top: float,
    dislike_bottom: float,
    max_history: int,
    vector_row: int,
) -> Case:
    """The recommender's decision about one history and one item, which may be in it: then it is `UNDECIDED`.

    Args:
        history: All that the recommender reads, oldest first.
        item: What is asked about.
        scores: (n_items + 1) for the history; changed in place.
        like_top: The share that is liked.
        dislike_bottom: The share that is not.
        max_history: How many of the newest items a prompt shows.
        vector_row: The history's place among those that are asked about.
    """
    own = scores[item]
    scores[history] = -np.inf
    liked, disliked = interest_classification.liked_and_disliked(scores, like_top, dislike_bottom)
    place = place_of(scores, item) if np.isfinite(scores[item]) else -1
    label = wording.YES if place in liked else wording.NO if place in disliked else UNDECIDED
    scores[item] = own
    pair = Example(
        task=interest_classification.NAME,
        split="",
        answer=UNDECIDED,
        position=len(history),
        vector_row=vector_row,
        history=history[-max_history:],
    )
    return _case(pair, history, item, label, scores)


def _untaken(places: range, taken: Sequence[int], number: int) -> int:
    """The place at that number among those not taken, without listing half of a large catalogue.

    >>> [_untaken(range(10, 15), [12, 10], number) for number in range(3)]
    [11, 13, 14]
    """
    place = places[number]
    for earlier in sorted(taken):
        place += places.start <= earlier <= place
    return place


def _scored(
    recommender: Recommender, interactions: Interactions, user_ids: Sequence[int]
) -> Iterator[tuple[int, int, list[int], np.ndarray]]:
    """Each user's place, id, whole history, and scores (n_items + 1) with the history at −inf."""
    histories = [interactions.sequence(user_id).tolist() for user_id in user_ids]
    yield from zip(count(), user_ids, histories, recommender.each_scores(histories, exclude_seen=True))


def _items_of(scores: np.ndarray, wanted: Wanted, top_k: int) -> list[int]:
    places = range(int(np.isfinite(scores).sum()))
    best = items_at(scores, places[:top_k]).tolist() if wanted.top else []
    last = items_at(scores, places[::-1][:top_k]).tolist() if wanted.bottom else []
    named = [item for item in wanted.items if np.isfinite(scores[item])]
    return list(dict.fromkeys([*best, *last, *named]))


def _case(pair: Example, history: list[int], item: int, label: str, scores: np.ndarray) -> Case:
    example = replace(
        pair,
        task=interest_classification.NAME,
        aspect=interest_classification.EXPLAIN,
        items=[item],
        answer=label,
        choices=[],
        shares=[],
    )
    rank = int(np.count_nonzero(scores >= scores[item]))  # the item itself is one of them
    return Case(example, history, float(scores[item]), rank, int(np.isfinite(scores).sum()))
