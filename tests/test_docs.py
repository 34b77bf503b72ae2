"""The documentation is a site: it builds without a network, no link is dead, and no page asks another host."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY

EXTERNAL_ASSET = re.compile(r"""<(?:script|img|iframe)[^>]+src="?https?:|<link[^>]+href="?https?:""")
MOST_BYTES_OF_AN_IMAGE = 200_000
OFFLINE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_MKDOCS_2_WARNING": "1"}

pytestmark = pytest.mark.slow


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(site)]
    return subprocess.run(command, capture_output=True, text=True, env=OFFLINE, timeout=240)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(REPOSITORY / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = [path.relative_to(REPOSITORY / "docs") for path in (REPOSITORY / "docs").rglob("*.md")]
    assert [page for page in pages if not (site / page.with_suffix(".html")).is_file()] == []


def test_every_page_is_in_the_navigation() -> None:
    config = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"[\w./-]+\.md", str(yaml.safe_load(config)["nav"])))
    pages = {path.relative_to(REPOSITORY / "docs").as_posix() for path in (REPOSITORY / "docs").rglob("*.md")}
    assert listed == pages


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    texts = {path.relative_to(site): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    assert len(texts) > 20
    assert {page: found[0] for page, text in texts.items() if (found := EXTERNAL_ASSET.search(text))} == {}
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert not re.search(r"url\(['\"]?(https?:)?//|@import\s+['\"]?(https?:)?//", styles)


@pytest.mark.parametrize(
    "line",
    ["[gone](gone.md)", "[gone](reference/metrics.md#gone)", "![gone](img/gone.png)", "[out](../README.md)"],
)
def test_a_dead_link_ends_the_build(tmp_path: Path, line: str) -> None:
    (tmp_path / "docs/reference").mkdir(parents=True)
    shutil.copy(REPOSITORY / "docs/reference/metrics.md", tmp_path / "docs/reference")
    (tmp_path / "docs/index.md").write_text(f"# Home\n\n{line}\n", encoding="utf-8")
    settings = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[0]
    (tmp_path / "mkdocs.yml").write_text(settings, encoding="utf-8")
    metrics = tmp_path / "docs/reference/metrics.md"
    metrics.write_text(re.sub(r"\]\(\.\./[^)]*\)", "]", metrics.read_text(encoding="utf-8")), encoding="utf-8")
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode != 0 and line.partition("](")[2].rstrip(")").partition("#")[0] in done.stderr
    (tmp_path / "docs/index.md").write_text("# Home\n\n[metrics](reference/metrics.md#judge)\n", encoding="utf-8")
    assert build(tmp_path / "mkdocs.yml", tmp_path / "site").returncode == 0


def test_images_are_small() -> None:
    images = [path for path in (REPOSITORY / "docs/img").iterdir() if path.suffix == ".png"]
    assert len(images) >= 2
    assert [path.name for path in images if path.stat().st_size > MOST_BYTES_OF_AN_IMAGE] == []
