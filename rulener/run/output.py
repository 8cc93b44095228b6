"""The output folder: whose it is, its lock, its journal, and the files that are written when all parts are there.

`journal.jsonl` is the lock (held by the parent only) and the memory of a run. Its first line says which run this is, each
other line describes one finished part, in the order they were finished, and ends with a checksum; a line that was cut short or
spoiled is dropped with all behind it. A part is in place (written, synced, renamed) before its line is written, so what the
journal says is there. When everything is done the journal is rewritten in the order of the parts, so that a folder's bytes do
not tell how often its run was killed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import zlib
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO

from rulener.errors import UsageError
from rulener.formats.sink import measured, sync_folder
from rulener.formats.tables import LOAD, PartRecord
from rulener.run.inputs import readable
from rulener.run.work import PartResult, result_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rulener.formats.tables import Tables

JOURNAL, MANIFEST, ERRORS = "journal.jsonl", "manifest.json", "errors.jsonl"
_SCRATCH = ".rulener-"
_NFS = ".nfs"  # what a client of NFS calls a file that is removed while somebody has it open
_OURS = re.compile(r"part-\d{5,}\.[a-z0-9_.]+")
_HEAD = b'{"schema":"rulener.journal/3",'
_OVERWRITE = "give another folder, or --overwrite to start anew"


def part_name(number: int, suffix: str) -> str:
    return f"part-{number:05d}{suffix}"


class Output:
    """A locked output folder. Raises U204-U208; use as a context manager.

    With `tables` files of parts that end with LOAD go there, before the journal says that the part is done. They are opened here,
    once the folder is ours, and closed by whoever made them.
    """

    def __init__(self, folder: str, identity: dict[str, Any], *, overwrite: bool = False, tables: Tables | None = None) -> None:
        self.folder = folder
        self.identity = identity
        self._tables = tables
        self._journal, self._fresh = _locked_journal(folder)
        self._where: dict[int, tuple[int, int]] = {}
        self._complete = False
        self._given_up = False
        try:
            self._open(overwrite)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Output:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the folder to the next run. Nothing that is done is lost."""
        if not self._given_up:
            with contextlib.suppress(OSError):
                self._remove_scratch()
        with contextlib.suppress(OSError):  # a full disk, told about already
            self._journal.close()

    # --- parts

    def part_path(self, number: int, suffix: str) -> str:
        return os.path.join(self.folder, part_name(number, suffix))

    def scratch_path(self, what: str) -> str:
        return os.path.join(self.folder, f"{_SCRATCH}{what}.tmp")

    def __len__(self) -> int:
        return len(self._where)

    @property
    def numbers(self) -> list[int]:
        return sorted(self._where)

    def result(self, number: int) -> PartResult | None:
        """The journal's line about a part, or None."""
        where = self._where.get(number)
        if where is None:
            return None
        self._journal.seek(where[0])
        return result_from(self._parsed(self._journal.read(where[1])))

    def finished(self, number: int, plan: str) -> PartResult | None:
        """The journalled part, if it is there; U205 when the input it was made from has changed, U214 when its files have."""
        result = self.result(number)
        if result is None:
            if self._complete:
                raise self._other_run(["the input notes (there were fewer)"])
            return None
        if result.plan != plan:
            raise self.other_input("names, sizes or order")
        kept = [file for file in result.files if not file.suffix.endswith(LOAD)]
        found = [measured(self.part_path(number, file.suffix)) for file in kept]
        for file, sums in zip(kept, found, strict=True):
            if sums is not None and sums != (file.bytes, file.crc32):
                raise _edited(part_name(number, file.suffix), self.folder)
        if None in found or not self._is_loaded(result):
            del self._where[number]
            return None
        return result

    def other_input(self, what: str) -> UsageError:
        return self._other_run([f"the input notes ({what})"])

    def _is_loaded(self, result: PartResult) -> bool:
        return self._tables is None or self._tables.done(result.part, result.plan, result.input)

    def commit(self, result: PartResult, scratch: str) -> None:
        """Puts the written and synced files of a part in their places and journals it."""
        for file in result.files:
            if file.suffix.endswith(LOAD):
                continue
            place = self.part_path(result.part, file.suffix)
            if os.path.isdir(place):  # of a run that was killed before it had journalled it
                shutil.rmtree(place)
            _put(scratch + file.suffix, place)
        if self._tables is not None:
            self._load(result, scratch, self._tables)
        self._write_line(asdict(result), result.part)

    def _load(self, result: PartResult, scratch: str, tables: Tables) -> None:
        files = {file.suffix[1 : -len(LOAD)]: scratch + file.suffix for file in result.files if file.suffix.endswith(LOAD)}
        record = PartRecord(result.part, result.plan, result.input, result.notes, result.entities, result.failures)
        tables.load(record, files)
        for path in files.values():
            os.unlink(path)

    def _write_line(self, record: dict[str, Any], part: int | None = None) -> None:
        line = _signed(record)
        offset = self._journal.seek(0, os.SEEK_END)
        self._journal.write(line)
        self._journal.flush()
        if part is not None:
            self._where[part] = (offset, len(line))

    # --- the end

    def check_end(self, parts: int) -> None:
        """U205 when the journal knows parts that the inputs no longer have."""
        if any(number >= parts for number in self._where):
            raise self._other_run(["the input notes (there were more)"])

    def results(self) -> Iterator[PartResult]:
        """All results, in the order of the parts."""
        for number in range(len(self._where)):
            result = self.result(number)
            assert result is not None
            yield result

    def finish(self, totals: dict[str, Any]) -> None:
        """Writes errors.jsonl, manifest.json and the journal in its last form, each at once, in this order."""
        self._replace(ERRORS, self._error_lines())
        self._replace(MANIFEST, self._manifest_lines(totals))
        self._replace(JOURNAL, self._journal_lines())
        self._given_up = True  # whoever opens the new journal has the folder
        sync_folder(self.folder)

    def _error_lines(self) -> Iterator[bytes]:
        for result in self.results():
            for note_id, code, reason in result.failures:
                yield _json({"note_id": note_id, "code": code, "reason": reason}) + b"\n"

    def _journal_lines(self) -> Iterator[bytes]:
        yield _signed(self.identity)
        for result in self.results():
            yield _signed(asdict(result))

    def _manifest_lines(self, totals: dict[str, Any]) -> Iterator[bytes]:
        digest = hashlib.sha256()
        notes = failed = entities = read = written = 0
        counted: dict[str, Counter[str]] = {}
        for result in self.results():
            digest.update(f"{result.plan}{result.input}".encode())
            notes += result.notes
            failed += len(result.failures)
            entities += result.entities
            read += result.read
            written += result.bytes
            for name, found in result.counts.items():
                counted.setdefault(name, Counter()).update(found)
        head = {key: value for key, value in self.identity.items() if key != "schema"}
        counts = {"notes": notes, "annotated": notes - failed, "failed": failed, "entities": entities}
        counts |= {"parts": len(self._where), "bytes_read": read, "bytes_written": written}
        manifest = {"schema": "rulener.run/1", **head, **totals, "counts": counts, "input_sha256": digest.hexdigest()}
        if counted:
            manifest["formats"] = {name: dict(sorted(found.items())) for name, found in sorted(counted.items())}
        manifest["offsets"] = "code points of the decoded note, a byte order mark not counted"
        text = json.dumps(manifest, indent=2, ensure_ascii=False)
        yield text[: -len("\n}")].encode() + b',\n  "parts": ['
        for index, result in enumerate(self.results()):
            part: dict[str, Any] = {"notes": result.notes - len(result.failures), "entities": result.entities}
            part["files"] = [
                {"file": part_name(result.part, file.suffix), "bytes": file.bytes, "crc32": file.crc32}
                for file in result.files
                if not file.suffix.endswith(LOAD)
            ]
            yield (b",\n    " if index else b"\n    ") + _json(part)
        yield b"\n  ]\n}\n"

    def _replace(self, name: str, chunks: Iterator[bytes]) -> None:
        scratch = self.scratch_path(name)
        with open(scratch, "wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        _put(scratch, os.path.join(self.folder, name))

    # --- the beginning

    def _open(self, overwrite: bool) -> None:
        if self._fresh:
            self._refuse_foreign_files()
        elif self._read_journal(overwrite):
            self._open_tables()
            return
        self._open_tables(overwrite)
        self._journal.truncate(0)
        self._where.clear()
        self._remove_scratch()
        self._write_line(self.identity)

    def _open_tables(self, overwrite: bool = False) -> None:
        if self._tables is None:
            return
        self._journal.seek(0)
        old = self._journal.readline() if overwrite else b""
        discarded = [run_id_of(self._parsed(old))] if _is_signed(old) else []
        self._tables.open([*discarded, self._tables.run.run_id] if overwrite else [])

    def _refuse_foreign_files(self) -> None:
        foreign = sorted(name for name in os.listdir(self.folder) if name != JOURNAL and not name.startswith((_SCRATCH, _NFS)))
        if foreign:
            self._journal.close()
            os.unlink(os.path.join(self.folder, JOURNAL))
            raise UsageError(
                "U204",
                f"the output folder holds files of something else, such as {readable(foreign[0])}",
                place=readable(self.folder),
                hint="give an empty or new folder",
            )

    def _read_journal(self, overwrite: bool) -> bool:
        """Takes up the run whose journal this is. False to start anew: told so, or killed before it had written who it is."""
        head = self._journal.readline()
        if not head.startswith(_HEAD[: len(head)]):
            raise self._foreign_journal()
        if overwrite or not head.endswith(b"\n"):
            self._remove_results()
            return False
        if not _is_signed(head):
            raise self._foreign_journal()
        identity = self._parsed(head)
        if identity != self.identity:
            raise self._other_run(list(_differences(identity, self.identity)))
        self._remove_scratch()
        offset, is_whole = len(head), True
        for line in self._journal:
            if not _is_signed(line):
                is_whole = False
                break
            self._where[self._parsed(line)["part"]] = (offset, len(line))
            offset += len(line)
        self._journal.truncate(offset)
        self._complete = is_whole and os.path.exists(os.path.join(self.folder, MANIFEST))
        return True

    @staticmethod
    def _parsed(line: bytes) -> dict[str, Any]:
        """What a signed line says."""
        record: dict[str, Any] = json.loads(line)
        del record["crc32"]
        return record

    def _foreign_journal(self) -> UsageError:
        message = f"{JOURNAL} in the output folder is not a journal of rulener, or damaged"
        return UsageError("U204", message, place=readable(self.folder), hint="give an empty or new folder")

    def _other_run(self, differences: Sequence[str]) -> UsageError:
        message = "the output folder is that of another run; different: " + ", ".join(differences)
        return UsageError("U205", message, place=readable(self.folder), hint=_OVERWRITE)

    def _remove_results(self) -> None:
        """What a run has written; the journal stays, as it is the lock. Other files are left alone."""
        for name in os.listdir(self.folder):
            if _OURS.fullmatch(name) or name in (MANIFEST, ERRORS):
                _remove(os.path.join(self.folder, name))

    def _remove_scratch(self) -> None:
        for name in os.listdir(self.folder):
            if name.startswith(_SCRATCH):
                with contextlib.suppress(FileNotFoundError):  # the worker of a killed run has removed it itself
                    _remove(os.path.join(self.folder, name))


def run_id_of(identity: dict[str, Any]) -> str:
    """What a run is called: as its options say, else by a digest, the same whenever it is the same run."""
    named = identity["options"].get("run_id")
    return str(named) if named else hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]


