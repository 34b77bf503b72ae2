"""Explanations of millions of decisions: a Parquet table in, the same rows with their answers out, by Apache Spark.

Rows are explained in parts of a fixed size. A part is written whole or not at all, under its own number, so that a run
that was killed resumes with the parts that are missing, on as many machines as there are then.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections import Counter
from dataclasses import asdict, dataclass, fields
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from recexplainer import store
from recexplainer.core.contents import file_sha256
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Explain
from recexplainer.data.readers.parquet import parquet_files
from recexplainer.explaining.names import ItemNames
from recexplainer.explaining.respond import Options, read_options
from recexplainer.llm.explainer import BASE_VARIABLE, saved_context
from recexplainer.serving.fields import read_histories
from recexplainer.tracking import registry
from recexplainer.tracking.fetching import load_spark_udf

HISTORY, ITEMS, ANSWER, PART = "history", ("item", "item_id"), "answer", "part"
NULLABLE = {"label", "counterfactual"}  # fields of an answer that may be null
PLAN = "_explain_table.json"  # in the folder of the answers; readers of Parquet pass over it
PLACE = ["_file", "_chunk"]
OWN = {ANSWER, PART, *PLACE, "_row", "_task", "_question", "_metadata"}  # columns that Spark and this module add
_BAD_INPUT = re.compile(rf"{InputError.__name__}: (.+)")  # in a worker's traceback
_WILDCARD = re.compile(r"([\\\[\]{}*?])")  # what Spark would read in a path as standing for others


@dataclass(frozen=True)
class Plan:
    """What the answers in a folder are to: a run resumes what has the same plan.

    Attributes:
        files: Name, rows and SHA-256 of each file of questions, in their order.
        model: The registered version that answers, as ``models:/<name>/<version>``.
        content: The hash of its files.
        params: How it is asked.
        rows_per_part: The size of a part.
    """

    files: list[list[Any]]
    model: str
    content: str
    params: dict[str, Any]
    rows_per_part: int

    def parts(self) -> pd.DataFrame:
        """The parts in the order of their rows: file, its chunk, and the part's number as a text."""
        places = [(file, chunk) for file, n_rows, _ in self.files for chunk in range(-(-n_rows // self.rows_per_part))]
        return pd.DataFrame(places, columns=PLACE).assign(**{PART: [f"{n:06d}" for n in range(len(places))]})


def explain_table(
    questions: Path, answers: Path, master: str, address: str, chosen: Explain, rows_per_part: int
) -> tuple[int, int]:
    """Explain the rows of a table that are not explained yet.

    Args:
        questions: A Parquet file, or a folder of them, with the columns `history` and `item` (or `item_id`), as the
            served explainer takes them; other columns are copied.
        answers: The folder of Parquet files to write: the columns of the questions and a struct `answer`, whose fields
            are those of the served explainer.
        master: Spark's: ``local[4]``, ``spark://host:7077``, ``yarn``, …
        address: The registered explainer, ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.
        chosen: Length, focus and audience of the texts.
        rows_per_part: How many rows are explained and written together.

    Returns:
        The number of parts that were explained now, and of all parts.

    Raises:
        InputError: If a row or an option is at fault, the folder has answers to something else, Spark is not installed,
            or parts are missing at the end.
    """
    _check_installation()
    files = _files(questions)
    item = _item_column(files)
    pulled = registry.pull_version(address)
    params = {field.name: value for field in fields(Options) if (value := getattr(chosen, field.name)) is not None}
    read_options(params, saved_context(pulled.folder))
    plan = Plan(
        [_identity(file) for file in files],
        f"models:/{pulled.name}/{pulled.version}",
        pulled.content_sha256,
        params,
        rows_per_part,
    )
    _check_rows(files, ItemNames(store.read_catalogue(pulled.folder / store.CATALOGUE.name)), item)
    _keep_plan(answers, plan)
    parts = plan.parts()
    missing = parts[~parts[PART].isin(finished_parts(answers))]
    if len(missing):
        _explain(files, answers, master, plan, item, missing)
    if lost := sorted(set(parts[PART]) - finished_parts(answers)):
        raise InputError(f"{answers}: Spark wrote no answers of {len(lost)} parts, the first {lost[0]}; run again")
    return len(missing), len(parts)


def finished_parts(answers: Path) -> set[str]:
    """The parts in a folder of answers.

    Raises:
        InputError: If a part is there twice.
    """
    written = Counter(file.parent.name for file in answers.glob(f"{PART}=*/*.parquet"))
    if twice := sorted(name for name, n_files in written.items() if n_files > 1):
        raise InputError(f"{answers}: two runs at once wrote {', '.join(twice)}; delete these folders and run again")
    return {name.removeprefix(f"{PART}=") for name in written}


def _explain(files: list[Path], answers: Path, master: str, plan: Plan, item: str, missing: pd.DataFrame) -> None:
    """Explain the missing parts, each in a Spark task of its own, which writes one file."""
    from pyspark.errors import AnalysisException, PythonException
    from pyspark.sql import functions as F

    spark = session(master)
    try:
        base = {name: os.environ[name] for name in (BASE_VARIABLE,) if name in os.environ}
        explain = load_spark_udf(spark, plan.model, plan.params, base)
        row = F.col("_metadata.row_index")
        name = F.url_decode(F.replace(F.col("_metadata.file_name"), F.lit("+"), F.lit("%2B")))  # Spark gives it encoded
        asked = spark.read.parquet(*(_WILDCARD.sub(r"\\\1", str(file)) for file in files)).select(
            "*",
            F.struct(HISTORY, item).alias("_question"),
            name.alias(PLACE[0]),
            F.floor(row / plan.rows_per_part).alias(PLACE[1]),
            row.alias("_row"),
        )
        tasks = spark.createDataFrame(missing.assign(_task=range(len(missing))))
        placed = asked.join(F.broadcast(tasks), PLACE).repartitionById(len(missing), F.col("_task").cast("int"))
        answer = F.col(ANSWER)
        answered = placed.sortWithinPartitions(PART, "_row").withColumn(ANSWER, explain("_question").dropFields("row"))
        for field in NULLABLE & set(answered.schema[ANSWER].dataType.names):  # versions of before have fewer
            kept = F.when(answer[field] != "None", answer[field])  # MLflow makes a text of null
            answered = answered.withColumn(ANSWER, answer.withField(field, kept))
        own = ("_question", "_row", "_task", *PLACE)
        # As soon as a task ends, its file takes its place: what was killed keeps what was finished.
        answered.drop(*own).write.option("mapreduce.fileoutputcommitter.algorithm.version", "2").partitionBy(PART).mode(
            "append"
        ).parquet(str(answers))
    except AnalysisException as error:
        raise InputError(f"{files[0].parent}: Spark cannot read the questions: {str(error).splitlines()[0]}") from None
    except PythonException as error:
        said = _BAD_INPUT.search(str(error))  # such as a base LLM that a worker does not find
        if said is None:
            raise
        raise InputError(f"on a worker of Spark: {said[1]}") from None
    finally:
        spark.stop()


def session(master: str) -> Any:
    """A Spark session whose workers run this Python."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("recexplainer explain-table")
    return builder.config("spark.ui.showConsoleProgress", str(sys.stderr.isatty()).lower()).getOrCreate()


def _check_installation() -> None:
    try:
        import pyspark  # noqa: F401
    except ImportError:
        raise InputError("explain-table needs pyspark: pip install 'recexplainer[spark]'") from None
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise InputError("explain-table: Spark needs Java, and there is no java on PATH: install one, or set JAVA_HOME")


def _files(questions: Path) -> list[Path]:
    named = parquet_files(questions) if questions.is_dir() else [questions]
    files = [file.resolve() for file in named]  # Spark tells the names that links lead to
    if not files or not files[0].is_file():
        raise InputError(f"{questions}: is neither a Parquet file nor a folder of them")
    if any(file.name.startswith(("_", ".")) for file in files):
        raise InputError(f"{questions}: Spark passes over files whose name begins with _ or a dot; rename it")
    if len({file.name for file in files}) < len(files):
        raise InputError(f"{questions}: two of its files have the same name; rename one")
    return files


def _identity(file: Path) -> list[Any]:
    """Name, rows and hash of a file."""
    return [file.name, pq.read_metadata(file).num_rows, file_sha256(file)]


def _check_rows(files: list[Path], names: ItemNames, item: str) -> None:
    """Read every question before the first is explained.

    Raises:
        InputError: If one is at fault.
    """
    for file in files:
        first = count(1)
        try:
            for batch in pq.ParquetFile(file).iter_batches(columns=[HISTORY, item]):
                _check_batch(batch, names, first)
        except (InputError, pa.ArrowException) as error:
            raise InputError(f"{file}: {error}") from None


def _check_batch(batch: pa.RecordBatch, names: ItemNames, numbers: count[int]) -> None:
    rows = [next(numbers) for _ in range(batch.num_rows)]
    histories, items = (column.to_pylist() for column in batch.columns)
    read_histories(histories, names.find, 1, rows[0] if rows else 1)
    for row, item in zip(rows, items, strict=True):
        names.find(item, f"item in row {row}")


def _item_column(files: list[Path]) -> str:
    """The column that names the items.

    Raises:
        InputError: If a file has other columns than it should, or than the first one, whose columns Spark reads of all.
    """
    first = _columns(files[0])
    for file in files[1:]:
        if other := sorted(set(first) ^ set(_columns(file))):
            raise InputError(f"{file}: differs from {files[0].name} in the columns {', '.join(other)}")
    return next(name for name in ITEMS if name in first)


def _columns(file: Path) -> list[str]:
    try:
        columns: list[str] = pq.read_schema(file).names
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file}: cannot be read as Parquet ({error})") from None
    if HISTORY not in columns or sum(name in columns for name in ITEMS) != 1:
        raise InputError(f"{file}: expected the columns history and item (or item_id), found {', '.join(columns)}")
    if taken := [name for name in columns if name.lower() in OWN]:
        raise InputError(f"{file}: the column {taken[0]!r} has a name that explain-table itself uses; rename it")
    return columns


def _keep_plan(answers: Path, plan: Plan) -> None:
    """Note what the answers are to.

    Raises:
        InputError: If the folder has answers to something else.
    """
    if (answers / PLAN).is_file():
        known = store.read_json(answers / PLAN)
        differing = [name for name, value in asdict(plan).items() if known.get(name) != value]
        if differing:
            raise InputError(
                f"{answers}: was begun with another value of {', '.join(differing)} ({answers / PLAN}); "
                "delete the folder, or give another one"
            )
        return
    if answers.exists() and (answers.is_file() or any(answers.iterdir())):
        raise InputError(f"{answers}: exists, and explain-table did not begin it; give another folder")
    store.write_json(answers / PLAN, asdict(plan))
