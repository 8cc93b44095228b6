"""The files of a pack, and writing one so that nobody ever sees half of it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rulener.errors import UsageError


def yaml_files(folder: Path) -> list[Path]:
    """The YAML files of a pack's folder by name: rules, settings and cases."""
    return sorted(path for path in folder.glob("*.yaml") if path.is_file() and not path.name.startswith("."))


def replace_file(path: Path, data: bytes) -> None:
    """Write beside the file, then put it in its place. A link stays a link and an existing file keeps its rights.

    Raises UsageError U271 when that cannot be done; the file is then as it was.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask()
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, mode)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise UsageError("U271", f"cannot be written: {error.strerror}", place=str(path)) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
