"""`rulener selftest`: does this installation give the results it should?"""

from __future__ import annotations

import platform
import unicodedata
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import click

from rulener import __version__
from rulener.cli.common import print_json
from rulener.cli.show import MARKS
from rulener.errors import EXIT_FINDINGS, RulenerError

if TYPE_CHECKING:
    from collections.abc import Iterator

SENTENCES = (
    ("Denies chest pain.", "chest pain", ("negated",)),
    ("She has chest pain.", "chest pain", ()),
    ("No evidence of pneumonia.", "pneumonia", ("negated",)),
    ("Possible pneumonia.", "pneumonia", ("uncertain",)),
    ("Family history: diabetes mellitus.", "diabetes mellitus", ("family",)),
    ("Metformin 500 mg twice daily.", "Metformin", ()),
)
"""(invented sentence, mention that must be found, its axes)"""

_LIBRARIES = ("click", "numpy", "platformdirs", "pyahocorasick", "pyarrow", "PyYAML", "regex", "rich")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(as_json: bool) -> int:
    """Annotate invented sentences with the shipped pack, check the results and the compiled file, print the versions.

    \b
    Example:
      rulener selftest
    """
    results = list(_checks())
    if as_json:
        checks = [{"check": name, "passed": not problem, "problem": problem} for name, problem in results]
        print_json({"versions": versions(), "checks": checks})
    else:
        for name, number in versions().items():
            click.echo(f"{name:<14}{number}")
        for name, problem in results:
            click.echo(f"{'FAILED' if problem else 'ok':<8}{name}{': ' + problem if problem else ''}")
    return EXIT_FINDINGS if any(problem for _, problem in results) else 0


def versions() -> dict[str, str]:
    """Everything a bug report should name."""
    found = {"rulener": __version__, "Python": platform.python_version(), "Unicode": unicodedata.unidata_version}
    found["platform"] = platform.platform()
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    return found


def _checks() -> Iterator[tuple[str, str]]:
    """(what was checked, what is wrong with it or nothing)"""
    from rulener.engine import load

    try:
        engine = load()
    except RulenerError as error:
        yield "load the shipped pack and lexicons", str(error)
        return
    yield "load the shipped pack and lexicons", ""
    for text, mention, axes in SENTENCES:
        yield text, _sentence_problem(engine, text, mention, axes)
    yield "one line of JSON for each note", _lines_problem(engine)
    yield "hash of the compiled file", _file_problem(engine)


def _sentence_problem(engine: Any, text: str, mention: str, axes: tuple[str, ...]) -> str:
    start = text.index(mention)
    found = [e for e in engine.annotate(text).entities if (e.start, e.end) == (start, start + len(mention))]
    if not found:
        return "mention not found"
    actual = tuple(axis for axis, _ in MARKS if getattr(found[0], axis))
    return "" if actual == axes else f"expected {' '.join(axes) or 'no axis'}, found {' '.join(actual) or 'none'}"


def _lines_problem(engine: Any) -> str:
    import json

    texts = [text for text, _, _ in SENTENCES]
    ids = [str(number) for number in range(len(texts))]
    lines = engine.jsonl(texts, ids).data.decode().splitlines()
    documents = [engine.annotate(text, note_id=note_id).to_dict() for text, note_id in zip(texts, ids, strict=True)]
    return "" if [json.loads(line) for line in lines] == documents else "differs from annotate"


def _file_problem(engine: Any) -> str:
    from rulener.artifact import verify

    try:
        verify(engine.path)
        again = _reloaded(engine)
    except RulenerError as error:
        return str(error)
    return "" if again.fingerprint == engine.fingerprint else "another fingerprint when loaded again"


def _reloaded(engine: Any) -> Any:
    import pickle

    return pickle.loads(pickle.dumps(engine))
