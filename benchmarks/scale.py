"""How each step that reads the whole catalogue grows with it: seconds and peak memory.

Every step runs in a process of its own on an invented catalogue, with a recommender of random vectors (width 64), 400
users of 12 items each, titles of one to twelve words and a byte-level tokenizer. The peak is that of the process while
the step runs, less what it held before.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from recexplainer.alignment.building import build_examples
from recexplainer.alignment.warm_start import item_words, ranking_map
from recexplainer.core.settings import Settings, load_settings
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import Example
from recexplainer.data.interactions import Interactions
from recexplainer.explaining.cases import choose_cases
from recexplainer.llm.title_trie import Trie
from recexplainer.recommenders.losses import full_softmax_loss
from recexplainer.recommenders.mf import MF
from recexplainer.recommenders.ranking import leave_one_out, rank_cases
from recexplainer.tasks.item_discrimination import most_similar

DIM, HIDDEN, VOCABULARY = 64, 192, 8000
N_USERS, LENGTH = 400, 12
PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"

Step = Callable[[], Any]


def catalogue_of(n_items: int) -> Catalogue:
    """Invented items, all attributes filled."""
    ids = range(1, n_items + 1)
    columns = {
        "item_id": ids,
        "raw_id": [f"B{item}" for item in ids],
        "title": [f"Game number {item}" for item in ids],
        "brand": [f"Brand {item % 97}" for item in ids],
        "categories": [["Games", f"Genre {item % 31}"] for item in ids],
        "features": [["online"] for _ in ids],
        "description": [f"The game that came as number {item}." for item in ids],
        "price": 1.0,
    }
    return Catalogue(pd.DataFrame(columns))


def recommender_of(n_items: int) -> MF:
    """Random vectors."""
    recommender = MF(n_items, DIM, regularisation=1.0, confidence=1.0)
    recommender.items[1:] = torch.randn(n_items, DIM, generator=torch.Generator().manual_seed(0))
    return recommender.freeze()


def interactions_of(n_items: int) -> Interactions:
    """Random sequences."""
    items = np.random.default_rng(0).integers(1, n_items + 1, size=N_USERS * LENGTH)
    return Interactions(items.astype(np.int32), np.array([0, *range(0, N_USERS * LENGTH + 1, LENGTH)]), n_items)


def titles_of(n_items: int) -> list[list[int]]:
    """Titles as tokens; many begin alike."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 13, size=n_items)
    tokens = np.minimum(rng.zipf(1.2, size=int(lengths.sum())), VOCABULARY - 1)
    return [row.tolist() for row in np.split(tokens, lengths.cumsum()[:-1])]


def make_most_similar(n_items: int, settings: Settings) -> Step:
    """The item most like each."""
    vectors = recommender_of(n_items).item_vectors()
    return lambda: most_similar(vectors)


def make_build_examples(n_items: int, settings: Settings) -> Step:
    """All questions to the recommender, none of them kept."""
    splits = np.resize(["train"] * 7 + ["valid", "test", "test"], N_USERS)
    users = pd.DataFrame({"user_id": range(1, N_USERS + 1), "split": splits})
    given = (interactions_of(n_items), catalogue_of(n_items), users, [], recommender_of(n_items))
    return lambda: deque(build_examples(*given, settings.build_alignment, seed=1)[0], maxlen=0)


def make_warm_start(n_items: int, settings: Settings) -> Step:
    """Where the items' slots start."""
    titles = titles_of(n_items)
    rows = [torch.tensor(title) for title in titles]
    token_ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)
    table = torch.randn(VOCABULARY, HIDDEN, generator=torch.Generator().manual_seed(0))
    return lambda: ranking_map(item_words(table, token_ids))


def make_trie(n_items: int, settings: Settings) -> Step:
    """The titles' prefix tree."""
    titles = titles_of(n_items)
    return lambda: Trie(titles, end=0)


def make_cases(n_items: int, settings: Settings) -> Step:
    """`explain.n_cases` decisions to explain."""
    interactions, recommender = interactions_of(n_items), recommender_of(n_items)
    pairs = [Example("", "test", [], user_id=user, position=LENGTH) for user in range(1, 51)]
    given = (recommender, interactions, pairs, settings.build_alignment)
    return lambda: choose_cases(*given, settings.explain.n_cases, settings.explain.top_k, seed=1)


def make_loss(n_items: int, settings: Settings) -> Step:
    """One batch of 3,200 positions of the recommender's training, over all items."""
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(3200, DIM, generator=generator, requires_grad=True)
    items = torch.randn(n_items + 1, DIM, generator=generator, requires_grad=True)
    targets = torch.randint(1, n_items + 1, (3200,), generator=generator)
    return lambda: full_softmax_loss(states, items, targets).backward()


def make_ranking(n_items: int, settings: Settings) -> Step:
    """The recommender's evaluation."""
    recommender, cases = recommender_of(n_items), leave_one_out(interactions_of(n_items)).test
    return lambda: rank_cases(recommender, cases)


STEPS: dict[str, Callable[[int, Settings], Step]] = {
    "most similar items": make_most_similar,
    "`build_examples`, 400 users": make_build_examples,
    "warm start, items": make_warm_start,
    "title trie": make_trie,
    "`choose_cases`": make_cases,
    "recommender, loss of a batch": make_loss,
    "recommender, ranks of 400 users": make_ranking,
}


def measured(name: str, n_items: int) -> tuple[float, float]:
    """Seconds and peak MB of one step."""
    torch.set_num_threads(1)
    step = STEPS[name](n_items, load_settings(PARAMS, []))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    step()
    seconds = time.perf_counter() - started
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    """Print a table: a row per step, seconds and MB per size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--steps", nargs="+", choices=list(STEPS), default=list(STEPS), metavar="STEP")
    arguments = parser.parse_args()
    print("| |", *(f" {n:,} items |" for n in arguments.items))
    print("|---|" + "---|" * len(arguments.items))
    for name in arguments.steps:
        print(f"| {name} |", end="", flush=True)
        for n_items in arguments.items:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                seconds, peak_mb = pool.apply(measured, (name, n_items))
            print(f" {seconds:.2f} s, {peak_mb:.0f} MB |", end="", flush=True)
        print()


if __name__ == "__main__":
    main()
