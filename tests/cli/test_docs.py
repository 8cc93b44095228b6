from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCES = [*(REPOSITORY / "rulener/run").glob("*.py"), *(REPOSITORY / "rulener/cli").glob("*.py")]
CODES = sorted({code for path in SOURCES for code in re.findall(r"\b[UN]\d{3}\b", path.read_text())})


def test_codes_are_found() -> None:
    assert {"U203", "N101"} < set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_page(code: str) -> None:
    page = (REPOSITORY / "docs/errors" / f"{code}.md").read_text()
    assert re.match(rf"# {code}: \S.*\n\n\S", page)
    assert "\n## How to mend it\n\n" in page
