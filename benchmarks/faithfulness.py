"""Perturbation curves and evidence: deletions of a batch together, beside one forward pass per deletion, in one run.

python benchmarks/faithfulness.py [--users 1000] [--orders 10] [--items 2000] [--plain-share 0.3] [--threads 1]
                                  [--decisions 10000] [--plain-decisions 200]

Every user's history (10 to 30 items) is deleted in `--orders` random orders, each in ten steps of 10 to 100 %: 100
deletions per user. The plain way, written here as the yardstick, asks the recommender once for each, takes the log of
the softmax over all items and the item's rank; it does so for `--plain-share` of the users, and the ratio is of the
time per deletion. Both ways give the same numbers but for rounding: single precision in another order can move ln p by
1e-6, and swap two items that are level.

The evidence of `--decisions` decisions (greedy, of the newest 8 items) is found together, and with one pass per
deletion for `--plain-decisions` of them, spread over the run; the ratio is of the time per decision. The recommender
is SASRec with the sizes of the demo's parameters and random weights: what it has learned does not change its speed.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from recexplainer.evidence.evidence import MAX_ITEMS, THRESHOLD, Evidence, find_evidence
from recexplainer.evidence.perturbation import VARIANTS, Decision, Outcomes, Perturbation, Variant
from recexplainer.faithfulness.metrics import N_STEPS, step_sizes
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.sasrec import SASRec

SIZES = {"dim": 64, "n_layers": 1, "n_heads": 2, "max_length": 50, "dropout": 0.4}  # train_recommender.sasrec
HISTORY_LENGTHS = (10, 30)
USERS_AT_ONCE = 100
N_SHOWN = 8  # build_alignment.max_history
DECISIONS_AT_ONCE = 2000


def make_cases(n_users: int, n_items: int, rng: np.random.Generator) -> list[Decision]:
    """Random histories without repeats, and an item outside of each."""
    cases = []
    for length in rng.integers(HISTORY_LENGTHS[0], HISTORY_LENGTHS[1] + 1, size=n_users):
        *history, target = (rng.choice(n_items, size=length + 1, replace=False) + 1).tolist()
        cases.append(Decision(history, target))
    return cases


def decided(recommender: Recommender, cases: list[Decision]) -> list[Decision]:
    """Decisions on the best and the worst item of each history, in turn."""
    found = []
    for start in range(0, len(cases), USERS_AT_ONCE):
        block = cases[start : start + USERS_AT_ONCE]
        scores = recommender.scores([case.history for case in block], exclude_seen=True)
        best, worst = scores.argmax(dim=1), torch.where(scores.isfinite(), scores, torch.inf).argmin(dim=1)
        for number, case in enumerate(block):
            item, label = (int(best[number]), "Yes") if number % 2 == 0 else (int(worst[number]), "No")
            found.append(Decision(case.history, item, N_SHOWN, label))  # type: ignore[arg-type]
    return found


def make_deletions(cases: list[Decision], n_orders: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The case of each deletion (n,), and what it keeps (n, longest history), histories at the right."""
    longest = max(len(case.history) for case in cases)
    rows, kept = [], []
    for row, case in enumerate(cases):
        length = len(case.history)
        for _ in range(n_orders):
            place = rng.permutation(length)
            for size in step_sizes(length)[1:]:
                left = np.zeros(longest, dtype=bool)
                left[longest - length :] = place >= size
                rows.append(row)
                kept.append(left)
    return np.array(rows), np.array(kept)


def ask_one_by_one(
    recommender: Recommender, cases: list[Decision], rows: np.ndarray, kept: np.ndarray, variant: Variant
) -> Outcomes:
    """The yardstick: one forward pass per deletion."""
    log_p, rank = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)
    for number, (row, left) in enumerate(zip(rows, kept, strict=True)):
        case = cases[row]
        stays = left[len(left) - len(case.history) :]
        history = [item if stay else 0 for item, stay in zip(case.history, stays, strict=True)]
        if variant == "shift":
            history = [item for item in history if item]
        scores = recommender.scores([history])[0].double()
        log_p[number] = scores.log_softmax(0)[case.item_id]
        own = float(scores[case.item_id])
        scores[case.history] = -torch.inf
        rank[number] = (scores >= own).sum()
    return Outcomes(log_p, rank)


