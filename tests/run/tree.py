from __future__ import annotations

from pathlib import Path


def tree(folder: Path) -> dict[str, bytes]:
    """All there is in a folder, hidden files too."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
