"""Raw data to prepared data: filters, dense ids, unique titles, split users, and checks that fail loudly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from recexplainer.core.errors import InputError
from recexplainer.core.settings import Prepare
from recexplainer.data.checks import check_prepared
from recexplainer.data.filters import core, most_popular, sampled_users, without_duplicates
from recexplainer.data.id_forms import likely_mend
from recexplainer.data.items import build_catalogue, clean_titles
from recexplainer.data.losses import Losses, require_few_lost, require_one_form
from recexplainer.data.readers.raw import ITEM_LISTS, ITEM_TEXTS, RawData, RawInteractions
from recexplainer.data.splits import SPLITS, assign_splits
from recexplainer.data.steps import STEPS_HEADER, file_line, notes_line, step_line
from recexplainer.data.titles import clean_text


@dataclass(frozen=True)
class Prepared:
    """A prepared data set: the frames of the store's schemas, the dialogues, and what was done to get them."""

    interactions: pd.DataFrame
    catalogue: pd.DataFrame
    users: pd.DataFrame
    dialogues: list[dict[str, Any]]
    report: dict[str, Any]


def prepare_data(
    raw: RawData, settings: Prepare, seed: int, tell: Callable[[str], None] = lambda line: None
) -> Prepared:
    """Filter, number, name and split a raw data set.

    In this order: ratings below ``min_rating`` and duplicates go; users and items with fewer than ``k_core``
    interactions go; items without a title, or unknown to the items' file, go with their interactions (or
    stay under a makeshift title, as ``untitled_items`` says); k-core again; all but the ``max_items`` most
    popular items go; users with fewer than ``min_user_items`` go; ``max_users`` of the others are drawn by
    hash; k-core a last time. Ids and splits do not depend on the order of the raw rows, except that
    interactions of a user at the same time stay in that order.

    Args:
        raw: The data set.
        settings: What is kept.
        seed: Of the splits and the sample.
        tell: Is given the lines of a table of the steps, each when it is done, and what was found in the files.

    Raises:
        InputError: when a step leaves nothing, when the data cannot be filtered as asked, when bad rows and items
        without a title cost more than ``max_lost`` of the interactions, or when a check fails.
    """
    if raw.interactions.ratings is None and settings.min_rating > 0:
        raise InputError(
            f"prepare.min_rating is {settings.min_rating:g} but the data has no ratings; set it to 0, or name"
            " their column in dataset.columns.rating"
        )
    tell(file_line(raw.report.get("interactions_file", {})))
    steps = _Steps(raw.interactions, tell)
    doubled = require_one_form(raw.interactions, settings.max_lost)
    k_core = settings.k_core
    steps.apply("min_rating", lambda kept: _well_rated(kept, settings.min_rating))
    steps.apply("duplicates", without_duplicates)
    steps.apply("k_core", lambda kept: core(kept, k_core, k_core))
    items, items_report = _titled_items(raw, steps.kept, settings.untitled_items == "keep")
    tell(file_line(raw.report.get("items_file", {})))
    titled = set(items["raw_id"])
    losses = _checked_losses(raw, steps.kept, titled, items_report, settings.max_lost)
    steps.apply("titled_items", lambda kept: _with_items(kept, titled))
    steps.apply("k_core_titled", lambda kept: core(kept, k_core, k_core))
    max_items, max_users = settings.max_items, settings.max_users
    if max_items is not None:
        steps.apply("max_items", lambda kept: most_popular(kept, max_items))
    steps.apply("min_user_items", lambda kept: core(kept, settings.min_user_items, 0))
    if max_users is not None:
        steps.apply("max_users", lambda kept: sampled_users(kept, max_users, seed))
    steps.apply("k_core_last", lambda kept: core(kept, max(k_core, settings.min_user_items), k_core))

    user_ids, item_ids = _natural_order(steps.kept, "user"), _natural_order(steps.kept, "item")
    interactions = _interactions_frame(steps.kept, user_ids, item_ids)
    names = steps.kept.item_names[item_ids]
    named = items.set_index("raw_id").loc[names].reset_index()
    catalogue, changes, of_categories = build_catalogue(named, raw.has_markup)
    users = _users_frame(list(steps.kept.user_names[user_ids]), settings, seed)
    check_prepared(interactions, catalogue, users)
    tell(notes_line(losses.share, items_report, changes.counts, of_categories, doubled))
    report = {
        **_summary(interactions, catalogue, users),
        "steps": steps.report,
        "lost": {**losses.report(), "n_doubled_ids": doubled},
        "items": items_report,
        "titles": asdict(changes),
        "categories": asdict(of_categories),
        "files": raw.report,
        "n_dialogues": len(raw.dialogues),
    }
    return Prepared(interactions, catalogue, users, raw.dialogues, report)


