"""What the workbench knows: packs with unsaved edits, their findings, the engine they make, the open note, what would change.

The session writes the packs as they are in the editor into a folder of its own (readable by its owner only) and hands that to the
functions that also serve the commands. It is used by one worker; `edit` may be called meanwhile, and what is then under way
notices by `revision` that it has been overtaken.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rulener.authoring.effects import Effect, Hit, add_note, hits_of
from rulener.authoring.findings import find_in_steps
from rulener.authoring.marks import label_and_axes
from rulener.authoring.outline import Entry, outline, rule_at
from rulener.authoring.testing import Result, Tester
from rulener.engine import Engine, compile_packs
from rulener.errors import NoteError, PackError, RulenerError, UsageError
from rulener.packs.cases import load_cases
from rulener.packs.diagnostics import Diagnostic, Edit, Located, has_errors, sort_diagnostics
from rulener.packs.link import resolve_names
from rulener.packs.model import AXES, Pack, Place
from rulener.packs.parse import read_pack
from rulener.workbench.files import Conflict, Files
from rulener.workbench.notes import Notes
from rulener.workbench.review import Decided, Question, Queue, decided, with_decision, write_decision
from rulener.workbench.writing import Written, add_case, add_surface, add_term, marked_text, name_from

if TYPE_CHECKING:
    from rulener.document import Document
    from rulener.explain import Explanation

FINDINGS, ENGINE, TESTS, CHANGES, LINTS, FAILED = "findings", "engine", "tests", "changes", "lints", "failed"
QUESTIONS = "questions"
_CHUNK = 64  # notes between two looks whether somebody typed
_SLOTS = 2  # compiled files that are kept: the saved state and the edited one


_ID = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class TermDraft:
    """A term that could be made. `files` may hold it, the best first; `terms` are those it could be one more text of."""

    words: str
    id: str
    label: str
    labels: tuple[str, ...]
    exact: bool
    files: tuple[str, ...]
    terms: tuple[tuple[str, str], ...]  # file, id


@dataclass(frozen=True, slots=True)
class CaseDraft:
    """A case that could be made: `marked` is the sentence with the mark."""

    id: str
    marked: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """An engine and the packs it was made of. `number` counts compilations."""

    engine: Engine
    packs: tuple[Pack, ...]
    number: int


class Session:
    """Packs on the workbench, used together with `base` packs, which are not edited, and `lexicons`.

    `decisions` is the file of a reviewer's decisions, which are in use; it need not be there yet. Raises PackError when a base
    pack has errors, UsageError U251 or U253 for a decisions file that cannot be read.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        base: Sequence[Path] = (),
        lexicons: Sequence[Path] = (),
        notes: Iterable[tuple[str, str]] = (),
        decisions: Path | None = None,
    ) -> None:
        self.decisions = decisions
        self.decided: list[Decided] = decided(decisions) if decisions is not None else []
        self.questions: list[Question] | None = None  # None: not collected yet
        self.wants_questions = False
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
        self._stamps = self.files.stamps()
        self._base_entries: dict[Path, list[Entry]] = {}
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
            self._stamps = self.files.stamps()
            self._saved = None
            self.revision += 1
        return conflict

    def revert(self, key: str) -> str:
        """Take a file from disk again; its text."""
        self._saved = None
        self.revision += 1
        return self.files.revert(key).text

    def notice(self) -> bool:
        """Look whether somebody else has written files of the packs since the last look; if so, all is caught up with."""
        stamps = self.files.stamps()
        if stamps == self._stamps:
            return False
        self._stamps = stamps
        self._saved = None
        self.revision += 1
        return True

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
        if self.wants_questions and self._collect(compiled, revision):
            yield QUESTIONS
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
        in_use_now = self.decisions if self.decisions is not None and self.decisions.exists() else None
        engine = compile_packs(target, packs, lexicons=self._lexicons, decisions=in_use_now)
        made = Compiled(engine, packs, self._made)
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
        found += resolve_names(packs)
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

    # --- the review queue ---------------------------------------------------------------------------------------------

    def ask_for_questions(self) -> None:
        """Collect the review queue from now on."""
        if not self.wants_questions:
            self.wants_questions = True
            self.revision += 1

    def _collect(self, compiled: Compiled, revision: int) -> bool:
        """The questions of all notes. Whether that was done: not when there is another edit meanwhile."""
        queue = Queue()
        for id_, text in self.notes.held():
            if revision != self.revision:
                return False
            with suppress(NoteError):
                queue.add(id_, compiled.engine.annotate(text))
        self.questions = queue.questions()
        return True

    def decide(self, surface: str, label: str, section: str, code: str) -> None:
        """Write a decision into the decisions file; an empty code takes it back.

        Raises UsageError: U354 no decisions file, or no code; U251, U252 (a code that no loaded lexicon or pack has), U253, U271.
        """
        if self.decisions is None:
            raise UsageError("U354", "there is no decisions file", hint="start the workbench with --decisions FILE")
        data = with_decision(self.decisions, Decided(surface, label, section, code))
        if self.current is not None:  # is it good? what cannot be used is not written
            trial = self._root / f"trial{self.decisions.suffix}"
            trial.write_bytes(data)
            Engine(self.current.engine.path, decisions=trial)
        write_decision(self.decisions, data)
        self.decided = decided(self.decisions)
        self._saved = None
        self.revision += 1

    # --- from a selection ---------------------------------------------------------------------------------------------

    def draft_term(self, text: str, start: int, end: int, near: str) -> TermDraft:
        """What a term of the selected words would be; `near` is the open file, beside which it is put."""
        words = " ".join(text[start:end].split())
        keys = self._files_for("terms", near)
        entries = [entry for entry in self.entries if entry.kind == "terms" and entry.id]
        labels = self.current.engine.labels if self.current is not None else ()
        document = self.document(text)
        here = [one.label for one in document.entities if one.start < end and start < one.end] if document is not None else []
        known = tuple(label for label in labels if label != "lexicon")
        label = here[0] if here else (known[0] if known else "")
        return TermDraft(
            words,
            name_from(words, [entry.id for entry in self.entries]),
            label,
            known,
            words.isupper() and len(words) > 1,
            tuple(keys),
            tuple((entry.path, entry.id) for entry in entries),
        )

    def add_term(self, key: str, id_: str, label: str, words: str, *, exact: bool) -> int:
        """Write a new term into a file's buffer; its line. Raises UsageError U353."""
        self._check_name(id_)
        return self._write(key, lambda text: add_term(text, id_, label, words, exact=exact))

    def add_surface(self, key: str, id_: str, words: str, *, exact: bool) -> int:
        """Write one more text of a term into a file's buffer; its line. Raises UsageError U353."""
        return self._write(key, lambda text: add_surface(text, id_, words, exact=exact))

    def draft_case(self, text: str, start: int, end: int, near: str, axis: str = "") -> CaseDraft:
        """What a case of the selected words would be: their sentence, marked as the engine sees them now, or with `axis`."""
        document = self.document(text)
        low, high = 0, len(text)
        inside, heading = "mention", ""
        if document is not None:
            sentences = [one for one in document.sentences if one.start < end and start < one.end]
            if sentences:
                low, high = min(start, sentences[0].start), max(end, sentences[-1].end)
            here = [one for one in document.entities if (one.start, one.end) == (start, end)]
            here += [one for one in document.entities if one.start < end and start < one.end]
            if here:
                inside = label_and_axes(here[0])
                heading = next((text[cue.start : cue.end] for cue in here[0].cues if cue.via == "section" and cue.end <= low), "")
        label, *axes = inside.split()
        if axis and axis not in axes:
            axes = [one for one in AXES if one in (*axes, axis)]
        lead = f"{heading}:\n" if heading else ""  # the section says something of the mention
        shift = len(lead) - low
        marked = marked_text(lead + text[low:high].rstrip(), start + shift, end + shift, " ".join([label, *axes]))
        names = [entry.id for entry in self.entries]
        return CaseDraft(name_from(text[start:end], names, "case"), marked, tuple(self._files_for("cases", near)))

    def add_case(self, key: str, id_: str, marked: str) -> int:
        """Write a new case into a file's buffer; its line. Raises UsageError U353."""
        self._check_name(id_)
        return self._write(key, lambda text: add_case(text, id_, marked))

    def _write(self, key: str, how: Callable[[str], Written]) -> int:
        if key not in self.files.listed():
            pack, _, name = key.partition("/")
            if pack not in self.files.packs or not _is_file_name(name):
                raise UsageError("U350", "no file of the packs on the workbench", place=key)
            key = self.files.create(pack, name, "")
        written = how(self.files.text(key))
        self.edit(key, written.text)
        return written.line

    def _check_name(self, id_: str) -> None:
        if not _ID.fullmatch(id_):
            hint = "lower-case letters, digits and hyphens, beginning with a letter"
            raise UsageError("U353", f"nothing was written: {id_!r} is no id", hint=hint)

    def _files_for(self, kind: str, near: str) -> list[str]:
        """The files that have such a list, those of the open file's pack first; or one that could be made."""
        pack = near.partition("/")[0] if near.partition("/")[0] in self.files.packs else next(iter(self.files.packs))
        found = [key for key in self.files.listed() if any(one.path == key and one.kind == kind for one in self.entries)]
        own = [key for key in found if key.startswith(f"{pack}/")]
        new = f"{pack}/{pack}.cases.yaml" if kind == "cases" else f"{pack}/terms.yaml"
        others = [key for key in found if key not in own]
        return sorted(own, key=lambda key: key != near) + ([] if own else [new]) + others

    # --- where a rule stands ------------------------------------------------------------------------------------------

    def rule_place(self, place: str) -> tuple[str, int] | None:
        """The file and line of a rule that an explanation names (`pack/file.yaml:line:column`), if it is on the workbench."""
        named, _, rest = place.partition(":")
        name, _, file = named.partition("/")
        for pack in self.current.packs if self.current is not None else ():
            if pack.name == name and pack.path not in self._base:
                key = f"{pack.path.name}/{file}"
                line = rest.partition(":")[0]
                return (key, int(line) if line.isdigit() else 1) if key in self.files.listed() else None
        return None

    def rule_source(self, place: str) -> str:
        """The source of a rule of a base pack, which is not on the workbench; empty when there is none to show."""
        named, _, rest = place.partition(":")
        name, _, file = named.partition("/")
        line = rest.partition(":")[0]
        for folder, pack in self._base.items():
            if pack.name == name and line.isdigit():
                if folder not in self._base_entries:
                    self._base_entries[folder] = outline(folder)
                entry = rule_at(self._base_entries[folder], f"{folder.as_posix()}/{file}", int(line))
                return entry.source if entry is not None else ""
        return ""

    # --- tests --------------------------------------------------------------------------------------------------------

    def _tested(self, compiled: Compiled, focus: str) -> Iterator[Result]:
        """The examples and cases of the packs on the workbench, those of the focused rule first."""
        # Linking changes no mention and no assertion, and its index of a large lexicon takes long to make.
        tester = Tester(Engine(compiled.engine.path, linking=False), compiled.packs)
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


def _is_file_name(name: str) -> bool:
    return name.endswith(".yaml") and not name.startswith(".") and "/" not in name and "\\" not in name and "\0" not in name


def is_of_rule(result: Result, rule: str) -> bool:
    """Whether a result is of an example of this rule, or of the case of this name."""
    return bool(rule) and short_name(result).partition(" ")[0] == rule


def short_name(result: Result) -> str:
    """The name of a result without its pack; cases have none in front."""
    return result.name.rpartition(":")[2]


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
