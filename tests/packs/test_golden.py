"""Every diagnostic as its reader sees it. Set RULENER_UPDATE_GOLDEN=1 to rewrite the expected texts, then review them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from rulener.authoring.findings import find
from rulener.compiler.conflicts import pack_conflicts
from rulener.errors import PackError
from rulener.packs.cases import load_cases
from rulener.packs.diagnostics import TITLES, Diagnostic, has_errors, render, summary
from rulener.packs.link import known_label_names
from rulener.packs.parse import check_packs, read_sources

GOLDEN = Path(__file__).parent / "golden"
DOCS = Path(__file__).parents[2] / "docs" / "errors"
CASES = sorted(path.name for path in GOLDEN.iterdir())
PAGES = sorted(path.stem for path in DOCS.glob("R[0-9]*.md"))
HEADER = (GOLDEN / "R102-bad-yaml" / "pack.yaml").read_text(encoding="utf-8")
OF_AUTHORING = ("R320", "R321", "R325", "R326", "R327", "R329")
OF_AUTHORING = ("R320", "R321", "R325", "R326", "R327", "R329")
OF_AUTHORING = ("R320", "R321", "R325", "R326", "R327", "R329")
FIRST_CONFLICT = "R305"  # from here on the codes are those of the compiler's conflict analysis


def findings_in(folders: list[Path], code: str) -> list[Diagnostic]:
    packs, diagnostics = check_packs(folders)
    labels = known_label_names(packs)
    if code >= FIRST_CONFLICT and not has_errors(diagnostics):
        diagnostics = diagnostics + pack_conflicts(packs)
    return diagnostics + [d for folder in folders for d in load_cases(folder, labels=labels)[1]]


def refused_by_the_compiler(folders: list[Path], target: Path) -> list[Diagnostic]:
    """What only the compiler finds."""
    cache = pytest.importorskip("rulener.compiler.cache")
    try:
        cache.compile_inputs(folders, [], [], None, bytes(32), target, None)
    except PackError as error:
        return list(error.diagnostics)
    return []


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(GOLDEN)
    folders = sorted(path for path in Path(name).iterdir() if path.is_dir()) or [Path(name)]
    diagnostics = list(find(folders).findings) if name[:4] in OF_AUTHORING else findings_in(folders, name[:4])
    if name.startswith("R220"):
        diagnostics += refused_by_the_compiler(folders, tmp_path / "it.rnr")
    found = f"{render(diagnostics, read_sources(folders))}\n{summary(diagnostics)}\n"
    expected = Path(name) / "expected.txt"
    if os.environ.get("RULENER_UPDATE_GOLDEN") == "1":
        expected.write_bytes(found.encode())
    assert found == expected.read_bytes().decode()
    assert name[:4] in {d.code for d in diagnostics}


@pytest.mark.parametrize("code", TITLES)
def test_each_code_has_a_page_and_a_golden_test(code: str) -> None:
    page = DOCS / f"{code}.md"
    assert page.read_text(encoding="utf-8").startswith(f"# {code}: {TITLES[code]}\n")
    assert any(name.startswith(f"{code}-") for name in CASES)
    assert f"[{code}]({code}.md)" in (DOCS / "README.md").read_text(encoding="utf-8")


def test_no_page_is_left_over() -> None:
    assert set(PAGES) == set(TITLES)


def examples_of(code: str) -> list[str]:
    text = (DOCS / f"{code}.md").read_text(encoding="utf-8")
    return re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", [code for code in PAGES if len(examples_of(code)) == 2])
def test_the_examples_of_a_page_show_the_finding_and_its_mending(code: str, tmp_path: Path) -> None:
    bad, mended = examples_of(code)
    (tmp_path / "pack.yaml").write_text(HEADER, encoding="utf-8")
    (tmp_path / "rules.yaml").write_text(bad, encoding="utf-8")
    assert code in {d.code for d in findings_in([tmp_path], code)}
    (tmp_path / "rules.yaml").write_text(mended, encoding="utf-8")
    assert findings_in([tmp_path], code) == []


@pytest.mark.parametrize("name", CASES)
def test_who_only_loads_is_refused_for_the_same_reasons(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lints that only warn are left out when packs are loaded; the verdict and the errors are the same."""
    monkeypatch.chdir(GOLDEN / name)
    folders = [path.relative_to(GOLDEN / name) for path in sorted((GOLDEN / name).iterdir()) if path.is_dir()] or [Path(".")]
    everything, quick = check_packs(folders)[1], check_packs(folders, warn=False)[1]
    assert [d for d in quick if d.severity == "error"] == [d for d in everything if d.severity == "error"]
    assert all(d in everything for d in quick)
