"""Headless Chromium, steered over a pipe by its DevTools protocol: no driver and no port are needed."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-pipe", "--window-size=1280,900",
)  # fmt: skip
AS_3_AND_4 = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
SECONDS = 120  # the longest wait for one answer


class Browser:
    """One page of a browser with a profile of its own.

    Attributes:
        problems: What the page logged as an error or warning, and what it threw.
        requests: The addresses that it asked for, its own file apart.
    """

    def __init__(self, profile: Path) -> None:
        assert PROGRAM is not None
        commands, self._out = os.pipe()  # the program reads commands from its descriptor 3 and answers on 4
        self._in, answers = os.pipe()
        start = [sys.executable, "-c", AS_3_AND_4, str(commands), str(answers), PROGRAM]
        self._process = subprocess.Popen(
            [*start, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(commands, answers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(commands)
        os.close(answers)
        self._read = b""
        self._number = 0
        self._session: str | None = None
        self._loaded = False
        self.problems: list[str] = []
        self.requests: list[str] = []
        targets = self.ask("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=SECONDS)
        os.close(self._out)
        os.close(self._in)

    def open(self, address: str) -> None:
        """Load an address anew, and wait until its scripts have run."""
        self._go("about:blank")
        self.problems, self.requests = [], []
        self._go(address)
        own = address.split("#")[0]
        self.requests = [request for request in self.requests if request.split("#")[0] != own]

    def _go(self, address: str) -> None:
        self._loaded = False
        self.ask("Page.navigate", url=address)
        while not self._loaded:
            self._take(self._message())

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release one key, named as in KeyboardEvent.key."""
        codes = {"Tab": 9, "Enter": 13, "ArrowDown": 40, "ArrowUp": 38, "Home": 36, "End": 35,
                 "ArrowLeft": 37, "ArrowRight": 39, "PageUp": 33, "PageDown": 34, " ": 32}  # fmt: skip
        text = {"text": {"Enter": "\r", " ": " "}[key]} if key in ("Enter", " ") else {}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key], **text)

    def show(self, width: int, scheme: str = "light", height: int = 900) -> None:
        """Take another width, and a light or dark scheme."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, selector: str, margin: int = 0) -> bytes:
        """An element, and some pixels around it, as a PNG."""
        box = self.run(
            f"(() => {{const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            f"const m = {margin}; return {{x: b.x + scrollX - m, y: b.y + scrollY - m,"
            " width: b.width + 2 * m, height: b.height + 2 * m}})()"
        )
        clip = box | {"scale": 1}
        found = self.ask("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(found["data"])

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its answer; what happens meanwhile is recorded."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._out, json.dumps(command).encode() + b"\0")
        while (message := self._message()).get("id") != self._number:
            self._take(message)
        assert "error" not in message, f"{method}: {message['error']}"
        return message["result"]

    def _message(self) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while b"\0" not in self._read:
            ready, _, _ = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"Chromium gave no answer within {SECONDS} seconds"
            part = os.read(self._in, 2**16)
            assert part, f"Chromium ended with {self._process.poll()}"
            self._read += part
        message, self._read = self._read.split(b"\0", 1)
        return json.loads(message)

    def _take(self, message: dict[str, Any]) -> None:
        method, given = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(given["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requests.append(given["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(given["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and given["type"] in ("error", "warning", "assert"):
            self.problems.append(json.dumps(given["args"]))
        elif method == "Log.entryAdded" and given["entry"]["level"] in ("error", "warning"):
            self.problems.append(given["entry"]["text"])