class _Steps:
    """The interactions kept so far, and what each step left."""

    def __init__(self, raw: RawInteractions, tell: Callable[[str], None]) -> None:
        self.kept, self._tell = raw, tell
        self.report: list[dict[str, Any]] = []
        tell(STEPS_HEADER)
        self._record("read")

    def apply(self, name: str, step: Callable[[RawInteractions], RawInteractions]) -> None:
        before = self.report[-1]
        self.kept = step(self.kept)
        self._record(name)
        if not len(self.kept):
            raise InputError(
                f"prepare: the step '{name}' leaves no interactions; before it there were"
                f" {before['n_interactions']} of {before['n_users']} users with {before['n_items']} items;"
                " lower prepare.min_rating, prepare.k_core or prepare.min_user_items, or provide more data"
            )

    def _record(self, name: str) -> None:
        self.report.append(
            {
                "step": name,
                "n_interactions": len(self.kept),
                "n_users": len(self.kept.present_users()),
                "n_items": len(self.kept.present_items()),
            }
        )
        self._tell(step_line(self.report[-1]))


def _well_rated(raw: RawInteractions, min_rating: float) -> RawInteractions:
    return raw if raw.ratings is None else raw.keep(raw.ratings >= min_rating)


def _titled_items(raw: RawData, kept: RawInteractions, keep_untitled: bool) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The kept interactions' items that have a title; what cannot be named cannot be asked of an LLM.

    With ``keep_untitled`` all of them: figures of the public benchmarks are of all items. Those without a title
    are named by their raw id.
    """
    wanted = set(kept.item_names[kept.present_items()])
    rows = raw.read_items(wanted)
    items = clean_titles(rows, raw.has_markup)
    untitled = sorted(items.loc[items["title"] == "", "raw_id"])
    unknown = sorted(wanted - set(items["raw_id"]))
    report = {
        "n_rated": len(wanted),
        "n_unknown": len(unknown),
        "unknown": unknown,
        "unknown_examples": unknown[:5],
        "n_without_title": len(untitled),
        "without_title_examples": untitled[:5],
        "n_untitled_kept": len(untitled) + len(unknown) if keep_untitled else 0,
        "n_repeated_rows": len(rows) - len(items),
    }
    if keep_untitled:
        items = _with_makeshift_titles(items, unknown)
    return items[items["title"] != ""], report


def _checked_losses(
    raw: RawData, kept: RawInteractions, titled: set[str], items: dict[str, Any], max_lost: float
) -> Losses:
    """What goes with bad rows and with items that have no title.

    Raises:
        InputError: when that is more than ``max_lost`` of the interactions.
    """
    counts = np.bincount(kept.items, minlength=len(kept.item_names))
    gone = {str(kept.item_names[code]): int(counts[code]) for code in kept.present_items()}
    gone = {raw_id: n for raw_id, n in gone.items() if raw_id not in titled}
    unknown = {raw_id: gone[raw_id] for raw_id in items.pop("unknown") if raw_id in gone}
    n_unknown = sum(unknown.values())
    n_bad_rows = int(raw.report.get("interactions_file", {}).get("bad_lines", 0))
    losses = Losses(len(kept), n_bad_rows, n_unknown, sum(gone.values()) - n_unknown)
    if losses.share > max_lost:
        files = (raw.report.get(name, {}) for name in ("interactions_file", "items_file"))
        mends = [file.get("likely_mend", "") for file in files]
        require_few_lost(losses, max_lost, [*mends, likely_mend(unknown, raw.item_ids())])
    return losses


def _with_makeshift_titles(items: pd.DataFrame, unknown: list[str]) -> pd.DataFrame:
    """The items and those unknown to the items' file, each without a title as ``Untitled <raw id>``."""
    nothing: dict[str, Any] = dict.fromkeys((*ITEM_TEXTS, "raw_title"), "") | dict.fromkeys(
        (*ITEM_LISTS, "changes"), []
    )
    rows = [nothing | {"raw_id": raw_id} for raw_id in unknown]
    items = pd.concat([items, pd.DataFrame(rows, columns=items.columns, dtype=object)], ignore_index=True)
    untitled = items["title"] == ""
    names = [clean_text(f"Untitled {raw_id}", has_markup=False)[0] for raw_id in items.loc[untitled, "raw_id"]]
    items.loc[untitled, "title"] = names
    return items


