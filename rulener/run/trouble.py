"""Parts over which workers die: which note does it, and when to give up.

The first death over a part may have come from outside, so the part is made again. The second is looked into: another worker
annotates the part's notes one by one, for nothing but to see over which note it dies. The note that ends two workers so is given
up, with a line in errors.jsonl (N302 to N304), and the others go on. In the end the part is made as a whole, without those notes.
So what a run writes depends on the notes alone, not on how many workers there were or which of them died.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, replace

from rulener.errors import UsageError
from rulener.run import limits
from rulener.run.work import Care

Bug = tuple[str, str, str]
"""Type, place and traceback of an unexpected exception."""


class WorkerBug(Exception):
    """An unexpected exception in a worker: its type and place, and its traceback for developers."""

    def __init__(self, kind: str, place: str, traceback: str) -> None:
        super().__init__(kind, place)
        self.kind = kind
        self.place = place
        self.traceback = traceback


@dataclass(frozen=True, slots=True)
class Ending:
    """How a worker ended: by itself (`code`), by a signal (`code` < 0), as it took longer than `allowed` seconds (`hung`) ..."""

    code: int
    hung: bool = False
    bug: Bug | None = None
    no_memory: bool = False
    place: int = -1
    """The place in the part of the first note that the engine had, or -1."""
    allowed: float = 0.0

    def __str__(self) -> str:
        if self.hung:
            return "took too long"
        if self.bug is not None:
            return f"met a bug ({self.bug[0]} at {self.bug[1]})"
        if self.no_memory:
            return "ran out of memory"
        return f"ended with code {self.code}" if self.code >= 0 else f"was ended by signal {_name(-self.code)}"

    @property
    def reason(self) -> tuple[str, str]:
        """Code and reason for the note that did it."""
        if self.hung:
            return "N303", f"the engine took longer than {self.allowed:.3g} s, {limits.ATTEMPTS} times"
        if self.bug is not None:
            return "N304", f"a bug in rulener: {self.bug[0]} at {self.bug[1]}"
        if self.no_memory:
            return "N105", "not enough memory for it"
        return "N302", f"the process that annotated it {self}, {limits.ATTEMPTS} times"

    def error(self, message: str) -> Exception:
        """What ends the run."""
        if self.bug is not None:
            return WorkerBug(*self.bug)
        hint = "out of memory? try fewer --workers; give the same command again to go on"
        return UsageError("U209", message.format(self), hint=hint)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # one without a name
        return str(number)


@dataclass(slots=True)
class Trouble:
    """What is known of a part over which workers have died. `care` is how to make it next; None: as ever."""

    part: int
    care: Care | None = None
    seen_singly: bool = False
    _deaths: int = 0  # as a whole, and since the notes were seen one by one
    _suspect: int = -1  # the note over which one worker has died that had no other

    def add(self, ending: Ending) -> None:
        """One more death. Raises U209 or WorkerBug when no note can be named for it, or too many were."""
        if ending.bug is not None and os.environ.get("RULENER_TRACEBACK") == "1":
            raise WorkerBug(*ending.bug)
        if self.care is not None and self.care.singly and ending.place >= 0:
            self._accuse(self.care, ending)
            return
        self._deaths += 1
        of_itself = ending.hung or ending.bug is not None  # nothing from outside: no need to try the whole part once more
        if self._deaths < limits.ATTEMPTS and not (of_itself and self.care is None):
            return
        if self.seen_singly or (self.care is not None and self.care.singly):
            raise ending.error(f"a worker {{}} {limits.ATTEMPTS} times while making part {self.part}")
        self.care = Care(singly=True)
        self._deaths = 0

    def _accuse(self, care: Care, ending: Ending) -> None:
        if ending.place != self._suspect:
            self._suspect = ending.place
            self.care = replace(care, first=ending.place)
            return
        lost = {**care.lost, ending.place: ending.reason}
        if len(lost) > limits.LOST_NOTES:
            raise ending.error(f"over {len(lost)} notes of part {self.part} a worker ended; the last one {{}}")
        self._suspect = -1
        self.care = replace(care, lost=lost, first=ending.place + 1)

    def seen(self) -> None:
        """A worker has annotated all notes one by one, but for those that are given up."""
        self.care = Care(self.care.lost if self.care is not None else {})
        self.seen_singly = True
        self._deaths = 0

    def seconds(self, notes: int, size: int) -> float:
        """How long the engine may take for a slice of so many notes and characters. What notes may take one by one they may take
        together, once they are known not to hang."""
        times = notes if self.seen_singly else 1
        return (
            limits.HUNG_SECONDS * times
            + limits.HUNG_SECONDS_A_NOTE * notes
            + limits.HUNG_SECONDS_A_MILLION * size / 1_000_000
        )
