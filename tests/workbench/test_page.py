"""The page in a real headless Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

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


@pytest.mark.parametrize("address", ["/", "/?token=wrong", "/?token=", "/_nicegui/x"])
def test_without_the_token_nothing_is_shown(start: Callable[..., Served], chromium: Any, address: str) -> None:
    served = start()
    page = chromium.new_page()
    response = page.goto("http://" + urlsplit(served.url).netloc + address)
    assert response.status == 403
    assert "token" in page.inner_text("body")
    page.close()


def test_it_says_where_it_is_and_nothing_of_the_notes(opened: Open) -> None:
    served = opened()
    served.page.wait_for_selector("#note mark")
    served.page.close()
    out, err = served.ended()
    assert out == ""
    assert err == "Open this address in a browser on this machine. Ctrl-C ends it.\nrulener: interrupted\n"
