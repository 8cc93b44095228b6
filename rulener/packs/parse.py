"""A folder -> a checked pack. Every finding is collected; reading stops at none.

`parse_pack` reads one folder, `link` checks what only the packs together can tell, `check_packs` does both,
and `load_packs` is for those who want packs or an exception.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rulener.errors import PackError
from rulener.packs.cases import CASES_SUFFIX, load_cases, parse_marked
from rulener.packs.checks import ALL_CHECKS
from rulener.packs.diagnostics import TITLES, Diagnostic, Findings, has_errors, name_of, sort_diagnostics
from rulener.packs.link import link
from rulener.packs.model import (
    AXES,
    RESOLUTIONS,
    ContextCue,
    Label,
    Options,
    Pack,
    Pattern,
    Place,
    Rule,
    Section,
    Silence,
    Term,
    WordList,
)
from rulener.packs.names import check_name, check_scheme_label, refuse_repeated_ids
from rulener.packs.rules import (
    not_allowed,
    one_of,
    read_abbreviations,
    read_context,
    read_continues,
    read_pattern,
    read_section,
    read_term,
    read_words,
)
from rulener.packs.source import Fields, Scalar, Source, Table, nearest, parse_source, suggestion

__all__ = [
    "ALL_CHECKS",
    "check_packs",
    "link",
    "load_cases",
    "load_packs",
    "parse_marked",
    "parse_pack",
    "read_pack",
    "read_sources",
]

PACK_FILE = "pack.yaml"
_HEADER_KEYS = ("name", "version", "description", "labels", "axes", "resolution", "options", "systems", "silence")
_RULE_LISTS = ("words", "abbreviations", "continues", "continues_list", "terms", "patterns", "context", "sections")
_LATER_KEYS = ("attributes", "relations")
_REFERRED_TO = ("labels", "axes", "sections", "words", "context")  # what rules elsewhere depend on; the first two in pack.yaml
_HARMLESS = ("R105", "R106")  # faults of a file that lose nothing of it
_LOSES_A_LIST = ("R114", "R116", "R118")  # findings after which a whole list may be missing
_R = TypeVar("_R", bound=Rule)


def load_packs(folders: Iterable[Path]) -> list[Pack]:
    """The packs of these folders, in this order, linked. Raises `PackError` with all findings if any is an error."""
    folders = list(folders)
    packs, diagnostics = check_packs(folders, warn=False)
    if has_errors(diagnostics):
        raise PackError(check_packs(folders)[1])
    return packs


def check_packs(folders: Iterable[Path], *, warn: bool = True) -> tuple[list[Pack], list[Diagnostic]]:
    """Read and link; all findings, sorted. The packs are complete only when none of the findings is an error.
    Without `warn` lints that only warn are left out."""
    findings = Findings()
    packs: list[Pack] = []
    for folder in folders:
        pack, diagnostics = read_pack(folder)
        findings.extend(diagnostics)
        if pack is not None:
            packs.append(pack)
    findings.extend(link(packs, warn=warn))
    return packs, sort_diagnostics(findings.all)


def parse_pack(folder: Path, *, display: str | None = None) -> tuple[Pack | None, list[Diagnostic]]:
    """Read one folder. `display` is how diagnostics name it. The pack is None if any finding is an error."""
    pack, diagnostics = read_pack(folder, display=display)
    return (None if has_errors(diagnostics) else pack), diagnostics


def read_sources(folders: Iterable[Path], *, display: str | None = None) -> dict[str, str]:
    """The texts of the packs' files by the paths that diagnostics use, for `diagnostics.render`."""
    sources: dict[str, str] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.yaml")):
            if path.is_file():
                shown = f"{display or folder.as_posix()}/{path.name}"
                sources[shown] = path.read_bytes().decode("utf-8-sig", errors="replace")
    return sources


@dataclass(slots=True)
class _Draft:
    """A pack while its files are read."""

    path: Path
    name: str = ""
    version: str = ""
    description: str = ""
    labels: tuple[Label, ...] = ()
    axes: tuple[str, ...] = ()
    resolution: str | None = None
    options: Options = field(default_factory=Options)
    words: list[WordList] = field(default_factory=list)
    abbreviations: list[WordList] = field(default_factory=list)
    continues: list[WordList] = field(default_factory=list)
    continues_list: list[WordList] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    patterns: list[Pattern] = field(default_factory=list)
    context: list[ContextCue] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    systems: tuple[str, ...] = ()
    silences: tuple[Silence, ...] = ()
    unread: set[str] = field(default_factory=set)
    ids: list[tuple[str, Place]] = field(default_factory=list)  # of broken rules too

    def finished(self, content_hash: str) -> Pack:
        return Pack(
            name=self.name,
            version=self.version,
            path=self.path,
            description=self.description,
            labels=self.labels,
            axes=self.axes,
            resolution=self.resolution,
            options=self.options,
            words=tuple(self.words),
            abbreviations=tuple(self.abbreviations),
            continues=tuple(self.continues),
            continues_list=tuple(self.continues_list),
            terms=tuple(self.terms),
            patterns=tuple(self.patterns),
            context=tuple(self.context),
            sections=tuple(self.sections),
            systems=self.systems,
            silences=self.silences,
            unread=frozenset(self.unread),
            content_hash=content_hash,
        )


