"""The stages between reader and table, by name: curation, then variants; and what they did, as a file."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rulener.errors import LexiconError, UsageError
from rulener.lexicon import curate, variants
from rulener.lexicon.build import Stage
from rulener.lexicon.report import Named, StageReport

_MODULES: dict[str, Any] = {"curate": curate, "variants": variants}
STAGES = tuple(_MODULES)
"""In the order they work."""


def rules() -> Iterator[tuple[str, Named]]:
    """`(stage, rule)` of all stages, in order."""
    for stage, module in _MODULES.items():
        for rule in module.RULES:
            yield stage, rule


def make_stages(
    names: Iterable[str] = STAGES, *, only: Iterable[str] = (), without: Iterable[str] = ()
) -> tuple[list[Stage], list[StageReport]]:
    """The stages of these names for `build_table`, and the reports they will fill.

    `only` and `without` name rules of any stage; a stage of which `only` names no rule is left out.
    Raises UsageError: U100 for a name that is no rule.
    """
    only, without = list(only), list(without)
    _check(only + without)
    stages: list[Stage] = []
    reports: list[StageReport] = []
    wanted = set(names)
    for name, module in _MODULES.items():
        own = [rule.name for rule in module.RULES]
        mine = [rule for rule in only if rule in own]
        if name not in wanted or (only and not mine):
            continue
        report = module.new_report()
        work = getattr(module, name)
        stages.append(partial(work, report=report, only=mine, without=[rule for rule in without if rule in own]))
        reports.append(report)
    return stages, reports


def _check(names: Sequence[str]) -> None:
    known = [rule.name for _, rule in rules()]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "`rulener lexicon rules` lists them"
            raise UsageError("U100", f"{name!r} is no rule of curation or variants", hint=hint)


def write_report(reports: Sequence[StageReport], path: Path) -> None:
    """The reports in one file: JSON when its name ends in .json, else text. Raises LexiconError: L104 it cannot be written."""
    if path.suffix.lower() == ".json":
        text = json.dumps({"stages": [report.to_dict() for report in reports]}, ensure_ascii=False, indent=2) + "\n"
    else:
        text = "\n\n".join(report.to_text() for report in reports)
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise LexiconError("L104", f"the report cannot be written: {error.strerror}", place=str(path)) from error
