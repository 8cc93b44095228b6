"""The session without a browser: edits, findings, what would change, saving."""

from __future__ import annotations

from pathlib import Path

import pytest

from rulener.errors import NoteError, UsageError
from rulener.packs.diagnostics import has_errors
from rulener.workbench import session as parts
from rulener.workbench.session import Session
from tests.workbench.conftest import NOTES, caught_up

TERMS = "mypack/terms.yaml"


def with_term(session: Session, surface: str) -> str:
    return session.files.text(TERMS).replace("[shin splints, shin splint,", f"[shin splints, shin splint, {surface},")


def test_an_untouched_pack_is_clean(session: Session) -> None:
    came = caught_up(session)
    assert came == [parts.FINDINGS, parts.ENGINE, parts.TESTS, parts.CHANGES, parts.LINTS]
    assert session.findings == ()
    assert session.is_checked
    assert {result.status for result in session.results} == {"pass"}
    assert session.effect is not None
    assert session.effect.changes == []


def test_an_edit_is_seen_in_the_note_and_over_all_notes(session: Session) -> None:
    caught_up(session)
    session.edit(TERMS, with_term(session, "restless legs"))
    caught_up(session)
    document = session.document(NOTES["run.txt"])
    assert document is not None
    assert [entity.text for entity in document.entities] == ["Shin splints", "Restless legs"]
    assert session.effect is not None
    assert [(change.kind, change.note, change.snippet[1]) for change in session.effect.changes] == [
        ("added", "clinic.txt", "restless legs"),
        ("added", "run.txt", "Restless legs"),
    ]


def test_nothing_is_written_until_saved(session: Session, pack: Path) -> None:
    before = (pack / "terms.yaml").read_bytes()
    session.edit(TERMS, with_term(session, "restless legs"))
    caught_up(session)
    assert (pack / "terms.yaml").read_bytes() == before
    assert session.files.dirty() == [TERMS]
    assert session.save(TERMS) is None
    assert b"restless legs" in (pack / "terms.yaml").read_bytes()
    caught_up(session)
    assert session.effect is not None
    assert session.effect.changes == []


def test_a_mistake_is_found_at_its_line_and_the_last_good_engine_stays(session: Session) -> None:
    caught_up(session)
    good = session.current
    session.edit(TERMS, session.files.text(TERMS).replace("label: disorder", "label: disordr"))
    assert caught_up(session) == [parts.FINDINGS]
    (finding,) = [one for one in session.findings if one.code == "R130"]
    assert finding.place is not None
    assert (finding.place.path, finding.place.line, finding.place.column) == (TERMS, 4, 12)
    assert session.current is good
    assert not session.is_current
    session.edit(TERMS, session.files.text(TERMS).replace("label: disordr", "label: disorder"))
    caught_up(session)
    assert session.findings == ()


def test_findings_name_no_folder_of_the_session(session: Session) -> None:
    session.edit("mypack/pack.yaml", "name: mypack\n")
    caught_up(session)
    assert has_errors(session.findings)
    assert not [finding for finding in session.findings if "rulener-workbench-" in str(finding.to_dict())]


def test_lints_come_last(session: Session) -> None:
    text = session.files.text(TERMS)
    session.edit(TERMS, text + "  - {id: bare, label: disorder, any: [knee trouble]}\n")
    caught_up(session)
    assert [finding.code for finding in session.findings] == ["R301"]


def test_a_newer_edit_ends_what_is_under_way(session: Session) -> None:
    steps = session.refresh()
    assert next(steps) == parts.FINDINGS
    session.edit(TERMS, with_term(session, "restless legs"))
    assert list(steps) == [parts.ENGINE]
    assert session.effect is None


def test_the_focused_rules_examples_come_first(session: Session) -> None:
    caught_up(session, "taping")
    assert [result.name for result in session.results][:2] == ["mypack:taping match 1", "mypack:taping skip 1"]
    assert session.results[0].place.path == TERMS


def test_a_case_made_of_a_selection_passes_and_is_found_by_its_name(session: Session) -> None:
    caught_up(session)
    text = "Screened negative for shin splints today. MTSS later.\n"
    start = text.index("shin splints")
    draft = session.draft_case(text, start, start + len("shin splints"), TERMS)
    assert draft.marked == "Screened negative for [shin splints]{disorder negated} today."
    assert draft.files == ("mypack/mypack.cases.yaml",)
    line = session.add_case(draft.files[0], draft.id, draft.marked)
    caught_up(session, draft.id)
    assert (session.results[0].status, session.results[0].place.line) == ("pass", line)
    assert session.draft_case(text, start, start + 12, TERMS).id == "shin-splints-3"
    assert "{disorder negated family}" in session.draft_case(text, start, start + 12, TERMS, "family").marked


