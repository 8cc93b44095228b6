"""Every example in the README and the documentation does what it says.

In one page the examples run in order, in one folder that has a copy of `examples/`. What stands behind the language of a fence:

    ```yaml file=mypack/pack.yaml      written to that file
    ```python                          run; one namespace a page
    ```sh                              run line by line; each must end with 0
    ```console                         lines with `$ ` are run, the output must be what follows; `...` stands for any lines
    ```sh setup                        a set-up command of the README, run by .ci/run
    ```sh no-run="reason"              not run
    ```yaml                            in docs/authors: parsed as a pack's files
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rulener.packs.parse import parse_pack

REPOSITORY = Path(__file__).parents[2]
PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CONVENTIONS.md", "CHANGELOG.md", "benchmarks/README.md")),
    *sorted(path for path in (REPOSITORY / "docs").rglob("*.md") if path.parent.name != "errors"),
]
RUNNABLE = ("python", "sh", "console")
KNOWN = {*RUNNABLE, "sql", "yaml", "text", ""}
_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
_NO_RUN = re.compile(r'no-run="[^"]{8,}"')
_FILE = re.compile(r"file=([\w./-]+)")


@dataclass(frozen=True)
class Snippet:
    page: str
    line: int
    language: str
    info: str
    body: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def file(self) -> str | None:
        match = _FILE.fullmatch(self.info)
        return match[1] if match else None

    @property
    def runs(self) -> bool:
        return self.language in RUNNABLE and not self.info


def snippets(page: Path) -> list[Snippet]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        language, _, info = match[1].partition(" ")
        line = text.count("\n", 0, match.start()) + 1
        found.append(Snippet(page.relative_to(REPOSITORY).as_posix(), line, language, info.strip(), match[2]))
    return found


ALL = [snippet for page in PAGES for snippet in snippets(page)]


@pytest.mark.parametrize("snippet", ALL, ids=str)
def test_every_fence_says_what_becomes_of_it(snippet: Snippet) -> None:
    assert snippet.language in KNOWN
    if snippet.language in RUNNABLE and snippet.info != "setup":
        assert not snippet.info or _NO_RUN.fullmatch(snippet.info) or snippet.file
    if snippet.info and snippet.language not in RUNNABLE:
        assert snippet.file


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder a page's examples run in."""
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples")
    if "RULENER_CACHE_DIR" not in os.environ:
        monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "docs-cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", sorted({snippet.page for snippet in ALL if snippet.runs}))
def test_the_examples_of_a_page_run(page: str, folder: Path) -> None:
    namespace: dict[str, object] = {"__name__": "example"}
    for snippet in (snippet for snippet in ALL if snippet.page == page):
        if snippet.file:
            path = folder / snippet.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(snippet.body, encoding="utf-8")
        elif snippet.language == "python" and snippet.runs:
            # the line numbers of a failure are those of the page
            exec(compile("\n" * snippet.line + snippet.body, page, "exec"), namespace)
        elif snippet.language == "sh" and snippet.runs:
            for command in snippet.body.splitlines():
                called(command, folder, snippet)
        elif snippet.language == "console" and snippet.runs:
            for command, expected in sessions(snippet.body):
                output = called(command, folder, snippet)
                assert matches(expected, output), f"{snippet}: {command}\n{output}"


def called(command: str, folder: Path, snippet: Snippet) -> str:
    """The output of a command. `rulener` is the one of this environment."""
    words = shlex.split(command)
    assert words[0] == "rulener", f"{snippet}: only rulener is called in examples"
    ended = subprocess.run(
        [sys.executable, "-m", "rulener.cli.main", *words[1:]],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert ended.returncode == 0, f"{snippet}: {command}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def sessions(body: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a console, each with the output that is shown."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output.splitlines()


def matches(expected: list[str], output: str) -> bool:
    pattern = "".join(r"(?:.*\n)*" if line == "..." else re.escape(line.rstrip()) + r"[ ]*\n" for line in expected)
    return re.fullmatch(pattern, output) is not None


AUTHORS = [s for s in ALL if s.language == "yaml" and (s.page.startswith("docs/authors/") or s.page == "README.md")]


@pytest.mark.parametrize("snippet", AUTHORS, ids=str)
def test_the_rules_shown_to_authors_are_good_rules(snippet: Snippet, tmp_path: Path) -> None:
    """Each alone: what it refers to in other examples is not looked for."""
    body = snippet.body
    is_header = re.search(r"^name:", body, re.MULTILINE) is not None
    is_cases = re.search(r"^cases:", body, re.MULTILINE) is not None
    (tmp_path / "pack.yaml").write_text(body if is_header else "name: sample\nversion: 0.1.0\n", encoding="utf-8")
    if not is_header:
        (tmp_path / ("shown.cases.yaml" if is_cases else "shown.yaml")).write_text(body, encoding="utf-8")
    pack, diagnostics = parse_pack(tmp_path)
    if is_cases:
        from rulener.packs.cases import load_cases

        labels = ["problem", "medication", "disorder", "measurement", "device", "procedure"]
        diagnostics = diagnostics + load_cases(tmp_path, labels=labels)[1]
    assert pack is not None
    assert [str(d.place) + " " + d.message for d in diagnostics] == []


def test_a_session_is_compared_line_by_line() -> None:
    assert matches(["a", "...", "b"], "a\nx\ny\nb\n")
    assert matches(["..."], "")
    assert not matches(["a"], "a\nb\n")
    assert list(sessions("$ one\nx\n$ two\n")) == [("one", ["x"]), ("two", [])]


# --- what pages say elsewhere is the same ---------------------------------------------------------------------------


def setup_commands(page: str) -> list[str]:
    return [snippet.body.strip() for snippet in ALL if snippet.page == page and snippet.info == "setup"]


def test_the_readme_has_two_set_up_commands_of_one_line_each() -> None:
    commands = setup_commands("README.md")
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)
    assert setup_commands("docs/guide/install.md") == commands[:1]


