"""Ask the frozen recommender every question of every alignment task."""

from __future__ import annotations

import sys
from collections import Counter

from recexplainer import store
from recexplainer.alignment.building import build_examples
from recexplainer.recommenders import load_recommender
from recexplainer.settings import Settings
from recexplainer.stages import StageRun, stage_main


def run(settings: Settings, run: StageRun) -> None:
    """Write the mode-free examples and the user vectors that they refer to."""
    for path in (store.INTERACTIONS, store.CATALOGUE, store.USERS):
        run.log_dataset(path, path.stem)
    examples, user_vectors = build_examples(
        store.read_interactions(),
        store.read_catalogue(),
        store.read_users(),
        store.read_dialogues(),
        load_recommender(store.RECOMMENDER),
        settings.build_alignment,
        settings.run.seed,
    )
    store.write_alignment(examples, user_vectors)
    run.log_metrics({f"{e[0]}/{e[1]}": n for e, n in Counter((e.task, e.split) for e in examples).items()})


main = stage_main("build_alignment", run)

if __name__ == "__main__":
    sys.exit(main())
