"""The page in the browser (NiceGUI): it shows a session and passes on what the author does. What is shown is made in `view`.

NiceGUI is used since its CodeMirror editor, and all else it needs, comes with the package: nothing is asked of another place.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from nicegui import Client, background_tasks, ui
from nicegui import app as nicegui_app
from nicegui.events import GenericEventArguments, ValueChangeEventArguments

from rulener.authoring.outline import rule_at
from rulener.errors import NoteError, RulenerError, UsageError
from rulener.run.workers import describe_bug
from rulener.workbench import session as parts
from rulener.workbench import view
from rulener.workbench.completion import completion
from rulener.workbench.session import Session, is_of_rule

_HERE = Path(__file__).parent
_LOOK = 2.0  # seconds between two looks at the packs' files
_PAUSE = 0.12  # seconds without a keystroke before the work begins
_TABS = (("changes", "What would change"), ("tests", "Tests"), ("findings", "Findings"), ("review", "Review queue"))


def application(session: Session) -> FastAPI:
    """The web application of a session; a Guard must stand before it."""
    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    tabs: list[Page] = []

    def page() -> None:
        while tabs:
            tabs.pop().retire()
        tabs.append(Page(session))

    nicegui_app._exception_handlers.clear()  # they print tracebacks, which may quote a note
    nicegui_app.on_exception(lambda: None)
    ui.run_with(
        outer,
        root=page,
        title="rulener workbench",
        favicon=_HERE / "icon.svg",
        dark=None,
        tailwind=False,
        show_welcome_message=False,
    )
    return outer


class Page:
    """One tab of the browser. Only the newest is in use: a second one takes over."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.key = ""  # the open file
        self.line = 1  # of the cursor
        self.note = ""
        self.note_start = 0
        self.selected: int | None = None
        self.file_search = ""
        self.note_search = ""
        self.tab = "changes"
        self._offered: dict[str, Any] = {}
        self._changed = asyncio.Event()
        self._retired = False
        self._client: Client = ui.context.client
        self._build()
        ui.on("wb", self._event)
        self._client.on_delete(self.retire)
        self._first_file()
        self._pick_note(self.session.notes.beside("", 1) or "")
        self._show_all()
        self._changed.set()
        background_tasks.create(self._work(), name="workbench")
        background_tasks.create(self._watch(), name="workbench files")

    # --- the page's bones

    def _build(self) -> None:
        ui.add_css(_HERE / "page.css")
        ui.add_body_html((_HERE / "dialogs.html").read_text("utf-8"))
        ui.add_body_html(f"<script>{(_HERE / 'page.js').read_text('utf-8')}</script>")
        ui.query(".nicegui-content").classes("wb-root")
        ui.html((_HERE / "header.html").read_text("utf-8"), sanitize=False, tag="header").classes("wb-header")
        with ui.element("main").classes("wb"):
            with ui.element("nav").classes("wb-side").props('aria-label="files and rules"'):
                ui.html(_search("files", "Search files and rules"), sanitize=False)
                self._files = ui.html("", sanitize=False).classes("wb-files")
            with ui.element("section").classes("wb-middle").props('aria-label="rules"'):
                self._bar = ui.html("", sanitize=False).classes("wb-bar")
                self._banner = ui.html("", sanitize=False).classes("wb-banner")
                self._place = ui.element("div").classes("wb-editor")
            with ui.element("section").classes("wb-right").props('aria-label="note"'):
                ui.html(_NOTE_BAR, sanitize=False).classes("wb-bar")
                self._note_title = ui.html("", sanitize=False).classes("wb-note-title")
                self._note = ui.html("", sanitize=False).classes("wb-note")
                self._legend = ui.html("", sanitize=False).classes("legend").props('aria-label="what the marks mean"')
                self._why = ui.html("", sanitize=False).classes("wb-why").props('role="region" aria-label="explanation"')
            with ui.element("section").classes("wb-below").props('aria-label="what it does"'):
                self._tabs = ui.html("", sanitize=False).classes("wb-tabs").props('role="tablist"')
                self._below = ui.html("", sanitize=False).classes("wb-panel").props('role="tabpanel"')
        self._dialog = ui.html("", sanitize=False)
        self._said = ui.html("", sanitize=False).classes("sr").props('role="status" aria-live="polite"')

    def retire(self) -> None:
        """Another tab has taken over, or this one is closed."""
        if not self._retired:
            self._retired = True
            self._changed.set()
            self._call("retired")

    # --- the work behind it

    async def _work(self) -> None:
        """Catch up with the editor again and again: the newest edit only, after a short pause in typing."""
        while not self._retired:
            await self._changed.wait()
            self._changed.clear()
            while await self._is_typing():
                pass
            focus = self._focus()
            steps = self.session.refresh(focus)
            self._call("working", True)
            try:
                while not self._retired and not self._changed.is_set():
                    part = await asyncio.to_thread(_next, steps)
                    if part is None:
                        break
                    self._show(part)
            except Exception as error:  # noqa: BLE001 (the last resort: the page must live on)
                self.session.failure = _bug(error)
                self._say(self.session.failure, bad=True)
            self._call("working", self._changed.is_set())

    async def _watch(self) -> None:
        """Notice when another program writes the packs' files."""
        while not self._retired:
            await asyncio.sleep(_LOOK)
            if not self._retired and await asyncio.to_thread(self.session.notice):
                self._overtaken()

    def _overtaken(self) -> None:
        """An open file without edits is shown as it is now; one with edits stays, and the author is told."""
        self._wake()
        self._show_files()
        if not self.key or not self.session.files.is_overtaken(self.key):
            return
        if self.session.files.is_dirty(self.key):
            self._say(f"{self.key} has changed on disk. Your edits are kept; saving shows both.", bad=True)
            return
        try:
            self._open(self.key)
            self._say(f"{self.key} has changed on disk and was read again")
        except UsageError as error:
            self._say(_told(error), bad=True)

    async def _is_typing(self) -> bool:
        try:
            await asyncio.wait_for(self._changed.wait(), _PAUSE)
        except asyncio.TimeoutError:
            return False
        self._changed.clear()
        return True

    def _focus(self) -> str:
        entry = rule_at(self.session.entries, self.key, self.line)
        return entry.id if entry is not None else ""

    # --- what the author does

    def _event(self, event: GenericEventArguments) -> None:
        given = event.args if isinstance(event.args, dict) else {}
        action = getattr(self, f"_on_{given.get('act')}", None)
        if action is None or self._retired:
            return
        try:
            action(given)
        except RulenerError as error:
            self._say(_told(error), bad=True)
        except Exception as error:  # noqa: BLE001 (the last resort)
            self._say(_bug(error), bad=True)

    def _on_ready(self, given: dict[str, Any]) -> None:
        self._mark_findings()

    def _on_open(self, given: dict[str, Any]) -> None:
        self._open(str(given.get("key")))

    def _on_jump(self, given: dict[str, Any]) -> None:
        key = str(given.get("key"))
        if key != self.key:
            self._open(key)
        self._call("jump", _number(given, "line", 1), _number(given, "column", 1))

    def _on_cursor(self, given: dict[str, Any]) -> None:
        before = self._focus()
        self.line = _number(given, "line", 1)
        if self._focus() != before and self.tab == "tests":
            self._show_below()

    def _on_search(self, given: dict[str, Any]) -> None:
        words = str(given.get("value", ""))
        if given.get("what") == "files":
            self.file_search = words
            self._show_files()
        else:
            self.note_search = words
            found = self.session.notes.search(words)
            if found and self.note not in found:
                self._pick_note(found[0])
            self._show_note_title()

    def _on_beside(self, given: dict[str, Any]) -> None:
        among = self.session.notes.search(self.note_search)
        beside = self.session.notes.beside(self.note, _number(given, "step", 1), among)
        if beside is not None:
            self._pick_note(beside)

    def _on_pick(self, given: dict[str, Any]) -> None:
        self._pick_note(str(given.get("value")))

    def _on_paste(self, given: dict[str, Any]) -> None:
        self._pick_note(self.session.notes.paste(str(given.get("value", ""))))

    def _on_note(self, given: dict[str, Any]) -> None:
        at = _number(given, "at", 0)
        self._pick_note(str(given.get("note")), at)
        self._call("showMention", at)

    def _on_window(self, given: dict[str, Any]) -> None:
        self.note_start = max(0, _number(given, "start", 0))
        self._show_note()

    def _on_tab(self, given: dict[str, Any]) -> None:
        if given.get("name") in dict(_TABS):
            self.tab = str(given["name"])
            if self.tab == "review" and not self.session.wants_questions:
                self.session.ask_for_questions()
                self._wake()
            self._show_below()

    def _on_decide(self, given: dict[str, Any]) -> None:
        surface, code = str(given.get("surface")), str(given.get("code") or "")
        self.session.decide(surface, str(given.get("label")), str(given.get("section") or ""), code)
        self._say(f"{surface}: {code}" if code else f"{surface}: open again")
        self._wake()
        self._show_below()

    def _on_theme(self, given: dict[str, Any]) -> None:
        dark = bool(given.get("dark"))
        ui.dark_mode(dark)
        self._theme = "githubDark" if dark else "githubLight"
        if self.key:
            self._editor.theme = self._theme

    def _on_explain(self, given: dict[str, Any]) -> None:
        at = _number(given, "at", _number(given, "start", 0))
        whole = self.session.notes.text(self.note)
        if whole is None:
            return
        explanation = self.session.explain(whole, at)
        if explanation is not None:
            self.selected = at
            self._why.set_content(view.explanation_panel(explanation, self.session.rule_place, self.session.rule_source))
            self._show_note()
            first = next(iter(explanation.entities), None)
            said = view.text(f"{first.data['text']}: {first.data['label']}") if first else "no entity stands here"
            self._said.set_content(said)

    def _on_unexplain(self, given: dict[str, Any]) -> None:
        self.selected = None
        self._why.set_content("")
        self._show_note()

    def _on_term(self, given: dict[str, Any]) -> None:
        text, start, end = self._selection(given)
        self._ask(view.term_dialog(self.session.draft_term(text, start, end, self.key)))

    def _on_case(self, given: dict[str, Any]) -> None:
        text, start, end = self._selection(given)
        self._ask(view.case_dialog(self.session.draft_case(text, start, end, self.key, str(given.get("axis") or ""))))

    def _selection(self, given: dict[str, Any]) -> tuple[str, int, int]:
        whole = self.session.notes.text(self.note) or ""
        start = _number(given, "start", 0)
        end = _number(given, "end", 0)
        if not 0 <= start < end <= len(whole):
            raise UsageError("U353", "nothing was written: no words of the note are selected")
        return whole, start, end

    def _on_addterm(self, given: dict[str, Any]) -> None:
        words, exact = " ".join(str(given.get("words", "")).split()), bool(given.get("exact"))
        into, key = str(given.get("into") or ""), str(given.get("key"))
        if into:
            key, _, id_ = into.partition("#")
            line = self.session.add_surface(key, id_, words, exact=exact)
        else:
            line = self.session.add_term(key, str(given.get("id")), str(given.get("label")), words, exact=exact)
        self._written(key, line)

    def _on_addcase(self, given: dict[str, Any]) -> None:
        key = str(given.get("key"))
        self._written(key, self.session.add_case(key, str(given.get("id")), str(given.get("marked"))))
        self.tab = "tests"

    def _written(self, key: str, line: int) -> None:
        self._open(key)
        self._call("jump", line, 1)
        self._wake()
        self._say(f"written into {key}, not saved yet")

    def _on_overwrite(self, given: dict[str, Any]) -> None:
        self._save(str(given.get("key")), str(given.get("over")))

    def _on_theirs(self, given: dict[str, Any]) -> None:
        key = str(given.get("key"))
        self.session.revert(key)
        self._open(key)
        self._wake()
        self._say(f"{key} is as it is on disk")

    def _ask(self, dialog: str) -> None:
        self._dialog.set_content("")
        self._dialog.set_content(dialog)
        self._call("ask")

    def _on_save(self, given: dict[str, Any]) -> None:
        if self.key:
            self._save(self.key, None)

    def _save(self, key: str, over: str | None) -> None:
        conflict = self.session.save(key, over=over)
        if conflict is None:
            self._say(f"{key} saved")
            self._wake()
            self._show_files()
            self._show_bar()
        else:
            self._ask(view.conflict_dialog(conflict, self.session.files.text(key)))

    # --- files

    def _first_file(self) -> None:
        self._theme = "githubLight"
        for key in self.session.files.listed():
            try:
                self._open(key)
                return
            except UsageError as error:
                self._say(_told(error), bad=True)

    def _open(self, key: str) -> None:
        buffer = self.session.files.open(key)
        self.key, self.line = key, 1
        self._place.clear()
        with self._place:
            self._editor = ui.codemirror(
                buffer.text, language="YAML", theme=self._theme, indent="  ", line_wrapping=True, on_change=self._typed
            )
        self._call("opened", self._editor.id, key)
        self._mark_findings()
        self._show_files()
        self._show_bar()

    def _typed(self, event: ValueChangeEventArguments[str]) -> None:
        if self._retired:
            return
        self.session.edit(self.key, event.value or "")
        self._wake()

    def _wake(self) -> None:
        self._changed.set()

    # --- notes

    def _pick_note(self, id_: str, at: int | None = None) -> None:
        self.note, self.selected = id_, at
        self.note_start = 0 if at is None else max(0, at - view.SHOWN_CHARACTERS // 2) if at >= view.SHOWN_CHARACTERS else 0
        self._why.set_content("")
        self._show_note_title()
        self._show_note()

    # --- showing

    def _show(self, part: str) -> None:
        if part in (parts.FINDINGS, parts.LINTS, parts.FAILED):
            self._show_files()
            self._mark_findings()
        if part == parts.ENGINE and self.session.current is not None:
            self._show_note()
            self._offer(completion(self.session.current.packs))
        self._show_bar()
        self._show_below()

    def _show_all(self) -> None:
        self._show_files()
        self._show_bar()
        self._show_below()

    def _show_files(self) -> None:
        session = self.session
        made = view.files_panel(
            session.files.listed(),
            session.entries,
            session.findings,
            dirty=session.files.dirty(),
            open_key=self.key,
            search=self.file_search,
            refused=session.files.refused(),
        )
        self._files.set_content(made)

    def _show_bar(self) -> None:
        self._bar.set_content(view.editor_bar(self.key, self.session.files.is_dirty(self.key) if self.key else False))
        errors = sum(finding.severity == "error" for finding in self.session.findings)
        warnings = len(self.session.findings) - errors
        self._call("status", errors, warnings, self.session.is_checked, bool(self.session.failure))

    def _show_note_title(self) -> None:
        ids = self.session.notes.search(self.note_search)
        self._note_title.set_content(view.note_title(self.note, ids, self.note_search))

    def _show_note(self) -> None:
        self._legend.set_content("")
        whole = self.session.notes.text(self.note)
        if whole is None:
            self._note.set_content(view.NO_NOTE)
            return
        try:
            document = self.session.document(whole)
        except NoteError as error:
            self._note.set_content(view.refused_note(_told(error), whole))
            return
        if document is None or self.session.current is None:
            self._note.set_content(view.plain_note(whole))
            return
        labels = self.session.current.engine.labels
        self._note.set_content(view.note_panel(document, labels, self.note_start, self.selected))
        self._legend.set_content(view.legend(document, labels))

    def _show_below(self) -> None:
        session = self.session
        self._tabs.set_content(view.tabs(_TABS, self.tab, view.counts_of(session)))
        if self.tab == "changes":
            made = view.changes_panel(
                session.effect, notes=len(session.notes), has_edits=bool(session.files.dirty()), is_cut=session.notes.is_cut
            )
        elif self.tab == "tests":
            focus = self._focus()
            made = view.results_panel(session.results, focus, {r: is_of_rule(r, focus) for r in session.results})
        elif self.tab == "review":
            made = view.review_panel(
                session.questions, session.decided, file=str(session.decisions or ""), notes=len(session.notes),
                is_current=session.is_current or not session.findings,
            )
        else:
            made = view.findings_panel(
                session.findings, is_checked=session.is_checked, is_current=session.is_current, failure=session.failure
            )
        self._below.set_content(made)

    def _offer(self, known: dict[str, Any]) -> None:
        """What the editor completes, when that has changed."""
        if known != self._offered:
            self._offered = known
            self._call("completion", known)

    def _mark_findings(self) -> None:
        """Underline the open file's findings in the editor."""
        if not self.key:
            return
        marks = [
            {
                "line": finding.place.line,
                "column": finding.place.column,
                "width": finding.place.width,
                "severity": finding.severity,
                "words": f"{finding.code}: {finding.message}" + (f"\n→ {finding.fix}" if finding.fix else ""),
            }
            for finding in self.session.findings
            if finding.place is not None and finding.place.path == self.key
        ]
        self._call("findings", marks)

    def _say(self, words: str, *, bad: bool = False) -> None:
        self._said.set_content(view.text(words))
        self._call("say", words, bad)

    def _call(self, name: str, *arguments: Any) -> None:
        given = ", ".join(json.dumps(argument) for argument in arguments)
        self._client.run_javascript(f"wb.{name}({given})")


def _next(steps: Iterator[str]) -> str | None:
    return next(steps, None)


def _number(given: dict[str, Any], name: str, otherwise: int) -> int:
    value = given.get(name)
    try:
        return int(value) if value is not None else otherwise
    except (TypeError, ValueError):
        return otherwise


def _told(error: RulenerError) -> str:
    hint = f". {error.hint[:1].upper()}{error.hint[1:]}." if error.hint else ""
    return f"{error.code}: {error.place + ': ' if error.place else ''}{error.message}{hint}"


def _bug(error: Exception) -> str:
    """Type and place only: the message of an unexpected error may quote a note."""
    if isinstance(error, RulenerError):
        return _told(error)
    kind, place, _ = describe_bug(error)
    return f"U199: unexpected {kind} at {place}: this is a bug in rulener. Your edits are kept."


def _search(what: str, words: str) -> str:
    said = f'placeholder="{words}" aria-label="{words}" spellcheck="false"'
    return f'<input type="search" class="wb-search" data-input="{what}" {said}>'


_NOTE_BAR = (
    _search("notes", "Search notes")
    + '<button data-act="beside" data-step="-1" title="previous note (Alt+,)" aria-label="previous note">◀</button>'
    + '<button data-act="beside" data-step="1" title="next note (Alt+.)" aria-label="next note">▶</button>'
    + '<button data-local="paste" title="show a text of your own">Paste…</button>'
)