def remove_scratch(prefix: str) -> None:
    """Remove the scratch files whose paths begin so. A later run may have done it."""
    folder, name = os.path.split(prefix)
    with contextlib.suppress(OSError):
        for found in os.listdir(folder):
            if found.startswith(name):
                _remove(os.path.join(folder, found))


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _put(scratch: str, place: str) -> None:
    """Rename. Over a network the answer may be lost or the request done twice: then it has happened, whatever the error says."""
    before = os.stat(scratch)
    try:
        os.replace(scratch, place)
    except OSError:
        with contextlib.suppress(OSError):
            if not os.path.lexists(scratch) and os.path.samestat(os.stat(place), before):
                return
        raise


def _edited(name: str, folder: str) -> UsageError:
    return UsageError(
        "U214",
        f"{name} is not as it was written",
        place=readable(folder),
        hint="move it away to have it made again, or give --overwrite to start anew",
    )


def _locked_journal(folder: str) -> tuple[BinaryIO, bool]:
    """The journal, open and locked, and whether it is new."""
    path = os.path.join(folder, JOURNAL)
    try:
        _make_folder(folder)
        while True:
            file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0), 0o666)
            journal = os.fdopen(file, "r+b")
            if not _lock(file):
                journal.close()
                raise UsageError(
                    "U206", "another run is writing to the output folder", place=readable(folder), hint="wait for its end"
                )
            if os.path.exists(path) and os.path.samestat(os.fstat(file), os.stat(path)):
                return journal, os.fstat(file).st_size == 0
            journal.close()  # replaced by a run that ended just now
    except OSError as error:
        raise write_error(error, folder) from None


