"""Who may import whom (DESIGN section 1), what an import costs, and that every error has a page."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import rulener
from rulener import errors

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "rulener"
DOCS = REPOSITORY / "docs" / "errors"
PUBLIC = {"rulener", "rulener.engine", "rulener.document", "rulener.errors"}
_CIMPORT = re.compile(r"^([ ]*)(?:from\s+(rulener[\w.]*)\s+c?import|c?import\s+(rulener[\w.]*))", re.MULTILINE)
_RAISED = re.compile(r"""["']([RLANU]\d{3})["']""")


def module_of(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(tree: ast.AST, *, deep: bool) -> Iterator[str]:
    """Modules of rulener that a module imports: at its top, or with `deep` anywhere. Imports for type checkers do not count."""
    for node in ast.iter_child_nodes(tree):
        if is_for_types_only(node):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "rulener")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "rulener":
            yield from (known(f"{node.module}.{alias.name}", node.module) for alias in node.names)
        elif deep or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imports(node, deep=deep)


def known(name: str, parent: str) -> str:
    """`from a import b` imports the module a.b when there is one, else a."""
    return name if name in MODULES else parent


def compiled_imports(path: Path, *, deep: bool) -> Iterator[str]:
    for match in _CIMPORT.finditer(path.read_text(encoding="utf-8")):
        if deep or not match.group(1):
            yield match.group(2) or match.group(3)


SOURCES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
COMPILED = {module_of(path): path for path in sorted(PACKAGE.rglob("*.pyx"))}
MODULES = SOURCES.keys() | COMPILED.keys()
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}


def imported(name: str, *, deep: bool = True) -> set[str]:
    if name in COMPILED:
        pxd = COMPILED[name].with_suffix(".pxd")
        return {one for path in (COMPILED[name], pxd) if path.exists() for one in compiled_imports(path, deep=deep)} - {name}
    return set(imports(TREES[name], deep=deep)) - {name}


def under(*packages: str) -> list[str]:
    return [name for name in sorted(MODULES) if any(name == one or name.startswith(f"{one}.") for one in packages)]


def test_the_modules_are_seen() -> None:
    assert {"rulener.engine", "rulener.core.scanner", "rulener.packs.parse", "rulener.cli.main"} <= MODULES
    assert "rulener.core.text" in imported("rulener.core.scanner")
    assert "rulener.artifact" in imported("rulener.compiler.build")


@pytest.mark.parametrize(
    ("these", "never"),
    [
        (
            ["rulener.packs"],
            ["rulener.core", "rulener.compiler", "rulener.artifact", "rulener.engine", "rulener.lexicon", "rulener.cli"],
        ),
        (
            ["rulener.core"],
            ["rulener.packs", "rulener.compiler", "rulener.engine", "rulener.lexicon", "rulener.linking", "rulener.formats"],
        ),
        (["rulener.lexicon"], ["rulener.core", "rulener.packs", "rulener.compiler", "rulener.engine"]),
        (
            ["rulener.linking"],
            ["rulener.packs", "rulener.compiler", "rulener.engine", "rulener.lexicon", "rulener.formats", "rulener.run"],
        ),
        (["rulener.artifact"], ["rulener.core", "rulener.packs", "rulener.compiler", "rulener.engine"]),
        (["rulener.compiler"], ["rulener.engine", "rulener.document", "rulener.formats", "rulener.run", "rulener.cli"]),
        (["rulener.formats"], ["rulener.packs", "rulener.compiler", "rulener.engine", "rulener.run", "rulener.cli"]),
        (["rulener.run"], ["rulener.core", "rulener.packs", "rulener.compiler", "rulener.cli"]),
        (["rulener.cli", "rulener.service", "rulener.workbench", "rulener.integrations"], ["rulener.core", "rulener.compiler"]),
        (["rulener.authoring"], ["rulener.core", "rulener.compiler", "rulener.cli", "rulener.run"]),
        (["rulener.errors"], ["rulener"]),
    ],
    ids=lambda value: value[0].removeprefix("rulener.") if isinstance(value, list) else None,
)
def test_who_may_import_whom(these: list[str], never: list[str]) -> None:
    if these == ["rulener.errors"]:
        assert imported("rulener.errors") == set()
        return
    forbidden = set(under(*never))
    found = {name: sorted(imported(name) & forbidden) for name in under(*these)}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {name: {one for one in imported(name, deep=False) if one in MODULES} for name in MODULES}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for further in sorted(graph[name]):
                visit(further, (*path, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import rulener", ["numpy", "click", "rich", "pyarrow", "yaml", "regex", "ahocorasick", "rulener.core.scanner"]),
        ("import rulener.packs.parse", ["numpy", "click", "pyarrow", "rulener.core.scanner"]),
        ("from rulener import load", ["numpy", "click", "rich", "pyarrow", "yaml", "ahocorasick"]),
        ("import rulener.cli.main", ["numpy", "rich", "pyarrow", "yaml", "rulener.core.scanner"]),
    ],
)
def test_an_import_stays_small(statement: str, absent: list[str]) -> None:
    code = f"{statement}; import sys; print([name for name in {absent!r} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_the_public_face_is_whole() -> None:
    for name in rulener.__all__:
        assert getattr(rulener, name) is not None
    assert set(rulener.__all__) == set(dir(rulener))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        rulener.nothing  # noqa: B018
    kinds = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.RulenerError)}
    assert kinds <= set(rulener.__all__)


def test_type_checkers_see_the_public_face() -> None:
    (block,) = [node for node in TREES["rulener"].body if is_for_types_only(node)]
    seen = {alias.name for node in ast.walk(block) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(rulener.__all__) - {"__version__"}


def test_every_compiled_module_has_a_stub() -> None:
    for name, path in COMPILED.items():
        stub = path.with_suffix(".pyi")
        assert stub.exists(), name
        tree = ast.parse(stub.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), name


CODES = sorted(
    {code for path in [*SOURCES.values(), *COMPILED.values()] for code in _RAISED.findall(path.read_text(encoding="utf-8"))}
)


def test_codes_are_found() -> None:
    assert {"A104", "L103", "N301", "R220", "U107"} <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_every_error_has_a_page(code: str) -> None:
    page = (DOCS / f"{code}.md").read_text(encoding="utf-8")
    assert re.match(rf"# {code}: \S.*\n\n\S", page)
    assert "\n## How to mend it\n\n" in page


def test_every_page_is_about_an_error() -> None:
    written = " ".join(path.read_text(encoding="utf-8") for path in [*SOURCES.values(), *COMPILED.values()])
    assert {path.stem for path in DOCS.glob("[A-Z]*[0-9].md")} <= set(re.findall(r"\b[RLANU]\d{3}\b", written))
