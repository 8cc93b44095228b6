"""Bad input: clear messages with codes, never a traceback; and what is large stays usable."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from rulener.cli.main import ended
from tests.workbench.conftest import NOTES, Served
from tests.workbench.test_page import open_file, type_into

Open = Callable[..., Served]


def test_a_port_that_is_taken(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("nicegui", reason="needs the extra [workbench]")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert ended(["workbench", str(pack), "--no-base", "--port", str(port)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    message = f"the port {port} cannot be used: another program uses it (--port 0 takes a free one)"
    assert printed.err == f"rulener: error[U352]: {message}\n"


def test_without_the_extra_it_is_named(
    pack: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    assert ended(["workbench", str(pack), "--no-base"]) == 2
    assert "error[U101]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["missing"], "U201"),
        (["mypack", "--notes", "missing"], "U201"),
        (["mypack", "--notes", "none"], "U203"),
        (["mypack", "--encoding", "klingon", "--notes", "none"], "U210"),
        (["mypack", "--port", "70000"], "U100"),
        (["mypack", "--decisions", "mypack/pack.yaml"], "U251"),
    ],
)
def test_arguments(
    pack: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: str
) -> None:
    monkeypatch.chdir(pack.parent)
    (pack.parent / "none").mkdir()
    assert ended(["workbench", *arguments, "--no-base"]) == 2
    printed = capsys.readouterr()
    assert (printed.out, f"error[{code}]" in printed.err) == ("", True)


def test_an_empty_folder_and_then_a_first_file(opened: Open, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    page = opened(folder, "--no-base", wait=".wb-files .empty:has-text('needs a pack.yaml')").page
    page.wait_for_selector("#wb-status.error:has-text('1 error')")
    page.wait_for_selector("#wb-status:not(:has-text('working'))")
    (folder / "pack.yaml").write_text("name: fresh\nversion: 0.1.0\nlabels: [{id: disorder}]\n", "utf-8")
    page.wait_for_selector(".wb-files button.file:has-text('pack.yaml')")
    page.wait_for_selector("#wb-status.good")


def test_a_pack_that_is_broken_from_the_start_and_notes_in_latin_1(opened: Open, pack: Path, notes: Path) -> None:
    (pack / "terms.yaml").write_text("terms:\n  - id: [\n", "utf-8")
    (notes / "latin.txt").write_bytes("Fièvre. Shin splints.\n".encode("latin-1"))
    served = opened()
    page = served.page
    page.wait_for_selector("#wb-status.error")
    page.wait_for_selector("#note:has-text('Clinic letter')")
    page.click(".wb-tabs [data-name=findings]")
    page.wait_for_selector(".finding:has-text('R102')")
    page.click(".finding:has-text('R102')")
    page.wait_for_selector(".wb-bar .title:has-text('terms.yaml')")
    page.wait_for_selector(".wb-marker.error")
    page.close()
    _, err = served.ended()
    assert "latin.txt: left out: N102" in err
    assert "Traceback" not in err


def test_large_files_and_notes(opened: Open, pack: Path, notes: Path) -> None:
    rule = "  - id: big-{0}\n    label: disorder\n    any: [big trouble {0}]\n    status: experimental\n"
    (pack / "terms.yaml").write_text("terms:\n" + "".join(rule.format(k) for k in range(5000)), "utf-8")
    (notes / "a-huge.txt").write_text("Big trouble 7, and more of it. " * 40_000, "utf-8")
    page = opened().page
    page.wait_for_selector("#note mark")
    page.wait_for_selector(".window:has-text('of 1,240,000')")
    page.click(".window button:has-text('later')")
    page.wait_for_selector("#note[data-start='60000'] mark")
    open_file(page, "terms.yaml")
    type_into(page, "big trouble 7]", "big trouble 7, more of it]")
    page.wait_for_selector(".change.added:has-text('more of it')")
    page.wait_for_selector(".empty:has-text('and 39,800 more')")


def test_a_file_that_is_deleted_or_changed_meanwhile(opened: Open, pack: Path) -> None:
    page = opened().page
    open_file(page, "terms.yaml")
    (pack / "patterns.yaml").unlink()
    page.click(".wb-files button.file:has-text('patterns.yaml')")
    page.wait_for_selector("#wb-toast.bad:has-text('U35')")
    (pack / "terms.yaml").write_text("# theirs\n" + (pack / "terms.yaml").read_text("utf-8"), "utf-8")
    page.wait_for_selector(".cm-content:has-text('# theirs')")
    type_into(page, "id: taping", "id: tapes")
    page.wait_for_selector(".wb-bar .unsaved")
    (pack / "terms.yaml").write_text("# theirs again\n", "utf-8")
    page.wait_for_selector("#wb-toast.bad:has-text('has changed on disk')")
    assert "id: tapes" in page.inner_text(".cm-content")


def test_keys_alone_are_enough(opened: Open) -> None:
    page = opened().page
    page.wait_for_selector("#note mark")
    page.keyboard.press("Alt+1")
    page.keyboard.type("kinesio")
    page.wait_for_selector(".wb-files button.rule:has-text('taping')")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.wait_for_selector("button.rule:focus")
    page.keyboard.press("Enter")
    page.wait_for_selector(".wb-bar .title:has-text('terms.yaml')")
    page.wait_for_selector(".cm-activeLine:has-text('id: taping')")
    page.keyboard.press("Alt+2")
    page.wait_for_selector(".cm-editor.cm-focused")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    page.wait_for_selector(".cm-editor:not(.cm-focused)")
    page.keyboard.press("Alt+2")
    page.wait_for_selector(".cm-editor.cm-focused")
    page.keyboard.press("End")
    page.keyboard.type("\nlabel: x")
    page.wait_for_selector(".wb-marker.error")
    page.keyboard.press("Alt+4")
    page.keyboard.press("F8")
    page.wait_for_selector("#wb-toast:has-text('R1')")
    page.keyboard.press("Control+z")
    page.keyboard.press("Alt+.")
    page.wait_for_selector(".wb-note-title:has-text('run.txt')")
    page.keyboard.press("Alt+,")
    page.wait_for_selector(".wb-note-title:has-text('clinic.txt')")
    page.keyboard.press("Alt+3")
    page.wait_for_selector("#note:focus")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".wb-why h3:has-text('shin splints')")
    page.keyboard.press("F1")
    page.wait_for_selector("#wb-help[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#wb-help", state="hidden")


def test_what_can_be_pressed_has_a_name(opened: Open) -> None:
    """Buttons, inputs, tabs and panes say to a screen reader what they are."""
    page = opened().page
    page.wait_for_selector("#note mark")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, textarea, [role=button], [role=tab]')]
            .filter((one) => !(one.getAttribute('aria-label') || one.textContent.trim() || one.closest('label')))
            .map((one) => one.outerHTML)"""
    )
    assert nameless == []
    for selector in ("nav[aria-label]", "main", "section[aria-label=rules]", "[role=tablist]", "[role=status]", "#note"):
        assert page.locator(selector).count() >= 1, selector
    assert page.get_attribute(".cm-content", "aria-label") == "rules of the open file, YAML"


