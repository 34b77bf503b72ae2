"""Raw data sets in: one module per format, and ``open_raw``, which reads the one that the parameters name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from recexplainer.core.errors import InputError
from recexplainer.core.settings import Dataset
from recexplainer.data.id_forms import likely_mend
from recexplainer.data.readers import amazon_2014, amazon_2018, amazon_2023, movielens, steam
from recexplainer.data.readers.files import BadLines, Dialect, require_folder
from recexplainer.data.readers.raw import RawData, RawInteractions
from recexplainer.data.readers.sharegpt import find_dialogues, read_dialogues
from recexplainer.data.readers.table import TableReader
from recexplainer.data.readers.times import looks_like_days, require_one_unit


class FormatReader(Protocol):
    """What a format's module (or object) offers."""

    def find_files(self, folder: Path, interactions_file: str | None, items_file: str | None) -> tuple[Path, Path]:
        """The two raw files."""

    def read_interactions(self, path: Path, bad: BadLines) -> RawInteractions:
        """All usable interactions, in the file's order."""

    def read_items(self, path: Path, wanted: set[str] | None, bad: BadLines) -> pd.DataFrame:
        """The wanted items, see ``RawData.read_items``; without ``wanted`` the ids of all."""


def open_raw(dataset: Dataset) -> RawData:
    """Read the interactions and dialogues of a raw data set, and make its items readable on demand.

    Items are read only once it is known which of them are wanted: the metadata of a large shop is many
    times as large as that of the items which survive the filters.

    Raises:
        InputError: when ``dataset.format`` is not one of `FORMATS`, or when a file is missing, ambiguous, broken, or
        has more bad lines than ``dataset.max_bad_lines``.
    """
    reader, has_markup = _reader(dataset)
    folder = require_folder(Path(dataset.raw))
    interactions_path, items_path = reader.find_files(folder, dataset.interactions_file, dataset.items_file)
    dialogues_path = find_dialogues(folder, dataset.dialogues_file)
    dialect = Dialect(dataset.delimiter, dataset.encoding, dataset.quoting, dataset.categories_separator)
    bad_interactions = BadLines(interactions_path, dataset.max_bad_lines, dialect)
    interactions = reader.read_interactions(interactions_path, bad_interactions)
    if not len(interactions):
        seen = f"; {bad_interactions.examples[0]}" if bad_interactions.count else ""
        raise InputError(f"{interactions_path}: contains no interactions{seen}")
    if interactions.times is not None and interactions.orders is None:
        require_one_unit(interactions.times, interactions_path)
    report: dict[str, object] = {
        "interactions_file": bad_interactions.report(),
        "dialogues_file": {"file": None},
    }
    if interactions.times is not None and looks_like_days(interactions.times):
        report["times"] = "all read as yyyymmdd; they are read as numbers, which keeps their order but gives no seconds"
    dialogues: list[dict[str, Any]] = []
    if dialogues_path is not None:
        dialogues, dialogue_report = read_dialogues(dialogues_path)
        report["dialogues_file"] = {"file": dialogues_path.name, **dataclasses.asdict(dialogue_report)}

    def read_items(wanted: set[str]) -> pd.DataFrame:
        bad_items = BadLines(items_path, dataset.max_bad_lines, dialect)
        frame = reader.read_items(items_path, wanted, bad_items)
        report["items_file"] = bad_items.report()
        if not len(frame):
            mend = likely_mend(dict.fromkeys(wanted, 1), item_ids())
            advice = f"; {mend}" if mend else ""
            raise InputError(f"{items_path}: describes none of the {len(wanted)} items of {interactions_path}{advice}")
        return frame

    def item_ids() -> set[str]:
        return set(reader.read_items(items_path, None, BadLines(items_path, dataset.max_bad_lines, dialect))["raw_id"])

    return RawData(interactions, read_items, dialogues, has_markup, report, item_ids)


_MODULES = {
    "amazon_2014": amazon_2014,
    "amazon_2018": amazon_2018,
    "amazon_2023": amazon_2023,
    "movielens": movielens,
    "steam": steam,
}
FORMATS = (*_MODULES, "table")


def _reader(dataset: Dataset) -> tuple[FormatReader, bool]:
    if dataset.format not in FORMATS:
        raise InputError(f"params: dataset.format must be one of {', '.join(FORMATS)}, not {dataset.format!r}")
    if dataset.format == "table":
        return TableReader(dataset.columns), False
    module = _MODULES[dataset.format]
    return module, module.HAS_MARKUP
