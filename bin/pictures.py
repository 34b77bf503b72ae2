"""Take the pictures of docs: start MLflow's UI on a finished demo, and photograph it and the report by Chromium.

python bin/pictures.py [FOLDER_OF_A_FINISHED_PROJECT]   (this one, without a folder)
"""

from __future__ import annotations

import base64
import io
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from recexplainer.core.environment import set_quiet_environment, tracking_uri
from recexplainer.core.settings import load_settings
from recexplainer.store.paths import REPORT
from recexplainer.tracking.addresses import model_address, newest_of_each, ui_addresses
from recexplainer.tracking.runs import connect, find_experiment
from tests.report.chromium import PROGRAM, Browser

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "img"
OF_REPORT = {"case": ".examples", "report": "#alignment"}  # parts of the page
REPORT_WIDTH, MARGIN, MAX_HEIGHT = 1100, 8, 925
ROLE = "explainer-both"
SIZE = (1300, "light", 850)
SETTLE_SECONDS = 12
PRESSED = {"trace": "Assess trace"}
WITHOUT_ASSISTANT = """
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
"""
MAX_BYTES = 150_000


def main(project: str = ".") -> int:
    """Write one PNG per page."""
    os.chdir(project)
    set_quiet_environment()
    if PROGRAM is None:
        print("error: Chromium is not installed", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as profile, Browser(Path(profile)) as browser:
        browser.show(REPORT_WIDTH)
        browser.open(REPORT.resolve().as_uri())
        for name, selector in OF_REPORT.items():
            keep(name, cut(browser.picture(selector, MARGIN)))
    with served_ui() as root, tempfile.TemporaryDirectory() as profile, Browser(Path(profile)) as browser:
        browser.show(*SIZE)
        browser.ask("Page.addScriptToEvaluateOnNewDocument", source=WITHOUT_ASSISTANT)
        for name, address in pages(root).items():
            keep(f"mlflow/{name}", photographed(browser, address, PRESSED.get(name, "")))
    return 0


def pages(root: str) -> dict[str, str]:
    """The addresses by the name of their picture."""
    client, dataset = connect(), load_settings().dataset.name
    found = ui_addresses(client, dataset, root)
    experiment = find_experiment(client, dataset)
    if experiment is None or "compare modes" not in found:
        sys.exit("error: this project has no finished demo; run make demo first")
    run = newest_of_each(client, experiment, "judge", "source")["both"]
    [trace] = client.search_traces(locations=[experiment], run_id=run, max_results=1)
    version = client.get_model_version_by_alias(f"recexplainer-{dataset}-{ROLE}", "candidate").version
    return {
        "compare": found["compare modes"],
        "model": model_address(root, dataset, ROLE),
        "promote": model_address(root, dataset, ROLE, str(version)),
        "trace": f"{found['traces']}?selectedEvaluationId={trace.info.trace_id}",
    }


@contextmanager
def served_ui() -> Iterator[str]:
    """MLflow's UI on a free port, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        root = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [str(Path(sys.executable).parent / "mlflow"), "ui", "--backend-store-uri", tracking_uri()]
    server = subprocess.Popen([*command, "--host", "127.0.0.1", "--port", root.rpartition(":")[2]])
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{root}/health").close()
                break
            except OSError:
                time.sleep(1)
        yield root
    finally:
        server.terminate()
        server.wait()


def photographed(browser: Browser, address: str, press: str = "") -> bytes:
    """The page as a PNG, once it has settled, after some of its buttons were pressed (their labels, by `|`)."""
    browser.open(address)
    time.sleep(SETTLE_SECONDS)
    for label in ("Close guidance", *filter(None, press.split("|"))):
        browser.run(f"document.querySelector('button[aria-label^=\"{label}\"]')?.click()")
        time.sleep(1)
    return base64.b64decode(browser.ask("Page.captureScreenshot", format="png")["data"])


def cut(picture: bytes) -> bytes:
    """The upper part of a long picture."""
    image, written = Image.open(io.BytesIO(picture)), io.BytesIO()
    image.crop((0, 0, image.width, min(image.height, MAX_HEIGHT))).save(written, "PNG")
    return written.getvalue()


def keep(name: str, picture: bytes) -> None:
    """Write a picture in few colours."""
    path, few = PICTURES / f"{name}.png", reduced(picture)
    path.write_bytes(few)
    print(f"{path}: {len(few):,} bytes")


def reduced(picture: bytes) -> bytes:
    """The picture in few colours: as many as fit `MAX_BYTES`."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for n_colours in (256, 128, 64, 32, 16):
        written = io.BytesIO()
        image.quantize(n_colours).save(written, "PNG", optimize=True)
        if written.tell() <= MAX_BYTES:
            break
    return written.getvalue()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
