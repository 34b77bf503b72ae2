"""Where in MLflow's UI the four things are that people look for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recexplainer.tracking.registry.roles import registered_name
from recexplainer.tracking.runs import STAGE_TAG, find_experiment

if TYPE_CHECKING:
    from mlflow import MlflowClient


MAX_RUNS = 1000  # that are looked through


def ui_addresses(client: MlflowClient, dataset: str, root: str) -> dict[str, str]:
    """The pages of a data set's experiment, by what they show; without the experiment, the list of all.

    Args:
        client: Of the tracking store.
        dataset: Its name.
        root: Where the UI answers, for example ``http://127.0.0.1:5000``.
    """
    experiment = find_experiment(client, dataset)
    if experiment is None:
        return {"experiments": f"{root}/#/experiments"}
    pages = {
        "runs": f"{root}/#/experiments/{experiment}/runs",
        "traces": f"{root}/#/experiments/{experiment}/traces",
        "models": f"{root}/#/models",
    }
    measured = newest_of_each(client, experiment, "evaluate_alignment", "source")
    if len(measured) > 1:
        names = ",".join(f'"{run_id}"' for run_id in measured.values())
        pages["compare modes"] = f'{root}/#/compare-runs?runs=[{names}]&experiments=["{experiment}"]'
    return pages


def newest_of_each(client: MlflowClient, experiment: str, stage: str, tag: str) -> dict[str, str]:
    """The newest finished run of a stage for each value of a tag."""
    wanted = f"tags.`{STAGE_TAG}` = '{stage}' and attributes.status = 'FINISHED'"
    newest = client.search_runs([experiment], wanted, order_by=["attributes.start_time DESC"], max_results=MAX_RUNS)
    return {run.data.tags[tag]: str(run.info.run_id) for run in reversed(newest) if tag in run.data.tags}


def model_address(root: str, dataset: str, role: str, version: str | None = None) -> str:
    """The page of a registered model, or of one of its versions."""
    page = f"{root}/#/models/{registered_name(dataset, role)}"
    return page if version is None else f"{page}/versions/{version}"
