"""Every error the library raises on purpose, each with a number, the place it is about and a hint how to mend it.

Code ranges: R1 pack files, R2 rules that cannot be compiled, L lexicons, A artifacts, N notes, U usage and runs.
Each code has a page in docs/errors. Messages name files, offsets and lengths, never a note's text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rulener.packs.diagnostics import Diagnostic

EXIT_OK = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_BAD_PACK = 3
EXIT_BAD_LEXICON = 4
EXIT_SOME_NOTES_FAILED = 5
EXIT_BAD_ARTIFACT = 6
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class RulenerError(Exception):
    """Base of all errors. `code` is stable; `hint` says how to mend; `exit_code` is what the command line ends with."""

    exit_code = EXIT_USAGE

    def __init__(self, code: str, message: str, *, hint: str = "", place: str = "") -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.hint = hint
        self.place = place

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"[{self.code}] {where}{self.message}{hint}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.__dict__))


def _rebuild(cls: type[RulenerError], state: dict[str, object]) -> RulenerError:
    error = cls.__new__(cls)
    Exception.__init__(error, state["code"], state["message"])
    error.__dict__.update(state)
    return error


class UsageError(RulenerError):
    """A wrong argument, a missing file, an output folder that is not ours."""


class MissingExtra(UsageError):
    """A feature whose optional dependency is not installed; the hint names the extra."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__("U101", f"{feature} needs an optional dependency", hint=f"pip install 'rulener[{extra}]'")


class PackError(RulenerError):
    """A pack with errors: all its findings, in order."""

    exit_code = EXIT_BAD_PACK

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        errors = [d for d in self.diagnostics if d.severity == "error"]
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(first.code, f"{first.message}{more}", place=str(first.place or ""))


class LexiconError(RulenerError):
    """A lexicon that cannot be used."""

    exit_code = EXIT_BAD_LEXICON


class NoteError(RulenerError):
    """One note that could not be read or annotated."""

    exit_code = EXIT_SOME_NOTES_FAILED


class ArtifactError(RulenerError):
    """A file that is no usable artifact. The five kinds below say why."""

    exit_code = EXIT_BAD_ARTIFACT


class NotAnArtifact(ArtifactError):
    """A101: the file does not start with rulener's magic bytes."""


class ArtifactVersionError(ArtifactError):
    """A102: written for another format, normaliser or Unicode version."""


class ArtifactTruncated(ArtifactError):
    """A103: shorter than its header says."""


class ArtifactCorrupt(ArtifactError):
    """A104: its content contradicts itself or its checksum."""


class ArtifactByteOrder(ArtifactError):
    """A105: written on a machine of the other byte order."""
