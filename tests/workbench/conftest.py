"""A pack and notes for the workbench, a session over them, and a real server with a real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rulener.authoring.starter import new_pack
from rulener.workbench.session import Session

NOTES = {
    "clinic.txt": "Clinic letter\n\nKnown restless legs, sleeps badly. Denies shin splints.\nHer mother has shin splints.\n",
    "run.txt": "Shin splints since spring. Taping of the knee helped. Restless legs at night.\n",
    "script.txt": "<script>window.hurt = 1</script><img src=x onerror='window.hurt = 2'> Shin splints & \"more\".\n",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip
PATIENCE = 20_000  # milliseconds until a wait of the browser gives up


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A starter pack that declares what it needs, so that it works without the English one."""
    folder = tmp_path / "packs" / "mypack"
    new_pack(folder)
    header = folder / "pack.yaml"
    labels = "labels: [{id: disorder}, {id: procedure}, {id: measurement}]\naxes: [negated, uncertain, historical, family]\n"
    header.write_text(header.read_text("utf-8") + labels, "utf-8")
    return folder


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for name, text in NOTES.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture
def session(pack: Path) -> Iterator[Session]:
    made = Session([pack], notes=NOTES.items())
    yield made
    made.close()


def caught_up(session: Session, focus: str = "") -> list[str]:
    """Run everything to the end; the names of what came."""
    return list(session.refresh(focus))


# --- a server and a browser -------------------------------------------------------------------------------------------


@dataclass
class Served:
    """A running workbench. `requests` are the addresses the browser asked for."""

    url: str
    process: subprocess.Popen[str]
    page: Any = None
    requests: list[str] = field(default_factory=list)

    def ended(self) -> tuple[str, str]:
        """Stop it as Ctrl-C does; what it wrote."""
        self.process.send_signal(2)
        return self.process.communicate(timeout=30)


Start = Callable[..., Served]


@pytest.fixture
def start(tmp_path: Path, pack: Path, notes: Path) -> Iterator[Start]:
    """Starts `rulener workbench` on the pack and notes, or on what is given."""
    pytest.importorskip("nicegui", reason="needs the extra [workbench]")
    running: list[Served] = []

    def run(*arguments: object) -> Served:
        given = [str(argument) for argument in arguments] or [str(pack), "--notes", str(notes), "--no-base"]
        code = "import sys; from rulener.cli.main import main; main(sys.argv[1:])"
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen(
            [sys.executable, "-c", code, "workbench", *given],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=tmp_path,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"it did not start: {process.communicate(timeout=30)[1]}")
        served = Served(line.split()[-1], process)
        running.append(served)
        return served

    yield run
    for served in running:
        if served.process.poll() is None:
            served.process.kill()
        served.process.communicate(timeout=30)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium. Skips where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)}")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def opened(start: Start, chromium: Any) -> Iterator[Callable[..., Served]]:
    """Starts the workbench and opens its page."""
    contexts: list[Any] = []

    def run(*arguments: object, wait: str = ".cm-content") -> Served:
        served = start(*arguments)
        context = chromium.new_context(viewport={"width": 1400, "height": 860})
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        served.page = context.new_page()
        served.page.on("request", lambda request: served.requests.append(request.url))
        served.page.on("websocket", lambda socket: served.requests.append(socket.url))
        served.page.goto(served.url)
        served.page.wait_for_selector(wait)
        return served

    yield run
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """Where screenshots go: RULENER_ARTEFACTS, or a folder of the system's temporary ones."""
    folder = Path(os.environ.get("RULENER_ARTEFACTS") or Path(tempfile.gettempdir()) / "rulener-artefacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
