"""Preparing interactions: the project's readers and filters beside a plain script, on the same raw files, in one run.

python benchmarks/prepare.py --interactions interactions.csv.gz

The rows of a table (user_id, item_id, position) are written in the raw Amazon 2018 format, gzipped JSON lines of
reviews and of metadata. Both ways read them, keep the 5-core and number the users and items, each in its own process,
which reports its seconds and its peak memory. They have to agree on what is left.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import multiprocessing
import resource
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pandas as pd

K_CORE = 5
TEXT = "A game to play on rainy days; the children like it, and so do I. " * 4


def write_raw(interactions: Path, folder: Path) -> None:
    """The table's rows as reviews with texts, and its items as metadata."""
    rows = pd.read_csv(interactions, dtype={"user_id": str, "item_id": str})
    with gzip.open(folder / "reviews.json.gz", "wt", compresslevel=1, encoding="utf-8") as file:
        for user, item, position in rows[["user_id", "item_id", "position"]].itertuples(index=False):
            review = {
                "overall": 5.0,
                "verified": True,
                "reviewTime": "01 1, 2018",
                "reviewerID": user,
                "asin": item,
                "reviewerName": "Somebody",
                "reviewText": TEXT,
                "summary": "Good",
                "unixReviewTime": 1_500_000_000 + 86_400 * int(position),
            }
            file.write(json.dumps(review) + "\n")
    with gzip.open(folder / "meta.json.gz", "wt", compresslevel=1, encoding="utf-8") as file:
        for item in rows["item_id"].unique():
            meta = {"asin": item, "title": f"Game {item}", "brand": "", "category": ["Games"], "description": [TEXT]}
            file.write(json.dumps(meta) + "\n")


def ours(folder: Path) -> tuple[int, int, int]:
    """The project's way."""
    from recexplainer.data.prepare import prepare_data
    from recexplainer.data.readers import open_raw
    from recexplainer.settings import Columns, Dataset, Prepare, Split

    nothing = dict.fromkeys(("order", "time", "rating", "brand", "categories", "description"))
    columns = Columns(user="user_id", item="item_id", item_key="item_id", title="title", **nothing)
    dataset = Dataset("benchmark", str(folder), "amazon_2018", None, None, None, columns, 0)
    settings = Prepare(0.0, K_CORE, "drop", None, None, K_CORE, Split(0.7, 0.1, 0.2))
    report = prepare_data(open_raw(dataset), settings, seed=7).report
    return report["n_users"], report["n_items"], report["n_interactions"]


def plain(folder: Path) -> tuple[int, int, int]:
    """A straightforward script: json and dictionaries, and a copy of everything at each pass of the 5-core."""
    titles = {}
    with gzip.open(folder / "meta.json.gz", "rt", encoding="utf-8") as file:
        for line in file:
            meta = json.loads(line)
            titles[meta["asin"]] = meta["title"]
    sequences = defaultdict(list)
    with gzip.open(folder / "reviews.json.gz", "rt", encoding="utf-8") as file:
        for line in file:
            review = json.loads(line)
            if review["asin"] in titles:
                sequences[review["reviewerID"]].append((review["unixReviewTime"], review["asin"]))
    for sequence in sequences.values():
        sequence.sort(key=lambda row: row[0])
    while True:
        counts = Counter(item for sequence in sequences.values() for _, item in sequence)
        kept = copy.deepcopy(sequences)
        for user, sequence in sequences.items():
            kept[user] = [row for row in sequence if counts[row[1]] >= K_CORE]
            if len(kept[user]) < K_CORE:
                del kept[user]
        changed = sum(map(len, kept.values())) != sum(map(len, sequences.values()))
        sequences = kept
        if not changed:
            break
    user_ids = {user: number for number, user in enumerate(sequences, start=1)}
    items = sorted({item for sequence in sequences.values() for _, item in sequence})
    item_ids = {item: number for number, item in enumerate(items, start=1)}
    numbered = {user_ids[user]: [item_ids[item] for _, item in rows] for user, rows in sequences.items()}
    return len(user_ids), len(item_ids), sum(map(len, numbered.values()))


def measured(way: Callable[[Path], tuple[int, int, int]], folder: Path) -> dict[str, object]:
    """What a way gives, its seconds (imports apart) and its peak memory, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_run, (way, folder))


def _run(way: Callable[[Path], tuple[int, int, int]], folder: Path) -> dict[str, object]:
    import recexplainer.data.prepare
    import recexplainer.data.readers  # noqa: F401  (imported before the clock starts)

    started = time.perf_counter()
    sizes = way(folder)
    seconds = time.perf_counter() - started
    return {"sizes": sizes, "seconds": seconds, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    """Print both ways' seconds and memory, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=Path, required=True, help="CSV of user_id, item_id, position")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_raw(arguments.interactions, Path(folder))
        results = {way.__name__: measured(way, Path(folder)) for way in (plain, ours)}
    assert results["plain"]["sizes"] == results["ours"]["sizes"], results
    print("users, items, interactions:", *results["ours"]["sizes"])
    print(f"{'':8}{'seconds':>10}{'peak MB':>10}")
    for name, result in results.items():
        print(f"{name:8}{result['seconds']:10.2f}{result['mb']:10.0f}")
    seconds, memory = (results["plain"][key] / results["ours"][key] for key in ("seconds", "mb"))
    print(f"{'ratio':8}{seconds:10.2f}{memory:10.2f}")


if __name__ == "__main__":
    main()
