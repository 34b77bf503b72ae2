"""Compare two recommenders on the same users: python -m recexplainer.recommenders.compare A.parquet B.parquet."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from recexplainer import store
from recexplainer.errors import InputError, ends_clearly
from recexplainer.recommenders.significance import METRICS, N_DRAWS, Difference, compare_ranks
from recexplainer.settings.command_line import add_parameters, given_settings

COLUMNS = ("recommender", "part", "user_id", "target", "rank")


def compare_files(
    first: Path, second: Path, seed: int, names: tuple[str | None, str | None] = (None, None), part: str = "test"
) -> pd.DataFrame:
    """The paired differences between a recommender of one file and one of another, one row per metric.

    Args:
        first: What train_recommender wrote: a row per user, part and recommender.
        second: The same of another run; it may be the same file.
        seed: Of the draws.
        names: Which recommender of each file; None: the one that was trained, which stands first.
        part: "test" or "valid".

    Returns:
        Columns `metric`, `first`, `second`, `difference`, `from`, `to` (95 % interval), `p_value`.

    Raises:
        InputError: A file cannot be read or lacks the recommender or part, or the users differ.
    """
    ranks = [_ranks(path, name, part) for path, name in zip((first, second), names, strict=True)]
    compared = compare_ranks(ranks[0], ranks[1], np.random.default_rng(seed))
    means = [
        {name: float(metric(rows["rank"].to_numpy()).mean()) for name, metric in METRICS.items()} for rows in ranks
    ]
    return pd.DataFrame([_row(name, means[0][name], means[1][name], found) for name, found in compared.items()])


@ends_clearly
def main(argv: list[str] | None = None) -> int:
    """Print the table; exit code 2 for bad input, with one line on stderr."""
    arguments = _parser().parse_args(argv)
    names = (arguments.first, arguments.second)
    seed = given_settings(arguments).run.seed
    table = compare_files(arguments.a, arguments.b, seed, names, arguments.part)
    print(table.to_string(index=False, float_format="{:.4f}".format))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m recexplainer.recommenders.compare",
        description=f"Paired differences of two recommenders, A minus B, by {N_DRAWS} draws of the users.",
        allow_abbrev=False,
    )
    parser.add_argument("a", type=Path, metavar="A", help="per_user.parquet of one run")
    parser.add_argument("b", type=Path, metavar="B", help="of another run, or the same file again")
    parser.add_argument("--first", metavar="NAME", help="the recommender of A; without: the one that was trained")
    parser.add_argument("--second", metavar="NAME", help="the recommender of B")
    parser.add_argument("--part", default="test", help="test or valid")
    add_parameters(parser)
    return parser


def _ranks(path: Path, name: str | None, part: str) -> pd.DataFrame:
    rows = store.read_parquet(path, COLUMNS)
    if rows.empty:
        raise InputError(f"{path}: holds no users")
    wanted = {"recommender": name or rows["recommender"].iloc[0], "part": part}
    for column, value in wanted.items():
        known = rows[column].unique()
        if value not in known:
            raise InputError(f"{path}: has no {column} {value!r}; known: {', '.join(map(str, known))}")
        rows = rows[rows[column] == value]
    return rows


def _row(metric: str, first: float, second: float, found: Difference) -> dict[str, object]:
    low, high = found["difference_interval"]
    return {
        "metric": metric,
        "first": first,
        "second": second,
        "difference": found["difference"],
        "from": low,
        "to": high,
        "p_value": found["p_value"],
    }


if __name__ == "__main__":
    sys.exit(main())
