import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from recexplainer.report.inputs import ReportInputs
from tests.conftest import REPOSITORY
from tests.report.drawn import build_figures


def test_every_figure_of_the_report_is_a_whole_image(inputs):
    figures = build_figures(inputs)
    assert {
        "alignment-next-item-hr@5.svg", "judge-levels.svg", "discriminators-confusion-read-by-words.svg",
        "faithfulness-both-deletion.svg", "faithfulness-both-insertion.svg", "verdict-both-calibration.svg",
        "faithfulness-both-deletion-closed-up.svg", "verdict-confusion-none.svg", "recommender-hr@10.svg",
        "discriminators-the-recommender-s-score-from-both-r2.svg",
    } <= set(figures)  # fmt: skip
    for name, text in figures.items():
        drawing = ElementTree.fromstring(text)
        assert drawing.tag.endswith("svg"), name
        assert "http" not in text.replace("http://www.w3.org/2000/svg", ""), name
        width, height = (float(size) for size in drawing.attrib["viewBox"].split()[2:])
        assert width > 100 and height > 50, name


def test_names_cannot_break_an_image(inputs_with):
    recommender = inputs_with().recommender
    recommender["<b>&"] = recommender["popularity"]
    inputs = ReportInputs(sources=["both"], params={}, recommender=recommender)
    text = build_figures(inputs)["recommender-hr@10.svg"]
    assert "&lt;b&gt;&amp;" in text
    ElementTree.fromstring(text)


def test_nothing_measured_gives_no_figure():
    assert build_figures(ReportInputs(sources=["both"], params={})) == {}


@pytest.mark.slow
def test_dvc_shows_the_figures_without_a_network(inputs, tmp_path):
    """The page of `dvc plots show` refers to the images beside it and to nothing else."""
    (tmp_path / "report" / "figures").mkdir(parents=True)
    for name, text in build_figures(inputs).items():
        (tmp_path / "report" / "figures" / name).write_text(text, encoding="utf-8")
    pipeline = (REPOSITORY / "dvc.yaml").read_text(encoding="utf-8")
    (tmp_path / "dvc.yaml").write_text("plots:" + pipeline.split("\nplots:")[1], encoding="utf-8")
    shutil.copytree(REPOSITORY / ".dvc", tmp_path / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp"))
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    command = [sys.executable, "-m", "dvc", "plots", "show"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    assert page.count("<img") == len(build_figures(inputs))
    assert "faithfulness-both-deletion.svg" in page
    assert "<script" not in page and "http" not in page
    shown = [path for path in (tmp_path / "dvc_plots" / "static").iterdir() if path.suffix == ".svg"]
    assert len(shown) == len(build_figures(inputs))
