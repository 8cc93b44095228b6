"""`rulener`: the commands, and how every error ends."""

from __future__ import annotations

import importlib
import keyword
import os
import sys
from typing import TYPE_CHECKING

import click

from rulener import __version__
from rulener.errors import EXIT_INTERRUPTED, EXIT_USAGE, RulenerError

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_BUG = 70
EXIT_PIPE = 141  # what a shell reports for a program ended by SIGPIPE

COMMANDS = {
    "run": "Annotate notes into a folder of results.",
    "show": "Show one note with its entities marked.",
    "explain": "Say why each entity is there, and why not at a position.",
    "new": "Make a pack to start from.",
    "check": "Check rule packs and print every finding.",
    "test": "Run the examples and cases of rule packs.",
    "diff": "Compare two packs over notes: what is added, lost and changed.",
    "stats": "Count over notes: hits and time of each rule, sections, drift.",
    "docs": "Write a page for every rule of a pack, for review and sign-off.",
    "workbench": "Edit rule packs in the browser and see what an edit does.",
    "fmt": "Write rule packs in their canonical form.",
    "convert": "Convert mentions between formats; corrected annotations to gold.",
    "lexicon": "Make, merge and look into term tables.",
    "import": "Turn rule files of medspaCy, FastContext or NegEx into a pack.",
    "schema": "Write JSON Schemas of a pack's files, for editors.",
    "serve": "Serve an engine over HTTP.",
    "compile": "Compile packs and lexicons into one file.",
    "info": "Describe a compiled file, or the engine the options make.",
    "selftest": "See whether this installation works.",
}
"""Name and one line of help. The modules are imported when their command is called, so that `--help` is quick."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command = importlib.import_module(f"rulener.cli.{module}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="rulener %(version)s")
def rulener() -> None:
    """Clinical notes in, coded and contextualised facts out.

    \b
    Example:
      rulener run notes/ -o out/
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command and exits with its code. Every error becomes one line on stderr."""
    sys.exit(ended(list(sys.argv[1:] if arguments is None else arguments)))


def ended(arguments: list[str]) -> int:
    """Runs a command and gives its exit code."""
    try:
        # not rulener.main(...): click has endings of its own for Ctrl-C and closed pipes
        with rulener.make_context("rulener", arguments) as context:
            code = rulener.invoke(context)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as ending:
        return _flushed(ending.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return EXIT_USAGE
    except click.UsageError as error:
        return _bad_usage(error)
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
        return EXIT_INTERRUPTED
    except RulenerError as error:
        return _known(error)
    except BrokenPipeError:
        _silence_stdout()
        return EXIT_PIPE
    except Exception as error:  # noqa: BLE001 (the last resort)
        return _bug(error)


def _bad_usage(error: click.UsageError) -> int:
    command = error.ctx.command_path if error.ctx else "rulener"
    message = " ".join(error.format_message().rstrip(".").split())
    _say(f"error[U100]: {message} (see {command} --help)")
    return EXIT_USAGE


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
        return EXIT_PIPE
    return code


def _known(error: RulenerError) -> int:
    diagnostics = getattr(error, "diagnostics", None)
    if diagnostics:
        from rulener.cli.findings import print_findings

        print_findings(diagnostics)
    else:
        _say(line_of(error))
    if os.environ.get("RULENER_TRACEBACK") == "1":
        _print_traceback(error)
    return error.exit_code


def line_of(error: RulenerError) -> str:
    """`error[U203]: place: message (hint)`"""
    place = f"{error.place}: " if error.place else ""
    hint = f" ({error.hint})" if error.hint else ""
    return f"error[{error.code}]: {place}{error.message}{hint}"


def _bug(error: Exception) -> int:
    """Type and place only: the message of an unexpected error may quote a note."""
    from rulener.run.trouble import WorkerBug
    from rulener.run.workers import describe_bug

    kind, place, traceback = (error.kind, error.place, error.traceback) if isinstance(error, WorkerBug) else describe_bug(error)
    wanted = os.environ.get("RULENER_TRACEBACK") == "1"
    _say(f"error[U199]: unexpected {kind} at {place}: this is a bug in rulener (RULENER_TRACEBACK=1 shows the details)")
    if wanted:
        click.echo(traceback, err=True)
    return EXIT_BUG


def _print_traceback(error: BaseException) -> None:
    import traceback

    click.echo("".join(traceback.format_exception(error)), err=True)


def _say(line: str) -> None:
    click.echo(f"rulener: {line}", err=True)


def _silence_stdout() -> None:
    """Whoever read stdout has gone; what is still buffered must not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