def test_a_term_made_of_a_selection(session: Session) -> None:
    caught_up(session)
    text = "Has RLS and restless legs.\n"
    draft = session.draft_term(text, 4, 7, TERMS)
    assert (draft.words, draft.id, draft.label, draft.exact, draft.files) == ("RLS", "rls", "disorder", True, (TERMS,))
    assert (TERMS, "shin-splints") in draft.terms
    session.add_term(TERMS, draft.id, draft.label, draft.words, exact=draft.exact)
    session.add_surface(TERMS, draft.id, "restless legs", exact=False)
    caught_up(session)
    document = session.document(text)
    assert document is not None
    assert [entity.rule for entity in document.entities] == ["mypack:rls", "mypack:rls"]
    with pytest.raises(UsageError, match="U353"):
        session.add_term(TERMS, "RLS!", "disorder", "x", exact=False)
    with pytest.raises(UsageError, match="U350"):
        session.add_case("../cases.yaml", "x", "y")


def test_an_explanation_leads_to_the_rule(session: Session) -> None:
    caught_up(session)
    explanation = session.explain("MTSS since spring.", 0)
    assert explanation is not None
    assert session.rule_place(explanation.entities[0].rule.place) == (TERMS, 3)
    assert session.rule_place("english/terms.yaml:3:5") is None
    assert session.rule_place("") is None
    assert session.rule_source("english/terms.yaml:3:5") == ""


def test_files_that_others_write_are_noticed(session: Session, pack: Path) -> None:
    caught_up(session)
    assert not session.notice()
    (pack / "more.yaml").write_text("terms:\n  - {id: gout, label: disorder, any: [gout]}\n", "utf-8")
    assert session.notice()
    assert not session.notice()
    caught_up(session)
    document = session.document("Gout.")
    assert document is not None
    assert len(document.entities) == 1


def test_a_failing_example_is_shown_with_what_is_found(session: Session) -> None:
    session.edit(TERMS, session.files.text(TERMS).replace("[shin splints, shin splint,", "["))
    caught_up(session)
    failing = [result for result in session.results if result.status == "fail"]
    assert failing
    assert all(result.place.path.startswith("mypack/") for result in failing)


def test_an_empty_folder_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    session = Session([tmp_path / "empty"])
    assert caught_up(session) == [parts.FINDINGS]
    assert [finding.code for finding in session.findings] == ["R100"]
    assert session.files.listed() == []
    assert session.document("anything") is None
    session.close()


def test_its_own_folder_is_for_its_owner_only_and_goes(session: Session) -> None:
    caught_up(session)
    room = session._root
    assert room.stat().st_mode & 0o077 == 0
    session.close()
    assert not room.exists()


def test_compiled_files_do_not_pile_up(session: Session) -> None:
    for number in range(5):
        session.edit(TERMS, with_term(session, f"trouble {number}"))
        caught_up(session)
    assert len(list(session._root.glob("*.rnr"))) <= 3


def test_a_note_that_cannot_be_annotated_stops_nothing(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rulener.compiler.build.REGEX_TIMEOUT", 0.05)
    runaway = "patterns:\n  - id: greedy\n    label: measurement\n    regex: '\\bkey (?:a|aa)+\\d'\n"
    (pack / "slow.yaml").write_text(runaway, "utf-8")
    slow = "key " + "a" * 60 + "!"
    session = Session([pack], notes=[("slow", slow), ("quick", NOTES["run.txt"])])
    caught_up(session)
    with pytest.raises(NoteError):
        session.document(slow)
    assert session.effect is not None
    assert session.effect.notes == 2
    session.close()


def test_a_lexicon_that_cannot_be_read_is_said(pack: Path, tmp_path: Path) -> None:
    session = Session([pack], lexicons=[tmp_path / "none.tsv"])
    assert caught_up(session) == [parts.FINDINGS, parts.FAILED]
    assert "L101" in session.failure
    session.close()


def test_unknown_files_are_refused(session: Session) -> None:
    with pytest.raises(UsageError, match="U350"):
        session.edit("mypack/../secret.yaml", "x")