@pytest.mark.skipif(shutil.which("bash") is None or shutil.which("awk") is None, reason="needs bash and awk")
def test_ci_runs_the_set_up_commands_of_the_readme() -> None:
    script = (REPOSITORY / ".ci/run").read_text(encoding="utf-8")
    function = re.search(r"^setup\(\) \{\n.*?^\}\n", script, re.MULTILINE | re.DOTALL)
    assert function is not None
    for number, command in enumerate(setup_commands("README.md"), 1):
        assert f'"$(setup {number})"' in script
        read = subprocess.run(
            ["bash", "-c", f"{function[0]}\nsetup {number}"], cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
        assert read.stdout.strip() == command


def test_the_arrow_columns_are_those_of_the_page() -> None:
    pytest.importorskip("pyarrow", reason="the extra [parquet] has it")
    import rulener

    text = (REPOSITORY / "docs/guide/library.md").read_text(encoding="utf-8")
    section = text[text.index("### Arrow") : text.index("## Threads")]
    documented = re.findall(r"^\| `(\w+)` \| ([a-z][\w<:, >]*) \|", section, re.MULTILINE)
    schema = rulener.load().annotate_batch(["No fever."]).schema
    dictionary = "dictionary<values=string, indices=int32, ordered=0>"
    assert documented == [(field.name, str(field.type).replace(dictionary, "dict")) for field in schema]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    links = [link for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_sections_of_the_artifact_are_those_of_the_page() -> None:
    from rulener.artifact import SECTIONS

    text = (REPOSITORY / "docs/design/artifact.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", text[text.index("## Sections") :], re.MULTILINE)
    assert [(name, int(size)) for name, size in rows] == list(SECTIONS.items())


def constants() -> dict[str, int]:
    """Named numbers of the code that the page of limits gives."""
    found: dict[str, int] = {}
    paths = [path for ending in ("*.py", "*.pyx", "*.pxd") for path in sorted((REPOSITORY / "rulener").rglob(ending))]
    constant = re.compile(r"^\s*([A-Z][A-Z_]{4,}) = (0x[0-9A-Fa-f]+|\d[\d_]*(?: << \d+)?)", re.MULTILINE)
    for path in paths:
        for name, value in constant.findall(path.read_text(encoding="utf-8")):
            number, _, shift = value.partition(" << ")
            found.setdefault(f"{path.stem}.{name}", int(number, 0) << int(shift or 0))
    return found


LIMITS = {
    "limits.NOTE_BYTES": "512 MiB",
    "limits.PART_BYTES": "8 MiB",
    "limits.PART_NOTES": "500",
    "limits.DUPLICATE_IDS": "10,000",
    "limits.SORT_RECORDS": "200,000",
    "limits.WORKERS": "the usable CPUs, at most 8",
    "limits.ATTEMPTS": "2",
    "limits.LOST_NOTES": "20",
    "sentences.MAX_SENTENCE_TOKENS": "1024",
    "text.MAX_FIELD_TOKENS": "6",
    "sentences.MAX_FIELD_POINTS": "50",
    "sentences.SHORT_LINE": "shorter than 60",
    "sections.MAX_FRAME_TOKENS": "16",
    "text.MAX_FOLDED": "255",
    "export.MAX_BYTES": "2 GiB",
    "omop.MENTIONS": "1,000,000",
    "omop.SNIPPET_POINTS": "250",
    "automaton.MAX_FORM_TOKENS": "64",
    "build.MAX_LABELS": "64",
    "patterns.MAX_FORMS": "500",
    "patterns.MAX_NESTING": "16",
    "patterns.MAX_GAP": "63",
    "patterns.ANCHOR_REACH": "among the first 4",
    "rules.MAX_PRIORITY": "-1000 to 1000",
    "rules.MAX_SCOPE_TOKENS": "1 to 1000",
    "source.MAX_DEPTH": "20",
    "anchors.MAX_WAYS": "64",
    "patterns.MAX_PATTERN_TOKENS": "64",
    "scanner.REGEX_WINDOW": "256 either side",
    "context.MAX_SCOPE_TOKENS": "1024",
    "text.MAX_PROBES": "100,000",
    "build.REGEX_TIMEOUT": "1 second",
}


@pytest.mark.parametrize(("constant", "shown"), LIMITS.items())
def test_the_page_of_limits_gives_the_numbers_of_the_code(constant: str, shown: str) -> None:
    name = constant.split(".")[1]
    text = (REPOSITORY / "docs/guide/limits.md").read_text(encoding="utf-8")
    cells = [row[1] for row in re.findall(r"^\| ([^|]*) \| ([^|]*) \|", text, re.MULTILINE) if f"`{name}`" in row[0]]
    assert shown in cells
    units = {"MiB": 1 << 20, "GiB": 1 << 30}
    number, unit = re.findall(r"(\d[\d,]*) ?(\w*)", shown)[-1] if "either" not in shown else ("256", "")
    stated = int(number.replace(",", "")) * units.get(unit, 1)
    assert constants()[constant] in (stated, stated - 1 if unit == "GiB" else stated)


# --- the package ----------------------------------------------------------------------------------------------------


def test_pyproject_names_every_package() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^packages = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert listed is not None
    named = {name for name in re.findall(r'"([\w.]+)"', listed[1]) if not name.startswith("rulener.shipped.")}
    folders = {path.parent.relative_to(REPOSITORY) for path in (REPOSITORY / "rulener").rglob("__init__.py")}
    assert named == {".".join(folder.parts) for folder in folders}
