"""Prompts in MLflow's Prompt Registry: a version per wording, found again by the hash of its text."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from recexplainer.core import environment

if TYPE_CHECKING:
    from mlflow.entities.model_registry import PromptVersion

EXPLANATION, JUDGE = "recexplainer-explanation", "recexplainer-judge"
TEXT_TAG = "sha256"


def text_sha256(text: str) -> str:
    """The hash that a prompt's version is tagged with."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def register_prompt(name: str, text: str, about: str) -> PromptVersion:
    """The version with this text, made where there is none; two processes at once take turns."""
    import mlflow

    content = text_sha256(text)
    with environment.exclusive("prompts"):
        found = prompt_with(name, content)
        if found is None:
            client = mlflow.MlflowClient()
            found = client.register_prompt(name, template=text, commit_message=about, tags={TEXT_TAG: content})
    return found


def prompt_with(name: str, content: str) -> PromptVersion | None:
    """The version whose text has this hash; None where there is none."""
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        versions = mlflow.MlflowClient().search_prompt_versions(name)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
            return None
        raise
    return next((version for version in versions if version.tags.get(TEXT_TAG) == content), None)
