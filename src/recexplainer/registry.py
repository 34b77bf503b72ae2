"""The MLflow registry, kept of one mind with DVC.

DVC says which content a model has to have (the folder that it tracks); the registry says which version an
alias names. ``register`` ties the two: it finds or makes the version whose tag names the folder's content and
moves the alias; ``write_pointer`` notes the content, without a version number, for DVC to follow. ``pull``
goes the other way and refuses what does not agree.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib
import io
import json
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import recexplainer
from recexplainer import environment, store, tracking
from recexplainer.contents import content_sha256
from recexplainer.errors import InputError
from recexplainer.registry_lookup import CONTENT_TAG, alias_holds

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

WORKING_ALIAS = "candidate"
NewRun = Callable[[], contextlib.AbstractContextManager[Any]]
SERVED = {  # the start of a role → the package whose served.py answers for it
    "recommender-": "recommenders",
    "explainer-": "explainer",
    "source-classifier": "discriminators",
    "source-classifier-encoder": "discriminators",
    "score-predictor-": "discriminators",
}


@dataclass(frozen=True)
class PulledModel:
    """A registered version's model folder on this machine; read it, never write to it."""

    folder: Path
    name: str
    version: str
    content_sha256: str

    def as_record(self) -> dict[str, str]:
        """The ``model`` field of an explanation."""
        return {"name": self.name, "version": self.version, "sha256": self.content_sha256}


def registered_name(dataset: str, role: str) -> str:
    """The registry's name of a role's model.

    Raises:
        InputError: for a role that does not exist.
    """
    _package(role)
    return f"recexplainer-{dataset}-{role}"


def log_model_folder(folder: Path | str, role: str, dataset: str, params: Mapping[str, Any] | None = None) -> str:
    """Log a model folder in the active run as an MLflow model from code, without pickle; return its id.

    The folder is copied: a DVC output is never registered in place. The served file may define SIGNATURE.
    """
    import mlflow

    package = Path(recexplainer.__file__).parent
    served = importlib.import_module(f"recexplainer.{_package(role)}.served")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*input example.*")
        info = mlflow.pyfunc.log_model(
            name=role,
            python_model=str(package / _package(role) / "served.py"),
            artifacts={"model": str(Path(folder).resolve())},
            code_paths=[str(package)],
            pip_requirements=_requirements(package),
            signature=getattr(served, "SIGNATURE", None),
            params=dict(params or {}) or None,
            tags={CONTENT_TAG: content_sha256(folder), "role": role, "dataset": dataset},
        )
    return str(info.model_id)


def is_registered(folder: Path | str, role: str, dataset: str, alias: str = WORKING_ALIAS) -> bool:
    """Whether the alias already names this folder's content; quick, and False in any doubt."""
    name = registered_name(dataset, role)
    return alias_holds(environment.tracking_uri(), name, alias, content_sha256(folder))


def write_pointer(folder: Path | str, role: str, dataset: str, alias: str = WORKING_ALIAS) -> None:
    """Write which content the alias has to name; version numbers are left out, they differ elsewhere."""
    content = {"name": registered_name(dataset, role), "alias": alias, CONTENT_TAG: content_sha256(folder)}
    store.write_json(store.pointer(role), content)


def register(folder: Path | str, role: str, dataset: str, new_run: NewRun, alias: str = WORKING_ALIAS) -> str:
    """Make the alias name a version with this folder's content; return the version.

    An existing version with that content is used, else a logged model with it, else the folder is logged in a
    run that ``new_run`` opens. Two processes at once take turns.
    """
    client = tracking.connect()
    name, content = registered_name(dataset, role), content_sha256(folder)
    with environment.exclusive("registry"):
        version = _version_with(client, name, content)
        if version is None:
            version = _new_version(client, folder, role, dataset, content, new_run)
        if _alias_version(client, name, alias) != version:
            client.set_registered_model_alias(name, alias, version)
    return version


