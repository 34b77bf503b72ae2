"""MLflow runs: one per stage, with its parameters, data sets, metrics and artefacts.

MLflow is imported inside the functions: it takes seconds, and a stage that fails early need not wait.
"""

from __future__ import annotations

import contextlib
import getpass
import logging
import math
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer.core import environment
from recexplainer.core.contents import dvc_md5
from recexplainer.core.environment import set_quiet_environment
from recexplainer.core.errors import InputError
from recexplainer.core.interruptions import free_frames
from recexplainer.core.records.explanation import ModelVersion
from recexplainer.core.settings import Settings
from recexplainer.core.settings.parsing import flatten
from recexplainer.core.settings.used import used_parameters
from recexplainer.tracking.lineage import logged_model
from recexplainer.tracking.naming import clean, run_description, run_name
from recexplainer.tracking.prompts import register_prompt
from recexplainer.tracking.waiting import impatient, innermost, said

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import PromptVersion

REPRO_TAG = "recexplainer.repro"
STAGE_TAG = "recexplainer.stage"


class StageRun:
    """The MLflow run of one stage."""

    def __init__(self, run_id: str, known_params: Mapping[str, str]) -> None:
        self.run_id = run_id
        self._known_params = dict(known_params)
        self._model_id: str | None = None

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log parameters, nested ones under dotted names; a name that the run already has keeps its value."""
        import mlflow

        flat = {clean(key): redact(value) for key, value in flatten(dict(params)).items()}
        new = {key: value for key, value in flat.items() if key not in self._known_params}
        self._known_params.update(new)
        if new:
            mlflow.log_params(new, run_id=self.run_id)

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log the numbers of a nested mapping as ``outer/inner``, ``@`` as ``_at_``; the rest is left out."""
        import mlflow

        flat = dict(_numbers(metrics))
        if flat:
            with waiting("logging metrics"):
                mlflow.log_metrics(flat, step=step, run_id=self.run_id, model_id=self._model_id)

    def log_artifact(self, path: Path | str) -> None:
        """Log a file, or a folder's files under its name, as artefacts."""
        import mlflow

        with waiting(f"uploading {path}"):
            if Path(path).is_dir():
                mlflow.log_artifacts(str(path), Path(path).name, run_id=self.run_id)
            else:
                mlflow.log_artifact(str(path), run_id=self.run_id)

    def log_figure(self, figure: Any, name: str) -> None:
        """Log a matplotlib figure; the name's suffix gives the format."""
        import mlflow

        mlflow.log_figure(figure, name)

    def log_dataset(self, path: Path | str, name: str | None = None, context: str = "input") -> None:
        """Record which data the run read: name, path and the hash that DVC gives it."""
        import mlflow

        digest = dvc_md5(path)
        dataset = _dataset(Path(path), name or Path(path).stem, digest)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*Inferred schema contains integer column.*")
            mlflow.log_input(dataset, context=context, tags={"dvc.path": str(path), "dvc.md5": digest})

    def link_model(self, model: ModelVersion | None) -> None:
        """Say which registered version the run is about: the metrics that follow are that version's too.

        Nothing is linked for a source without one, or where the registry here does not hold that content.
        """
        if model is None:
            return
        self._model_id = logged_model(model)
        self.set_tags({"model": model.name, "version": model.version})

    def log_prompt(self, name: str, text: str, about: str) -> PromptVersion:
        """Keep the wording of a prompt as a version in the Prompt Registry, and say that the run used it."""
        import mlflow

        with waiting(f"prompt {name} is registered"):
            version = register_prompt(name, text, about)
            mlflow.MlflowClient().link_prompt_version_to_run(self.run_id, version)
        return version

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags of the run."""
        import mlflow

        mlflow.set_tags(dict(tags))


class UntrackedRun:
    """Stands in for the run where several processes work on one stage: the main one alone tracks."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@contextlib.contextmanager
