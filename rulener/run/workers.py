"""Parts made in other processes, or in this one.

A worker is told which planned part to make, by a few bytes through a pipe; it reads the notes itself, writes a temporary file,
syncs it and answers with a short report. The parent puts the file in place. So a worker that is killed, or whose parent is,
leaves nothing but a temporary file. Workers are forked on Linux; elsewhere a new interpreter is started.

A worker tells before each slice what it gives the engine, so that the parent knows when one hangs and over which note it died
(rulener.run.trouble).
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import signal
import struct
import sys
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field, replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from rulener.errors import RulenerError, UsageError
from rulener.run import limits
from rulener.run.output import remove_scratch, write_error
from rulener.run.plan import read_at
from rulener.run.trouble import Bug, Ending, Trouble
from rulener.run.work import Care, PartMaker, PartResult, make_part, result_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rulener.run.work import Job

_PDEATHSIG = 1  # of <linux/prctl.h>
_AHEAD = 2  # tasks a worker holds, so that it never waits for the next


class Syncer:
    """Finishes, syncs and closes files in a thread, so that the next part need not wait for that; then calls `done`.

    What goes wrong is raised by the next call; `failed` is told at once, with the part.
    """

    def __init__(
        self, done: Callable[[PartResult, str], None], failed: Callable[[BaseException, int], None] | None = None
    ) -> None:
        self._done = done
        self._failed = failed
        self._queue: SimpleQueue[tuple[PartMaker, str] | None] = SimpleQueue()
        self._slots = threading.Semaphore(_AHEAD)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="rulener-sync", daemon=True)
        self._thread.start()

    def submit(self, maker: PartMaker, scratch: str) -> None:
        self._slots.acquire()
        self._queue.put((maker, scratch))
        self._raise()

    def finish(self) -> None:
        """Waits for all that was submitted; raises what went wrong."""
        self._queue.put(None)
        self._thread.join()
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            maker, scratch = item
            try:
                if self._error is None:
                    result = maker.finish()
                    maker.sync()
                    self._done(result, scratch)
            except BaseException as error:  # noqa: BLE001 (raised again in the main thread)
                self._error = error
                if self._failed:
                    self._failed(error, maker.part)
            finally:
                maker.close()
                self._slots.release()


def here(
    job: Job, plan_fd: int, folder: str, tasks: Iterator[tuple[int, int, int]], commit: Callable[[PartResult, str], None]
) -> None:
    """Makes the parts in this process."""
    syncer = Syncer(commit)
    try:
        for part, offset, length in tasks:
            scratch = _scratch(folder, part, os.getpid())
            syncer.submit(make_part(job, read_at(plan_fd, offset, length), scratch), scratch)
    finally:
        syncer.finish()


def _scratch(folder: str, part: int, pid: int) -> str:
    """What the scratch files of a part begin with."""
    return os.path.join(folder, f".rulener-part-{part:05d}-{pid}")


# --- the parent's side


@dataclass(slots=True)
class _Worker:
    pid: int
    tasks: int
    results: int
    held: deque[int] = field(default_factory=deque)
    at: int | None = None  # the part it began last
    finishing: set[int] = field(default_factory=set)  # parts whose files its other thread completes
    place: int = -1  # the first note of the slice that the engine has, or -1
    allowed: float = 0.0  # seconds for that slice
    deadline: float = math.inf
    bug: Bug | None = None
    no_memory: bool = False


class Pool:
    """Up to `count` workers, started as there is work for them. `close` ends them all, at once."""

    def __init__(self, job: Job, plan_fd: int, folder: str, count: int, *, start: str | None = None) -> None:
        self._job = job
        self._plan_fd = plan_fd
        self._folder = folder
        self._count = count
        self._start = _forked if (start or ("fork" if sys.platform == "linux" else "spawn")) == "fork" else _spawned
        self._workers: dict[int, _Worker] = {}
        self._troubles: dict[int, Trouble] = {}
        self._stillborn = 0
        self._poll = select.poll()

    @property
    def busy(self) -> bool:
        return any(worker.held for worker in self._workers.values())

    @property
    def has_room(self) -> bool:
        return len(self._workers) < self._count or any(len(worker.held) < _AHEAD for worker in self._workers.values())

    def give(self, part: int, offset: int, length: int) -> None:
        """Hands a part to the worker that holds least; starts one rather than let a part wait."""
        worker = min(self._workers.values(), key=lambda worker: len(worker.held), default=None)
        if worker is None or (worker.held and len(self._workers) < self._count):
            worker = self._new_worker()
        worker.held.append(part)
        care = self._trouble(part).care
        task = [part, offset, length] if care is None else [part, offset, length, asdict(care)]
        with contextlib.suppress(BrokenPipeError):  # it is dead: `wait` will find out
            _send(worker.tasks, json.dumps(task).encode())

    def wait(self, *, block: bool) -> Iterator[tuple[PartResult, str] | int]:
        """What has come in: finished parts with their files, and numbers of parts to be given again."""
        ready = {file for file, _ in self._poll.poll(self._patience() if block else 0)}
        for file in ready:
            yield from self._heard(self._workers[file])
        for file, worker in list(self._workers.items()):
            if file not in ready and worker.deadline < time.monotonic():
                os.kill(worker.pid, signal.SIGKILL)
                yield from self._bury(worker, hung=True)

    def _patience(self) -> float | None:
        """Milliseconds until a worker will have taken too long."""
        first = min((worker.deadline for worker in self._workers.values()), default=math.inf)
        return None if first == math.inf else max(0.0, first - time.monotonic()) * 1000 + 1

    def _heard(self, worker: _Worker) -> Iterator[tuple[PartResult, str] | int]:
        message = _receive(worker.results)
        if message is None:
            yield from self._bury(worker)
            return
        report = json.loads(message)
        if "slice" in report:
            worker.place, *size = report["slice"]
            worker.allowed = self._trouble(worker.at).seconds(*size)
            worker.deadline = time.monotonic() + worker.allowed if worker.place >= 0 else math.inf
        elif "begun" in report:
            self._stillborn = 0
            worker.at, worker.place = report["begun"], -1
        elif "result" in report:
            result = result_from(report["result"])
            worker.held.remove(result.part)
            worker.finishing.discard(result.part)
            self._troubles.pop(result.part, None)
            yield result, report["scratch"]
        elif "seen" in report:
            worker.held.remove(report["seen"])
            self._troubles[report["seen"]].seen()
            yield report["seen"]
        elif "finishing" in report:
            worker.finishing.add(report["finishing"])
        elif "bug" in report or "memory" in report:
            worker.bug = tuple(report["bug"]) if "bug" in report else None
            worker.no_memory = "memory" in report
            if "part" in report:
                worker.at, worker.place = report["part"], -1
            worker.finishing.clear()
        else:
            _raise_report(report, self._folder)

    def _trouble(self, part: int | None) -> Trouble:
        return self._troubles.get(-1 if part is None else part) or Trouble(-1 if part is None else part)

    def _new_worker(self) -> _Worker:
        worker = self._start(self._job, self._plan_fd, self._folder, self._files())
        self._workers[worker.results] = worker
        self._poll.register(worker.results, select.POLLIN)
        return worker

    def _files(self) -> list[int]:
        return [file for worker in self._workers.values() for file in (worker.tasks, worker.results)]

    def _bury(self, worker: _Worker, *, hung: bool = False) -> list[int]:
        """The parts that a dead worker held; they are to be given again. Raises U209 or WorkerBug when that is no use."""
        self._forget(worker)
        code = os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])
        for part in worker.held:
            remove_scratch(_scratch(self._folder, part, worker.pid))
        ending = Ending(code, hung, worker.bug, worker.no_memory, worker.place, worker.allowed)
        if worker.at is None:
            self._stillborn += 1
            if self._stillborn > limits.ATTEMPTS:
                raise ending.error(f"a worker {{}} before it had begun, {self._stillborn} times")
        elif worker.at in worker.held:
            self._troubles.setdefault(worker.at, Trouble(worker.at)).add(ending)
        for part in worker.finishing - {worker.at} if not hung else ():  # it may have died over that
            self._troubles.setdefault(part, Trouble(part)).add(replace(ending, place=-1))
        return list(worker.held)

    def _forget(self, worker: _Worker) -> None:
        self._poll.unregister(worker.results)
        del self._workers[worker.results]
        os.close(worker.tasks)
        os.close(worker.results)

    def close(self) -> None:
        """Ends all workers. What they were at is lost; it is not in the journal."""
        for worker in list(self._workers.values()):
            if worker.held:
                os.kill(worker.pid, signal.SIGKILL)
            self._forget(worker)
            os.waitpid(worker.pid, 0)


def _raise_report(report: dict[str, Any], folder: str) -> None:
    if "error" in report:
        code, message, hint, place = report["error"]
        raise UsageError(code, message, hint=hint, place=place)
    if "system" in report:
        raise write_error(OSError(*report["system"]), folder)
    raise KeyboardInterrupt


def _forked(job: Job, plan_fd: int, folder: str, others: list[int]) -> _Worker:
    tasks_read, tasks = os.pipe()
    results, results_write = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            for file in (*others, tasks, results):
                os.close(file)
            _serve(job, plan_fd, folder, tasks_read, results_write, parent)
        finally:
            os._exit(0)
    os.close(tasks_read)
    os.close(results_write)
    return _Worker(pid, tasks, results)


def _spawned(job: Job, plan_fd: int, folder: str, others: list[int]) -> _Worker:
    import pickle
    import subprocess

    tasks_read, tasks = os.pipe()
    results, results_write = os.pipe()
    numbers = [str(number) for number in (plan_fd, tasks_read, results_write, os.getpid())]
    command = [sys.executable, "-c", "from rulener.run.workers import _spawned_main; _spawned_main()", *numbers]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, pass_fds=(plan_fd, tasks_read, results_write), start_new_session=True
    )
    os.close(tasks_read)
    os.close(results_write)
    _send(tasks, pickle.dumps((job, folder)))
    process.returncode = 0  # waited for by the pool
    return _Worker(process.pid, tasks, results)


# --- the worker's side


def _spawned_main() -> None:
    import pickle

    plan_fd, tasks, results, parent = (int(number) for number in sys.argv[1:])
    message = _receive(tasks)
    if message is not None:
        job, folder = pickle.loads(message)
        _serve(job, plan_fd, folder, tasks, results, parent)


def _serve(job: Job, plan_fd: int, folder: str, tasks: int, results: int, parent: int) -> None:
    """Makes part after part until the parent closes the pipe or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with_parent()
    reports = _Reports(results)
    syncer = Syncer(reports.finished, reports.failed_later)
    try:
        while (task := _receive(tasks)) is not None and os.getppid() == parent:
            _make(job, plan_fd, folder, json.loads(task), reports, syncer)
        syncer.finish()
    except BaseException as error:  # noqa: BLE001 (told to the parent, which ends with it)
        reports.failed(error)


