"""The bodies that requests may have. Unknown fields are refused; texts hold no NUL and, as JSON in UTF-8 cannot carry them, no
halves of surrogate pairs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from rulener.service.settings import MAX_ID, MAX_LABEL, MAX_TERM, MENTIONS

NO_NUL = "^[^\\u0000]*$"


def _whole(value: Any) -> Any:
    """1.0 is a whole number in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("nul", "nul")
    return value


_CHECKED = AfterValidator(_without_nul)
_SHOWN: dict[str, Any] = {"pattern": NO_NUL}
_Text = Annotated[str, Field(min_length=1, json_schema_extra=_SHOWN), _CHECKED]
_Id = Annotated[str, Field(max_length=MAX_ID, json_schema_extra=_SHOWN), _CHECKED]
_Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL, json_schema_extra=_SHOWN), _CHECKED]
_Wanted = Annotated[str, Field(min_length=1, max_length=MAX_TERM, json_schema_extra=_SHOWN), _CHECKED]
_Offset = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
_STRICT = {"extra": "forbid", "strict": True}

_TEXT = Field(description="The note. It is not changed; all offsets count its code points.")
_NOTE_ID = Field(description="Comes back with the result; the service keeps and logs none.")


@dataclass(frozen=True, slots=True)
class Mention:
    """A mention that something else found: a half-open interval of the text, in code points, and any label."""

    __pydantic_config__: ClassVar = _STRICT
    start: _Offset
    end: _Offset
    label: _Label


@dataclass(frozen=True, slots=True)
class Note:
    """A note of a batch."""

    __pydantic_config__: ClassVar = _STRICT
    text: Annotated[_Text, _TEXT]
    note_id: Annotated[_Id | None, _NOTE_ID] = None


_MENTIONS = Field(
    fail_fast=True,
    max_length=MENTIONS,
    description="Judge these only: each comes back, in this order, with assertions and concepts.",
)
_LINKED = Field(fail_fast=True, max_length=MENTIONS, description="The mentions to link.")
Mentions = Annotated[list[Mention], _MENTIONS]


@dataclass(frozen=True, slots=True)
class AnnotateRequest:
    """One note, or one note and the mentions in it."""

    __pydantic_config__: ClassVar = _STRICT
    text: Annotated[_Text, _TEXT]
    note_id: Annotated[_Id | None, _NOTE_ID] = None
    mentions: Mentions | None = None


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """Notes, each by itself. The results are those of `rulener run` over them."""

    __pydantic_config__: ClassVar = _STRICT
    notes: Annotated[list[Note], Field(fail_fast=True, min_length=1)]


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """A note, and perhaps a place in it to ask about."""

    __pydantic_config__: ClassVar = _STRICT
    text: Annotated[_Text, _TEXT]
    position: Annotated[_Offset | None, Field(description="Explain this offset only, and why nothing else is there.")] = None


@dataclass(frozen=True, slots=True)
class ConceptsRequest:
    """One of: a term, a code, or a text with mentions in it."""

    __pydantic_config__: ClassVar = _STRICT
    term: Annotated[_Wanted, Field(description="A surface, folded as the matcher does.")] = ""
    code: Annotated[_Wanted, Field(description="`SYSTEM:CODE`, or a code alone.")] = ""
    text: Annotated[_Text, _TEXT] = ""
    mentions: Annotated[list[Mention], _LINKED] = field(default_factory=list)


FORMS = (AnnotateRequest, BatchRequest, ExplainRequest, ConceptsRequest)
