"""Where the packs and lexicons that ship with rulener lie: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


@cache
def _home(kind: str) -> Path:
    installed = _PACKAGE / "shipped" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def packs() -> dict[str, Path]:
    """Name -> folder of the shipped rule packs."""
    home = _home("rules")
    return {path.name: path for path in sorted(home.iterdir()) if (path / "pack.yaml").is_file()} if home.is_dir() else {}


def lexicons() -> list[Path]:
    """The shipped term tables, by name."""
    home = _home("lexicons")
    return sorted(home.glob("*.tsv")) if home.is_dir() else []
