from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rulener.authoring.effects import Hit, _paired
from tests.cli.conftest import Call
from tests.cli.pack import TERMS, write_pack

NOTES = {
    "a.txt": "Denies otalgia.\nHas an ear ache & <b>more</b>.",
    "b.txt": "Past history: ear ache.",
    "c.txt": "Nothing here.",
}
NEW_TERMS = TERMS.replace("any: [ear ache, otalgia]", "any: [ear ache, more]").replace("Otalgia.", "More.")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "notes").mkdir()
    for name, text in NOTES.items():
        (tmp_path / "notes" / name).write_text(text)
    write_pack(tmp_path / "old")
    new = write_pack(tmp_path / "new", terms=NEW_TERMS)
    text = (new / "context.yaml").read_text().replace("sets: {historical: true}", "sets: {negated: true}")
    (new / "context.yaml").write_text(text)
    return tmp_path


def test_counts_come_first_then_rules_then_snippets(call: Call, folder: Path) -> None:
    ended = call("diff", folder / "old", folder / "new", folder / "notes", "--no-base")
    assert (ended.code, ended.err) == (1, "")
    assert ended.out == (
        "3 notes, 2 with changes; mentions 3 -> 3\n"
        "1 added, 1 lost, 1 changed\n"
        "  tiny:ear-ache  1 added  1 lost  1 changed\n"
        "\n"
        "tiny:ear-ache\n"
        "  - a.txt:1:8  …Denies [otalgia].�Has an ear ache & <b>more</b>.…\n"
        "      ailment negated by tiny:ear-ache\n"
        "  + a.txt:2:22  …Denies otalgia.�Has an ear ache & <b>[more]</b>.…\n"
        "      ailment by tiny:ear-ache\n"
        "  ~ b.txt:1:15  …Past history: [ear ache].…\n"
        "      ailment historical → ailment negated, by tiny:ear-ache\n"
    )
    limited = call("diff", folder / "old", folder / "new", folder / "notes", "--no-base", "--limit", "1").out
    assert limited.endswith("  and 2 more (--limit 0 shows all)\n")


def test_a_pack_does_not_differ_from_itself(call: Call, folder: Path) -> None:
    ended = call("diff", folder / "old", folder / "old", folder / "notes", "--no-base")
    assert (ended.code, ended.out) == (0, "3 notes, 0 with changes; mentions 3 -> 3\n0 added, 0 lost, 0 changed\n")


def test_json_holds_places_and_no_text(call: Call, folder: Path) -> None:
    ended = call("diff", folder / "old", folder / "new", folder / "notes", "--no-base", "--json")
    found = json.loads(ended.out)
    assert found["counts"] == {"added": 1, "lost": 1, "changed": 1}
    kinds = [(change["kind"], change["what"]) for change in found["changes"]]
    assert kinds == [("lost", []), ("added", []), ("changed", ["axes"])]
    assert "Nothing" not in ended.out
    assert "otalgia" not in ended.out


def test_the_page_is_whole_and_escaped(call: Call, folder: Path) -> None:
    target = folder / "diff.html"
    call("diff", folder / "old", folder / "new", folder / "notes", "--no-base", "--html", target)
    text = target.read_text(encoding="utf-8")
    assert "&amp; &lt;b&gt;<mark>more</mark>&lt;/b&gt;" in text
    assert not re.search(r"<script|https?:|\bsrc=|\bhref=|@import|url\(", text)
    assert "default-src 'none'" in text


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_revision_of_a_pack(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b.invalid", *arguments], cwd=folder, check=True, capture_output=True
        )

    git("init", "-q")
    (folder / "packs").mkdir()
    shutil.copytree(folder / "old", folder / "packs" / "deep")
    git("add", "old", "packs")
    git("commit", "-qm", "one")
    (folder / "old" / "terms.yaml").write_text(NEW_TERMS)
    monkeypatch.chdir(folder)
    ended = call("diff", "HEAD:old", "old", "notes", "--no-base")
    assert (ended.code, ended.out.split("\n")[1]) == (1, "1 added, 1 lost, 0 changed")
    assert call("diff", "HEAD:packs/deep", "packs/deep", "notes", "--no-base").code == 0
    assert "U273" in call("diff", "HEAD~7:old", "old", "notes", "--no-base").err
    assert "U273" in call("diff", "HEAD:nothing", "old", "notes", "--no-base").err


def test_a_baseline_holds_until_it_is_accepted_anew(call: Call, folder: Path) -> None:
    pack, notes = folder / "old", folder / "notes"
    assert "U274" in call("diff", "--baseline", pack, notes, "--no-base").err
    assert call("diff", "--baseline", pack, notes, "--no-base", "--accept", "first look").code == 0
    baseline = (pack / "baseline.json").read_text()
    assert "otalgia" not in baseline
    assert call("diff", "--baseline", pack, notes, "--no-base").code == 0
    (pack / "terms.yaml").write_text(NEW_TERMS)
    ended = call("diff", "--baseline", pack, notes, "--no-base")
    assert (ended.code, ended.out.split("\n")[1]) == (1, "1 added, 1 lost, 0 changed")
    assert call("diff", "--baseline", pack, notes, "--no-base", "--accept", "more is meant").code == 0
    accepted = json.loads((pack / "baseline.json").read_text())["accepted"]
    assert [one["reason"] for one in accepted] == ["first look", "more is meant"]
    assert accepted[1]["added"] == 1


def test_notes_that_are_not_those_of_the_baseline_are_named(call: Call, folder: Path) -> None:
    pack, notes = folder / "old", folder / "notes"
    call("diff", "--baseline", pack, notes, "--no-base", "--accept", "first look")
    (notes / "a.txt").write_text("Other.")
    (notes / "b.txt").unlink()
    (notes / "d.txt").write_text("New.")
    ended = call("diff", "--baseline", pack, notes, "--no-base")
    assert ended.code == 1
    assert "not compared: a.txt: the text is not that of the baseline\n" in ended.out
    assert "not compared: d.txt: not in the baseline\n" in ended.out
    assert "not compared: b.txt: in the baseline, but not among the notes\n" in ended.out


def test_usage(call: Call, folder: Path) -> None:
    assert "U100" in call("diff", folder / "old", folder / "notes").err
    assert "U100" in call("diff", folder / "old", folder / "new", folder / "notes", "--accept", "x").err
    assert "U201" in call("diff", folder / "nowhere", folder / "new", folder / "notes").err
    (folder / "old" / "baseline.json").write_text("{")
    assert "U274" in call("diff", "--baseline", folder / "old", folder / "notes", "--no-base").err


def test_what_answers_what() -> None:
    def hit(start: int, end: int, label: str = "a", rule: str = "r") -> Hit:
        return Hit(start, end, label, rule)

    before = [hit(0, 5), hit(10, 15), hit(20, 25), hit(30, 35)]
    after = [hit(0, 5), hit(10, 15, "b"), hit(18, 26), hit(40, 45)]
    pairs, lost, added = _paired(before, after)
    assert pairs == [(before[0], after[0]), (before[1], after[1]), (before[2], after[2])]
    assert (lost, added) == ([before[3]], [after[3]])
