"""What the commands share: the options that make an engine, reading one note, printing JSON."""

from __future__ import annotations

import functools
import json
import os
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rulener.errors import NoteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROLS = {number: "\ufffd" for number in (*range(32), *range(127, 160))}  # a note must not steer the terminal

_F = TypeVar("_F", bound="Callable[..., Any]")


_PACK = click.option(
    "--pack", "-p", multiple=True, metavar="PACK", help="A rule pack (folder) or a compiled file; may be repeated."
)
_NO_BASE = click.option(
    "--no-base", is_flag=True, help="Leave out the shipped English pack and, unless --lexicon says so, lexicons."
)
_LEXICON = click.option(
    "--lexicon",
    "-l",
    multiple=True,
    metavar="FILE",
    help="A term table, in place of the shipped ones; may be repeated. The word `starter` keeps the shipped ones.",
)
_RESOLUTION = click.option(
    "--resolution", type=click.Choice(["longest", "longest_per_label", "all"]), help="What happens to overlapping mentions."
)
_SCHEME = click.option("--scheme", metavar="NAME", help="Labels of this scheme, for example i2b2 or basic.")


def artifact_options(function: _F) -> _F:
    """--pack, --no-base, --lexicon, --resolution; handed on as one argument `make`: what goes into a compiled file."""

    @functools.wraps(function)
    def command(*, pack: tuple[str, ...], no_base: bool, lexicon: tuple[str, ...], resolution: str | None, **rest: Any) -> Any:
        make = {"packs": pack, "lexicons": list(lexicon), "base": None if no_base else "english", "resolution": resolution}
        return function(make=make, **rest)

    decorated: Any = command
    for option in (_RESOLUTION, _LEXICON, _NO_BASE, _PACK):
        decorated = option(decorated)
    result: _F = decorated
    return result


def engine_options(function: _F) -> _F:
    """The same and --scheme: what makes an engine."""

    @functools.wraps(function)
    def command(*, make: dict[str, Any], scheme: str | None, **rest: Any) -> Any:
        return function(make={**make, "scheme": scheme}, **rest)

    result: _F = artifact_options(_SCHEME(command))  # type: ignore[assignment]
    return result


def load_engine(make: dict[str, Any]) -> Any:
    """The engine the options ask for. Its warnings go to stderr."""
    from rulener.engine import load

    options = {name: value for name, value in make.items() if name != "packs"}
    engine = load(*make["packs"], **options)
    warn(engine)
    return engine


def warn(engine: Any) -> None:
    for warning in engine.warnings:
        click.echo(f"rulener: warning: {warning}", err=True)


def read_note(path: str, encoding: str | None) -> tuple[str, str]:
    """(note id, text) of a file, or of stdin for `-`."""
    from rulener.run.decode import check_encoding, decode
    from rulener.run.inputs import readable

    encoding = check_encoding(encoding)
    try:
        data = sys.stdin.buffer.read() if path == "-" else _bytes_of(path)
        return ("-" if path == "-" else readable(os.path.basename(path))), decode(data, encoding)
    except OSError as error:
        raise UsageError("U201", f"cannot read the note: {error.strerror}", place=readable(path)) from None
    except NoteError as error:
        raise NoteError(error.code, error.message, hint=error.hint, place=readable(path)) from None


def _bytes_of(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def err_is_terminal() -> bool:
    return sys.stderr.isatty()
