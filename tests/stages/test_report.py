"""The stage on a project that holds nothing yet, and on one that holds a recommender's figures."""

import io

import pytest
from matplotlib.image import imread

from recexplainer import store
from recexplainer.core.settings import load_settings
from recexplainer.stages import report


class RecordedRun:
    """Stands in for the tracked run."""

    def __init__(self):
        self.paths = []

    def log_artifact(self, path):
        self.paths.append(path)


def test_page_is_written_and_logged_whatever_is_there(empty_project):
    run = RecordedRun()
    report.run(load_settings(), run)
    assert "dvc repro train_recommender" in store.REPORT.read_text()
    assert run.paths == [store.REPORT, store.REPORT_FIGURES, store.REPORT_IMAGES]
    assert list(store.REPORT_FIGURES.iterdir()) == []
    store.write_json(
        store.RECOMMENDER_METRICS,
        {"kind": "mf", "mf": {"test": {"ndcg@10": 0.25}}, "popularity": {"test": {"ndcg@10": 0.5}}},
    )
    report.run(load_settings(), run)
    assert {path.name for path in store.REPORT_FIGURES.iterdir()} == {
        "recommender-ndcg@10.svg", "recommender-hr@10.svg"
    }  # fmt: skip
    images = {path.name: path.read_bytes() for path in store.REPORT_IMAGES.iterdir()}
    assert images.keys() == {"recommender-ndcg@10.png", "recommender-hr@10.png"}
    report.run(load_settings(), run)
    for name, image in images.items():
        assert (store.REPORT_IMAGES / name).read_bytes() == image, "the same figure, the same bytes"
        height, width, _ = imread(io.BytesIO(image)).shape
        assert width > 500 and height > 200
    assert "Matrix factorisation does not beat the better baseline, popularity" in store.REPORT.read_text()


@pytest.mark.slow
def test_command_line_on_a_broken_file_writes_nothing(project, capsys):
    store.RECOMMENDER_METRICS.parent.mkdir()
    store.RECOMMENDER_METRICS.write_text("{")
    assert report.main([]) == 2
    assert capsys.readouterr().err.strip().startswith("error: metrics/recommender.json: line 1")
    assert not store.REPORT.exists()
