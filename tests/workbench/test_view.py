"""The markup: everything escaped, the note's text unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulener.authoring.effects import Effect
from rulener.workbench import view
from rulener.workbench.files import Conflict
from rulener.workbench.session import CaseDraft, Session, TermDraft
from tests.workbench.conftest import caught_up

HURTS = "<img src=x onerror=alert(1)>\"'&"


def words_of(markup: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", markup))


@pytest.fixture(scope="module")
def engine_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    from rulener.authoring.starter import new_pack

    folder = tmp_path_factory.mktemp("view") / "mypack"
    new_pack(folder)
    header = folder / "pack.yaml"
    labels = "labels: [{id: disorder}, {id: procedure}, {id: measurement}]\naxes: [negated, uncertain, historical, family]\n"
    header.write_text(header.read_text("utf-8") + labels, "utf-8")
    session = Session([folder])
    caught_up(session)
    yield session
    session.close()


PIECES = st.sampled_from(["shin splints", "MTSS", " screened negative for ", "<b>", "&amp;", "é", "😀", "\n", ". ", '"', "x"])


@settings(deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_the_shown_note_is_the_note(engine_session: Session, text: str) -> None:
    document = engine_session.document(text)
    assert document is not None
    made = view.note_panel(document, ["disorder"])
    assert words_of(made) == text
    assert made.count('class="mention') >= len(document.entities)


def test_a_long_note_is_shown_in_windows(engine_session: Session) -> None:
    text = "shin splints and more. " * 6000
    document = engine_session.document(text)
    assert document is not None
    made = view.note_panel(document, ["disorder"], start=view.SHOWN_CHARACTERS)
    shown = made[made.index('<div class="note"') :]
    assert words_of(shown) == text[view.SHOWN_CHARACTERS : 2 * view.SHOWN_CHARACTERS]
    assert f'data-start="{view.SHOWN_CHARACTERS}"' in shown
    assert "of 138,000" in made


def test_nothing_that_is_shown_can_act() -> None:
    draft = TermDraft(HURTS, HURTS, HURTS, (HURTS,), False, (HURTS,), ((HURTS, HURTS),))
    made = [
        view.term_dialog(draft),
        view.case_dialog(CaseDraft(HURTS, HURTS, (HURTS,))),
        view.conflict_dialog(Conflict(HURTS, f"{HURTS}\n", "0"), HURTS),
        view.plain_note(HURTS),
        view.refused_note(HURTS, HURTS),
        view.note_title(HURTS, [HURTS], ""),
        view.editor_bar(HURTS, True),
        view.files_panel([f"p/{HURTS}"], [], [], dirty=[], open_key="", search=""),
    ]
    assert all("<img" not in one and HURTS not in one for one in made)
    assert all("&lt;img" in one for one in made)


def test_halves_of_surrogate_pairs_can_be_shown() -> None:
    assert view.text("a\ud800b").encode() == "a\ufffdb".encode()


def test_what_there_is_to_say_without_notes_edits_or_changes() -> None:
    assert "--notes" in view.changes_panel(None, notes=0, has_edits=False)
    assert "Nothing is unsaved" in view.changes_panel(None, notes=3, has_edits=False)
    assert "Counting" in view.changes_panel(None, notes=3, has_edits=True)
    assert "1 note;" in view.changes_panel(Effect(notes=1), notes=1, has_edits=True)
