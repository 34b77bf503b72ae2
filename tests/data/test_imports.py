"""The public data sets that DVC can fetch: what is imported is documented, fetched and then read."""

from __future__ import annotations

import re
import shutil
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from recexplainer import store
from recexplainer.data.readers import FORMATS, amazon_2018, amazon_2023, steam
from recexplainer.stages import prepare
from tests.conftest import REPOSITORY
from tests.test_dvc_and_registry import run_in

RAW = REPOSITORY / "data/raw"
IMPORT = "data/raw/ml_latest_small/ml-latest-small.zip"


def address_of(import_file: Path) -> str:
    return str(yaml.safe_load(import_file.read_text())["deps"][0]["path"])


def documented() -> dict[str, tuple[str, list[str]]]:
    """Folder → format and addresses, as docs/reference/data.md tells them."""
    page = (REPOSITORY / "docs/reference/data.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.*https://.*) \|$", page, re.M)
    return {folder: (name, re.findall(r"https://[^\s`>)]+", addresses)) for folder, name, addresses in rows}


def imports(folder: str) -> list[Path]:
    return sorted((RAW / folder).glob("*.dvc"))


@pytest.mark.parametrize(
    "path", [path for folder in documented() for path in imports(folder)], ids=lambda path: path.name
)
def test_an_import_is_frozen_and_keeps_the_published_name(path: Path) -> None:
    content = yaml.safe_load(path.read_text())
    address = urlsplit(address_of(path))
    assert content["frozen"] is True and len(content["deps"]) == len(content["outs"]) == 1
    assert address.scheme == "https" and not address.query
    assert content["outs"][0]["path"] == Path(address.path).name == path.stem


def test_what_is_documented_is_imported() -> None:
    for folder, (_, addresses) in documented().items():
        assert {address_of(path) for path in imports(folder)} == set(addresses)
    assert {name for name, _ in documented().values()} == set(FORMATS) - {"table", "amazon_2014"}


@pytest.mark.parametrize("module", [amazon_2018, amazon_2023, steam], ids=lambda module: module.__name__)
def test_the_format_finds_the_published_names(tmp_path: Path, module) -> None:
    name = module.__name__.rpartition(".")[2]
    for format_name, addresses in documented().values():
        if format_name == name:
            for address in addresses:
                (tmp_path / Path(address).name).touch()
                (tmp_path / f"{Path(address).name}.dvc").touch()
    found = module.find_files(tmp_path, None, None)
    assert len(set(found)) == 2 and all(path.parent == tmp_path for path in found)


class Published(BaseHTTPRequestHandler):
    """Answers as the publishers do: with the file's length and a tag that changes with its content."""

    files: dict[str, bytes] = {}

    def do_GET(self) -> None:
        content = self.files.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        if content is not None:
            self.send_header("ETag", f'"{hash(content):x}"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content or b"")

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that has MovieLens latest-small, in small."""
    path = tmp_path_factory.mktemp("published") / "ml-latest-small.zip"
    ratings = "".join(f"{user},{item},4.0,{1_000 + item}\n" for user in range(1, 31) for item in range(1, 7))
    movies = "".join(f'{item},"Film, The {item} (1999)",Drama\n' for item in range(1, 7))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ml-latest-small/ratings.csv", f"userId,movieId,rating,timestamp\n{ratings}")
        archive.writestr("ml-latest-small/movies.csv", f"movieId,title,genres\n{movies}")
    Published.files = {urlsplit(address_of(REPOSITORY / f"{IMPORT}.dvc")).path: path.read_bytes()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Published)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_what_is_imported_is_fetched_and_prepared(
    project: Path, published: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in (".gitignore", ".dvcignore"):
        shutil.copy(REPOSITORY / name, project / name)
    shutil.copytree(REPOSITORY / ".dvc", project / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache"))
    run_in(project, "git init -q")
    import_file = project / f"{IMPORT}.dvc"
    import_file.parent.mkdir(parents=True)
    text = (REPOSITORY / f"{IMPORT}.dvc").read_text()
    import_file.write_text(re.sub(r"https://[^/]+", published, text))

    given = ["dataset.name=films", f"dataset.raw={Path(IMPORT).parent}", "dataset.format=movielens"]
    options = [part for assignment in given for part in ("-S", assignment)]
    assert prepare.main(options) == 2
    advice = f"dvc update {Path(IMPORT).parent}/*.dvc fetches it"
    assert capsys.readouterr().err.strip().endswith(advice)

    run_in(project, f"dvc update {IMPORT}.dvc")
    assert yaml.safe_load(import_file.read_text())["outs"][0]["md5"]
    untracked = run_in(project, "git status --porcelain -uall data").stdout.split()
    assert untracked == ["??", f"{IMPORT}.dvc"], "git keeps the import, DVC the data"
    (project / IMPORT).unlink()
    run_in(project, f"dvc checkout {IMPORT}.dvc")

    assert prepare.main(options) == 0
    assert store.read_catalogue().titles[1:] == [f"Film, The {item} (1999)" for item in range(1, 7)]
    assert store.read_json(store.PREPARE_REPORT)["n_interactions"] == 180