def open_run(
    stage: str,
    settings: Settings,
    options: Mapping[str, str] | None = None,
    sections: Sequence[str] = (),
    about: str = "",
    idle: Iterable[str] = (),
) -> Iterator[StageRun]:
    """Open the run of one stage; it ends FINISHED, FAILED when the body raises, or KILLED when it is interrupted.

    Under ``mlflow run`` (MLFLOW_RUN_ID) that run is resumed. Under ``dvc repro`` the run hangs below a
    parent run of the whole repro.

    Args:
        stage: Its name.
        settings: All parameters.
        options: What the stage is of: a mode, a source, a role.
        sections: The parameters to log, but those that the run does not read, as of `used_parameters`.
        about: What the run does, in a sentence.
        idle: Further parameters that it does not read.
    """
    options = dict(options or {})
    client = connect()
    import mlflow

    dataset = settings.dataset.name
    named = run_tags(stage, dataset, options, about)
    with _answering(), contextlib.ExitStack() as open_runs:
        if resumed := os.environ.get("MLFLOW_RUN_ID", "").strip():
            active = mlflow.start_run(run_id=resumed)
        else:
            experiment = experiment_id(client, dataset)
            parent = _parent(client, experiment, dataset)
            if parent and parent != environment.given_parent():  # a given one is ended by whoever opened it
                open_runs.enter_context(_ended(partial(client.set_terminated, parent)))
            active = mlflow.start_run(
                experiment_id=experiment,
                run_name=named["mlflow.runName"],
                parent_run_id=parent,
                tags={"mlflow.user": user()},
            )
        open_runs.enter_context(_ended(mlflow.end_run))
        run = StageRun(active.info.run_id, active.data.params)
        mlflow.set_tags(named)
        run.log_params(options | used_parameters(settings, sections, options, idle))
        yield run


@contextlib.contextmanager
def name_given_run(stage: str, settings: Settings, options: Mapping[str, str], about: str = "") -> Iterator[None]:
    """Name the run that ``mlflow run`` opened for a command that opens none of its own, or one for several models."""
    try:
        yield
    finally:
        if given := os.environ.get("MLFLOW_RUN_ID", "").strip():
            client = connect()
            for key, value in run_tags(stage, settings.dataset.name, options, about).items():
                client.set_tag(given, key, value)


def run_tags(stage: str, dataset: str, options: Mapping[str, str], about: str) -> dict[str, str]:
    """The tags by which a run is named, described and found."""
    return {
        "mlflow.runName": run_name(stage, dataset, options),
        "mlflow.note.content": run_description(about, dataset, options),
        STAGE_TAG: stage,
        "dataset": dataset,
        **options,
    }