def read_pack(folder: Path, *, display: str | None = None) -> tuple[Pack | None, list[Diagnostic]]:
    """The pack of all that could be read, errors or not; None when the folder cannot be listed. It is not linked yet."""
    findings = Findings()
    shown = display or folder.as_posix()
    files = _files(folder, shown, findings)
    if files is None:
        return None, findings.all
    draft = _Draft(folder)
    if all(name != PACK_FILE for name, _ in files):
        draft.unread.update(_REFERRED_TO[:2])
    for name, data in files:
        source, problems = parse_source(data, f"{shown}/{name}")
        findings.extend(problems)
        before = len(findings.all)
        _read_file(source, name == PACK_FILE, bool(problems), draft, findings)
        if any(finding.code not in _HARMLESS for finding in problems) or any(
            finding.code in _LOSES_A_LIST for finding in findings.all[before:]
        ):
            draft.unread.update(_REFERRED_TO if name == PACK_FILE else _REFERRED_TO[2:])
    refuse_repeated_ids(draft.ids, "rules", findings)
    return draft.finished(_content_hash(files)), sort_diagnostics(findings.all)


# --- files ---------------------------------------------------------------------------------------------------------


def _files(folder: Path, shown: str, findings: Findings) -> list[tuple[str, bytes]] | None:
    """Names and bytes of the files that make the pack, by name."""
    start = Place(f"{shown}/{PACK_FILE}", 1, 1)
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        findings.error("R100", f"`{shown}` cannot be read as a folder: {reason}", start, fix="give the folder of a pack")
        return None
    if PACK_FILE not in names:
        findings.error("R100", f"`{shown}` has no {PACK_FILE}", start, fix=f"add {PACK_FILE} with `name:` and `version:`")
    files = []
    for name in names:
        if _is_read(name, shown, findings):
            data = _bytes(folder / name, f"{shown}/{name}", findings)
            files += [(name, data)] if data is not None else []
    return files


def _is_read(name: str, shown: str, findings: Findings) -> bool:
    lower = name.lower()
    if not lower.endswith((".yaml", ".yml")):
        return False
    place = Place(f"{shown}/{name}", 1, 1)
    if name.startswith("."):
        findings.warning("R125", "hidden files are not read", place, fix="rename or delete it")
        return False
    if not name.endswith(".yaml"):
        right = name[: lower.rindex(".y")] + ".yaml"
        findings.warning("R125", "only files that end in `.yaml` are read", place, fix=f"rename it to `{right}`")
        return False
    return not name.endswith(CASES_SUFFIX)


def _bytes(path: Path, shown: str, findings: Findings) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        findings.error("R100", f"the file cannot be read: {reason}", Place(shown, 1, 1))
        return None


def _content_hash(files: Sequence[tuple[str, bytes]]) -> str:
    """Over names and bytes, each with its length before it, so that no two packs run together to the same bytes."""
    digest = hashlib.sha256()
    for name, data in files:
        for part in (name.encode("utf-8", "surrogateescape"), data):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
    return digest.hexdigest()


# --- one file ------------------------------------------------------------------------------------------------------


def _read_file(source: Source, is_header: bool, reported: bool, draft: _Draft, findings: Findings) -> None:
    if source.root is None:
        if not reported:
            findings.warning("R107", "the file is empty", source.start, fix="write rules or delete the file")
            if is_header:
                needed = "a pack needs the keys `name` and `version`"
                findings.error("R115", needed, source.start, fix="add `name:` and `version:`")
        return
    if not isinstance(source.root, Table):
        if isinstance(source.root, Scalar) or not reported:
            fix = f"begin the file with one of: {', '.join(f'{key}:' for key in _RULE_LISTS)}"
            findings.error("R116", "the file must hold keys, each with a list of rules", source.root.place, fix=fix)
        return
    table = _without_later_keys(source.root, findings)
    if not is_header:
        table = _without_header_keys(table, findings)
    known = (*_HEADER_KEYS, *_RULE_LISTS) if is_header else _RULE_LISTS
    fields = Fields(table, "pack.yaml" if is_header else "a file of rules", known, findings)
    if is_header:
        _read_header(fields, source, draft, findings)
    _read_rules(fields, draft, findings)


def _without_later_keys(table: Table, findings: Findings) -> Table:
    for key, _ in table.entries:
        if key.value in _LATER_KEYS:
            findings.error(
                "R126",
                f"this version of rulener does not read `{key.value}`",
                key.place,
                notes=["values inside a mention are read by the captures of a pattern: `{value:number}`"],
                fix="remove it",
            )
    return Table(tuple(entry for entry in table.entries if entry[0].value not in _LATER_KEYS), table.place)


