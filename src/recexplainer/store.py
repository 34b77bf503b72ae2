"""Where every artefact lies, and how it is read and written: one schema per kind of file.

Paths are relative to the project's root, where every stage runs.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from recexplainer.alignment.examples import Example
    from recexplainer.data.catalogue import Catalogue
    from recexplainer.data.interactions import Interactions

# --- paths -------------------------------------------------------------------------------------------------

RAW_DEMO = Path("data/raw/demo")
RAW_DEMO_REVIEWS = RAW_DEMO / "reviews.json.gz"
RAW_DEMO_META = RAW_DEMO / "meta.json.gz"
RAW_DEMO_DIALOGUES = RAW_DEMO / "dialogues.json"
RAW_DEMO_CAUSES = RAW_DEMO / "causes.parquet"

PREPARED = Path("data/prepared")
INTERACTIONS = PREPARED / "interactions.parquet"
CATALOGUE = PREPARED / "catalogue.parquet"
USERS = PREPARED / "users.parquet"
DIALOGUES = PREPARED / "dialogues.jsonl"
PREPARE_REPORT = PREPARED / "report.json"

RECOMMENDER = Path("models/recommender")
RECOMMENDER_PER_USER = RECOMMENDER / "per_user.parquet"
RECOMMENDER_METRICS = Path("metrics/recommender.json")

ALIGNMENT = Path("data/alignment")
ALIGNMENT_EXAMPLES = ALIGNMENT / "examples.jsonl"
ALIGNMENT_USER_VECTORS = ALIGNMENT / "user_vectors.safetensors"
ALIGNMENT_SUMMARIES = ALIGNMENT / "summaries.jsonl"
EXPLANATION_DRAFTS = Path("data/drafts.jsonl")
EXPORT = Path("export")
ALIGNMENT_BASELINES_METRICS = Path("metrics/alignment_baselines.json")

DISCRIMINATORS = Path("models/discriminators")
DISCRIMINATORS_METRICS = Path("metrics/discriminators.json")
REGISTRY = Path("registry")
REPORT = Path("report/index.html")
REPORT_FIGURES = Path("report/figures")


def explainer_folder(mode: str) -> Path:
    """The aligned explainer of a mode, as ``align`` writes it."""
    return Path(f"models/explainer-{mode}")


def alignment_metrics(source: str) -> Path:
    """Alignment metrics of a mode, or of the unaligned base model (``none``)."""
    return Path(f"metrics/alignment_{source}.json")


def alignment_answers(source: str) -> Path:
    """What the explainer answered to each alignment test example."""
    return Path(f"results/alignment_{source}.jsonl")


def explanations(source: str) -> Path:
    """The explanations that a source wrote."""
    return Path(f"results/explanations_{source}.jsonl")


def judgements(source: str) -> Path:
    """The judge's verdict on each explanation of a source."""
    return Path(f"results/judgements_{source}.jsonl")


def judge_metrics(source: str) -> Path:
    """Mean and counts of a source's judgements."""
    return Path(f"metrics/judge_{source}.json")


def faithfulness_rows(source: str) -> Path:
    """Faithfulness figures of each explanation of a source."""
    return Path(f"results/faithfulness_{source}.parquet")


FAITHFULNESS_PAIRS_METRICS = Path("metrics/faithfulness_pairs.json")


def faithfulness_metrics(source: str) -> Path:
    """Faithfulness table of a source."""
    return Path(f"metrics/faithfulness_{source}.json")


def discriminator_folder(role: str) -> Path:
    """A discriminator's weights; roles are ``source-classifier`` and ``score-predictor-<source>``; a fine-tuned
    encoder's role ends with ``-encoder``.
    """
    return DISCRIMINATORS / role


def pointer(role: str) -> Path:
    """The pointer that ties a DVC-tracked model to its registered version."""
    if role.startswith(("source-classifier", "score-predictor-")):
        return REGISTRY / "discriminators" / f"{role}.json"
    return REGISTRY / f"{role}.json"


