"""A stand-in for the engine: finds the word "pain", fails on demand. As fast as it is small, and deterministic."""

from __future__ import annotations

import json
import os
import re
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class FakeBatch:
    lines: list[str]
    n_entities: int
    failures: list[tuple[int, str, str]]


@dataclass
class FakeEngine:
    """`kill` names a file: the process that annotates a note with the word "deadly" dies as long as it does not exist."""

    fingerprint: str = "0123456789abcdef"
    lexicons: list[dict[str, Any]] = field(
        default_factory=lambda: [{"name": "starter", "path": "/x/starter", "sha256": "ab" * 32}]
    )
    kill: str | None = None
    options: dict[str, Any] = field(default_factory=lambda: {"scheme": None})

    def manifest(self) -> dict[str, Any]:
        packs = [{"name": "english", "version": "1", "path": "/x/english", "sha256": "cd" * 32}]
        return {"engine": self.fingerprint, "packs": packs, "lexicons": self.lexicons, "options": self.options}

    warnings: tuple[str, ...] = ()
    path: Path = Path("/x/engine.rnr")

    def annotate(self, text: str, mentions: Any = None, note_id: str | None = None) -> FakeDocument:
        found = [FakeEntity(m.start(), m.end(), negated="no " in text[: m.start()]) for m in re.finditer("chest pain|pain", text)]
        return FakeDocument(text, found, note_id)

    def explain(self, text: str, position: int | None = None) -> FakeExplanation:
        return FakeExplanation(position)

    def info(self) -> dict[str, Any]:
        return {
            "engine": self.fingerprint,
            "counts": {"terms": 1200, "cues": 0},
            "packs": self.manifest()["packs"],
            "warnings": [],
        }

    def json_lines(self, batch: FakeBatch) -> bytes:
        return "".join(batch.lines).encode()

    def batch(self, texts: list[str], ids: list[str]) -> FakeBatch:
        lines, failures, entities = [], [], 0
        for index, (text, note_id) in enumerate(zip(texts, ids, strict=True)):
            if "deadly" in text:
                self._die()
            if "slow regex" in text:
                failures.append((index, "N201", "rule r took longer than 1 s"))
                continue
            found = [{"start": m.start(), "end": m.end()} for m in re.finditer("pain", text)]
            entities += len(found)
            lines.append(json.dumps({"note_id": note_id, "length": len(text), "entities": found}) + "\n")
        return FakeBatch(lines, entities, failures)

    def _die(self) -> None:
        if self.kill is None:
            os.kill(os.getpid(), signal.SIGKILL)
        elif not Path(self.kill).exists():
            Path(self.kill).touch()
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class FakeEntity:
    start: int
    end: int
    label: str = "symptom"
    rule: str = "english:pain"
    negated: bool | None = False
    uncertain: bool | None = False
    historical: bool | None = False
    hypothetical: bool | None = False
    family: bool | None = None
    cues: tuple[Any, ...] = ()


@dataclass
class FakeDocument:
    text: str
    entities: list[FakeEntity]
    note_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"note_id": self.note_id, "entities": [{"start": e.start, "end": e.end} for e in self.entities]}


@dataclass
class FakeExplanation:
    position: int | None

    def to_dict(self) -> dict[str, Any]:
        return {"position": self.position}

    def lines(self) -> list[str]:
        return [f"position {self.position}"]
