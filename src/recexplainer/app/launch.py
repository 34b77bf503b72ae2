"""Start the live page in a server of its own."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from recexplainer.app.models import registered_explainers
from recexplainer.core.environment import set_quiet_environment
from recexplainer.core.errors import InputError
from recexplainer.core.settings import load_settings

FLAGS = (
    "--server.headless=true",  # asks for no address of e-mail
    "--server.fileWatcherType=none",
    "--browser.gatherUsageStats=false",
    "--client.toolbarMode=minimal",
    "--client.showErrorDetails=none",
)


def launch(params: Path, alias: str | None, host: str, port: int) -> NoReturn:
    """Become the page's server.

    Args:
        params: The parameter file.
        alias: Of the explainers to open; None: `registry.alias`.
        host: Who can reach it: on 127.0.0.1 this machine alone.
        port: Where it listens.

    Raises:
        InputError: Streamlit is not installed, or no explainer has the alias.
    """
    if find_spec("streamlit") is None:
        raise InputError("the live page needs Streamlit; run: pip install 'recexplainer[app]'")
    set_quiet_environment()
    settings = load_settings(params)
    alias = alias or settings.registry.alias
    for address in registered_explainers(settings, alias).values():
        print(address)
    print(f"http://{host}:{port} (ready in a few seconds; Ctrl-C ends it)", flush=True)
    page = str(Path(__file__).with_name("page.py"))
    where = [f"--server.address={host}", f"--server.port={port}"]
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", *FLAGS, *where, page, "--", str(params), alias])
