"""A pack as it was in a revision of its git repository."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

from rulener.errors import UsageError


def checkout(revision: str, path: str, target: Path) -> Path:
    """Write the folder `path` (relative to the working directory) as of `revision` into `target`; the folder made there.

    Only regular files are written. Raises UsageError U273 when there is no git, no such revision or no such folder in it.
    """
    place = f"{revision}:{path}"
    folder = Path(path)
    here = folder.parent if folder.parent.is_dir() else Path()
    found = _git(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}:./{folder.name}"], here, place)
    top = _git(["rev-parse", "--show-toplevel"], here, place)  # below it, archive would look for the folder once more
    archive = _git(["archive", "--format=tar", found.decode().strip()], Path(os.fsdecode(top.rstrip(b"\n"))), place)
    made = target / folder.name
    made.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files:
            parts = PurePosixPath(member.name).parts
            content = files.extractfile(member) if member.isfile() and len(parts) == 1 and parts[0] != ".." else None
            if content is not None:  # a pack has no folders of its own
                (made / parts[0]).write_bytes(content.read())
    return made


def _git(arguments: list[str], folder: Path, place: str) -> bytes:
    try:
        ended = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    except OSError:
        raise UsageError("U273", "git is not installed", place=place, hint="give a folder instead of REVISION:FOLDER") from None
    if ended.returncode:
        hint = "REVISION:FOLDER names a folder of the git repository as it was in a revision: HEAD~1:mypack"
        raise UsageError("U273", "git has no such folder in such a revision", place=place, hint=hint)
    return ended.stdout