def _without_header_keys(table: Table, findings: Findings) -> Table:
    for key, _ in table.entries:
        if key.value in _HEADER_KEYS:
            findings.error("R114", f"`{key.value}` belongs in {PACK_FILE}", key.place, fix=f"move it to {PACK_FILE}")
    return Table(tuple(entry for entry in table.entries if entry[0].value not in _HEADER_KEYS), table.place)


def _read_header(fields: Fields, source: Source, draft: _Draft, findings: Findings) -> None:
    fields.require("name", source.start)
    fields.require("version", source.start)
    name, version, description = fields.text("name"), fields.text("version"), fields.text("description")
    if name:
        check_name(name, "pack name", findings)
    draft.name = name.value if name else ""
    draft.version = version.value if version else ""
    draft.description = description.value if description else ""
    before = len(findings.all)
    draft.labels = _labels(fields, findings)
    draft.unread.update(["labels"] * has_errors(findings.all[before:]))
    before = len(findings.all)
    draft.axes = _axes(fields, findings)
    draft.unread.update(["axes"] * has_errors(findings.all[before:]))
    draft.resolution = one_of(fields, "resolution", RESOLUTIONS, findings)
    options = fields.mapping("options")
    if options is not None:
        inner = Fields(options, "options", ("cues_inside_mention", "values_in_mention", "lists"), findings)
        cues = one_of(inner, "cues_inside_mention", ("ignore", "act"), findings)
        values = one_of(inner, "values_in_mention", ("outside", "inside"), findings)
        lists = one_of(inner, "lists", ("follow", "stop"), findings)
        draft.options = Options(cues or "ignore", values or "outside", lists or "follow")
    draft.systems = tuple(text.value for text in fields.texts("systems"))
    draft.silences = tuple(filter(None, (_silence(table, findings) for table in fields.mappings("silence"))))


def _silence(table: Table, findings: Findings) -> Silence | None:
    fields = Fields(table, "an entry of `silence`", ("warning", "rules", "reason"), findings)
    warning = fields.text("warning", required=True)
    fields.require("rules")
    rules = fields.texts("rules")
    reason = fields.text("reason", required=True)
    if warning is None or reason is None:
        return None
    names = [name_of(code) for code in TITLES]
    if warning.value not in TITLES and warning.value not in names:
        fix = suggestion(warning.value, names) if nearest(warning.value, names) else "docs/errors/README.md lists them"
        findings.error("R122", f"there is no warning `{warning.value}`", warning.place, fix=fix)
        return None
    return Silence(warning, rules, reason.value)


def _axes(fields: Fields, findings: Findings) -> tuple[str, ...]:
    texts = fields.texts("axes")
    for text in texts:
        if text.value not in AXES:
            not_allowed(text, "axes", AXES, findings)
    written = {text.value for text in texts}
    return tuple(axis for axis in AXES if axis in written)


def _labels(fields: Fields, findings: Findings) -> tuple[Label, ...]:
    found = [label for label in (_label(table, findings) for table in fields.mappings("labels")) if label]
    refuse_repeated_ids(((label.id, label.place) for label in found), "labels", findings)
    return tuple(found)


def _label(table: Table, findings: Findings) -> Label | None:
    fields = Fields(table, "a label", ("id", "description", "schemes"), findings)
    id_ = fields.text("id", required=True)
    description = fields.text("description")
    schemes = _schemes(fields, findings)
    if id_ is None:
        return None
    check_name(id_, "label", findings)
    return Label(id_.value, id_.place, description.value if description else "", schemes)


def _schemes(fields: Fields, findings: Findings) -> tuple[tuple[str, str], ...]:
    table = fields.mapping("schemes")
    if table is None:
        return ()
    inner = Fields(table, "schemes", [key.value for key, _ in table.entries], findings)
    found = []
    for key, _ in table.entries:
        check_name(key, "scheme", findings)
        label = inner.text(key.value)
        if label:
            check_scheme_label(label, findings)
            found.append((key.value, label.value))
    return tuple(found)


def _ids(table: Table) -> list[tuple[str, Place]]:
    return [(value.text.value, value.place) for key, value in table.entries if key.value == "id" and isinstance(value, Scalar)]


def _read_rules(fields: Fields, draft: _Draft, findings: Findings) -> None:
    def read(key: str, reader: Callable[[Table, Findings], _R | None], into: list[_R]) -> None:
        for table in fields.mappings(key):
            rule = reader(table, findings)
            if rule is None:
                draft.unread.add(key)
            else:
                into.append(rule)
            draft.ids += _ids(table)

    read("words", read_words, draft.words)
    read("abbreviations", read_abbreviations, draft.abbreviations)
    read("continues", read_continues, draft.continues)
    read("continues_list", read_continues, draft.continues_list)
    read("terms", read_term, draft.terms)
    read("patterns", read_pattern, draft.patterns)
    read("context", read_context, draft.context)
    read("sections", read_section, draft.sections)
