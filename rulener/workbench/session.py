"""What the workbench knows: packs with unsaved edits, their findings, the engine they make, the open note, what would change.

The session writes the packs as they are in the editor into a folder of its own (readable by its owner only) and hands that to the
functions that also serve the commands. It is used by one worker; `edit` may be called meanwhile, and what is then under way
notices by `revision` that it has been overtaken.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rulener.authoring.effects import Effect, Hit, add_note, hits_of
from rulener.authoring.findings import find_in_steps
from rulener.authoring.outline import Entry, outline
from rulener.authoring.testing import Result, Tester
from rulener.engine import compile_packs
from rulener.errors import NoteError, PackError, RulenerError
from rulener.packs.cases import load_cases
from rulener.packs.diagnostics import Diagnostic, Edit, Located, has_errors, sort_diagnostics
from rulener.packs.link import link
from rulener.packs.model import Pack, Place
from rulener.packs.parse import read_pack
from rulener.workbench.files import Conflict, Files
from rulener.workbench.notes import Notes

if TYPE_CHECKING:
    from rulener.document import Document
    from rulener.engine import Engine
    from rulener.explain import Explanation

FINDINGS, ENGINE, TESTS, CHANGES, LINTS, FAILED = "findings", "engine", "tests", "changes", "lints", "failed"
_CHUNK = 64  # notes between two looks whether somebody typed
_SLOTS = 2  # compiled files that are kept: the saved state and the edited one


@dataclass(frozen=True, slots=True)
class Compiled:
    """An engine and the packs it was made of. `number` counts compilations."""

    engine: Engine
    packs: tuple[Pack, ...]
    number: int


class Session:
    """Packs on the workbench, used together with `base` packs, which are not edited, and `lexicons`.

    `decisions` is a reviewer's table that is in use. Raises PackError when a base pack has errors, LexiconError for a table that
    cannot be used.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        base: Sequence[Path] = (),
        lexicons: Sequence[Path] = (),
        notes: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.files = Files.of(folders)
        self.notes = Notes(notes)
        self.revision = 0
        self.findings: tuple[Diagnostic, ...] = ()
        self.is_checked = False  # all checks were made on what is in the editor
        self.entries: tuple[Entry, ...] = ()
        self.current: Compiled | None = None
        self.is_current = False  # `current` is made of what is in the editor
        self.failure = ""  # why there is no engine, when that is not a finding
        self.results: tuple[Result, ...] = ()
        self.effect: Effect | None = None
        self._lexicons = tuple(lexicons)
        self._base = {folder: _read_base(folder) for folder in base}
        self._room = tempfile.TemporaryDirectory(prefix="rulener-workbench-", ignore_cleanup_errors=True)
        self._root = Path(self._room.name)
        self._saved: Compiled | None = None
        self._saved_hits: dict[str, list[Hit]] = {}
        self._made = 0

    def close(self) -> None:
        """Remove the session's own folder. Unsaved edits are gone."""
        self._room.cleanup()

    # --- editing ------------------------------------------------------------------------------------------------------

    def edit(self, key: str, text: str) -> None:
        """Take what the editor holds now. Raises UsageError U350, U351."""
        self.files.edit(key, text)
        self.revision += 1

    def save(self, key: str, *, over: str | None = None) -> Conflict | None:
        """Write a file, as `Files.save`. What is saved is what changes are compared with from now on."""
        conflict = self.files.save(key, over=over)
        if conflict is None:
            self._saved = None
            self.revision += 1
        return conflict

    def revert(self, key: str) -> str:
        """Take a file from disk again; its text."""
        self._saved = None
        self.revision += 1
        return self.files.revert(key).text

    # --- catching up with the editor ----------------------------------------------------------------------------------

    def refresh(self, focus: str = "") -> Iterator[str]:
        """Bring everything up to date, what an author waits for first; gives the name of each part that is new. Ends early when
        there is another edit meanwhile.

        `focus` is the id of the rule that is being edited: its examples are run first.
        """
        revision = self.revision
        self.is_current = self.is_checked = False
        packs, findings, entries = self._read("edited", self.files.contents)
        if revision != self.revision:
            return
        self.entries = entries
        self.findings = findings
        yield FINDINGS
        if has_errors(findings):
            return
        yield self._compile(packs)
        if self.current is None or not self.is_current or revision != self.revision:
            return
        compiled = self.current
        self.results = tuple(self._tested(compiled, focus))
        if revision != self.revision:
            return
        yield TESTS
        for effect in self._compared(compiled, revision):
            self.effect = effect
            yield CHANGES
        for report in find_in_steps(self._own_folders("edited"), base=list(self._base), known=self._base_packs()):
            if revision != self.revision:
                return
            self.findings = tuple(self._real(finding) for finding in report.findings)
            self.is_checked = not report.waiting
        yield LINTS

    def _compile(self, packs: tuple[Pack, ...]) -> str:
        self.failure = ""
        try:
            self.current = self._compiled(packs)
        except PackError as error:  # what only the compiler refuses
            self.findings = tuple(sort_diagnostics([*self.findings, *(self._real(finding) for finding in error.diagnostics)]))
            return FINDINGS
        except (RulenerError, OSError) as error:
            self.failure = str(error)
            return FAILED
        self.is_current = True
        return ENGINE

    def _compiled(self, packs: tuple[Pack, ...]) -> Compiled:
        self._made += 1
        target = self._root / f"{self._made}.rnr"
        made = Compiled(compile_packs(target, packs, lexicons=self._lexicons), packs, self._made)
        in_use = {compiled.number for compiled in (self._saved, self.current) if compiled is not None}
        for old in self._root.glob("*.rnr"):
            if int(old.stem) not in in_use and old != target:
                with suppress(OSError):
                    old.unlink()
        return made

    # --- reading ------------------------------------------------------------------------------------------------------

    def _read(
        self, side: str, contents: Callable[[str], dict[str, bytes]]
    ) -> tuple[tuple[Pack, ...], tuple[Diagnostic, ...], tuple[Entry, ...]]:
        """The packs of one side (`edited` or `saved`), findings that are quick to find, and what stands where."""
        packs = list(self._base_packs().values())
        found: list[Diagnostic] = []
        entries: list[Entry] = []
        for name in self.files.packs:
            folder = self._mirrored(side, name, contents(name))
            pack, diagnostics = read_pack(folder)
            found += diagnostics
            packs += [pack] if pack is not None else []
            entries += (replace(entry, path=self._key_of(entry.path)) for entry in outline(folder))
        found += link(packs, warn=False)
        own = [self._real(finding) for finding in sort_diagnostics(found)]
        return tuple(packs), tuple(finding for finding in own if not self._is_base(finding)), tuple(entries)

    def _mirrored(self, side: str, name: str, contents: dict[str, bytes]) -> Path:
        """The session's own folder of a pack, holding just these files."""
        folder = self._root / side / name
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if path.name not in contents:
                path.unlink()
        for file, data in contents.items():
            path = folder / file
            if not path.is_file() or path.read_bytes() != data:
                path.write_bytes(data)
        return folder

    def _own_folders(self, side: str) -> list[Path]:
        return [self._root / side / name for name in self.files.packs]

    def _base_packs(self) -> dict[Path, Pack]:
        return self._base

    def _is_base(self, finding: Diagnostic) -> bool:
        paths = [Path(located.place.path).parent for located in finding.places]
        return bool(paths) and all(path in self._base for path in paths)

    def _key_of(self, path: str) -> str:
        """The key of a file in the session's own folder."""
        own = Path(path)
        return f"{own.parent.name}/{own.name}" if self._root in own.parents else path

    def _real(self, finding: Diagnostic) -> Diagnostic:
        """A finding with the keys of files in place of the session's own paths."""
        return replace(
            finding,
            message=self._plain(finding.message),
            places=tuple(Located(self._real_place(one.place), self._plain(one.label)) for one in finding.places),
            notes=tuple(self._plain(note) for note in finding.notes),
            fix=self._plain(finding.fix),
            edits=tuple(Edit(self._real_place(edit.place), edit.text) for edit in finding.edits),
        )

    def _real_place(self, place: Place) -> Place:
        return replace(place, path=self._key_of(place.path))

    def _plain(self, words: str) -> str:
        for side in ("edited", "saved"):
            words = words.replace(f"{self._root.as_posix()}/{side}/", "")
        return words

    # --- the note -----------------------------------------------------------------------------------------------------

    def document(self, text: str) -> Document | None:
        """The note as the engine sees it; None when there is no engine yet. Raises NoteError."""
        return self.current.engine.annotate(text) if self.current is not None else None

    def explain(self, text: str, position: int) -> Explanation | None:
        """Why there is what there is at a place of a text. Raises NoteError, UsageError U220."""
        return self.current.engine.explain(text, position) if self.current is not None else None

    # --- tests --------------------------------------------------------------------------------------------------------

    def _tested(self, compiled: Compiled, focus: str) -> Iterator[Result]:
        """The examples and cases of the packs on the workbench, those of the focused rule first."""
        tester = Tester(compiled.engine, compiled.packs)
        results: list[Result] = []
        for pack in compiled.packs:
            if pack.path in self._base:
                continue
            results += tester.examples(pack)
            results += (tester.case(case, pack) for case in load_cases(pack.path)[0])
        own = [replace(result, place=self._real_place(result.place)) for result in results]
        yield from sorted(own, key=lambda result: not is_of_rule(result, focus))

    # --- what would change --------------------------------------------------------------------------------------------

    def _compared(self, compiled: Compiled, revision: int) -> Iterator[Effect]:
        """What the unsaved edits change over all notes. Yields once, or not at all when there is another edit meanwhile."""
        if not self.files.dirty():
            self._saved = compiled
            self._saved_hits = {}
        elif self._saved is None:
            packs, findings, _ = self._read("saved", self.files.on_disk)
            if has_errors(findings):
                return
            with suppress(RulenerError):
                self._saved, self._saved_hits = self._compiled(packs), {}
        saved = self._saved
        if saved is None or revision != self.revision:
            return
        effect = Effect()
        notes = iter(self.notes.held())
        while chunk := list(islice(notes, _CHUNK)):
            if revision != self.revision:
                return
            self._add_before(saved, chunk)
            before = [self._saved_hits[id_] for id_, _ in chunk]
            after = before if saved is compiled else _hits(compiled.engine, chunk)
            for (id_, text), old, new in zip(chunk, before, after, strict=True):
                add_note(effect, id_, text, old, new)
        yield effect

    def _add_before(self, saved: Compiled, chunk: Sequence[tuple[str, str]]) -> None:
        if any(id_ not in self._saved_hits for id_, _ in chunk):
            for (id_, _), hits in zip(chunk, _hits(saved.engine, chunk), strict=True):
                self._saved_hits[id_] = hits


def is_of_rule(result: Result, rule: str) -> bool:
    """Whether a result is of an example of this rule."""
    return bool(rule) and result.name.partition(":")[2].partition(" ")[0] == rule


def _hits(engine: Engine, chunk: Sequence[tuple[str, str]]) -> list[list[Hit]]:
    """The mentions of some notes; none for one that cannot be annotated."""
    try:
        return [hits_of(document) for document in engine.annotate_many(text for _, text in chunk)]
    except NoteError:
        return [_hits_alone(engine, text) for _, text in chunk]


def _hits_alone(engine: Engine, text: str) -> list[Hit]:
    try:
        return hits_of(engine.annotate(text))
    except NoteError:
        return []


def _read_base(folder: Path) -> Pack:
    pack, findings = read_pack(folder)
    if pack is None or has_errors(findings):
        raise PackError(findings)
    return pack
