"""Which version of a registered model has some content, and which logged model it was made of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from recexplainer.core.records import explanation as records

if TYPE_CHECKING:
    from mlflow import MlflowClient

CONTENT_TAG = "content_sha256"


def version_with(client: MlflowClient, name: str, content: str) -> str | None:
    """The newest ready version that is tagged with this content."""
    found = client.search_model_versions(f"name = '{name}' and tags.{CONTENT_TAG} = '{content}'")
    ready = [int(version.version) for version in found if version.status == "READY"]
    return str(max(ready)) if ready else None


def logged_model(model: records.ModelVersion) -> str | None:
    """The id of the logged model that a version was made of; None where no version here has that content.

    Records come out of files that may be older than the registry, or of another one: the content decides.
    """
    import mlflow

    client = mlflow.MlflowClient()
    version = version_with(client, model.name, model.sha256)
    if version is None:
        return None
    found = re.fullmatch(r"models:/(m-\w+)", str(client.get_model_version(model.name, version).source))
    return found.group(1) if found else None
