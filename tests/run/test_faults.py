"""What happens at night: full disks, lost answers, changed notes, edited results, signals. The same bytes, or a clear refusal."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import signal
import stat
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rulener.cli.main import ended
from rulener.errors import UsageError
from rulener.run.directory import run
from rulener.run.output import Output
from tests.run.fake import FakeBatch, FakeEngine
from tests.run.faults import at_call, in_child, kill
from tests.run.poison import small_engine
from tests.run.tree import tree
from tests.small import NOTES

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")

Read = Callable[[Path], list[Any]]
FORMATS = ("jsonl", "brat", "html")


@pytest.fixture
def real(tmp_path: Path) -> Callable[[Path], None]:
    """A run of a real engine over a few notes, in formats of one file and of many."""
    engine = small_engine(tmp_path)
    folder = tmp_path / "real"
    folder.mkdir()
    for number, text in enumerate(NOTES[:5] * 2):
        (folder / f"n{number}.txt").write_text(text)
    return lambda out: (run(engine, [str(folder)], str(out), format=FORMATS, workers=2), None)[1]


@pytest.fixture
def whole(notes: Path, tmp_path: Path, small_parts: None) -> dict[str, bytes]:
    run(FakeEngine(), [str(notes)], str(tmp_path / "whole"), workers=1)
    return tree(tmp_path / "whole")


# --- the disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("this system lets nobody mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def remount(place: Path, options: str) -> None:
    """Again and again while it is busy: the system ends the workers of a killed run, but not at once."""
    command = ["mount", "-o", f"remount,{options}", str(place)]
    for _ in range(2000):
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return
    subprocess.run(command, check=True)


@pytest.mark.parametrize("size", ["8k", "32k", "96k"])
def test_a_disk_that_is_full(real: Callable[[Path], None], tmp_path: Path, disk: Path, small_parts: None, size: str) -> None:
    real(tmp_path / "whole")
    remount(disk, f"size={size}")
    for _ in range(2):
        with pytest.raises(UsageError, match=r"U207.*cannot write: No space left on device"):
            real(disk / "out")
        assert not list((disk / "out").glob(".rulener-*"))
    remount(disk, "size=8m")
    real(disk / "out")
    assert tree(disk / "out") == tree(tmp_path / "whole")


def test_a_disk_that_cannot_be_written(real: Callable[[Path], None], tmp_path: Path, disk: Path, small_parts: None) -> None:
    remount(disk, "size=8m,ro")
    with pytest.raises(UsageError, match=r"U208.*Read-only file system"):
        real(disk / "out")
    remount(disk, "rw")
    real(tmp_path / "whole")
    in_child(partial(real, disk / "out"), at_call(40, kill))
    remount(disk, "ro")
    with pytest.raises(UsageError, match=r"U208.*Read-only file system"):
        real(disk / "out")
    remount(disk, "rw")
    real(disk / "out")
    assert tree(disk / "out") == tree(tmp_path / "whole")


@pytest.mark.parametrize("lie", [OSError(errno.EIO, "Input/output error"), FileNotFoundError(errno.ENOENT, "No such file")])
def test_a_rename_whose_answer_is_lost(
    real: Callable[[Path], None], tmp_path: Path, small_parts: None, monkeypatch: pytest.MonkeyPatch, lie: OSError
) -> None:
    real(tmp_path / "whole")
    replace = os.replace

    def lost(source: str, target: str) -> None:
        replace(source, target)
        raise lie

    monkeypatch.setattr(os, "replace", lost)
    real(tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_what_a_client_of_nfs_leaves_is_not_foreign(notes: Path, tmp_path: Path, whole: dict[str, bytes]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".nfs000000000001").touch()
    run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1)
    (tmp_path / "out" / ".nfs000000000001").unlink()
    assert tree(tmp_path / "out") == whole


def test_folders_that_cannot_be_synced(
    real: Callable[[Path], None], tmp_path: Path, small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real(tmp_path / "whole")
    fsync = os.fsync

    def only_files(file: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(file)

    monkeypatch.setattr(os, "fsync", only_files)
    real(tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_writes_that_take_a_few_bytes_only(
    notes: Path, tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data[:7])))
    run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=2)
    assert tree(tmp_path / "out") == whole


def test_calls_that_signals_interrupt(notes: Path, tmp_path: Path, whole: dict[str, bytes]) -> None:
    def interrupted() -> None:
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)

    assert in_child(lambda: run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=2), interrupted) == "done"
    assert tree(tmp_path / "out") == whole


# --- notes and results that change


def stopped(notes: Path, out: Path, step: int = 45) -> None:
    """A run that was killed when some of its parts were done."""
    assert in_child(lambda: run(FakeEngine(), [str(notes)], str(out), workers=1), at_call(step, kill)) == "killed"
    assert 0 < len(list(out.glob("part-*"))) < 7


def test_a_note_that_changed_while_the_run_was_stopped(notes: Path, tmp_path: Path, small_parts: None) -> None:
    stopped(notes, tmp_path / "out")
    path = notes / "n00.txt"
    before = os.stat(path)
    path.write_text(path.read_text().replace("pain", "ache"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # and nobody can see it from outside
    with pytest.raises(UsageError, match=r"U205.*different: the input notes \(content\)"):
        run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1)


def test_a_note_that_changed_before_its_part_was_begun_is_as_it_is_now(
    notes: Path, tmp_path: Path, small_parts: None, whole: dict[str, bytes]
) -> None:
    stopped(notes, tmp_path / "out")
    path = notes / "sub2" / "n17.txt"  # in the last part
    path.write_text(path.read_text().replace("pain", "ache"))
    run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1)
    run(FakeEngine(), [str(notes)], str(tmp_path / "new"), workers=1)
    assert tree(tmp_path / "out") == tree(tmp_path / "new") != whole


@pytest.mark.parametrize("change", ["edited", "cut"])
def test_a_table_that_changes_during_the_run(tmp_path: Path, small_parts: None, change: str) -> None:
    table = tmp_path / "n.jsonl"
    lines = [json.dumps({"id": f"n{number}", "text": "pain"}) + "\n" for number in range(20)]
    table.write_text("".join(lines))

    @dataclass
    class Meddling(FakeEngine):
        def batch(self, texts: list[str], ids: list[str]) -> FakeBatch:
            if "n4" in ids:
                table.write_text("".join(lines[:10] if change == "cut" else lines).replace("pain", "ache"))
            return super().batch(texts, ids)

    with pytest.raises(UsageError, match=r"U215.*n\.jsonl: the input has changed while the run was reading it"):
        run(Meddling(), [str(table)], str(tmp_path / "out"), workers=1)
    with pytest.raises(UsageError, match=r"U205.*the input notes"):
        run(FakeEngine(), [str(table)], str(tmp_path / "out"), workers=1)


def test_a_result_that_was_edited(notes: Path, tmp_path: Path, whole: dict[str, bytes]) -> None:
    run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1)
    part = tmp_path / "out" / "part-00003.jsonl"
    part.write_bytes(edited := part.read_bytes().replace(b"0", b"9", 1))
    with pytest.raises(UsageError, match=r"U214.*part-00003\.jsonl is not as it was written"):
        run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1)
    assert part.read_bytes() == edited
    part.rename(tmp_path / "mine.jsonl")
    run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1)
    assert tree(tmp_path / "out") == whole


@pytest.mark.parametrize("name", ["errors.jsonl", "manifest.json"])
def test_what_is_made_of_the_journal_is_made_again(notes: Path, tmp_path: Path, whole: dict[str, bytes], name: str) -> None:
    run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1)
    (tmp_path / "out" / name).write_text("nonsense")
    run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1)
    assert tree(tmp_path / "out") == whole


def test_a_journal_that_was_edited(notes: Path, tmp_path: Path, whole: dict[str, bytes]) -> None:
    run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1)
    journal = tmp_path / "out" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:3], lines[3].replace(b'"notes":3', b'"notes":4'), *lines[4:]]))
    assert run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1).resumed == 2
    assert tree(tmp_path / "out") == whole
    journal.write_bytes(b"".join([lines[0].replace(b"utf-8", b"utf-9"), *lines[1:]]))
    with pytest.raises(UsageError, match=r"U204.*journal\.jsonl in the output folder is not a journal of rulener, or damaged"):
        run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1)


def test_a_run_that_ends_leaves_the_next_one_alone(notes: Path, tmp_path: Path, whole: dict[str, bytes]) -> None:
    run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=1)
    identity = {key: value for key, value in json.loads(whole["journal.jsonl"].split(b"\n")[0]).items() if key != "crc32"}
    first = Output(str(tmp_path / "out"), identity)
    first.finish({"passed_over": 0})
    with Output(str(tmp_path / "out"), identity) as second:
        scratch = Path(second.scratch_path("part"))
        scratch.touch()
        first.close()
        assert scratch.exists()


# --- signals, memory, clocks


@dataclass
class Signalling(FakeEngine):
    """Sends the process of the run a signal at the note with the word "now"."""

    run_pid: int = 0
    number: int = signal.SIGTERM

    def batch(self, texts: list[str], ids: list[str]) -> FakeBatch:
        if any("now" in text for text in texts):
            os.kill(self.run_pid, self.number)
            while True:
                signal.pause()  # until the run ends its workers
        return super().batch(texts, ids)


@pytest.mark.parametrize(("number", "code", "word"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")])
def test_a_signal_ends_the_run_in_order(
    notes: Path, tmp_path: Path, small_parts: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    number: int, code: int, word: str,
) -> None:  # fmt: skip
    (notes / "n08.txt").write_text("now")
    engine = Signalling(run_pid=os.getpid(), number=number)
    monkeypatch.setattr("rulener.cli.run.load_engine", lambda make: engine)
    before = signal.getsignal(signal.SIGTERM)
    assert ended(["run", str(notes), "-o", str(tmp_path / "out"), "--workers", "2"]) == code
    assert signal.getsignal(signal.SIGTERM) is before
    assert capsys.readouterr().err == f"rulener: {word}; what is done stays, the same command goes on from there\n"
    assert not list((tmp_path / "out").glob(".rulener-*"))
    run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=2)
    run(FakeEngine(), [str(notes)], str(tmp_path / "whole"), workers=1)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


@dataclass
class Hungry(FakeEngine):
    """Needs a gigabyte for the note with the word "hungry"; `when` says where."""

    when: str = "annotating"

    def batch(self, texts: list[str], ids: list[str]) -> FakeBatch:
        if self.when == "annotating" and any("hungry" in text for text in texts):
            bytearray(1 << 30)
        return super().batch(texts, ids)

    def json_lines(self, batch: FakeBatch) -> bytes:
        if self.when == "writing" and any('"n08.txt"' in line for line in batch.lines):
            bytearray(1 << 30)
        return super().json_lines(batch)


@pytest.mark.parametrize(
    ("when", "reason"), [("annotating", "not enough memory for its 6 characters"), ("writing", "not enough memory for it")]
)
@pytest.mark.parametrize("count", [1, 2])
def test_a_worker_without_memory(
    notes: Path, tmp_path: Path, small_parts: None, errors: Read, lines: Read, when: str, reason: str, count: int
) -> None:
    (notes / "n08.txt").write_text("hungry")

    def little() -> None:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20),) * 2)

    if not Path("/proc/self/statm").exists():
        pytest.skip("how much memory a process has is read from Linux's kernel")
    work = partial(run, Hungry(when=when), [str(notes)], str(tmp_path / "out"), workers=count)
    assert in_child(work, little) == "done"
    assert errors(tmp_path / "out") == [{"note_id": "n08.txt", "code": "N105", "reason": reason}]
    assert len(lines(tmp_path / "out")) == 19


def test_a_clock_that_jumps(notes: Path, tmp_path: Path, whole: dict[str, bytes]) -> None:
    def jumping() -> None:
        jumps = iter(range(1 << 30))
        time.time = lambda: float((next(jumps) * 86_400_007) % (1 << 33))  # type: ignore[assignment]
        time.time_ns = lambda: (next(jumps) * 86_400_007_000_000_000) % (1 << 62)  # type: ignore[assignment]

    for path in notes.rglob("*.txt"):
        os.utime(path, (1 << 33, 1 << 33))  # written in the future
    assert in_child(lambda: run(FakeEngine(), [str(notes)], str(tmp_path / "out"), workers=2), jumping) == "done"
    assert tree(tmp_path / "out") == whole


# --- the auditor


def test_the_manifest_says_what_made_each_row(real: Callable[[Path], None], tmp_path: Path, small_parts: None) -> None:
    real(tmp_path / "out")
    out = tmp_path / "out"
    manifest = json.loads((out / "manifest.json").read_text())
    (pack,), (lexicon,) = manifest["packs"], manifest["lexicons"]
    assert (pack["name"], pack["version"]) == ("small", "1.0.0")
    assert lexicon["sha256"] == hashlib.sha256((tmp_path / "lexicon.tsv").read_bytes()).hexdigest()
    assert len(pack["sha256"]) == len(manifest["engine"]) == len(manifest["input_sha256"]) == 64
    assert manifest["options"]["format"] == "jsonl,brat,html"
    assert manifest["options"]["resolution"] == "longest"
    notes = 0
    for number, part in enumerate(manifest["parts"]):
        assert [file["file"] for file in part["files"]] == [f"part-{number:05d}.{name}" for name in ("jsonl", "brat", "html")]
        rows = (out / f"part-{number:05d}.jsonl").read_bytes()
        assert part["files"][0] == {"file": f"part-{number:05d}.jsonl", "bytes": len(rows), "crc32": f"{zlib.crc32(rows):08x}"}
        found = [json.loads(line) for line in rows.splitlines()]
        assert part["notes"] == len(found)
        assert part["entities"] == sum(len(note["entities"]) for note in found)
        assert {note["engine"] for note in found} <= {manifest["engine"]}
        notes += len(found)
    assert manifest["counts"]["annotated"] == notes == 10


FIELDS = {
    "schema", "rulener", "engine", "packs", "lexicons", "options", "inputs", "run_id", "passed_over", "counts", "input_sha256",
    "offsets", "parts",
}  # fmt: skip


def test_the_page_of_runs_names_every_field_of_the_manifest(real: Callable[[Path], None], tmp_path: Path) -> None:
    real(tmp_path / "out")
    assert set(json.loads((tmp_path / "out" / "manifest.json").read_text())) == FIELDS
    page = (Path(__file__).parents[2] / "docs/guide/running.md").read_text(encoding="utf-8")
    section = page[page.index("## The manifest") :].partition("\n## ")[0]
    assert {name for name in FIELDS if f"| `{name}` |" not in section} == set()
