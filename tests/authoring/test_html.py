"""Pages hold what they are given, and nothing of it becomes markup."""

from __future__ import annotations

from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from rulener.authoring.html import bars, page, table, text


@given(st.text())
def test_no_text_becomes_markup(value: str) -> None:
    written = text(value)
    assert not set("<>\"'") & set(written)
    shown = unescape(written)
    assert len(shown) == len(value)
    assert all(a == b or b == "\ufffd" for a, b in zip(value, shown, strict=True))


def test_a_page_allows_nothing_from_elsewhere() -> None:
    written = page("<a>", table(["x"], [["</td><script>"]]) + bars([("<b>", 1.0), ("c", 0.0)])).decode()
    assert "default-src 'none'" in written
    assert "<title>&lt;a&gt;</title>" in written
    assert "<script" not in written
    assert "<b>" not in written
