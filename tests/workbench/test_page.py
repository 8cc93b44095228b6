"""The page in a real headless Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.workbench.conftest import Served

Open = Callable[..., Served]
RESTLESS = "#note mark:has-text('estless legs')"


def type_into(page: Any, find: str, replacement: str) -> None:
    """Put the cursor behind words of the editor and type there, as an author does."""
    page.evaluate(
        """([find, text]) => {
            const view = getElement(document.querySelector('.nicegui-codemirror').id.slice(1)).editor;
            const at = view.state.doc.toString().indexOf(find);
            if (at < 0) throw new Error('not in the editor');
            view.focus();
            view.dispatch({ selection: { anchor: at, head: at + find.length }, scrollIntoView: true });
        }""",
        [find, replacement],
    )
    page.keyboard.insert_text(replacement)


def open_file(page: Any, name: str) -> None:
    page.click(f".wb-files button.file:has-text('{name}')")
    page.wait_for_selector(f".wb-bar .title:has-text('{name}')")
    page.wait_for_selector(".cm-content")


def test_open_edit_find_fix(opened: Open, artefacts: Path) -> None:
    served = opened()
    page = served.page
    page.wait_for_selector("#note mark")
    open_file(page, "terms.yaml")
    type_into(page, "label: disorder", "label: disordr")
    page.wait_for_selector(".wb-marker.error")
    page.wait_for_selector(".wb-files .badge.error")
    page.wait_for_selector("#wb-status.error:has-text('1 error')")
    page.screenshot(path=artefacts / "finding.png")
    type_into(page, "label: disordr", "label: disorder")
    page.wait_for_selector("#wb-status.good")
    assert page.locator(".wb-marker.error").count() == 0
    type_into(page, "[shin splints, shin splint,", "[shin splints, restless legs, shin splint,")
    page.wait_for_selector(RESTLESS)
    page.wait_for_selector(".change.added:has-text('estless legs')")
    assert page.locator(".change").count() == 2
    page.screenshot(path=artefacts / "changes.png")


def test_every_request_stays_on_this_machine(opened: Open) -> None:
    served = opened()
    page = served.page
    page.wait_for_selector("#note mark")
    open_file(page, "terms.yaml")
    page.wait_for_selector("#wb-status.good:has-text('no findings')")
    page.click("[data-local=theme]")
    page.wait_for_selector("body.body--dark")
    assert len(served.requests) > 10
    here = urlsplit(served.url).netloc
    assert {urlsplit(url).netloc for url in served.requests if not url.startswith("data:")} == {here}


def test_notes_are_text_and_never_markup(opened: Open) -> None:
    page = opened().page
    page.wait_for_selector("#note mark")
    page.fill("[data-input=notes]", "script")
    page.wait_for_selector(".wb-note-title:has-text('script.txt')")
    page.wait_for_selector("#note:has-text('<script>window.hurt')")
    assert page.evaluate("window.hurt") is None
    assert page.locator("#note img, #note script").count() == 0


def test_only_who_has_the_token_is_served(start: Callable[..., Served], chromium: Any) -> None:
    served = start()
    here = "http://" + urlsplit(served.url).netloc
    context = chromium.new_context()
    page = context.new_page()
    for address in ("/", "/?token=wrong", "/?token=", "/_nicegui/x"):
        response = page.goto(here + address)
        assert response.status == 403, address
        assert "token" in page.inner_text("body")
    page.goto(served.url)
    page.wait_for_selector("#note mark")
    assert page.url == here + "/"  # the token is not left in the address
    (cookie,) = context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    context.close()


def test_it_says_where_it_is_and_nothing_of_the_notes(opened: Open) -> None:
    served = opened()
    served.page.wait_for_selector("#note mark")
    served.page.close()
    out, err = served.ended()
    assert out == ""
    assert err == "Open this address in a browser on this machine. Ctrl-C ends it.\nrulener: interrupted\n"


def select(page: Any, words: str) -> None:
    """Select words of the note, as with the mouse."""
    page.evaluate(
        """(words) => {
            document.querySelector('#note').focus();
            const walker = document.createTreeWalker(document.querySelector('#note'), NodeFilter.SHOW_TEXT);
            for (let node; (node = walker.nextNode()); ) {
                const at = node.textContent.indexOf(words);
                if (at < 0) continue;
                const range = document.createRange();
                range.setStart(node, at);
                range.setEnd(node, at + words.length);
                getSelection().removeAllRanges();
                getSelection().addRange(range);
                return;
            }
            throw new Error('not in one piece of the note');
        }""",
        words,
    )
    page.wait_for_selector("#wb-tools:not([hidden])")


def test_from_a_selection_to_a_term_and_a_case(opened: Open, pack: Path, artefacts: Path) -> None:
    page = opened().page
    page.wait_for_selector("#note mark")
    page.wait_for_selector("#wb-status:has-text('no findings')")
    select(page, "restless legs")
    page.click("#wb-tools [data-act=term]")
    page.wait_for_selector("#wb-dialog[open]")
    assert page.input_value("#wb-dialog [name=words]") == "restless legs"
    page.click("#wb-dialog .primary")
    page.wait_for_selector(RESTLESS)
    page.wait_for_selector(".change.added:has-text('estless legs')")
    page.keyboard.press("Control+s")
    page.wait_for_selector(".wb-bar .dim:has-text('saved')")
    written = (pack / "terms.yaml").read_text("utf-8")
    assert written.endswith("\n\n  - id: restless-legs\n    label: disorder\n    any: [restless legs]\n")
    assert "# counts only as it is written here" in written

    page.wait_for_selector("#wb-status:has-text('warning')")
    select(page, "hin splints")
    page.click("#wb-tools [data-axis=negated]")
    page.wait_for_selector("#wb-dialog[open] textarea")
    page.check("#wb-dialog [data-axis=historical]")
    page.fill("#wb-dialog textarea", page.input_value("#wb-dialog textarea").replace("hin splints]", "hin splints]", 1))
    assert "{disorder negated historical}" in page.input_value("#wb-dialog textarea")
    page.screenshot(path=artefacts / "case.png")
    page.uncheck("#wb-dialog [data-axis=historical]")
    page.click("#wb-dialog .primary")
    page.wait_for_selector(".wb-bar .title:has-text('mypack.cases.yaml')")
    page.wait_for_selector(".result")
    page.keyboard.press("Control+s")
    page.wait_for_selector(".wb-bar .dim:has-text('saved')")
    assert "{disorder negated}" in (pack / "mypack.cases.yaml").read_text("utf-8").splitlines()[-1]

    page.reload()
    page.wait_for_selector("#note mark")
    page.click(RESTLESS)
    page.wait_for_selector(".wb-why h3:has-text('restless legs')")
    page.screenshot(path=artefacts / "explained.png")
    page.click(".wb-why button.jump")
    page.wait_for_selector(".wb-bar .title:has-text('terms.yaml')")
    page.wait_for_selector(".cm-activeLine:has-text('- id: restless-legs')")


def test_a_file_changed_on_disk_is_shown_beside_ones_own(opened: Open, pack: Path, artefacts: Path) -> None:
    page = opened().page
    open_file(page, "terms.yaml")
    type_into(page, "id: taping", "id: tapes")
    page.wait_for_selector(".wb-bar .unsaved")
    theirs = (pack / "terms.yaml").read_text("utf-8").replace("kinesio taping", "kinesiotape")
    (pack / "terms.yaml").write_text(theirs, "utf-8")
    page.keyboard.press("Control+s")
    page.wait_for_selector("#wb-dialog[open] .diff .added:has-text('id: tapes')")
    page.wait_for_selector("#wb-dialog[open] .diff .lost:has-text('kinesiotape')")
    page.screenshot(path=artefacts / "conflict.png")
    assert (pack / "terms.yaml").read_text("utf-8") == theirs
    page.click("#wb-dialog [data-act=theirs]")
    page.wait_for_selector(".cm-content:has-text('kinesiotape')")
    assert page.locator(".cm-content:has-text('id: tapes')").count() == 0

    type_into(page, "id: taping", "id: tapes")
    page.wait_for_selector(".wb-bar .unsaved")
    (pack / "terms.yaml").unlink()
    page.keyboard.press("Control+s")
    page.wait_for_selector("#wb-dialog[open]:has-text('gone from the disk')")
    page.click("#wb-dialog [data-act=overwrite]")
    page.wait_for_selector(".wb-bar .dim:has-text('saved')")
    assert (pack / "terms.yaml").read_text("utf-8") == theirs.replace("id: taping", "id: tapes")


def test_a_second_tab_takes_over(opened: Open) -> None:
    served = opened()
    served.page.wait_for_selector("#note mark")
    second = served.page.context.new_page()
    second.goto(served.url.partition("?")[0])
    second.wait_for_selector("#note mark")
    served.page.wait_for_selector("#wb-retired:has-text('another tab')")


def test_the_review_queue_writes_the_decisions_file(
    opened: Open, pack: Path, notes: Path, tmp_path: Path, artefacts: Path
) -> None:
    table = tmp_path / "terms.tsv"
    rows = ("cold\tdisorder\tX\t1\tcommon cold", "cold\tdisorder\tX\t2\tcold temperature")
    table.write_text("term\tlabel\tsystem\tcode\tpreferred\n" + "".join(f"{row}\n" for row in rows), "utf-8")
    (notes / "cold.txt").write_text("Has a cold.\n", "utf-8")
    path = tmp_path / "decisions.tsv"
    page = opened(pack, "--notes", notes, "--no-base", "--lexicon", table, "--decisions", path).page
    page.click(".wb-tabs [data-name=review]")
    page.wait_for_selector(".question:has-text('common cold')")
    page.screenshot(path=artefacts / "review.png")
    page.fill(".question [name=code]", "X:7")
    page.press(".question [name=code]", "Enter")
    page.wait_for_selector("#wb-toast.bad:has-text('U252')")
    page.click(".question .choice:has-text('common cold')")
    page.wait_for_selector(".decided:has-text('X:1')")
    assert page.locator(".question:has-text('common cold')").count() == 0
    assert path.read_text("utf-8").splitlines()[1:] == ["cold\tdisorder\t\tX:1"]