def test_the_editor_completes(opened: Open) -> None:
    page = opened().page
    open_file(page, "terms.yaml")
    page.wait_for_selector("#wb-status.good")
    type_into(page, "label: procedure", "label: pro")
    page.keyboard.press("Control+Space")
    page.wait_for_selector(".cm-tooltip-autocomplete:has-text('procedure')")
    page.wait_for_function("document.querySelector('.cm-tooltip-autocomplete li[aria-selected]')")
    page.keyboard.press("Escape")


def test_a_pasted_text(opened: Open) -> None:
    page = opened().page
    page.wait_for_selector("#note mark")
    page.click("[data-local=paste] >> nth=0")
    page.fill("#wb-paste textarea", "Shin splints & <b>more</b>.")
    page.click("#wb-paste .primary")
    page.wait_for_selector(".wb-note-title:has-text('pasted text')")
    assert page.inner_text("#note") == "Shin splints & <b>more</b>."
    assert len(NOTES) == 3


def test_an_unexpected_error_is_named_without_what_it_says() -> None:
    pytest.importorskip("nicegui", reason="needs the extra [workbench]")
    from rulener.workbench.page import _bug

    try:
        raise ValueError("the patient's name")
    except ValueError as error:
        said = _bug(error)
    assert said.startswith("U199: unexpected ValueError at test_bad_input.py:")
    assert "patient" not in said
