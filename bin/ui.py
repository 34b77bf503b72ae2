"""Start MLflow's UI on loopback, and print the addresses of the pages that matter. `make ui` calls it.

python bin/ui.py PORT
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from recexplainer.core.environment import set_quiet_environment, tracking_uri
from recexplainer.core.errors import ends_clearly
from recexplainer.core.settings import load_settings


@ends_clearly
def main(port: str) -> int:
    """Print the addresses, and become the UI; the pages are those of params.yaml's data set."""
    set_quiet_environment()
    from recexplainer.tracking.addresses import ui_addresses
    from recexplainer.tracking.runs import connect

    root = f"http://127.0.0.1:{port}"
    for name, address in ui_addresses(connect(), load_settings().dataset.name, root).items():
        print(f"{name + ':':15}{address.replace(' ', '%20')}")
    print("ready in half a minute; Ctrl-C ends it", flush=True)
    program = str(Path(sys.executable).parent / "mlflow")
    os.execv(program, ["mlflow", "ui", "--backend-store-uri", tracking_uri(), "--host", "127.0.0.1", "--port", port])
    return 0  # never reached


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
