"""A folder's content gets its version, and the working alias names it; the pointer tells DVC which content that is."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer import store
from recexplainer.core import environment
from recexplainer.core.contents import content_sha256
from recexplainer.tracking import runs
from recexplainer.tracking.fetching import download
from recexplainer.tracking.lineage import CONTENT_TAG, version_with
from recexplainer.tracking.registry.integrity import CODE_TAG, changed_files
from recexplainer.tracking.registry.lookup import alias_holds
from recexplainer.tracking.registry.models import log_model_folder
from recexplainer.tracking.registry.roles import WORKING_ALIAS, about, registered_name
from recexplainer.tracking.registry.versions import alias_version

if TYPE_CHECKING:
    from mlflow import MlflowClient

NewRun = Callable[[], contextlib.AbstractContextManager[Any]]


def is_registered(folder: Path | str, role: str, dataset: str) -> bool:
    """Whether the working alias already names this folder's content; quick, and False in any doubt."""
    name = registered_name(dataset, role)
    return alias_holds(environment.tracking_uri(), name, WORKING_ALIAS, content_sha256(folder))


def write_pointer(folder: Path | str, role: str, dataset: str) -> None:
    """Write which content the working alias has to name; version numbers are left out, they differ elsewhere."""
    content = {"name": registered_name(dataset, role), "alias": WORKING_ALIAS, CONTENT_TAG: content_sha256(folder)}
    store.write_json(store.pointer(role), content)


def register(folder: Path | str, role: str, dataset: str, new_run: NewRun) -> str:
    """Make the working alias name a version with this folder's content; return the version.

    An existing version with that content is used, else a logged model with it whose files are whole, else the folder
    is logged in a run that ``new_run`` opens. Two processes of one machine take turns.
    """
    client = runs.connect()
    name, content = registered_name(dataset, role), content_sha256(folder)
    with environment.exclusive("registry"):
        version = version_with(client, name, content)
        if version is None:
            version = _new_version(client, folder, role, dataset, content, new_run)
        if alias_version(client, name, WORKING_ALIAS) != version:
            client.set_registered_model_alias(name, WORKING_ALIAS, version)
    return version


def _new_version(
    client: MlflowClient, folder: Path | str, role: str, dataset: str, content: str, new_run: NewRun
) -> str:
    import mlflow

    model = _logged_model(client, role, content)
    if model is None:
        with new_run():
            model = log_model_folder(folder, role, dataset)
    code = client.get_logged_model(model).tags[CODE_TAG]
    tags = {CONTENT_TAG: content, CODE_TAG: code, "role": role, "dataset": dataset, "dvc.path": str(folder)}
    silent = contextlib.redirect_stderr(io.StringIO())  # it tells at length that it did what it was asked for
    with runs.waiting(f"registering {role}"), silent:
        made = mlflow.register_model(f"models:/{model}", registered_name(dataset, role), tags=tags)
    _describe(client, registered_name(dataset, role), role, dataset)
    return str(made.version)


def _describe(client: MlflowClient, name: str, role: str, dataset: str) -> None:
    """Say what a registered model is, unless somebody has: people may write a description of their own."""
    if not client.get_registered_model(name).description:
        client.update_registered_model(name, f"{about(role)}\n\nData set: {dataset}; role: {role}")
    for key, value in {"role": role, "dataset": dataset}.items():
        client.set_registered_model_tag(name, key, value)


def _logged_model(client: MlflowClient, role: str, content: str) -> str | None:
    """A model that a stage's run logged with this content, and whose files are still what was logged."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    wanted = f"tags.{CONTENT_TAG} = '{content}' AND tags.role = '{role}'"
    for found in client.search_logged_models(experiments, filter_string=wanted):
        ready = str(found.status) in ("READY", "LoggedModelStatus.READY")
        if ready and _is_whole(f"models:/{found.model_id}", content, found.tags.get(CODE_TAG, "none")):
            return str(found.model_id)
    return None


def _is_whole(uri: str, content: str, code: str) -> bool:
    try:
        return not changed_files(download(uri), content, code)
    except Exception:  # stores have no common base of errors; what cannot be read is logged again
        return False
