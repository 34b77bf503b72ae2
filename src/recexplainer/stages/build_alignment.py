"""Let the frozen recommender answer the questions of every alignment task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from recexplainer import store
from recexplainer.alignment.building import build_examples
from recexplainer.core.settings import Settings
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import Example
from recexplainer.recommenders import load_recommender
from recexplainer.stages import StageRun, stage_main
from recexplainer.tasks import check_tasks, user_summary


def run(settings: Settings, run: StageRun) -> None:
    """Write the mode-free examples and the user vectors that they refer to; have summaries written where asked to."""
    for path in (store.INTERACTIONS, store.CATALOGUE, store.USERS):
        run.log_dataset(path, path.stem)
    catalogue = store.read_catalogue()
    given = (store.read_interactions(), catalogue, store.read_users(), store.read_dialogues())
    recommender = load_recommender(store.RECOMMENDER)
    build = partial(build_examples, *given, recommender, settings.build_alignment, settings.run.seed)
    examples, user_vectors = build()
    summaries: list[dict[str, Any]] = []
    if settings.summaries.author == "api":
        written, summaries = _ask_for_summaries(settings, run, examples, catalogue)
        again, _ = build()  # the same ones: they are not held meanwhile
        examples = chain((example for example in again if example.task != user_summary.NAME), written)
    counts: Counter[str] = Counter()
    store.write_alignment(_counted(examples, counts), user_vectors, summaries=summaries)
    run.log_metrics(counts)


def _counted(examples: Iterable[Example], counts: Counter[str]) -> Iterator[Example]:
    for example in examples:
        counts[f"{example.task}/{example.split}"] += 1
        yield example


def _ask_for_summaries(
    settings: Settings, run: StageRun, examples: Iterable[Example], catalogue: Catalogue
) -> tuple[list[Example], list[dict[str, Any]]]:
    from recexplainer.alignment.summaries import write_summaries
    from recexplainer.api.cache import AnswerCache
    from recexplainer.api.request import ApiSettings

    server = ApiSettings(settings.summaries, settings.run.seed)
    with AnswerCache(store.SUMMARIES_CACHE) as cache:
        written, records, found = write_summaries(examples, catalogue, server, cache, settings.summaries.max_failed)
    counts = {"n_written": len(written), "n_failed": len(records) - len(written)}
    run.log_metrics({"summaries": counts | found.costs()})
    run.set_tags({"summaries": server.model})
    return written, records


main = stage_main("build_alignment", run, sections=("summaries",), check=check_tasks)