def _make_folder(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError("U208", "cannot write: it is, or lies below, a file", place=readable(folder)) from None


def _lock(file: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            os.lseek(file, 1 << 40, os.SEEK_SET)  # far behind what is ever written
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            os.lseek(file, 0, os.SEEK_SET)
        except OSError:
            return False
        return True
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not flock: a forked worker must not hold it on
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):  # a file system without locks
            raise
    return True


def write_error(error: OSError, folder: str) -> UsageError:
    """U207 when the disk is full, else U208, for an output folder that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return UsageError(
            "U207", f"cannot write: {error.strerror}", place=readable(folder), hint="make room and give the same command again"
        )
    return UsageError("U208", f"cannot write: {error.strerror}", place=readable(folder))


def _differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """What tells two runs apart, for people. The engine's fingerprint only when nothing else explains it."""
    found = False
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        if was == now or key == "engine":
            continue
        found = True
        if isinstance(was, dict) and isinstance(now, dict):
            for name in sorted(was.keys() | now.keys()):
                if was.get(name) != now.get(name):
                    yield f"{name} (was {_brief(was.get(name))}, is {_brief(now.get(name))})"
        else:
            yield f"{key} (was {_brief(was)}, is {_brief(now)})"
    if not found:
        yield "the compiled engine"


def _brief(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_brief(item) for item in value) + "]"
    if isinstance(value, dict):
        name = value.get("name", "?")
        return f"{name} {value['sha256'][:8]}" if isinstance(value.get("sha256"), str) else str(name)
    return "not given" if value is None else str(value)


def _signed(record: dict[str, Any]) -> bytes:
    """A line of the journal: the record, and the CRC-32 of what stands before it."""
    body = _json(record)[:-1]
    return b'%b,"crc32":"%08x"}\n' % (body, zlib.crc32(body))


def _is_signed(line: bytes) -> bool:
    body, _, end = line.rpartition(b',"crc32":"')
    return end == b'%08x"}\n' % zlib.crc32(body)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
