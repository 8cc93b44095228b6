"""The files of the packs on the workbench: which may be opened, what is unsaved, and saving without losing anybody's work.

A file is named by its key, `PACK/FILE.yaml`: pack by the name of its folder (`mypack`, a second one `mypack-2`), file by its
name. Nothing else can be opened: keys are looked up in the listing of the folders, never joined to a path, and what is a link to
a place outside its folder is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rulener.authoring.files import replace_file, yaml_files
from rulener.authoring.lock import LOCK_FILE
from rulener.errors import UsageError

MAX_BYTES = 8 << 20  # of a file that is opened in the editor
_BOM = "\ufeff"


@dataclass(slots=True)
class Buffer:
    """A file as it was read, and as it is in the editor. `text` has line feeds only; `newline` is what the file has."""

    path: Path
    saved: str
    text: str
    digest: str  # SHA-256 of the bytes on disk when they were read or written
    newline: str = "\n"
    bom: bool = False

    @property
    def is_dirty(self) -> bool:
        return self.text != self.saved


@dataclass(frozen=True, slots=True)
class Conflict:
    """A file that changed on disk while it was edited. `theirs` is what it holds now, None when it is gone."""

    key: str
    theirs: str | None
    digest: str


@dataclass(slots=True)
class Files:
    """The YAML files of some packs. `packs` maps the first part of a key to a folder."""

    packs: dict[str, Path]
    _buffers: dict[str, Buffer] = field(default_factory=dict)

    @classmethod
    def of(cls, folders: Sequence[Path]) -> Files:
        """The files of these folders."""
        packs: dict[str, Path] = {}
        for folder in folders:
            packs[_free_name(folder.resolve().name or "pack", packs)] = folder.resolve()
        return cls(packs)

    # --- what there is

    def listed(self) -> list[str]:
        """Every file that can be opened, packs in order, files by name. Those edited but deleted meanwhile are among them."""
        found = [key for key, is_own in self._in_folders() if is_own]
        gone = [key for key in self._buffers if key not in found and self._buffers[key].is_dirty]
        return [*found, *gone]

    def refused(self) -> list[str]:
        """Files that are not opened since they lead out of their folder."""
        return [key for key, is_own in self._in_folders() if not is_own]

    def _in_folders(self) -> list[tuple[str, bool]]:
        """Each YAML file's key, and whether it lies where it seems to."""
        return [
            (f"{pack}/{path.name}", _is_own(path, folder)) for pack, folder in self.packs.items() for path in yaml_files(folder)
        ]

    def path_of(self, key: str) -> Path:
        """The path of a file. Raises UsageError U350 for a key that is none of the packs' files."""
        pack, _, name = key.partition("/")
        folder = self.packs.get(pack)
        if key in self._buffers:
            return self._buffers[key].path
        if folder is None or key not in self.listed():
            hint = "only the .yaml files of the packs given on the command line can be opened, no links out of their folder"
            raise UsageError("U350", "no file of the packs on the workbench", place=key, hint=hint)
        return folder / name

    # --- reading and editing

    def open(self, key: str) -> Buffer:
        """The file as it is in the editor, read from disk when it was not open or has no unsaved edits.

        Raises UsageError U350 (no such file), U351 (it cannot be read as text).
        """
        path = self.path_of(key)
        known = self._buffers.get(key)
        if known is not None and known.is_dirty:
            return known
        buffer = _read(path, key)
        self._buffers[key] = buffer
        return buffer

    def text(self, key: str) -> str:
        """What is in the editor, or on disk. Raises as `open`."""
        known = self._buffers.get(key)
        return known.text if known is not None else self.open(key).text

    def edit(self, key: str, text: str) -> None:
        """Take what the editor holds. Raises as `open`."""
        buffer = self._buffers.get(key) or self.open(key)
        buffer.text = text.replace("\r\n", "\n").replace("\r", "\n")

    def is_dirty(self, key: str) -> bool:
        return key in self._buffers and self._buffers[key].is_dirty

    def dirty(self) -> list[str]:
        """The files with unsaved edits."""
        return [key for key in self._buffers if self._buffers[key].is_dirty]

    def revert(self, key: str) -> Buffer:
        """Take the file from disk again; unsaved edits are gone."""
        path = self.path_of(key)
        self._buffers.pop(key, None)
        buffer = _read(path, key)
        self._buffers[key] = buffer
        return buffer

    # --- saving

    def save(self, key: str, *, over: str | None = None) -> Conflict | None:
        """Write the editor's text. None when that was done; a Conflict, and nothing is written, when the file on disk is not the
        one that was opened. `over` is the `digest` of a Conflict that was shown: that state may be overwritten, a later one not.

        Raises UsageError U271 when the file cannot be written.
        """
        buffer = self._buffers.get(key) or self.open(key)
        path = self.path_of(key)
        if not _is_own(path, self.packs[key.partition("/")[0]]):
            raise UsageError("U350", "this has become a link out of its folder", place=key, hint="make it a file again")
        now = _digest_of(path)
        if now not in (buffer.digest, over):
            return Conflict(key, _text_of(path), now)
        data = _encoded(buffer)
        replace_file(path, data)
        buffer.saved = buffer.text
        buffer.digest = hashlib.sha256(data).hexdigest()
        return None

    def create(self, pack: str, name: str, text: str) -> str:
        """A file that is not there yet, as an unsaved buffer; its key. An existing one is opened instead."""
        key = f"{pack}/{name}"
        if key not in self.listed():
            self._buffers[key] = Buffer(self.packs[pack] / name, "", text, "")
        return key

    # --- others who write

    def stamps(self) -> dict[str, tuple[int, int]]:
        """Size and time of change of every file that the checks read, to notice when somebody else writes one."""
        found: dict[str, tuple[int, int]] = {}
        for pack, folder in self.packs.items():
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.lower().endswith((".yaml", ".yml")) or entry.name == LOCK_FILE:
                        with contextlib.suppress(OSError):
                            status = entry.stat()
                            found[f"{pack}/{entry.name}"] = (status.st_size, status.st_mtime_ns)
        return found

    def is_overtaken(self, key: str) -> bool:
        """Whether the file on disk is not the one that was opened."""
        buffer = self._buffers.get(key)
        return buffer is not None and _digest_of(buffer.path) != buffer.digest

    # --- for the session

    def contents(self, pack: str) -> dict[str, bytes]:
        """Name and bytes of each file of a pack that the checks read, with the unsaved edits in place."""
        found = self.on_disk(pack)
        for key, buffer in self._buffers.items():
            if key.partition("/")[0] == pack and buffer.is_dirty:
                found[buffer.path.name] = _encoded(buffer)
        return found

    def on_disk(self, pack: str) -> dict[str, bytes]:
        """The same as saved. What leads out of the folder or cannot be read is left out."""
        folder = self.packs[pack]
        found: dict[str, bytes] = {}
        with contextlib.suppress(OSError):
            for path in sorted(folder.iterdir()):
                if path.name.lower().endswith((".yaml", ".yml")) or path.name == LOCK_FILE:
                    with contextlib.suppress(OSError):
                        if path.is_file() and _is_own(path, folder):
                            found[path.name] = path.read_bytes()
        return found