def _with_items(raw: RawInteractions, titled: set[str]) -> RawInteractions:
    known = np.array([name in titled for name in raw.item_names], dtype=bool)
    return raw.keep(known[raw.items])


def _natural_order(raw: RawInteractions, what: str) -> np.ndarray:
    """The codes of the users or items that are left, by raw id: numbers by value, then all else by text."""
    codes, names = (raw.present_users(), raw.user_names) if what == "user" else (raw.present_items(), raw.item_names)

    def key(code: int) -> tuple[int, str]:
        name = names[code]
        return (len(name), name) if name.isascii() and name.isdigit() else (10**9, name)

    return np.array(sorted(codes, key=key), dtype=np.int64)


def _interactions_frame(raw: RawInteractions, user_ids: np.ndarray, item_ids: np.ndarray) -> pd.DataFrame:
    """Dense ids from 1, every user's rows together and oldest first.

    Args:
        raw: The interactions that are left.
        user_ids: Codes of the users; the first becomes id 1.
        item_ids: The same for the items.
    """
    users = _dense(user_ids, len(raw.user_names))[raw.users]
    items = _dense(item_ids, len(raw.item_names))[raw.items]
    age = raw.orders if raw.orders is not None else raw.times
    assert age is not None, "every reader gives a time or an order"
    rows = np.lexsort((age, users))  # stable: ties stay in the raw order
    users, starts = users[rows], np.concatenate([[0], np.cumsum(np.bincount(users))])
    frame = pd.DataFrame(
        {
            "user_id": users,
            "item_id": items[rows],
            "position": (np.arange(len(users)) - starts[users]).astype(np.int32),
        }
    )
    if raw.ratings is not None:
        frame["rating"] = raw.ratings[rows]
    if raw.times is not None:
        times = raw.times[rows]
        frame["timestamp"] = times if times.dtype == np.int64 else np.floor(times).astype(np.int64)
    return frame


def _dense(codes: np.ndarray, n_codes: int) -> np.ndarray:
    dense = np.zeros(n_codes, dtype=np.int32)
    dense[codes] = np.arange(1, len(codes) + 1, dtype=np.int32)
    return dense


def _users_frame(raw_ids: Sequence[str], settings: Prepare, seed: int) -> pd.DataFrame:
    shares: dict[str, float] = {name: float(getattr(settings.split, name)) for name in SPLITS}
    splits = assign_splits(raw_ids, seed, shares)
    for name in SPLITS:
        if shares[name] > 0 and name not in splits:
            raise InputError(
                f"prepare.split: none of the {len(raw_ids)} users falls into the split '{name}' (share"
                f" {shares[name]:g}); increase its share, keep more users, or choose another run.seed"
            )
    return pd.DataFrame({"user_id": np.arange(1, len(raw_ids) + 1, dtype=np.int32), "raw_id": raw_ids, "split": splits})


def _summary(interactions: pd.DataFrame, catalogue: pd.DataFrame, users: pd.DataFrame) -> dict[str, Any]:
    lengths = interactions.groupby("user_id").size()
    again = interactions.duplicated(["user_id", "item_id"])
    is_target = interactions["position"] == interactions["user_id"].map(lengths) - 1
    return {
        "n_users": len(users),
        "n_items": len(catalogue),
        "n_interactions": len(interactions),
        "n_users_per_split": {name: int((users["split"] == name).sum()) for name in SPLITS},
        "sequence_length": {
            "min": int(lengths.min()),
            "median": float(lengths.median()),
            "mean": round(float(lengths.mean()), 3),
            "max": int(lengths.max()),
        },
        "n_repeated_interactions": int(again.sum()),
        "n_targets_in_own_history": int((again & is_target).sum()),
        "has_ratings": "rating" in interactions,
        "has_timestamps": "timestamp" in interactions,
    }
