"""Preparing raw data: the project's way beside a plain script, from the same files to the same values, in one run.

python benchmarks/prepare.py --interactions interactions.csv.gz

The rows of a table (user_id, item_id, position) are written in the raw Amazon 2018 format, gzipped JSON lines of
reviews and of metadata, much as the published files are: grouped by item, with texts that gzip makes four times as
small, and without the title of a few rare items, so that the 5-core takes three passes. Both ways drop duplicates and
untitled items, keep the 5-core, clean the texts, number, split and check, and write interactions, catalogue, users and
a report (ours as Parquet, the plain way as JSON lines). Each runs in a process of its own, which reports its seconds,
those of its CPU and its peak memory, imports apart. What they wrote has to be the same.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

K_CORE = 5
SEED = 7
SHARES = (0.7, 0.1, 0.2)
RARE, UNTITLED = 8, 105  # of the items with at most 8 reviews, one in 105 has no title
POOL_WORDS = 200_000
PLATFORMS = ("PC", "PlayStation 4", "Xbox One", "Nintendo Switch")


def write_raw(interactions: Path, folder: Path) -> None:
    """The table's rows as reviews with texts, and its items as metadata."""
    import pandas as pd

    rows = pd.read_csv(interactions, dtype={"user_id": str, "item_id": str}).sort_values(["item_id", "user_id"])
    counts = rows["item_id"].value_counts()
    untitled = set(sorted(counts.index[counts <= RARE])[::UNTITLED])
    text = random_texts()
    with gzip.open(folder / "reviews.json.gz", "wt", compresslevel=1, encoding="utf-8") as file:
        for user, item, position in rows[["user_id", "item_id", "position"]].itertuples(index=False):
            review = {
                "overall": 1.0 + (int(position) + len(user)) % 5,
                "verified": True,
                "reviewTime": "01 1, 2018",
                "reviewerID": user,
                "asin": item,
                "style": {"Format:": " Video Game"},
                "reviewerName": text(12),
                "reviewText": text(264),
                "summary": text(24),
                "unixReviewTime": 1_200_000_000 + 86_400 * int(position),
            }
            file.write(json.dumps(review) + "\n")
    with gzip.open(folder / "meta.json.gz", "wt", compresslevel=1, encoding="utf-8") as file:
        for number, item in enumerate(rows["item_id"].unique()):
            description = f"<p>{text(300)}<br />&amp; {text(200)}</p>" if number % 5 < 2 else text(500)
            meta = {
                "category": ["Video Games", PLATFORMS[number % len(PLATFORMS)], "Games"],
                "tech1": "",
                "description": [description, text(200)],
                "title": "" if item in untitled else f"Game {item}",
                "also_buy": [f"B{number:09}" for number in range(number, number + 20)],
                "image": [],
                "brand": text(12),
                "feature": [text(60), text(60), text(60)],
                "rank": [f">#{number:,} in Video Games (See Top 100 in Video Games)"],
                "details": {"ASIN: ": item},
                "main_cat": "Video Games",
                "date": "",
                "price": f"${number % 60}.99" if number % 3 else "",
                "asin": item,
            }
            file.write(json.dumps(meta) + "\n")


