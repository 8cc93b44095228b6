"""An author's first quarter of an hour, beside the shipped pack; the pictures of docs/authors/workbench.md are taken here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rulener.authoring.starter import new_pack
from tests.workbench.conftest import Served
from tests.workbench.test_page import open_file, select, type_into

EXAMPLES = Path(__file__).parents[2] / "examples" / "notes"


def test_from_a_note_to_a_saved_rule_with_a_case(opened: Callable[..., Served], tmp_path: Path, artefacts: Path) -> None:
    folder = tmp_path / "knee-clinic"
    new_pack(folder)
    page = opened(folder, "--notes", EXAMPLES, "--decisions", tmp_path / "decisions.tsv").page
    page.set_viewport_size({"width": 1320, "height": 800})
    page.wait_for_selector("#note mark")
    page.wait_for_selector(".wb-note-title:has-text('admission-telegraphic.txt')")
    page.wait_for_selector(".legend mark")

    open_file(page, "terms.yaml")
    type_into(page, "any: [kinesio taping,", "any: [fall, kinesio taping,")
    page.wait_for_selector(".change")
    page.click("#note mark.negated >> nth=0")
    page.wait_for_selector(".wb-why dl")
    page.wait_for_selector(".wb-why details summary:has-text('english:')")
    page.click(".wb-why details summary:has-text('english:') >> nth=0")
    page.wait_for_selector(".wb-why details[open] pre:has-text('id: ')")
    page.click(".wb-why details[open] summary")
    page.wait_for_selector("#wb-status:not(.error)")
    page.screenshot(path=artefacts / "docs-workbench.png")

    type_into(page, "label: procedure", "label: procedur")
    page.wait_for_selector(".wb-marker.error")
    page.click("[data-local=theme]")
    page.wait_for_selector("body.body--dark")
    page.click(".wb-tabs [data-name=findings]")
    page.wait_for_selector(".finding:has-text('did you mean')")
    page.hover(".wb-finding.error")
    page.wait_for_selector(".wb-tooltip")
    page.screenshot(path=artefacts / "docs-finding.png")

    type_into(page, "label: procedur", "label: procedure")
    page.wait_for_selector("#wb-status:not(.error)")
    page.keyboard.press("Control+s")
    page.wait_for_selector(".wb-bar .dim:has-text('saved')")
    assert "any: [fall, kinesio taping," in (folder / "terms.yaml").read_text("utf-8")
    words = page.inner_text("#note mark.negated >> nth=0")
    select(page, words)
    page.keyboard.press("Alt+c")
    page.wait_for_selector("#wb-dialog[open] textarea")
    assert page.input_value("#wb-dialog textarea") == f"PMHx:\nNo h/o [{words}]{{disorder negated historical}}/TIA."
    page.click("#wb-dialog .primary")
    page.wait_for_selector(".wb-bar .title:has-text('knee-clinic.cases.yaml')")
    page.wait_for_selector(".result.pass")
    page.screenshot(path=artefacts / "case-passes.png")
