"""Whether a body keeps within the limits of its route. Each function raises Problem: U304, U305."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rulener.service import problems
from rulener.service.problems import FieldError
from rulener.service.settings import EXPLAIN_CHARACTERS

if TYPE_CHECKING:
    from rulener.service.forms import AnnotateRequest, BatchRequest, ConceptsRequest, ExplainRequest
    from rulener.service.settings import Settings


def check_annotate(request: AnnotateRequest, settings: Settings) -> None:
    _check_text(request.text, settings.characters, "#/text")


def check_batch(request: BatchRequest, settings: Settings) -> None:
    count = len(request.notes)
    if count > settings.notes:
        raise problems.too_many("notes", count, settings.notes, "#/notes")
    for number, note in enumerate(request.notes):
        _check_text(note.text, settings.characters, f"#/notes/{number}/text")


def check_explain(request: ExplainRequest, settings: Settings) -> None:
    _check_text(request.text, min(settings.characters, EXPLAIN_CHARACTERS), "#/text")


def check_concepts(request: ConceptsRequest, settings: Settings) -> None:
    """Also that exactly one thing is asked for: Problem U302."""
    given = [name for name in ("term", "code", "text") if getattr(request, name)]
    if len(given) != 1:
        raise problems.wrong_form([FieldError("#", "must have one of term, code and text")])
    if request.mentions and given != ["text"]:
        raise problems.wrong_form([FieldError("#/mentions", "is no field beside a term or a code")])
    if given == ["text"] and not request.mentions:
        raise problems.wrong_form([FieldError("#/mentions", "is missing or empty")])
    _check_text(request.text, settings.characters, "#/text")


def _check_text(text: str, limit: int, pointer: str) -> None:
    if len(text) > limit:
        raise problems.too_long(len(text), limit, pointer)