@contextlib.contextmanager
def _ended(end: Callable[[str], None]) -> Iterator[None]:
    """End a run with the status that says how the body ended."""
    status = "FAILED"
    try:
        yield
        status = "FINISHED"
    except (KeyboardInterrupt, GeneratorExit) as error:  # the latter when it hits a block that is being left
        status = "KILLED"
        free_frames(error)
        raise
    finally:
        with impatient():
            end(status)


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """Say in one line when the tracking server, which had answered, does so no longer."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if not str(error).startswith("API request to "):
            raise
        uri = redact(environment.tracking_uri())
        raise InputError(f"tracking store {uri} no longer answers: {redact(innermost(error))}") from error


def connect() -> MlflowClient:
    """Point MLflow at the tracking store; a database that does not exist yet is made by one process alone.

    Raises:
        InputError: when the store cannot be reached or its schema is of another MLflow version.
    """
    set_quiet_environment()
    uri = environment.tracking_uri()
    import mlflow

    logging.getLogger("mlflow").setLevel(os.environ.get("MLFLOW_LOGGING_LEVEL", "WARNING"))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").addFilter(_without_traceback)
    locked = environment.exclusive("database") if environment.sqlite_file(uri) else contextlib.nullcontext()
    try:
        mlflow.set_tracking_uri(uri)
        with waiting("listing its experiments"), impatient(), locked:
            client = mlflow.MlflowClient(uri)
            client.search_experiments(max_results=1)
            client.search_registered_models(max_results=1)
    except Exception as error:  # the store's errors have no common base
        raise InputError(f"tracking store {redact(uri)} cannot be used: {redact(innermost(error))}") from error
    return client


def _without_traceback(record: logging.LogRecord) -> bool:
    """Whether to log a record; MLflow logs the traceback of what it then raises."""
    return not record.exc_info


def waiting(what: str) -> contextlib.AbstractContextManager[None]:
    """Say on stderr what a tracking server is waited for, when the body takes longer than a few seconds."""
    uri = environment.tracking_uri()
    return contextlib.nullcontext() if environment.sqlite_file(uri) else said(f"waiting for {redact(uri)}: {what}")


def experiment_id(client: MlflowClient, dataset: str) -> str:
    """The experiment of a data set, made on first use with an absolute place for its artefacts.

    Under ``mlflow run`` it is the experiment that was chosen there.
    """
    chosen = os.environ.get("MLFLOW_EXPERIMENT_ID", "").strip()
    if chosen:
        return chosen
    name = _experiment_name(dataset)
    with environment.exclusive("experiment"):
        found = client.get_experiment_by_name(name)
        if found is None:
            root = environment.artifact_root(environment.tracking_uri())
            return str(client.create_experiment(name, artifact_location=f"{root}/{name}" if root else None))
    if found.lifecycle_stage != "active":
        raise InputError(f"MLflow experiment {name!r} is deleted; restore it (mlflow experiments restore)")
    return str(found.experiment_id)


def find_experiment(client: MlflowClient, dataset: str) -> str | None:
    """The experiment of a data set (see `experiment_id`), None where nothing was tracked yet."""
    chosen = os.environ.get("MLFLOW_EXPERIMENT_ID", "").strip()
    if chosen:
        return chosen
    found = client.get_experiment_by_name(_experiment_name(dataset))
    return None if found is None else str(found.experiment_id)


def _experiment_name(dataset: str) -> str:
    return os.environ.get("MLFLOW_EXPERIMENT_NAME", "").strip() or f"recexplainer-{dataset}"


def _parent(client: MlflowClient, experiment: str, dataset: str) -> str | None:
    """The run that the runs of one repro hang under; the first stage makes it."""
    if given := environment.given_parent():
        return given
    repro = environment.calling_repro()
    if repro is None:
        return None
    with environment.exclusive("parent"):
        found = client.search_runs([experiment], f"tags.`{REPRO_TAG}` = '{repro}'", max_results=1)
        if found:
            return str(found[0].info.run_id)
        named = run_tags("dvc repro", dataset, {}, "The stages that one `dvc repro` ran.")
        tags = {**named, REPRO_TAG: repro, "mlflow.user": user()}
        return str(client.create_run(experiment, tags=tags, run_name=named["mlflow.runName"]).info.run_id)


def redact(value: Any) -> Any:
    """Take credentials out of text: the user part of an address, and what looks like an API key.

    >>> redact("https://me:secret@host/v1")
    'https://***@host/v1'
    """
    if not isinstance(value, str):
        return value
    value = re.sub(r"(\w://)[^/@\s]+@", r"\1***@", value)
    return re.sub(r"\b(sk|hf|key)[-_][A-Za-z0-9_-]{16,}", r"\1-***", value)


def _dataset(path: Path, name: str, digest: str) -> Any:
    from mlflow.data.dataset_source_registry import resolve_dataset_source
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.data.pandas_dataset import from_pandas

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a plain path "can be interpreted in multiple ways", all the same
        if path.suffix == ".parquet":
            import pandas as pd

            return from_pandas(pd.read_parquet(path), source=str(path), name=name, digest=digest)
        source = resolve_dataset_source(str(path))
        return MetaDataset(source, name=name, digest=digest)  # type: ignore[abstract]


def _numbers(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for key, value in metrics.items():
        name = f"{prefix}/{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            yield from _numbers(value, name)
        elif not isinstance(value, bool | str) and hasattr(value, "__float__") and not math.isnan(float(value)):
            yield clean(name), float(value)


def user() -> str:
    """Who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
