"""The live page's times: opening, the first answer, and what needs no LLM.

PYTHONPATH=. python benchmarks/app.py [--alias candidate]

In the root of a project whose explainers are registered, as after `make demo`. Streamlit's test harness runs the whole
page for each action, without a server and a browser; the times are the page's own, on this machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median

from streamlit.testing.v1 import AppTest

N = 9  # actions of each kind; the median counts


def main(alias: str) -> None:
    """Print a table."""
    app = AppTest.from_function(_page, args=(alias,), default_timeout=600)
    print(f"{'opening':32}{_seconds(app, app.run):8.2f} s")
    app.radio[0].set_value("At random").run()
    picked = [_seconds(app, lambda: _press(app, "Another user")) for _ in range(N)]
    print(f"{'another user':32}{1000 * median(picked):8.0f} ms")
    boxes = range(min(N, len(app.checkbox)))
    unticked = [_seconds(app, partial(_tick, app, box, False)) for box in boxes]
    print(f"{'one item less':32}{1000 * median(unticked):8.0f} ms")
    print(f"{'first answers, all modes':32}{_seconds(app, lambda: _press(app, 'Ask why')):8.2f} s")
    ticked = [_seconds(app, partial(_tick, app, box, True)) for box in boxes]
    print(f"{'one item more, beside answers':32}{1000 * median(ticked):8.0f} ms")


def _page(alias: str) -> None:
    from recexplainer.app import page

    page.main("params.yaml", alias)


def _press(app: AppTest, name: str) -> None:
    next(button for button in app.button if button.label == name).click().run()


def _tick(app: AppTest, box: int, value: bool) -> None:
    app.checkbox[box].set_value(value).run()


def _seconds(app: AppTest, act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    seconds = time.perf_counter() - start
    assert not app.exception, app.exception
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alias", default="candidate")
    main(parser.parse_args().alias)