def pull(role: str, dataset: str, alias: str = WORKING_ALIAS) -> PulledModel:
    """Bring the model that the alias names, when it is the one that this checkout's pointer asks for.

    The alias is resolved once, the version is loaded by its number, and its files are hashed again.

    Raises:
        InputError: for an unknown alias, another content than the pointer's, or damaged files.
    """
    pointer = store.read_pointer(role)
    name, wanted = registered_name(dataset, role), pointer[CONTENT_TAG]
    if pointer["name"] != name:
        raise InputError(f"{store.pointer(role)}: is of {pointer['name']}, not of {name}; run dvc repro")
    client = tracking.connect()
    version = _alias_version(client, name, alias)
    if version is None:
        raise InputError(f"registry: {name} has no alias {alias!r}; {_known_aliases(client, name)}")
    found = client.get_model_version(name, version).tags.get(CONTENT_TAG, "none")
    if found != wanted:
        raise InputError(
            f"registry: {name}@{alias} is version {version} with content {found[:12]}, but DVC names content "
            f"{wanted[:12]} ({_where_is(client, name, wanted)}); {_remedy(role, alias)}"
        )
    folder = _download(name, version)
    actual = content_sha256(folder)
    if actual != wanted:
        raise InputError(
            f"registry: the files of {name} version {version} were changed (content {actual[:12]}, tagged "
            f"{wanted[:12]}); delete that version and run dvc repro"
        )
    return PulledModel(folder, name, version, wanted)


def fetch_model(uri: str) -> Path:
    """The folder, on this machine, of any model that MLflow keeps under ``models:/…`` or ``runs:/…``.

    Raises:
        InputError: when there is no such model, or it cannot be fetched.
    """
    tracking.connect()
    import mlflow

    try:
        return Path(mlflow.artifacts.download_artifacts(uri))
    except Exception as error:  # stores have no common base of errors
        raise InputError(f"{uri}: cannot be fetched from the tracking store: {tracking.redact(str(error))}") from error


def load_python_model(folder: Path | str) -> Callable[[pd.DataFrame], Any]:
    """Any pyfunc model as a function of a table; its code runs, also out of a pickle: for what the user named alone."""
    import mlflow

    with environment.variable("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true"):
        loaded: Callable[[pd.DataFrame], Any] = mlflow.pyfunc.load_model(str(folder)).predict
        return loaded


def promote(
    role: str,
    dataset: str,
    source: str,
    target: str,
    why: str = "",
    measured: Mapping[str, float] | None = None,
) -> str:
    """Move the alias ``target`` to the version that ``source`` names; return what was done, in words.

    The version must have the content that the role's pointer names: the gates' metrics describe that one.
    Who, when, from where, why and the measured values are kept as the version's tags.

    Raises:
        InputError: for an unknown or reserved alias, or another content.
    """
    name, wanted = registered_name(dataset, role), store.read_pointer(role)[CONTENT_TAG]
    if not re.fullmatch(r"[A-Za-z][\w-]*", target) or re.fullmatch(r"latest|v\d+", target, re.IGNORECASE):
        raise InputError(f"registry: {target!r} is no alias; use a word, not 'latest' or 'v1'")
    if target == WORKING_ALIAS:
        raise InputError(f"registry: the alias {WORKING_ALIAS!r} is moved by the pipeline alone (dvc repro)")
    client = tracking.connect()
    with environment.exclusive("registry"):
        version = resolve(client, name, source)
        found = version.tags.get(CONTENT_TAG, "none")
        if found != wanted:
            raise InputError(
                f"registry: {name}@{source} has content {found[:12]}, the metrics here describe "
                f"{wanted[:12]}; check out the commit that made it, or run dvc repro"
            )
        before = _alias_version(client, name, target)
        tags = {
            "by": tracking.user(),
            "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "from": source,
            "replaced": f"version {before}" if before else "nothing",
            "why": tracking.redact(why) or "not said",
            "measured": json.dumps(dict(measured or {})),
        }
        for key, value in tags.items():
            client.set_model_version_tag(name, version.version, f"promoted.{target}.{key}", value)
        client.set_registered_model_alias(name, target, version.version)
    return f"{name}: {target} is now version {version.version} (from {source}; before: {tags['replaced']})"


