"""The notes on the workbench."""

from __future__ import annotations

from rulener.workbench.notes import PASTED, Notes

THREE = [("a", "Alpha cough"), ("b", "Beta"), ("c", "cough and BETA")]


def test_going_through_them() -> None:
    notes = Notes(THREE)
    assert [notes.beside("", 1), notes.beside("a", 1), notes.beside("c", 1), notes.beside("a", -1)] == ["a", "b", "a", "c"]
    assert Notes().beside("", 1) is None


def test_searching() -> None:
    notes = Notes(THREE)
    assert notes.search("COUGH") == ["a", "c"]
    assert notes.search("beta cough") == ["c"]
    assert notes.search("nothing") == []
    assert notes.beside("a", 1, notes.search("cough")) == "c"


def test_a_pasted_text_is_shown_but_not_counted() -> None:
    notes = Notes(THREE)
    assert notes.paste("mine\r\n") == PASTED
    assert notes.text(PASTED) == "mine\n"
    assert notes.ids()[0] == PASTED
    assert len(notes.held()) == 3


def test_no_more_are_held_than_allowed() -> None:
    notes = Notes(THREE, limit=2)
    assert notes.ids() == ["a", "b"]
    assert notes.is_cut
    assert not Notes(THREE, limit=3).is_cut


def test_two_notes_of_one_name() -> None:
    assert Notes([("a", "1"), ("a", "2")]).ids() == ["a", "a (2)"]
