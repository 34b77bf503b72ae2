"""The model that an alias names, when it is the one that DVC asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.records import explanation as records
from recexplainer.tracking import runs
from recexplainer.tracking.fetching import download
from recexplainer.tracking.lineage import CONTENT_TAG, version_with
from recexplainer.tracking.registry.integrity import CODE_TAG, changed_files, weights_folder
from recexplainer.tracking.registry.roles import WORKING_ALIAS, registered_name
from recexplainer.tracking.registry.versions import numbered, resolve

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_ADDRESS = re.compile(r"models:/(?P<name>[^/@]+)(@(?P<alias>[^/@]+)|/(?P<version>\d+))")


@dataclass(frozen=True)
class PulledModel:
    """A registered version's model folder on this machine; read it, never write to it."""

    folder: Path
    name: str
    version: str
    content_sha256: str

    def as_record(self) -> records.ModelVersion:
        """What an explanation says of its model."""
        return records.ModelVersion(self.name, self.version, self.content_sha256)


def pull(role: str, dataset: str, alias: str = WORKING_ALIAS) -> PulledModel:
    """Bring the model that the alias names, when it is the one that this checkout's pointer asks for.

    The alias is resolved once, the version is loaded by its number, and its files are hashed again: the weights, and
    the code that it is served with.

    Raises:
        InputError: for an unknown alias, another content than the pointer's, or damaged files.
    """
    name, pointer = registered_name(dataset, role), store.read_pointer(role)
    wanted = pointer[CONTENT_TAG]
    if pointer["name"] != name:
        raise InputError(f"{store.pointer(role)}: belongs to {pointer['name']}, not to {name}; run dvc repro")
    client = runs.connect()
    named = resolve(client, name, alias)
    found = named.tags.get(CONTENT_TAG, "none")
    if found != wanted:
        raise InputError(
            f"registry: {name}@{alias} is version {named.version} with content {found[:12]}, but DVC names content "
            f"{wanted[:12]} ({_where_is(client, name, wanted)}); {_remedy(role, alias)}"
        )
    return _whole(name, named)


def pull_version(address: str) -> PulledModel:
    """Bring any registered version, whatever this checkout's pointer asks for: to compare with, not to explain by.

    Args:
        address: ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.

    Raises:
        InputError: for an address without such a version, or damaged files.
    """
    return _whole(*version_at(address))


def version_at(address: str) -> tuple[str, ModelVersion]:
    """The name and the version that an address names.

    Raises:
        InputError: when there is no such version.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise InputError(f"{address}: must be models:/<name>@<alias> or models:/<name>/<version>")
    client, name = runs.connect(), found["name"]
    return name, resolve(client, name, found["alias"]) if found["alias"] else numbered(client, name, found["version"])


def _whole(name: str, named: ModelVersion) -> PulledModel:
    """A version's folder on this machine, when its files are those that were registered."""
    version, content = str(named.version), named.tags.get(CONTENT_TAG)
    if content is None or CODE_TAG not in named.tags:
        raise InputError(
            f"registry: {name} version {version} was registered without a hash of its code; delete that version and "
            "run dvc repro"
        )
    model = download(f"models:/{name}/{version}")
    changed = changed_files(model, content, named.tags[CODE_TAG])
    if changed:
        raise InputError(
            f"registry: the files of {name} version {version} were changed after it was registered "
            f"({_shortened(changed)}); delete that version and run dvc repro"
        )
    return PulledModel(weights_folder(model), name, version, content)


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
