"""Pack arguments of the authors' commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rulener import shipped
from rulener.errors import UsageError
from rulener.run.inputs import readable

if TYPE_CHECKING:
    from collections.abc import Sequence


def folders_of(packs: Sequence[str]) -> list[Path]:
    """The folders the arguments name; `pack.yaml` stands for its folder. U201 when there is none."""
    folders = [Path(pack).parent if Path(pack).name == "pack.yaml" else Path(pack) for pack in packs]
    for folder in folders:
        if not folder.is_dir():
            raise UsageError("U201", "no such folder", place=readable(str(folder)), hint="a pack is a folder with a pack.yaml")
    return folders


def base_of(folders: Sequence[Path], no_base: bool) -> list[Path]:
    """The shipped English pack, unless it is unwanted or among the folders itself."""
    base = shipped.packs()["english"]
    return [] if no_base or any(folder.resolve() == base.resolve() for folder in folders) else [base]