def random_texts() -> Callable[[int], str]:
    """Gives texts of about so many characters, of words whose frequencies fall as those of a language do."""
    import numpy as np

    generator = np.random.default_rng(SEED)
    letters = np.array(list("aaabcdeeeefghiijklmnnoooprrssttuvwy"))
    words = ["".join(generator.choice(letters, length)) for length in generator.integers(2, 10, 3000)]
    shares = 1 / np.arange(1, 3001) ** 1.2
    pool = " ".join(generator.choice(words, POOL_WORDS, p=shares / shares.sum()))
    draw = random.Random(SEED).randrange

    def text(length: int) -> str:
        start = draw(len(pool) - 2 * length)
        return pool[start : start + length // 2 + start % length].strip()

    return text


def import_ours() -> None:
    """What our way needs, before the clock starts."""
    import recexplainer.data.prepare
    import recexplainer.data.readers
    import recexplainer.store  # noqa: F401


def ours(raw: Path, out: Path) -> None:
    """The project's way: what the stage does."""
    from recexplainer import store
    from recexplainer.core.settings import Columns, Dataset, Prepare, Split
    from recexplainer.data.prepare import prepare_data
    from recexplainer.data.readers import open_raw

    nothing = dict.fromkeys(("order", "time", "rating", "brand", "categories", "description"))
    columns = Columns(user="user_id", item="item_id", item_key="item_id", title="title", **nothing)
    unset = dict.fromkeys(("interactions_file", "items_file", "dialogues_file", "delimiter", "encoding", "quoting"))
    names = {"name": "benchmark", "item_noun": "product", "raw": str(raw), "format": "amazon_2018", "columns": columns}
    dataset = Dataset(**names, **unset, categories_separator=None, max_bad_lines=0)
    settings = Prepare(0.0, K_CORE, "drop", None, None, K_CORE, 1.0, Split(*SHARES))
    prepared = prepare_data(open_raw(dataset), settings, SEED)
    store.write_interactions(prepared.interactions, out / "interactions.parquet")
    store.write_catalogue(prepared.catalogue, out / "catalogue.parquet")
    store.write_users(prepared.users, out / "users.parquet")
    store.write_json(out / "report.json", prepared.report)


def import_plain() -> None:
    """The same for the plain way."""
    import plain_preparation  # noqa: F401


def plain(raw: Path, out: Path) -> None:
    """A straightforward script."""
    from plain_preparation import prepare_plainly

    prepare_plainly(raw, out, K_CORE, SEED, SHARES)


WAYS = {"plain": (import_plain, plain), "ours": (import_ours, ours)}


def in_own_process(function: Callable[..., Any], *given: Any) -> Any:
    """What a function gives in a process of its own: the peak memory of this one would count as its child's."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, given)


def measured(way: str, raw: Path, out: Path) -> dict[str, float]:
    """A way's seconds and its peak memory; run it in a process of its own."""
    out.mkdir()
    prepare_imports, run = WAYS[way]
    prepare_imports()
    started, cpu_started = time.perf_counter(), time.process_time()
    run(raw, out)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "CPU seconds": cpu_seconds, "peak MB": peak_mb}


def require_same(plain_out: Path, our_out: Path) -> tuple[int, int, int]:
    """The numbers of users, items and interactions, when every value of the two ways' files is the same."""
    import numpy as np
    import pandas as pd

    def table(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        lines = pd.read_json(plain_out / f"{name}.jsonl", lines=True, dtype=False)
        return lines, pd.read_parquet(our_out / f"{name}.parquet")

    sequences, interactions = table("interactions")
    for column, name in {"item_id": "items", "rating": "ratings", "timestamp": "times"}.items():
        assert np.array_equal(np.concatenate(sequences[name].tolist()), interactions[column]), column
    assert np.array_equal(np.repeat(sequences["user_id"], sequences["items"].map(len)), interactions["user_id"])
    for name in ("catalogue", "users"):
        their, our = table(name)
        for column in our.columns:
            assert _comparable(their[column]) == _comparable(our[column]), (name, column)
    return len(sequences), len(table("catalogue")[1]), len(interactions)


def _comparable(column: Any) -> list[Any]:
    """A column's values, whichever library read them."""
    return [list(value) if hasattr(value, "__len__") else value for value in column.fillna(-1)]


def main() -> None:
    """Print both ways' seconds and memory, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=Path, required=True, help="CSV of user_id, item_id, position")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        in_own_process(write_raw, arguments.interactions, folder)
        results = {way: in_own_process(measured, way, folder, folder / way) for way in WAYS}
        sizes = in_own_process(require_same, folder / "plain", folder / "ours")
    print("users, items, interactions:", *sizes)
    columns = list(results["ours"])
    print(" " * 8, *(f"{column:>12}" for column in columns))
    for way, result in results.items():
        print(f"{way:8}", *(f"{result[column]:12.2f}" for column in columns))
    print(f"{'ratio':8}", *(f"{results['plain'][column] / results['ours'][column]:12.2f}" for column in columns))


if __name__ == "__main__":
    main()
