"""The engine in use. A reload makes a new one beside it and then puts it in its place; requests keep the one they began with."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rulener.errors import RulenerError, UsageError
from rulener.run.workers import describe_bug

if TYPE_CHECKING:
    from rulener.engine import Engine

OUTCOMES = ("changed", "unchanged", "failed")


class Engines:
    """`current` is None until the first is loaded; `failure` is why the last reload failed, None when it did not.

    `make` loads an engine; it is called in a thread. `say` gets lines for the log.
    """

    def __init__(self, make: Callable[[], Engine], say: Callable[[str], None] = lambda line: None) -> None:
        self.current: Engine | None = None
        self.failure: RulenerError | None = None
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self._make = make
        self._say = say
        self._one_at_a_time = asyncio.Lock()
        self._asked = self._begun = 0
        self._outcome = "unchanged"
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="rulener-load")

    @property
    def fingerprint(self) -> str | None:
        return None if self.current is None else self.current.fingerprint

    async def load(self) -> None:
        """The first engine. Raises what `load` raises."""
        self.current = await asyncio.get_running_loop().run_in_executor(self._pool, self._make)
        self._say(f"engine {self.fingerprint}")

    async def reload(self) -> str:
        """A new engine in place of the current one: `changed`, `unchanged` (it would be the same), or `failed`: the old one
        stays and `failure` says why. Those who ask while one waits to begin share it."""
        self._asked += 1
        mine = self._asked
        async with self._one_at_a_time:
            if self._begun < mine:  # else one began after this was asked for, and saw the same files
                self._begun = self._asked
                self._outcome = await self._reloaded()
                self.outcomes[self._outcome] += 1
            return self._outcome

    async def _reloaded(self) -> str:
        loop = asyncio.get_running_loop()
        try:
            made = await loop.run_in_executor(self._pool, self._make)
        except RulenerError as error:
            self.failure = error
        except Exception as error:  # noqa: BLE001 (whatever it is, the old engine goes on)
            kind, place, _ = describe_bug(error)
            self.failure = RulenerError("U199", f"unexpected {kind} at {place}: this is a bug in rulener")
        else:
            self.failure = None
            if made.fingerprint == self.fingerprint:
                self._say("reload: nothing has changed")
                return "unchanged"
            self.current = made
            self._say(f"reload: engine {made.fingerprint}")
            return "changed"
        self._say(f"reload failed, the engine stays as it is: {self.failure}")
        return "failed"

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


# --- watching files


Signature = tuple[tuple[str, int, int, int], ...]


class Watch:
    """Looks whether files have changed since the last load, by their size, time and inode."""

    def __init__(self, files: Callable[[], Iterable[Path]]) -> None:
        self._files = files
        self._loaded = self._seen = self._signature()

    def look(self) -> bool:
        """Whether the files are others than at the last load, and the same as at the last look: somebody has finished
        writing. Then they count as loaded."""
        found = self._signature()
        is_settled = found == self._seen
        self._seen = found
        if not is_settled or found == self._loaded:
            return False
        self._loaded = found
        return True

    def _signature(self) -> Signature:
        try:
            return tuple(_stamps(self._files()))
        except UsageError:  # a folder is gone: the reload says so
            return ()


def _stamps(paths: Iterable[Path]) -> Iterator[tuple[str, int, int, int]]:
    for path in paths:
        with contextlib.suppress(OSError):
            status = path.stat()
            yield os.fspath(path), status.st_size, status.st_mtime_ns, status.st_ino


def files_of(make: Mapping[str, Any]) -> list[Path]:
    """The files that an engine with these options (`rulener.load`) is made of. Raises UsageError."""
    from rulener.engine import lexicon_paths, pack_folders

    packs: Sequence[str] = make["packs"]
    given = [Path(make["decisions"])] if make.get("decisions") else []
    if len(packs) == 1 and packs[0].endswith(".rnr"):
        return [Path(packs[0]), *given]
    folders = pack_folders(packs, make["base"])
    rules = [path for folder in folders for path in sorted(folder.glob("*.yaml"))]
    return [*rules, *lexicon_paths(make["lexicons"], make["base"]), *given]
