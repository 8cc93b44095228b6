from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rulener.cli.main import ended
from rulener.errors import UsageError
from tests.run.fake import FakeEngine


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Call = Callable[..., Ended]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Call:
    """Runs `rulener ARGUMENTS` in this process."""

    def run(*arguments: object) -> Ended:
        code = ended([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeEngine:
    """The commands get this engine in place of the real one."""
    engine = FakeEngine()
    module = ModuleType("rulener.engine")

    def load(*packs: str, scheme: str | None = None, **_: Any) -> FakeEngine:
        if scheme not in (None, "i2b2"):
            raise UsageError("U110", f"unknown scheme {scheme!r}")
        engine.options["scheme"] = scheme
        return engine

    module.load = load  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rulener.engine", module)
    return engine
