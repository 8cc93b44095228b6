"""Printing diagnostics, on stderr or stdout, with the lines they are about."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rulener.packs.diagnostics import Diagnostic


def print_findings(diagnostics: Sequence[Diagnostic], *, err: bool = True) -> None:
    """All findings as a compiler prints them, and a line that counts them."""
    from rulener.packs.diagnostics import render, sort_diagnostics, summary

    colour = (sys.stderr if err else sys.stdout).isatty()
    ordered = sort_diagnostics(diagnostics)
    click.echo(render(ordered, sources_of(ordered), colour=colour), err=err)
    click.echo(summary(ordered), err=err)


def sources_of(diagnostics: Iterable[Diagnostic]) -> dict[str, str]:
    """The texts of the files the findings are in, as far as they can be read."""
    paths = {located.place.path for diagnostic in diagnostics for located in diagnostic.places}
    sources = {}
    for path in sorted(paths):
        try:
            sources[path] = Path(path).read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
    return sources
