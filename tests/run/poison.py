"""Engines that end or hold up the process that annotates certain notes, and a small real one to hide behind them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rulener.engine import Engine, compile_to
from tests.run.fake import FakeEngine
from tests.small import write_lexicon, write_pack


def small_engine(folder: Path) -> Engine:
    """The pack and lexicon of tests.small, compiled into the folder."""
    pack, lexicon = write_pack(folder / "small"), write_lexicon(folder / "lexicon.tsv", 50)
    return compile_to(folder / "small.rnr", pack, lexicons=[lexicon], base=None)


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def ended() -> None:
    os._exit(3)


def hangs() -> None:
    while True:
        signal.pause()


def bug() -> None:
    raise KeyError("a private word of the note")


def no_memory() -> None:
    raise MemoryError


@dataclass
class Poisoned:
    """An engine that does what `poisons` say at a note with one of these words, before it does anything else."""

    engine: Any
    poisons: dict[str, Callable[[], None]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def batch(self, texts: Sequence[str], ids: Sequence[str], metadata: Any = None) -> Any:
        for text in texts:
            for word, poison in self.poisons.items():
                if word in text:
                    poison()
        return self.engine.batch(texts, ids) if metadata is None else self.engine.batch(texts, ids, metadata)


def poisoned_fake(**poisons: Callable[[], None]) -> Poisoned:
    return Poisoned(FakeEngine(), poisons)
