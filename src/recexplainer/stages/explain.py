"""Explain the recommender's decisions about test users, from one source."""

from __future__ import annotations

from functools import partial

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.settings import Settings
from recexplainer.data.splits import TEST
from recexplainer.explaining.cases import choose_cases
from recexplainer.explaining.explain import explain_cases
from recexplainer.recommenders import load_recommender
from recexplainer.stages import StageRun, Write, is_watched, stage_main
from recexplainer.tasks import next_item_retrieval


def run(settings: Settings, run: StageRun, source: str) -> Write:
    """Write one explanation per case; every source gets the same cases in the same order."""
    data, recommender = store.read_alignment(), load_recommender(store.RECOMMENDER)
    cases = choose_cases(
        recommender,
        store.read_interactions(),
        data.of_split(TEST, next_item_retrieval.NAME),
        settings.build_alignment,
        settings.explain.n_cases,
        settings.explain.top_k,
        settings.run.seed,
    )
    run.log_dataset(store.ALIGNMENT, "alignment", "explanation")
    run.log_dataset(store.INTERACTIONS, "interactions", "explanation")
    kept = store.explanation_blocks("explain", source)
    records = explain_cases(settings, run, source, cases, recommender, data.user_vectors, kept)
    return partial(_write, run, source, records)


def _require_watched(settings: Settings) -> None:
    """Refuse words that DVC would not see change; `explain_users` is no stage of the pipeline, and takes any.

    Raises:
        InputError: A file lies elsewhere.
    """
    for name in ("template", "sentences"):
        path = getattr(settings.explain, name)
        if path is not None and not is_watched(path, store.EXPLAIN_TEMPLATES):
            raise InputError(
                f"explain.{name}: {path} must lie in {store.EXPLAIN_TEMPLATES}, which DVC watches: elsewhere a change "
                "would leave old explanations in place"
            )


def _write(run: StageRun, source: str, records: list[Explanation]) -> None:
    store.write_explanations(source, records)
    store.remove(store.explanation_blocks("explain", source))
    run.log_artifact(store.explanations(source))


SECTIONS = (
    "llm",
    "registry",
    "build_alignment.max_history",
    "build_alignment.like_top",
    "build_alignment.dislike_bottom",
    "align.n_categories",
)

main = stage_main("explain", run, options=("source",), sections=SECTIONS, check=_require_watched)
