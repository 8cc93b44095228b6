"""All findings about packs: what `rulener check` prints and the workbench shows at the lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from rulener.authoring.lock import check_lock
from rulener.authoring.outline import Entry, outline, rule_at
from rulener.authoring.probes import probe
from rulener.engine import PathLike, find_conflicts
from rulener.errors import PackError
from rulener.packs.cases import load_cases
from rulener.packs.checks import ALL_CHECKS, REFUSING
from rulener.packs.diagnostics import Diagnostic, Findings, has_errors, name_of, sort_diagnostics
from rulener.packs.link import known_label_names, link
from rulener.packs.model import Pack, Silence
from rulener.packs.parse import read_pack


@dataclass(frozen=True, slots=True)
class Report:
    """What is known about some packs.

    `silenced` are warnings that the packs' settings take back; `waiting` are checks that were not made because of the errors;
    `messages` name the lexicon rows that could not be read.
    """

    packs: tuple[Pack, ...]
    findings: tuple[Diagnostic, ...]
    silenced: tuple[Diagnostic, ...] = ()
    waiting: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()


def find(
    folders: Sequence[Path],
    *,
    base: Sequence[Path] = (),
    lexicons: Sequence[PathLike] = (),
) -> Report:
    """Every finding about the packs in `folders`, used together with those in `base`; what speaks only of `base` is left out.

    Raises LexiconError for a table that cannot be used.
    """
    *_, report = find_in_steps(folders, base=base, lexicons=lexicons)
    return report


def find_in_steps(
    folders: Sequence[Path],
    *,
    base: Sequence[Path] = (),
    lexicons: Sequence[PathLike] = (),
    known: Mapping[Path, Pack] = MappingProxyType({}),
) -> Iterator[Report]:
    """The same, what is quick first: reports that grow. The last one is whole; who needs no more may stop before.

    `known` are packs that were read already, without findings, by their folder.
    """
    packs: list[Pack] = []
    found: list[Diagnostic] = []
    for folder in [*base, *folders]:
        pack, diagnostics = (known[folder], []) if folder in known else read_pack(folder)
        found += diagnostics
        packs += [pack] if pack is not None else []
    found += link(packs, warn=False)
    checked = [pack for pack in packs if pack.path in folders]
    for pack in checked:
        found += load_cases(pack.path, labels=known_label_names(packs) if not pack.unread else None)[1]
    entries = [entry for pack in checked for entry in outline(pack.path)]
    for pack in checked:
        found += check_lock(pack, [entry for entry in entries if Path(entry.path).parent == pack.path])
    unread = sorted({kind for pack in packs for kind in pack.unread} & {"labels", "sections", "words", "axes"})
    waiting = [f"unknown {', '.join(unread)}"] if unread else []
    later = "conflicts of terms, cues and headings; texts that never match"

    def report(*still: str, messages: Sequence[str] = ()) -> Report:
        own = [diagnostic for diagnostic in found if not _only_in(diagnostic, base)]
        kept, silenced = _silence(own, checked, entries, complete=not waiting and not still)
        ordered = tuple(sort_diagnostics(kept)), tuple(sort_diagnostics(silenced))
        return Report(tuple(packs), *ordered, (*waiting, *still), tuple(messages))

    yield report("lints", later)
    for check in ALL_CHECKS:
        if check not in REFUSING:
            found += check.check(packs)
            yield report("lints", later)
    if has_errors(found):
        yield report(later)
        return
    conflicts, messages = find_conflicts(packs, lexicons)
    found += conflicts
    yield report("texts that never match", messages=messages)
    found += _probed(packs, checked)
    yield report(messages=messages)


def _probed(packs: Sequence[Pack], checked: Sequence[Pack]) -> list[Diagnostic]:
    try:
        return probe(packs, checked)
    except PackError as error:  # what only the compiler refuses
        return list(error.diagnostics)


def _only_in(diagnostic: Diagnostic, folders: Sequence[Path]) -> bool:
    """Whether a finding speaks only of files in these folders: the shipped pack's author, not the reader, must see to it."""
    paths = [Path(located.place.path).parent for located in diagnostic.places]
    return bool(paths) and all(path in folders for path in paths)


# --- silenced warnings -------------------------------------------------------------------------------------------------


def _silence(
    found: Sequence[Diagnostic], packs: Sequence[Pack], entries: Sequence[Entry], *, complete: bool
) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """Findings kept and silenced. When all checks were made, a silence that silences nothing is a finding of its own."""
    silences = [(pack, silence, rule.value) for pack in packs for silence in pack.silences for rule in silence.rules]
    used: set[int] = set()
    kept, silenced = [], []
    for diagnostic in found:
        number = _silence_of(diagnostic, silences, entries)
        if number is None:
            kept.append(diagnostic)
        else:
            used.add(number)
            silenced.append(diagnostic)
    idle = Findings()
    for number, (_, silence, id_) in enumerate(silences):
        if complete and number not in used:
            text = next(text for text in silence.rules if text.value == id_)
            idle.warning(
                "R320",
                f"`{id_}` has no warning `{silence.warning.value}` that could be silenced",
                text.place,
                fix="remove it, so that a warning that comes later is seen",
            )
    return kept + idle.all, silenced


def _silence_of(
    diagnostic: Diagnostic, silences: Sequence[tuple[Pack, Silence, str]], entries: Sequence[Entry]
) -> int | None:
    if diagnostic.severity != "warning" or diagnostic.place is None:
        return None
    entry = rule_at(entries, diagnostic.place.path, diagnostic.place.line)
    for number, (pack, silence, id_) in enumerate(silences):
        named = silence.warning.value in (diagnostic.code, name_of(diagnostic.code))
        if named and entry is not None and entry.id == id_ and Path(entry.path).parent == pack.path:
            return number
    return None