def evidence_one_by_one(recommender: Recommender, decision: Decision, variant: Variant) -> list[int]:
    """The yardstick of `find_evidence`: the same greedy search for histories without repeats."""

    def loss(gone: list[int]) -> float:
        history = [0 if item in gone else item for item in decision.history]
        if variant == "shift":
            history = [item for item in history if item]
        log_p = float(recommender.scores([history])[0].double().log_softmax(0)[decision.item_id])
        return full - log_p if decision.label == "Yes" else log_p - full

    full = 0.0
    full = -loss([]) if decision.label == "Yes" else loss([])
    alone = {item: loss([item]) for item in reversed(decision.history)}
    shown = [item for item in alone if item in decision.history[-N_SHOWN:]]
    found: list[int] = []
    taken, lost = 0.0, {item: alone[item] for item in shown}
    while len(found) < MAX_ITEMS and lost:
        best = max(lost, key=lost.__getitem__)
        if lost[best] - taken < THRESHOLD:
            break
        found.append(best)
        taken = lost[best]
        lost = {item: loss([*found, item]) for item in shown if item not in found} if len(found) < MAX_ITEMS else {}
    strong = sorted((item for item in shown if alone[item] >= THRESHOLD), key=lambda item: -alone[item])
    return [*found, *(item for item in strong if item not in found)][:MAX_ITEMS]


def compare_evidence(recommender: Recommender, decisions: list[Decision], n_plain: int, variant: Variant) -> str:
    """One line: seconds of all decisions together, of one pass per deletion, and their ratio per decision."""
    seconds, n_alike, asked = np.zeros(2), 0, 0
    for start in range(0, len(decisions), DECISIONS_AT_ONCE):
        block = decisions[start : start + DECISIONS_AT_ONCE]
        few = block[: max(1, round(n_plain * len(block) / len(decisions)))]
        times = [time.perf_counter()]
        together: list[Evidence] = find_evidence(recommender, block, variant)
        times.append(time.perf_counter())
        single = [evidence_one_by_one(recommender, decision, variant) for decision in few]
        times.append(time.perf_counter())
        seconds += np.diff(times)
        asked += len(few)
        pairs = [(own.items, items) for own, items in zip(together, single, strict=False)]
        n_alike += sum(own == items or not items for own, items in pairs)  # sets that carry it together are not asked
    ours, plain = seconds[0] / len(decisions), seconds[1] / asked
    return (
        f"{variant:6} evidence of {len(decisions)} decisions {seconds[0]:.1f} s; one pass per deletion "
        f"{plain * len(decisions):.1f} s (measured on {asked}: {seconds[1]:.1f} s), ratio {plain / ours:.1f}; "
        f"alike {n_alike} of {asked}"
    )


def main() -> None:
    """Time both ways for both variants and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--orders", type=int, default=10, help="curves of ten steps per user")
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--plain-share", type=float, default=0.3, help="share of the users that the plain way asks")
    parser.add_argument("--decisions", type=int, default=10_000, help="whose evidence is found; 0: none")
    parser.add_argument("--plain-decisions", type=int, default=200, help="of these, how many the plain way asks about")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    recommender = SASRec(arguments.items, **SIZES).freeze()
    cases = make_cases(arguments.users, arguments.items, rng)
    n_steps = arguments.orders * N_STEPS
    print(f"{len(cases)} users x {n_steps} steps, {arguments.items} items, threads {arguments.threads}")
    for variant in VARIANTS:
        print(compare(recommender, cases, arguments.orders, arguments.plain_share, variant, rng), flush=True)
    decisions = decided(recommender, make_cases(arguments.decisions, arguments.items, rng))
    for variant in VARIANTS if decisions else ():
        print(compare_evidence(recommender, decisions, arguments.plain_decisions, variant), flush=True)


def compare(
    recommender: Recommender,
    cases: list[Decision],
    n_orders: int,
    plain_share: float,
    variant: Variant,
    rng: np.random.Generator,
) -> str:
    """One line: seconds per deletion of both ways, their ratio, and how far their numbers differ.

    The ways take turns, block of users by block, so that what else the machine does meets both.
    """
    seconds, counts = np.zeros(2), np.zeros(2, dtype=np.int64)
    gap, n_other = 0.0, 0
    for start in range(0, len(cases), USERS_AT_ONCE):
        block = cases[start : start + USERS_AT_ONCE]
        rows, kept = make_deletions(block, n_orders, rng)
        n_plain = int((rows < round(plain_share * len(block))).sum())
        times = [time.perf_counter()]
        together = Perturbation(recommender, block).outcomes(rows, kept, variant)
        times.append(time.perf_counter())
        single = ask_one_by_one(recommender, block, rows[:n_plain], kept[:n_plain], variant)
        times.append(time.perf_counter())
        seconds += np.diff(times)
        counts += [len(rows), n_plain]
        gap = max(gap, float(np.abs(together.log_p[:n_plain] - single.log_p).max(initial=0)))
        n_other += int((np.abs(together.rank[:n_plain] - single.rank) > 0).sum())
    ours, plain = 1e6 * seconds / np.maximum(counts, 1)
    return (
        f"{variant:6} together {ours:6.1f} us per deletion ({counts[0]}, {seconds[0]:.1f} s), "
        f"one by one {plain:6.1f} us ({counts[1]}, {seconds[1]:.1f} s), ratio {plain / ours:.1f}; "
        f"largest difference of ln p {gap:.1e}, other ranks {n_other}"
    )


if __name__ == "__main__":
    main()
