"""The stage on explanations of two sources."""

import pytest

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.settings import load_settings
from recexplainer.discriminators.model import load_discriminator, load_text_model
from recexplainer.stages import discriminate
from tests.discriminators.encoders import write_encoder
from tests.records import make_explanation


class RecordedRun:
    """Stands in for the tracked run."""

    def __init__(self):
        self.metrics = {}
        self.paths = []

    def log_metrics(self, metrics):
        self.metrics |= metrics

    def log_artifact(self, path):
        self.paths.append(path)

    def log_dataset(self, path, name, context):
        self.paths.append(path)


def write_explanations(source, n_users=40, style=""):
    store.write_explanations(
        source,
        [
            make_explanation(
                explanation_id=f"u{user}",
                source=source,
                user_id=user,
                position=4,
                item_id=1,
                score=float(user % 3),
                verdict="Yes" if user % 3 else "No",
                text=f"{'Yes' if user % 3 else 'No'}. {style} {'much ' * (user % 3)}liked.",
            )
            for user in range(1, n_users + 1)
        ],
    )


@pytest.fixture
def settings(empty_project):
    return load_settings(overrides=["explain.sources=[both, none]", "discriminate.encoder.base=null"])


def test_models_and_metrics_are_written_and_logged(settings):
    write_explanations("both", style="Surely")
    write_explanations("none", style="Perhaps")
    run = RecordedRun()
    discriminate.run(settings, run)
    metrics = store.read_json(store.DISCRIMINATORS_METRICS)
    assert metrics["source_classifier"]["text"]["accuracy"] == 1.0
    logged, written = (of["score_predictor"]["both"] for of in (run.metrics, metrics))
    assert logged.pop("always_the_mean") == written.pop("mean") and logged == written
    assert store.explanations("none") in run.paths
    classifier = load_text_model(store.DISCRIMINATORS / "source-classifier")
    assert classifier.predict(["Perhaps liked."]).tolist() == ["none"]
    folders = sorted(path.name for path in store.DISCRIMINATORS.iterdir())
    assert folders == ["score-predictor-both", "score-predictor-none", "source-classifier"]


def test_a_source_that_has_not_explained_is_named_and_nothing_is_written(settings):
    write_explanations("both")
    with pytest.raises(InputError, match="explanations_none.jsonl: no such file"):
        discriminate.run(settings, RecordedRun())
    assert not store.DISCRIMINATORS.exists() and not store.DISCRIMINATORS_METRICS.exists()


def test_too_few_users_leave_the_earlier_models(settings):
    for source in ("both", "none"):
        write_explanations(source)
    discriminate.run(settings, RecordedRun())
    before = store.DISCRIMINATORS_METRICS.read_bytes()
    for source in ("both", "none"):
        write_explanations(source, n_users=4)
    with pytest.raises(InputError, match="at least 5 are needed"):
        discriminate.run(settings, RecordedRun())
    assert store.DISCRIMINATORS_METRICS.read_bytes() == before
    assert load_text_model(store.DISCRIMINATORS / "source-classifier").labels == ("both", "none")


@pytest.mark.slow
def test_an_encoder_is_fine_tuned_and_kept_beside_the_words(empty_project):
    write_explanations("both", style="Surely")
    write_explanations("none", style="Perhaps")
    write_encoder(empty_project / "base")
    chosen = ["explain.sources=[both, none]", "discriminate.encoder.base=base", "discriminate.encoder.max_tokens=32"]
    discriminate.run(load_settings(overrides=chosen), RecordedRun())
    assert store.read_json(store.DISCRIMINATORS_METRICS)["encoder"]["base"] == "base"
    predictor = load_discriminator(store.DISCRIMINATORS / "score-predictor-both-encoder")
    assert predictor.predict(["Surely liked."]).shape == (1,)
    assert len(list(store.DISCRIMINATORS.iterdir())) == 6
    assert not [path for path in store.DISCRIMINATORS.rglob("*") if path.suffix in (".bin", ".pkl", ".pt")]


def test_an_encoder_that_is_not_there_leaves_everything_as_it_was(settings):
    for source in ("both", "none"):
        write_explanations(source)
    missing = load_settings(overrides=["explain.sources=[both, none]", "discriminate.encoder.base=./nowhere"])
    with pytest.raises(InputError, match="discriminate.encoder.base: ./nowhere is not a folder"):
        discriminate.run(missing, RecordedRun())
    assert not store.DISCRIMINATORS.exists() and not store.DISCRIMINATORS_METRICS.exists()


@pytest.mark.slow
def test_command_line(project):
    write_explanations("both", style="Surely")
    write_explanations("none", style="Perhaps")
    words_alone = ["-S", "discriminate.encoder.base=null"]
    assert discriminate.main(["-S", "explain.sources=[both, none]", *words_alone]) == 0
    assert discriminate.main(["-S", "explain.sources=[both]", *words_alone]) == 2
