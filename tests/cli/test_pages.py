from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from tests.cli.conftest import Call
from tests.cli.pack import TERMS, write_pack


class Links(HTMLParser):
    """Whatever a page leads to or loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value or "" for name, value in attrs if name in ("href", "src", "action", "data")]


def links_of(path: Path) -> Links:
    links = Links()
    links.feed(path.read_text(encoding="utf-8"))
    return links


HOSTILE = TERMS.replace("any: [ear ache, otalgia]", "any: [ear ache, otalgia, '<script>alert(1)</script> & \"x\"']")


def test_every_rule_has_a_page_that_asks_for_nothing(call: Call, tmp_path: Path) -> None:
    pack, out = write_pack(tmp_path / "tiny", terms=HOSTILE), tmp_path / "review"
    ended = call("docs", pack, "-o", out, "--no-base")
    assert (ended.code, ended.out) == (0, f"{out}/index.html: 4 rules\n")
    names = {path.name for path in out.iterdir()}
    assert names == {
        "index.html",
        "terms-ear-ache.html",
        "context-denies.html",
        "context-no-change.html",
        "sections-past-history.html",
    }
    for path in out.iterdir():
        links = links_of(path)
        assert not links.tags & {"script", "link", "img", "iframe", "object", "form"}
        assert {link.partition("#")[0] for link in links.found} <= {*names, ""}


def test_what_a_reviewer_sees(call: Call, tmp_path: Path) -> None:
    pack, out = write_pack(tmp_path / "tiny", terms=HOSTILE.replace("skip: [", "skip: [otalgia, ")), tmp_path / "review"
    call("docs", pack, "-o", out, "--no-base")
    text = (out / "terms-ear-ache.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot;" in text
    assert "An <mark>ear ache</mark> since Monday." in text
    assert re.search(r"otalgia <span class=\"dim\">fail</span><br>extra: the rule finds", text)
    assert "terms.yaml, line 2" in text
    assert "Sign-off" in text
    assert "1 of 4 fail" in (out / "index.html").read_text(encoding="utf-8")


def test_pages_of_rules_that_are_gone_go_and_other_folders_stay(call: Call, tmp_path: Path) -> None:
    pack, out = write_pack(tmp_path / "tiny"), tmp_path / "review"
    call("docs", pack, "-o", out, "--no-base")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    call("docs", pack, "-o", out, "--no-base")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    (pack / "terms.yaml").write_text(TERMS.replace("id: ear-ache", "id: otalgia"))
    call("docs", pack, "-o", out, "--no-base")
    assert (out / "terms-otalgia.html").exists()
    assert not (out / "terms-ear-ache.html").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("mine")
    assert "U272" in call("docs", pack, "-o", tmp_path / "mine", "--no-base").err
    assert (tmp_path / "mine" / "index.html").read_text() == "mine"
