"""Each extra is imported only when it is used, and what needs one that is missing names it.

Every check is a fresh interpreter in which modules cannot be found, as where they are not installed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small import write_pack

REPOSITORY = Path(__file__).parents[1]

EXTRAS = {
    "link": ["rapidfuzz"],
    "parquet": ["pyarrow"],
    "duckdb": ["duckdb"],
    "postgres": ["psycopg"],
    "fhir": ["fhir"],  # no feature: with it tests check what is written
    "pandas": ["pandas", "pyarrow"],
    "polars": ["polars", "pyarrow"],
    "dask": ["dask", "pandas", "pyarrow"],
    "spark": ["pyspark", "pyarrow"],  # pandas is what PySpark wants
    "spacy": ["spacy"],
    "serve": ["fastapi", "prometheus_client", "pydantic", "uvicorn"],  # without httptools uvicorn takes h11
    "workbench": ["nicegui"],
}
"""For each extra of pyproject.toml the modules that rulener imports of it."""

IMPORT = "import rulener.integrations.{}"
COMMAND = "from rulener.cli.main import ended; sys.exit(ended({!r}))"
FEATURES = [
    (
        "link",
        "import rulener; rulener.load(linking={'steps': ['spelling']}).annotate('fevr', mentions=[(0, 4, 'symptom')])",
    ),
    ("parquet", "import rulener; rulener.load().annotate_batch(['fever'])"),
    ("parquet", COMMAND.format(["run", "notes", "-o", "out", "--format", "parquet"])),
    ("parquet", COMMAND.format(["run", "notes", "-o", "out", "--format", "arrow"])),
    ("parquet", COMMAND.format(["run", "notes", "-o", "out", "--format", "omop-parquet"])),
    ("parquet", COMMAND.format(["run", "notes.parquet", "-o", "out"])),
    ("parquet", IMPORT.format("arrow")),
    ("duckdb", COMMAND.format(["run", "--db", "duckdb:notes.duckdb", "--table", "note", "-o", "out"])),
    ("postgres", COMMAND.format(["run", "--db", "postgresql://127.0.0.1:1/x", "--table", "note", "-o", "out"])),
    *((name, IMPORT.format(name)) for name in ("pandas", "polars", "dask", "spark", "spacy")),
    ("spacy", COMMAND.format(["run", "notes", "-o", "out", "--format", "docbin"])),
    ("serve", COMMAND.format(["serve", "--port", "0"])),
    ("workbench", COMMAND.format(["workbench", "pack", "--port", "0"])),
]

BLOCKED = """
import sys


class Missing:
    names = set({names!r})
    wanted = []

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            self.wanted.append(name)
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Missing())
"""


def run(names: list[str], code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    environment.setdefault("RULENER_CACHE_DIR", str(folder.parent / "extras-cache"))
    program = BLOCKED.format(names=names) + code
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pack(tmp_path / "pack")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("Denies fever.", encoding="utf-8")
    for name in ("notes.parquet", "notes.duckdb"):
        (tmp_path / name).write_bytes(b"PAR1")
    return tmp_path


def optional_dependencies() -> dict[str, str]:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^\[project\.optional-dependencies\]\n(.*?)^\[", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    return dict(re.findall(r"^(\w+) = (\[.*?\])$", block[1], re.MULTILINE | re.DOTALL))


def test_every_extra_is_known_here_and_in_the_guide_and_the_script() -> None:
    declared = set(optional_dependencies()) - {"test", "dev"}
    assert set(EXTRAS) == declared
    guide = (REPOSITORY / "docs/guide/install.md").read_text(encoding="utf-8")
    table = guide[guide.index("## Extras") : guide.index("`pip install '.[parquet]'`")]
    assert declared <= set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE))))
    script = (REPOSITORY / "scripts/extras.sh").read_text(encoding="utf-8")
    assert set(re.findall(r"^ *(\w+)\) +check ", script, re.MULTILINE)) == declared


ALL = sorted({module for modules in EXTRAS.values() for module in modules})
EVERYTHING = """
import contextlib, io, json
import rulener, rulener.cli.main
from rulener.cli.main import COMMANDS, ended

for name in rulener.__all__:
    getattr(rulener, name)
with contextlib.redirect_stdout(io.StringIO()):
    codes = [ended([command, "--help"]) for command in COMMANDS]
engine = rulener.load()
denied = engine.annotate("Denies fever.").entities[0].negated
formats = ["jsonl", "csv", "brat", "conll", "labelstudio", "doccano", "prodigy", "html", "fhir"]
with contextlib.redirect_stdout(io.StringIO()):
    codes.append(ended(["run", "notes", "-o", "out", "--workers", "1"] + [word for one in formats for word in ("--format", one)]))
print(json.dumps([sorted(set(codes)), denied, Missing.wanted]))
"""


def test_without_any_extra_all_else_works_and_none_is_asked_for(folder: Path) -> None:
    ended = run(ALL, EVERYTHING, folder)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == [[0], True, []]


CASES = [(extra, module, code) for extra, code in FEATURES for module in EXTRAS[extra]]


@pytest.mark.parametrize(("extra", "module", "code"), CASES)
def test_a_feature_names_the_extra_it_needs(extra: str, module: str, code: str, folder: Path) -> None:
    """Also when only one of the extra's modules is missing."""
    ended = run([module], code, folder)
    last = ended.stderr.strip().splitlines()[-1]
    assert ended.returncode in (1, 2)
    assert "U101" in last, ended.stderr
    assert f"pip install 'rulener[{extra}]'" in last
    assert not (folder / "out").exists()


def test_every_extra_with_a_feature_is_tried() -> None:
    assert {extra for extra, _ in FEATURES} == set(EXTRAS) - {"fhir"}
