"""docs/contributing.md lists the files that a common change touches: here is held that it touches no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recexplainer.data.readers import FORMATS
from recexplainer.prompting import wording
from recexplainer.report.sections.alignment import FURTHER_MEASURES, MEASURES
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs/contributing.md").read_text(encoding="utf-8")
CHANGES = re.findall(r"^\| (the wording|a reader|a metric).*?\| (.*) \|$", PAGE, flags=re.MULTILINE)
FILES = {change: [path for path in re.findall(r"`([^`]+)`", files) if "/" in path] for change, files in CHANGES}
OTHER_WORDS = ("demo/", "alignment/adaptation/", "judging/")  # the demo's lessons, and what a judge is told
GENERATED = ("commands.md", "parameters.md")


def naming(name: str) -> set[str]:
    """The library's modules and the written pages of the reference in which a name is quoted."""
    quoted = re.compile(rf"[\"'`.]{re.escape(name)}[\"'`]")
    pages = [page for page in (REPOSITORY / "docs/reference").glob("*.md") if page.name not in GENERATED]
    places = [*(REPOSITORY / "src").rglob("*.py"), *pages]
    found = [place for place in places if quoted.search(place.read_text(encoding="utf-8"))]
    return {place.relative_to(REPOSITORY).as_posix() for place in found}


def test_a_common_change_touches_three_files_at_most() -> None:
    assert set(FILES) == {"the wording", "a reader", "a metric"}
    for paths in FILES.values():
        assert 1 <= len(paths) <= 3
        assert all((REPOSITORY / path).exists() for path in paths)


WORDS = {name: text for name, text in vars(wording).items() if name.isupper() and isinstance(text, str) and " " in text}


@pytest.mark.parametrize("name", WORDS)
def test_the_words_of_tasks_stand_in_one_module(name: str) -> None:
    modules = [
        path for path in (REPOSITORY / "src").rglob("*.py") if not any(part in str(path) for part in OTHER_WORDS)
    ]
    holding = [path.relative_to(REPOSITORY).as_posix() for path in modules if WORDS[name] in path.read_text("utf-8")]
    assert holding in (FILES["the wording"], [])  # none: the words are broken over two lines


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "table"])
def test_a_format_is_named_where_the_page_says(name: str) -> None:
    folder, *named = FILES["a reader"]
    assert (REPOSITORY / folder / f"{name}.py").is_file()
    assert {place for place in naming(name) if Path(place).stem != name} == set(named)


@pytest.mark.parametrize("metric", ["kendall_tau"])
def test_a_metric_is_named_where_the_page_says(metric: str) -> None:
    assert metric in {measure.metric for measure in (*MEASURES, *FURTHER_MEASURES)}
    assert naming(metric) == set(FILES["a metric"])