def resolve(client: MlflowClient, name: str, alias: str) -> ModelVersion:
    """The version that an alias names.

    Raises:
        InputError: when the model has no such alias.
    """
    version = _alias_version(client, name, alias)
    if version is None:
        raise InputError(f"registry: {name} has no alias {alias!r}; {_known_aliases(client, name)}")
    return client.get_model_version(name, version)


def _package(role: str) -> str:
    for start, package in SERVED.items():
        if role.startswith(start) and (role != start if start.endswith("-") else role == start):
            return package
    shown = ", ".join(start + ("…" if start.endswith("-") else "") for start in SERVED)
    raise InputError(f"registry: unknown role {role!r}; roles are {shown}")


def _requirements(package: Path) -> list[str] | None:
    lock = package.parents[1] / "requirements.lock"
    if not lock.exists():
        return None
    lines = (line.split("#")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def _version_with(client: MlflowClient, name: str, content: str) -> str | None:
    """The newest ready version that is tagged with this content."""
    found = client.search_model_versions(f"name = '{name}' and tags.{CONTENT_TAG} = '{content}'")
    ready = [int(version.version) for version in found if version.status == "READY"]
    return str(max(ready)) if ready else None


def _new_version(
    client: MlflowClient, folder: Path | str, role: str, dataset: str, content: str, new_run: NewRun
) -> str:
    import mlflow

    model = _logged_model(client, role, content)
    if model is None:
        with new_run():
            model = log_model_folder(folder, role, dataset)
    tags = {CONTENT_TAG: content, "role": role, "dataset": dataset, "dvc.path": str(folder)}
    with contextlib.redirect_stderr(io.StringIO()):  # it tells at length that it did what it was asked for
        made = mlflow.register_model(f"models:/{model}", registered_name(dataset, role), tags=tags)
    return str(made.version)


def _logged_model(client: MlflowClient, role: str, content: str) -> str | None:
    """A model that a stage's run logged with this content."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    wanted = f"tags.{CONTENT_TAG} = '{content}' AND tags.role = '{role}'"
    found = client.search_logged_models(experiments, filter_string=wanted)
    ready = [model for model in found if str(model.status) in ("READY", "LoggedModelStatus.READY")]
    return str(ready[0].model_id) if ready else None


def _alias_version(client: MlflowClient, name: str, alias: str) -> str | None:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"):
            return None
        raise


def _known_aliases(client: MlflowClient, name: str) -> str:
    found = client.search_registered_models(f"name = '{name}'")
    if not found:
        return "no such model is registered here; run dvc repro"
    aliases = ", ".join(f"{alias} (version {version})" for alias, version in sorted(found[0].aliases.items()))
    return f"it has {aliases or 'no alias at all'}"


def _where_is(client: MlflowClient, name: str, content: str) -> str:
    version = _version_with(client, name, content)
    return f"version {version}" if version else "in no version here"


def _remedy(role: str, alias: str) -> str:
    if alias == WORKING_ALIAS:
        return "run dvc repro, which registers what DVC has"
    promote = f"python -m recexplainer.stages.promote --role {role} --from {WORKING_ALIAS} --to {alias}"
    return f"check out the commit that made it, set registry.alias to {WORKING_ALIAS}, or promote: {promote}"


def _download(name: str, version: str) -> Path:
    import mlflow

    model = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version}"))
    described = yaml.safe_load((model / "MLmodel").read_text(encoding="utf-8"))
    try:
        return model / described["flavors"]["python_function"]["artifacts"]["model"]["path"]
    except (KeyError, TypeError):
        raise InputError(f"registry: {name} version {version} is not a model of this project") from None