def _make(job: Job, plan_fd: int, folder: str, task: list[Any], reports: _Reports, syncer: Syncer) -> None:
    part, offset, length, *more = task
    care = _care_from(more[0]) if more else None
    reports.send({"begun": part})
    scratch = _scratch(folder, part, os.getpid())
    try:
        maker = make_part(job, read_at(plan_fd, offset, length), scratch, care, reports.slice)
        if care is None:
            reports.send({"finishing": part})
        else:  # what goes wrong must go wrong while this part is the one that was begun
            maker.finish()
    except BaseException:
        remove_scratch(scratch)
        raise
    if care is None or not care.singly:
        syncer.submit(maker, scratch)
        return
    maker.close()
    remove_scratch(scratch)
    reports.send({"seen": part})


def _care_from(record: dict[str, Any]) -> Care:
    lost = {int(place): (code, reason) for place, (code, reason) in record["lost"].items()}
    return Care(lost, record["singly"], record["first"])


def _end_with_parent() -> None:
    """On Linux the system ends a worker whose parent is gone, even one that hangs."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError, ImportError):
            import ctypes

            ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)


class _Reports:
    """What a worker tells its parent, from both of its threads."""

    def __init__(self, results: int) -> None:
        self._results = results
        self._lock = threading.Lock()

    def send(self, report: dict[str, Any]) -> None:
        with self._lock:
            _send(self._results, json.dumps(report).encode())

    def slice(self, place: int, notes: int, size: int) -> None:
        self.send({"slice": [place, notes, size]})

    def failed(self, error: BaseException, part: int | None = None) -> None:
        """The last report, unless there is nobody any more."""
        if isinstance(error, RulenerError):
            report: dict[str, Any] = {"error": [error.code, error.message, error.hint, error.place]}
        elif isinstance(error, OSError):
            report = {"system": [error.errno, error.strerror]}
        elif isinstance(error, MemoryError):
            report = {"memory": True}
        elif isinstance(error, KeyboardInterrupt):
            report = {"interrupted": True}
        else:
            report = {"bug": describe_bug(error)}
        with contextlib.suppress(BrokenPipeError):
            self.send(report if part is None else {**report, "part": part})

    def failed_later(self, error: BaseException, part: int) -> None:
        """The same in the other thread, for a part that is not the one that was begun last. The next task may never come."""
        self.failed(error, part)
        os._exit(1)

    def finished(self, result: PartResult, scratch: str) -> None:
        """When there is no parent any more, what it would have put in place is removed."""
        try:
            self.send({"result": asdict(result), "scratch": scratch})
        except BrokenPipeError:
            remove_scratch(scratch)
            raise


def describe_bug(error: BaseException) -> tuple[str, str, str]:
    """(type, place, traceback) of an unexpected exception. Its message is left out: it may quote a note."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
    return type(error).__name__, place, "".join(traceback.format_exception(error))


# --- frames


def _send(file: int, message: bytes) -> None:
    view = memoryview(struct.pack("<I", len(message)) + message)
    while view:
        view = view[os.write(file, view) :]


def _receive(file: int) -> bytes | None:
    head = _exactly(file, 4)
    return None if head is None else _exactly(file, struct.unpack("<I", head)[0])


def _exactly(file: int, length: int) -> bytes | None:
    """So many bytes from a pipe, or None when its other end is gone."""
    chunks = []
    while length:
        chunk = os.read(file, length)
        if not chunk:
            return None
        chunks.append(chunk)
        length -= len(chunk)
    return b"".join(chunks)