# --- writing whole or not at all ---------------------------------------------------------------------------


@contextlib.contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary sibling name to write a file or folder to; it takes ``path``'s place on success only.

    The temporary name keeps the suffix. On any exception nothing of it stays and ``path`` is as it was.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".tmp-{uuid.uuid4().hex[:12]}-{target.name}")
    try:
        yield temporary
        if not temporary.exists():
            raise FileNotFoundError(f"nothing was written for {target}")
        _replace(temporary, target)
    finally:
        _remove(temporary)


def _replace(temporary: Path, target: Path) -> None:
    if not target.is_dir() or target.is_symlink():
        if temporary.is_dir() and target.exists():
            target.unlink()
        os.replace(temporary, target)
        return
    aside = target.with_name(f".tmp-{uuid.uuid4().hex[:12]}-{target.name}")
    os.replace(target, aside)
    os.replace(temporary, target)
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


# --- JSON and JSON lines -----------------------------------------------------------------------------------


def write_json(path: Path | str, value: Any) -> None:
    """Write one JSON value, readable and in a stable order of keys as given.

    Raises:
        ValueError: for NaN or infinity, which JSON does not know.
    """
    with atomic_path(path) as temporary:
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path | str) -> Any:
    """Read one JSON value.

    Raises:
        InputError: when the file is missing or malformed.
    """
    try:
        return json.loads(_read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {error.lineno}: is not valid JSON ({error.msg}); make it again") from None


def write_text(path: Path | str, text: str, encoding: str = "utf-8") -> None:
    """Write a text, its line ends as they are."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode(encoding))


def write_jsonl(path: Path | str, rows: Iterable[Any]) -> None:
    """Write one JSON value per line."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def write_json_rows(path: Path | str, rows: Iterable[Any]) -> int:
    """Write a JSON array with one value per line, and return their number; all are never in memory together."""
    number = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(("[\n" if number == 0 else ",\n") + json.dumps(row, ensure_ascii=False, allow_nan=False))
            number += 1
        file.write("\n]\n" if number else "[]\n")
    return number


def write_csv(path: Path | str, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> int:
    """Write a table with a line of names first, and return the number of its rows."""
    number = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            number += 1
    return number


def read_jsonl(path: Path | str, required: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Read one JSON object per line; blank lines are not allowed.

    Raises:
        InputError: when the file is missing, a line is malformed, or a line lacks one of ``required``.
    """
    rows = []
    text = _read_text(path)
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], start=1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}: line {number}: is not valid JSON ({error.msg})") from None
        if not isinstance(row, dict):
            raise InputError(f"{path}: line {number}: expected a JSON object")
        missing = [key for key in required if key not in row]
        if missing:
            raise InputError(f"{path}: line {number}: has no {missing[0]!r}")
        rows.append(row)
    return rows


def _read_text(path: Path | str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the stage that writes it (dvc repro)") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 at byte {error.start}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


# --- Parquet -----------------------------------------------------------------------------------------------


def write_parquet(path: Path | str, frame: pd.DataFrame) -> None:
    """Write a table without its index."""
    with atomic_path(path) as temporary:
        frame.to_parquet(temporary, index=False)


def read_parquet(path: Path | str, required: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table.

    Raises:
        InputError: when the file is missing, is no Parquet file, or lacks a required column.
    """
    import pandas as pd

    if not Path(path).exists():
        raise InputError(f"{path}: no such file; run the stage that writes it (dvc repro)")
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is not a readable Parquet file: {error}") from None
    missing = [name for name in required if name not in frame.columns]
    if missing:
        raise InputError(f"{path}: has no column {missing[0]!r}")
    return frame


# --- prepared data -----------------------------------------------------------------------------------------

INTERACTION_COLUMNS = ("user_id", "item_id", "position")
CATALOGUE_COLUMNS = ("item_id", "raw_id", "title", "brand", "categories", "features", "description", "price")
USER_COLUMNS = ("user_id", "raw_id", "split")


def write_interactions(frame: pd.DataFrame, path: Path | str = INTERACTIONS) -> None:
    """Write interactions: dense ids, sorted by user and position; ``rating``, ``timestamp`` are optional."""
    dtypes = {"user_id": "int32", "item_id": "int32", "position": "int32"}
    optional = {"rating": "float32", "timestamp": "int64"}
    columns = [*dtypes, *(name for name in optional if name in frame.columns)]
    typed = frame[columns].astype({name: (dtypes | optional)[name] for name in columns})
    write_parquet(path, typed.sort_values(["user_id", "position"], kind="stable"))


def read_interactions(path: Path | str = INTERACTIONS, n_items: int | None = None) -> Interactions:
    """Read interactions; without ``n_items`` the catalogue beside the file gives the number of items."""
    from recexplainer.data.interactions import Interactions

    frame = read_parquet(path, INTERACTION_COLUMNS)
    if n_items is None:
        beside = Path(path).with_name(CATALOGUE.name)
        n_items = len(read_parquet(beside, ("item_id",))) if beside.exists() else int(frame["item_id"].max())
    return Interactions.from_frame(frame, n_items)


def write_catalogue(frame: pd.DataFrame, path: Path | str = CATALOGUE) -> None:
    """Write the catalogue: one row per item, in the order of ``item_id`` from 1."""
    write_parquet(path, frame[list(CATALOGUE_COLUMNS)].astype({"item_id": "int32", "price": "float64"}))


def read_catalogue(path: Path | str = CATALOGUE) -> Catalogue:
    """Read the catalogue."""
    from recexplainer.data.catalogue import Catalogue

    return Catalogue(read_parquet(path, CATALOGUE_COLUMNS))


def write_users(frame: pd.DataFrame, path: Path | str = USERS) -> None:
    """Write the users with their split."""
    write_parquet(path, frame[list(USER_COLUMNS)].astype({"user_id": "int32"}))


def read_users(path: Path | str = USERS) -> pd.DataFrame:
    """Read the users: ``user_id``, ``raw_id``, ``split`` (train, valid or test)."""
    return read_parquet(path, USER_COLUMNS)


def read_raw_ids() -> dict[str, list[str]]:
    """The ids that items and users have in the raw data: ``raw_item_ids`` and ``raw_user_ids``, by dense id from 1."""
    tables = {"raw_item_ids": (CATALOGUE, "item_id"), "raw_user_ids": (USERS, "user_id")}
    frames = {name: read_parquet(path, (key, "raw_id")).sort_values(key) for name, (path, key) in tables.items()}
    return {name: frame["raw_id"].astype(str).tolist() for name, frame in frames.items()}


def write_dialogues(rows: Iterable[dict[str, Any]], path: Path | str = DIALOGUES) -> None:
    """Write general dialogues: ``id`` and ``turns`` of ``role`` and ``content``."""
    write_jsonl(path, rows)


def read_dialogues(path: Path | str = DIALOGUES) -> list[dict[str, Any]]:
    """Read general dialogues; an empty list where the data set has none."""
    return read_jsonl(path, ("id", "turns"))


# --- explanations and judgements ---------------------------------------------------------------------------

EXPLANATION_KEYS = (
    "explanation_id", "source", "user_id", "position", "item_id", "history", "label", "score", "rank",
    "n_ranked", "prompt", "text", "verdict", "p_yes", "model",
)  # fmt: skip
JUDGEMENT_KEYS = ("explanation_id", "level", "score", "judge", "reasons")


def write_explanations(source: str, rows: Iterable[dict[str, Any]]) -> None:
    """Write the explanations of one source, one record per case."""
    write_jsonl(explanations(source), rows)


def read_explanations(source: str) -> list[dict[str, Any]]:
    """Read the explanations of one source, in the order of the cases."""
    return read_jsonl(explanations(source), EXPLANATION_KEYS)


def explanation_blocks(stage: str, source: str) -> Path:
    """Where an interrupted stage that explains goes on from, and its shards meet; no output, and removed at the end."""
    return Path(f".checkpoints/{stage}-{source}")


def user_explanations(source: str) -> Path:
    """What a source explained to users of one's choice: outside of results/, which the pipeline's stages watch."""
    return Path(f"explanations/{source}.jsonl")


def write_user_explanations(source: str, rows: Iterable[dict[str, Any]]) -> None:
    """Write the explanations to users of one's choice."""
    write_jsonl(user_explanations(source), rows)


def read_user_explanations(source: str) -> list[dict[str, Any]]:
    """Read the explanations to users of one's choice."""
    return read_jsonl(user_explanations(source), EXPLANATION_KEYS)


def write_judgements(source: str, rows: Iterable[dict[str, Any]]) -> None:
    """Write the judgements of one source."""
    write_jsonl(judgements(source), rows)


def read_judgements(source: str) -> list[dict[str, Any]]:
    """Read the judgements of one source."""
    return read_jsonl(judgements(source), JUDGEMENT_KEYS)


# --- known causes -------------------------------------------------------------------------------------------

CAUSE_COLUMNS = ("reviewerID", "asin", "cause", "driver")


def read_causes(raw: Path | str) -> pd.DataFrame | None:
    """Why the users of a data set made each choice, where its raw folder says so; None for real data."""
    path = Path(raw) / RAW_DEMO_CAUSES.name
    return read_parquet(path, CAUSE_COLUMNS) if path.exists() else None


# --- human ratings and comparisons ---------------------------------------------------------------------------

# People's work, and what is asked beside the pipeline: in folders of their own, since `dvc repro` makes again what
# depends on results/ when anything in it changes.
SHEET = Path("ratings/sheet.csv")
RATINGS = Path("ratings/ratings.jsonl")
AGREEMENT = Path("ratings/agreement.json")

SHEET_KEY_KEYS = ("id", "source", "explanation_id", "text_sha256")
RATING_KEYS = ("rater", "id", "source", "explanation_id", "level", "score", "comment", "text_sha256")


def sheet_key(sheet: Path) -> Path:
    """The key of a raters' sheet, beside it: whose text each row shows."""
    return sheet.with_suffix(".key.jsonl")


def write_sheet_key(sheet: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write the key of a sheet."""
    write_jsonl(sheet_key(sheet), rows)


def read_sheet_key(sheet: Path) -> list[dict[str, Any]]:
    """Read the key of a sheet.

    Raises:
        InputError: when it is missing or malformed.
    """
    if not sheet_key(sheet).exists():
        raise InputError(f"{sheet_key(sheet)}: no such file; name the sheet that was exported with --sheet")
    return read_jsonl(sheet_key(sheet), SHEET_KEY_KEYS)


def write_ratings(rows: Iterable[dict[str, Any]]) -> None:
    """Write the ratings of all raters."""
    write_jsonl(RATINGS, rows)


def read_ratings() -> list[dict[str, Any]]:
    """Read the ratings of all raters."""
    return read_jsonl(RATINGS, RATING_KEYS)


def comparison(first: str, second: str) -> Path:
    """Which of two sources' texts the judge prefers, case by case."""
    return Path(f"comparisons/{first}-{second}.json")


def comparison_cache(first: str, second: str) -> Path:
    """Answers about pairs of texts that were paid for; the same whichever source is named first."""
    return Path(f"cache/compare_{'_'.join(sorted((first, second)))}.jsonl")


# --- registry pointers -------------------------------------------------------------------------------------

POINTER_KEYS = ("name", "alias", "content_sha256")


def read_pointer(role: str) -> dict[str, str]:
    """Read a role's pointer: registered name, alias, content hash.

    Raises:
        InputError: when the pointer is missing or malformed.
    """
    path = pointer(role)
    if not path.exists():
        raise InputError(f"{path}: no such pointer; register the model first (dvc repro)")
    value = read_json(path)
    if not isinstance(value, dict) or sorted(value) != sorted(POINTER_KEYS):
        raise InputError(f"{path}: expected the keys {', '.join(POINTER_KEYS)}; run dvc repro")
    return value


# --- answers of servers --------------------------------------------------------------------------------------

# Answers that were paid for, kept between runs: no output of a stage, so that nothing removes them.
SUMMARIES_CACHE = Path("cache/summaries.jsonl")
IN_CONTEXT_CACHE = Path("cache/in_context.jsonl")


def judge_cache(source: str) -> Path:
    """The judge's answers about one source."""
    return Path(f"cache/judge_{source}.jsonl")


# --- alignment examples and explainers -----------------------------------------------------------------------


def checkpoints_folder(mode: str) -> Path:
    """Where an interrupted alignment goes on from; no output, and removed at the end."""
    return Path(f".checkpoints/align-{mode}")


def write_alignment(
    examples: Iterable[Example],
    user_vectors: Tensor,
    folder: Path | str = ALIGNMENT,
    summaries: Sequence[dict[str, Any]] = (),
) -> None:
    """Write the mode-free examples, the user vectors that their ``vector_row`` names, and what was asked of a model
    that writes summaries.
    """
    from safetensors.torch import save_file

    with atomic_path(folder) as temporary:
        temporary.mkdir()
        write_jsonl(temporary / ALIGNMENT_EXAMPLES.name, (example.to_row() for example in examples))
        save_file({"user_vectors": user_vectors.contiguous()}, temporary / ALIGNMENT_USER_VECTORS.name)
        if summaries:
            write_jsonl(temporary / ALIGNMENT_SUMMARIES.name, summaries)


def read_alignment(folder: Path | str = ALIGNMENT) -> tuple[list[Example], Tensor]:
    """Read the alignment examples and the table of user vectors (n_pairs, dim).

    Raises:
        InputError: when a file is missing or malformed.
    """
    from safetensors.torch import load_file

    examples = _read_examples(Path(folder) / ALIGNMENT_EXAMPLES.name, "build_alignment")
    try:
        vectors = load_file(Path(folder) / ALIGNMENT_USER_VECTORS.name)["user_vectors"]
    except (OSError, KeyError) as error:
        raise InputError(
            f"{folder}: is not what build_alignment writes ({error}); run dvc repro build_alignment"
        ) from None
    return examples, vectors


def write_vectors(path: Path | str, user_vectors: Tensor, item_vectors: Tensor) -> None:
    """Write the vectors that slots point to: of users by row, of items by id."""
    from safetensors.torch import save_file

    with atomic_path(path) as temporary:
        save_file({"user_vectors": user_vectors.contiguous(), "item_vectors": item_vectors.contiguous()}, temporary)


def write_drafts(drafts: Iterable[Example]) -> None:
    """Write the examples whose answers are explanations drafted by the base language model."""
    write_jsonl(EXPLANATION_DRAFTS, (example.to_row() for example in drafts))


def read_drafts() -> list[Example]:
    """Read the drafted explanations.

    Raises:
        InputError: when the file is missing or malformed.
    """
    return _read_examples(EXPLANATION_DRAFTS, "draft_explanations")


def _read_examples(path: Path, stage: str) -> list[Example]:
    from recexplainer.alignment.examples import Example

    rows = read_jsonl(path, ("task", "split", "answer"))
    try:
        return [Example(**row) for row in rows]
    except TypeError as error:
        raise InputError(f"{path}: is not what {stage} writes ({error}); run dvc repro {stage}") from None


def write_answers(source: str, rows: Iterable[dict[str, Any]]) -> None:
    """Write what a source answered to each alignment test example."""
    write_jsonl(alignment_answers(source), rows)


def copy_catalogue(folder: Path) -> None:
    """Put the catalogue beside a model that has to speak of its items."""
    shutil.copyfile(CATALOGUE, folder / CATALOGUE.name)


def remove(path: Path | str) -> None:
    """Remove a file or folder, if it is there."""
    _remove(Path(path))
