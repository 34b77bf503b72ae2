"""The model that an alias names, when it is the one that DVC asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import ModelVersion
from recexplainer.tracking import runs
from recexplainer.tracking.registry.integrity import CODE_TAG, changed_files, weights_folder
from recexplainer.tracking.registry.lookup import CONTENT_TAG
from recexplainer.tracking.registry.models import download
from recexplainer.tracking.registry.roles import WORKING_ALIAS, registered_name
from recexplainer.tracking.registry.versions import resolve, version_with

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class PulledModel:
    """A registered version's model folder on this machine; read it, never write to it."""

    folder: Path
    name: str
    version: str
    content_sha256: str

    def as_record(self) -> ModelVersion:
        """What an explanation says of its model."""
        return ModelVersion(self.name, self.version, self.content_sha256)


def pull(role: str, dataset: str, alias: str = WORKING_ALIAS) -> PulledModel:
    """Bring the model that the alias names, when it is the one that this checkout's pointer asks for.

    The alias is resolved once, the version is loaded by its number, and its files are hashed again: the weights, and
    the code that it is served with.

    Raises:
        InputError: for an unknown alias, another content than the pointer's, or damaged files.
    """
    pointer = store.read_pointer(role)
    name, wanted = registered_name(dataset, role), pointer[CONTENT_TAG]
    if pointer["name"] != name:
        raise InputError(f"{store.pointer(role)}: is of {pointer['name']}, not of {name}; run dvc repro")
    client = runs.connect()
    named = resolve(client, name, alias)
    version, found = str(named.version), named.tags.get(CONTENT_TAG, "none")
    if found != wanted:
        raise InputError(
            f"registry: {name}@{alias} is version {version} with content {found[:12]}, but DVC names content "
            f"{wanted[:12]} ({_where_is(client, name, wanted)}); {_remedy(role, alias)}"
        )
    if CODE_TAG not in named.tags:
        raise InputError(
            f"registry: {name} version {version} was registered without a hash of its code; delete that version and "
            "run dvc repro"
        )
    model = download(f"models:/{name}/{version}")
    changed = changed_files(model, wanted, named.tags[CODE_TAG])
    if changed:
        raise InputError(
            f"registry: the files of {name} version {version} were changed after it was registered "
            f"({_shortened(changed)}); delete that version and run dvc repro"
        )
    return PulledModel(weights_folder(model), name, version, wanted)


def _shortened(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _where_is(client: MlflowClient, name: str, content: str) -> str:
    version = version_with(client, name, content)
    return f"version {version}" if version else "in no version here"


def _remedy(role: str, alias: str) -> str:
    if alias == WORKING_ALIAS:
        return "run dvc repro, which registers what DVC has"
    promote = f"recexplainer promote --role {role} --from {WORKING_ALIAS} --to {alias}"
    return f"check out the commit that made it, set registry.alias to {WORKING_ALIAS}, or promote: {promote}"