def _free_name(name: str, taken: dict[str, Path]) -> str:
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def _is_own(path: Path, folder: Path) -> bool:
    """Whether a path leads to a place directly in the folder."""
    return Path(os.path.realpath(path)).parent == folder


def _read(path: Path, key: str) -> Buffer:
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise UsageError("U351", f"the file cannot be opened: {error.strerror}", place=key) from None
    if size > MAX_BYTES:
        hint = "spread the rules over several files"
        raise UsageError("U351", f"the file has {size:,} bytes; the editor takes {MAX_BYTES:,}", place=key, hint=hint)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        hint = "save it as UTF-8 with the program it was written with"
        raise UsageError("U351", f"the file is not UTF-8: byte {error.start} of {len(data)}", place=key, hint=hint) from None
    bom = text.startswith(_BOM)
    text = text.removeprefix(_BOM)
    newline = "\r\n" if "\r\n" in text and text.count("\r\n") * 2 > text.count("\n") else "\n"
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return Buffer(path, plain, plain, hashlib.sha256(data).hexdigest(), newline, bom)


def _encoded(buffer: Buffer) -> bytes:
    text = buffer.text if buffer.newline == "\n" else buffer.text.replace("\n", buffer.newline)
    return ((_BOM if buffer.bom else "") + text).encode("utf-8", "replace")


def _digest_of(path: Path) -> str:
    """Of the bytes on disk; empty when there is no such file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _text_of(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8-sig", "replace").replace("\r\n", "\n")
    except OSError:
        return None
