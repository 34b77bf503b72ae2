"""Versions of a registered model: which one an alias or a number names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recexplainer.core.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


def resolve(client: MlflowClient, name: str, alias: str) -> ModelVersion:
    """The version that an alias names.

    Raises:
        InputError: when the model has no such alias.
    """
    version = alias_version(client, name, alias)
    if version is None:
        raise InputError(f"registry: {name} has no alias {alias!r}; {_known_aliases(client, name)}")
    return client.get_model_version(name, version)


def numbered(client: MlflowClient, name: str, version: str) -> ModelVersion:
    """The version with a number.

    Raises:
        InputError: when the model has no such version.
    """
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version(name, version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
            raise InputError(f"registry: {name} has no version {version}") from None
        raise


def alias_version(client: MlflowClient, name: str, alias: str) -> str | None:
    """The number of the version that an alias names, None where there is no such alias or model."""
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
    return f"it has {aliases or 'no aliases'}"
