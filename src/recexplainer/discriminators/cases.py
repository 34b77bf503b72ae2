"""The explanations that discriminators learn from and are measured on: one case explained by several sources.

Sources are joined by case (user, position, item), never by row. Users are split by hash, so that no user's
explanation is on both sides, whichever source wrote it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation

MIN_USERS = 5  # on either side; below that no figure means anything


@dataclass(frozen=True)
class ExplainedCases:
    """The cases that every source explained, in one order for all of them.

    Attributes:
        records: Per source, one record per case.
        user_ids: int64 ``(n_cases,)``.
        scores: The recommender's raw score of each case, float64 ``(n_cases,)``.
        in_test: bool ``(n_cases,)``.
        n_dropped: Per source, how many of its records have no partner in another source.
    """

    records: dict[str, list[Explanation]]
    user_ids: np.ndarray
    scores: np.ndarray
    in_test: np.ndarray
    n_dropped: dict[str, int]

    @property
    def sources(self) -> list[str]:
        """The sources, in the order given."""
        return list(self.records)

    def texts(self, source: str) -> list[str]:
        """One text per case."""
        return [record.text for record in self.records[source]]

    def verdicts(self, source: str) -> list[str | None]:
        """Yes, No or None per case."""
        return [record.verdict for record in self.records[source]]


def join_cases(explanations: Mapping[str, Sequence[Explanation]], test_fraction: float, seed: int) -> ExplainedCases:
    """Join the sources by case and split the users.

    Raises:
        InputError: with fewer than two sources, a case explained twice by one source, sources that disagree
            on the recommender's score, or too few users on one side of the split.
    """
    if len(explanations) < 2:
        names = ", ".join(explanations) or "none"
        raise InputError(
            f"discriminate: needs the explanations of at least two sources, found: {names}; explain with more sources"
        )
    if not 0 < test_fraction < 1:
        raise InputError(f"params: discriminate.test_fraction must be between 0 and 1, not {test_fraction:g}")
    by_case = {source: _index(source, records) for source, records in explanations.items()}
    first, *others = by_case.values()
    shared = [case for case in first if all(case in other for other in others)]
    records = {source: [cases[case] for case in shared] for source, cases in by_case.items()}
    user_ids = np.asarray([case[0] for case in shared], dtype=np.int64)
    in_test = np.asarray([is_test_user(int(user), test_fraction, seed) for user in user_ids], dtype=bool)
    _check_users(user_ids, in_test)
    return ExplainedCases(
        records=records,
        user_ids=user_ids,
        scores=_shared_scores(records),
        in_test=in_test,
        n_dropped={source: len(cases) - len(shared) for source, cases in by_case.items()},
    )


def is_test_user(user_id: int, test_fraction: float, seed: int) -> bool:
    """Whether a user belongs to the test side: a hash decides, so other users never change it."""
    digest = hashlib.sha256(f"discriminate:{seed}:{user_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < test_fraction * 2**64


def _index(source: str, records: Sequence[Explanation]) -> dict[tuple[int, int, int], Explanation]:
    cases: dict[tuple[int, int, int], Explanation] = {}
    for record in records:
        case = record.case
        if case in cases:
            raise InputError(
                f"explanations of {source}: user {case[0]}, position {case[1]}, item {case[2]} "
                "is explained twice; run explain again"
            )
        cases[case] = record
    return cases


def _shared_scores(records: dict[str, list[Explanation]]) -> np.ndarray:
    """The recommender's score of each case: one, since all sources explain the same recommender."""
    scores = {source: np.asarray([r.score for r in rows], dtype=np.float64) for source, rows in records.items()}
    first, *others = scores
    for other in others:
        if not np.allclose(scores[first], scores[other], rtol=1e-5, atol=1e-6):
            raise InputError(
                f"explanations of {first} and {other} give different scores to the same cases: they "
                "explain different recommenders; run explain again for both"
            )
    return scores[first]


def _check_users(user_ids: np.ndarray, in_test: np.ndarray) -> None:
    for side, rows in (("train", ~in_test), ("test", in_test)):
        n_users = len(np.unique(user_ids[rows]))
        if n_users < MIN_USERS:
            raise InputError(
                f"discriminate: only {n_users} users are in the {side} split, but at least {MIN_USERS} are "
                "needed; explain cases of more users, or change discriminate.test_fraction"
            )
