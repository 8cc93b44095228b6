"""Compile on first use: artifacts in the user's cache folder, by fingerprint, safe when processes race.

A race is harmless: both compile, both write a temporary file and rename it, and the bytes are the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rulener.errors import ArtifactError, LexiconError, UsageError

_MEMO_FROM_BYTES = 4 << 20  # smaller files are hashed every time
KEPT_FILES = 32
KEPT_BYTES = 20_000_000_000
_NAME = re.compile(r"[0-9a-f]{64}\.rnr")
_SETTLED_SECONDS = 2.0  # a file changed more recently may change again within its time stamp's resolution


def cache_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """Where compiled artifacts are kept: the argument, RULENER_CACHE_DIR, or the user's cache folder."""
    if given is not None:
        return Path(given)
    if os.environ.get("RULENER_CACHE_DIR"):
        return Path(os.environ["RULENER_CACHE_DIR"])
    import platformdirs

    return Path(platformdirs.user_cache_dir("rulener", appauthor=False))


def hash_lexicon(path: Path, folder: Path) -> str:
    """SHA-256 of a lexicon file. That of a large one is remembered by path, size and time of change."""
    try:
        status = path.stat()
    except OSError as error:
        raise LexiconError("L101", f"the lexicon cannot be read: {error.strerror}", place=str(path)) from error
    if path.is_dir():
        raise LexiconError("L101", "this is a folder, not a term table", place=str(path), hint="give the table's file")
    settled = time.time() - status.st_mtime > _SETTLED_SECONDS
    if status.st_size < _MEMO_FROM_BYTES or not settled:
        return _sha256(path)
    key = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    memo = folder / "hashes" / f"{key}.json"
    stamp = [status.st_size, status.st_mtime_ns, status.st_ino]
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(memo.read_text("utf-8"))
        if known["stamp"] == stamp:
            return str(known["sha256"])
    digest = _sha256(path)
    with contextlib.suppress(OSError):
        memo.parent.mkdir(parents=True, exist_ok=True)
        temporary = memo.with_name(f"{memo.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps({"stamp": stamp, "sha256": digest}), "utf-8")
        os.replace(temporary, memo)
    return digest


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise LexiconError("L101", f"the lexicon cannot be read: {error.strerror}", place=str(path)) from error
    return digest.hexdigest()


def hash_pack(folder: Path) -> str:
    """SHA-256 over what the pack's content hash covers (names and bytes of its rule files), without parsing them."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.yaml")):
        if path.name.endswith(".cases.yaml") or not path.is_file():
            continue
        content = b""
        with contextlib.suppress(OSError):  # reading the pack says what is wrong
            content = path.read_bytes()
        for part in (os.fsencode(path.name), content):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
    return digest.hexdigest()


def cached_artifact(
    packs: Sequence[Path],
    lexicons: Sequence[Path],
    *,
    resolution: str | None,
    context: Mapping[str, str] | None = None,
    base_folder: str | os.PathLike[str] | None,
    afresh: bool = False,
) -> Path:
    """The artifact of these inputs: from the cache, or compiled into it now (with `afresh` in any case).

    `context` overrides options of every pack.

    Raises PackError, LexiconError, UsageError (U108: the cache folder cannot be written).
    """
    from rulener import artifact
    from rulener.compiler.fingerprint import fingerprint

    folder = cache_folder(base_folder)
    hashes = [hash_lexicon(path, folder) for path in lexicons]
    key = fingerprint(
        [(path.name, hash_pack(path)) for path in packs],
        [(path.name, digest) for path, digest in zip(lexicons, hashes, strict=True)],
        {"resolution": resolution, **(context or {})},
    )
    target = folder / f"{key.hex()}.rnr"
    if not afresh:
        with contextlib.suppress(ArtifactError):  # one that is not there, or damaged, is made
            artifact.OpenArtifact(target)
            with contextlib.suppress(OSError):
                os.utime(target)  # used now: `_drop_old` keeps what was used last
            return target
    try:
        compile_inputs(packs, lexicons, hashes, resolution, key, target, folder, context)
    except OSError as error:
        hint = "RULENER_CACHE_DIR or `cache_dir` name another folder"
        raise UsageError("U108", f"the cache cannot be written: {error.strerror}", place=str(folder), hint=hint) from error
    _drop_old(folder, target)
    return target


def described(base_folder: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """The cache: its folder, how many compiled files it has, their bytes, and how many of both it keeps."""
    folder = cache_folder(base_folder)
    sizes = [size for _, size, _ in _compiled(folder)]
    keeps = {"keeps_files": KEPT_FILES, "keeps_bytes": _kept_bytes()}
    return {"folder": str(folder), "files": len(sizes), "bytes": sum(sizes), **keeps}


def _compiled(folder: Path) -> list[tuple[int, int, Path]]:
    """Time of use, size and path of the compiled files. Others in the folder are none of ours."""
    found = []
    for path in folder.glob("*.rnr"):
        with contextlib.suppress(OSError):
            if _NAME.fullmatch(path.name):
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
    return found


def _drop_old(folder: Path, newest: Path) -> None:
    """Keep the files that were used last, and this one in any case. A process that has a removed one mapped keeps its content (on
    Windows it cannot be removed); one that comes too late for it compiles again."""
    left = _kept_bytes()
    last_used = sorted(_compiled(folder), key=lambda one: (one[2] != newest, -one[0], one[2].name))
    for kept, (_, size, path) in enumerate(last_used, 1):
        left -= size
        if path != newest and (left < 0 or kept > KEPT_FILES):
            with contextlib.suppress(OSError):
                path.unlink()


def _kept_bytes() -> int:
    """RULENER_CACHE_MB, or the usual limit. Raises UsageError (U109: it is no number)."""
    given = os.environ.get("RULENER_CACHE_MB")
    if not given:
        return KEPT_BYTES
    if not given.isdecimal():
        hint = "for example RULENER_CACHE_MB=4000"
        raise UsageError("U109", f"RULENER_CACHE_MB is {given!r}, not a number of megabytes", hint=hint)
    return int(given) * 1_000_000


def compile_inputs(
    packs: Sequence[Path],
    lexicons: Sequence[Path],
    hashes: Sequence[str],
    resolution: str | None,
    key: bytes,
    target: Path,
    folder: Path | None = None,
    context: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Read the packs and compile everything to `target`. Large lexicons are taken from the cache `folder`, or put there.

    `context` overrides options of every pack.

    Raises PackError, LexiconError, and OSError when `target` cannot be written.
    """
    from rulener.compiler.build import CompileInputs, compile_artifact
    from rulener.packs.parse import load_packs

    loaded = load_packs(packs)
    if context:
        loaded = [replace(pack, options=replace(pack.options, **context)) for pack in loaded]
    named = [pack.resolution for pack in loaded if pack.resolution is not None]
    policy = resolution or (named[-1] if named else "longest")
    inputs = CompileInputs(tuple(loaded), tuple(lexicons), tuple(hashes), policy, key, folder)
    return compile_artifact(inputs, target)
