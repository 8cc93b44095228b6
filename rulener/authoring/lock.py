"""The version lock: a stable rule that changes what it does asks for a new version of its pack.

`rules.lock` beside `pack.yaml` holds the pack's version and, for every stable rule, a hash of what the rule does. Layout,
comments, notes, examples and status do not count.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rulener.authoring.files import replace_file
from rulener.authoring.outline import Entry, outline
from rulener.packs.diagnostics import Diagnostic, Findings
from rulener.packs.model import Pack, Place

LOCK_FILE = "rules.lock"
SCHEMA = "rulener.lock/1"
OWN_CODES = ("R325", "R326", "R329")


def write_lock(pack: Pack) -> Path:
    """Write the lock of a pack as it is now. Raises UsageError U271."""
    rules = {entry.id: entry.meaning for entry in _stable(outline(pack.path))}
    content = {"schema": SCHEMA, "pack": pack.name, "version": pack.version, "rules": dict(sorted(rules.items()))}
    path = pack.path / LOCK_FILE
    replace_file(path, (json.dumps(content, indent=2) + "\n").encode("utf-8"))
    return path


def check_lock(pack: Pack, entries: Sequence[Entry]) -> list[Diagnostic]:
    """What has changed against the pack's lock, if it has one: R325 for edited rules, R326 for vanished ones."""
    path = pack.path / LOCK_FILE
    if not path.is_file():
        return []
    findings = Findings()
    shown = f"{pack.path.as_posix()}/{LOCK_FILE}"
    locked = _read(path)
    if locked is None:
        findings.error("R329", f"`{LOCK_FILE}` cannot be read", Place(shown, 1, 1), fix="write it anew: `rulener check --lock`")
        return findings.all
    now = {entry.id: entry for entry in entries if entry.kind != "cases"}
    if locked["version"] == pack.version:
        _edited(pack, locked["rules"], now, findings)
    for id_ in locked["rules"]:
        if id_ not in now:
            findings.warning(
                "R326",
                f"the stable rule `{id_}` is gone",
                Place(shown, 1, 1),
                notes=["results and reports of earlier versions name rules by their id"],
                fix="keep it with `status: deprecated`, or write the lock anew: `rulener check --lock`",
            )
    return findings.all


def _edited(pack: Pack, locked: dict[str, str], now: dict[str, Entry], findings: Findings) -> None:
    for id_, entry in now.items():
        if id_ in locked and locked[id_] != entry.meaning:
            findings.error(
                "R325",
                f"the stable rule `{id_}` was edited, and the pack still has the version {pack.version}",
                Place(entry.path, entry.line, 1),
                notes=[f"it no longer does what it did when {LOCK_FILE} was written"],
                fix="raise `version` in pack.yaml, then write the lock anew: `rulener check --lock`",
            )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    good = isinstance(content, dict) and isinstance(content.get("version"), str) and isinstance(content.get("rules"), dict)
    return content if good and content.get("schema") == SCHEMA else None


def _stable(entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.kind != "cases" and entry.status == "stable" and entry.id]
