"""The yardstick of `benchmarks/prepare.py`: a straightforward script that makes what the project's stage makes.

Only Python's own library: json and dictionaries, and a copy of everything at each pass of the k-core.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import html
import json
import re
import unicodedata
from bisect import bisect_right
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

Review = tuple[int, str, float]  # time, item, stars
_TAG = re.compile(r"</?[a-z]+[^<>]*>", re.IGNORECASE)


def prepare_plainly(raw: Path, out: Path, k_core: int, seed: int, shares: tuple[float, float, float]) -> None:
    """Read reviews.json.gz and meta.json.gz; write interactions, catalogue and users as JSON lines, and the sizes."""
    metadata = read_metadata(raw / "meta.json.gz")
    sequences = keep_core(read_sequences(raw / "reviews.json.gz", metadata), k_core)
    users = sorted(sequences, key=natural)
    items = sorted({item for sequence in sequences.values() for _, item, _ in sequence}, key=natural)
    item_ids = {item: item_id for item_id, item in enumerate(items, start=1)}
    catalogue = [catalogue_row(item_ids[item], metadata[item]) for item in items]
    splits = [split_of(user, seed, shares) for user in users]
    check(sequences, catalogue, splits)
    with (out / "interactions.jsonl").open("w", encoding="utf-8") as file:
        for user_id, user in enumerate(users, start=1):
            times, names, ratings = zip(*sequences[user], strict=True)
            row = {"user_id": user_id, "items": [item_ids[name] for name in names], "ratings": ratings, "times": times}
            file.write(json.dumps(row) + "\n")
    with (out / "catalogue.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in catalogue)
    with (out / "users.jsonl").open("w", encoding="utf-8") as file:
        for user_id, (user, split) in enumerate(zip(users, splits, strict=True), start=1):
            file.write(json.dumps({"user_id": user_id, "raw_id": user, "split": split}) + "\n")
    sizes = {"n_users": len(users), "n_items": len(items), "n_interactions": sum(map(len, sequences.values()))}
    (out / "report.json").write_text(json.dumps(sizes))


def read_metadata(path: Path) -> dict[str, dict[str, Any]]:
    """The metadata of the items that have a title."""
    metadata = {}
    with gzip.open(path, "rb") as file:
        for line in file:
            row = json.loads(line)
            row["title"] = clean(row["title"])
            if row["title"]:
                metadata[row["asin"]] = row
    return metadata


def read_sequences(path: Path, metadata: dict[str, dict[str, Any]]) -> dict[str, list[Review]]:
    """Every user's reviews of these items, without duplicates, oldest first."""
    sequences, seen = defaultdict(list), set()
    with gzip.open(path, "rb") as file:
        for line in file:
            row = json.loads(line)
            user, item, time = row["reviewerID"], row["asin"], row["unixReviewTime"]
            if item in metadata and (user, item, time) not in seen:
                seen.add((user, item, time))
                sequences[user].append((time, item, row["overall"]))
    for sequence in sequences.values():
        sequence.sort(key=lambda review: review[0])
    return sequences


def keep_core(sequences: dict[str, list[Review]], k_core: int) -> dict[str, list[Review]]:
    """The users and items with enough reviews, passes until nothing changes."""
    while True:
        counts = Counter(item for sequence in sequences.values() for _, item, _ in sequence)
        if min(counts.values()) >= k_core and min(map(len, sequences.values())) >= k_core:
            return sequences
        kept = copy.deepcopy(sequences)
        for user, sequence in sequences.items():
            if len(sequence) < k_core:
                del kept[user]
            else:
                kept[user] = [review for review in kept[user] if counts[review[1]] >= k_core]
        sequences = kept


def natural(name: str) -> tuple[bool, int, str]:
    """Numbers by value, then all else."""
    return (False, int(name), name) if name.isdigit() else (True, 0, name)


def catalogue_row(item_id: int, row: dict[str, Any]) -> dict[str, Any]:
    """What is kept of an item, as clean text."""
    price = row["price"].strip().removeprefix("$")
    return {
        "item_id": item_id,
        "raw_id": row["asin"],
        "title": row["title"],
        "brand": clean(row["brand"]),
        "categories": clean_list(row["category"]),
        "features": clean_list(row["feature"]),
        "description": " ".join(clean_list(row["description"])),
        "price": float(price) if price else None,
    }


def clean(text: str) -> str:
    """A text without entities, tags, control characters and runs of white space."""
    text = " ".join(_TAG.sub(" ", html.unescape(text)).split())
    if not text.isprintable():
        text = "".join(character for character in text if unicodedata.category(character)[0] != "C")
    return unicodedata.normalize("NFC", text)


def clean_list(texts: list[str]) -> list[str]:
    """Clean texts, each once, without the empty ones."""
    return list(dict.fromkeys(filter(None, map(clean, texts))))


def split_of(user: str, seed: int, shares: tuple[float, float, float]) -> str:
    """A user's side, by hash."""
    digest = hashlib.blake2b(f"split\0{seed}\0{user}".encode(), digest_size=8).digest()
    fraction = (int.from_bytes(digest, "big") >> 11) / 2**53
    return ("train", "valid", "test")[bisect_right([shares[0], shares[0] + shares[1]], fraction)]


def check(sequences: dict[str, list[Review]], catalogue: list[dict[str, Any]], splits: list[str]) -> None:
    """Titles that name one item, times that go forward, no empty side."""
    assert len({row["title"].casefold() for row in catalogue}) == len(catalogue)
    assert set(splits) == {"train", "valid", "test"}
    for sequence in sequences.values():
        times = [time for time, _, _ in sequence]
        assert times == sorted(times)
