"""The OpenAPI document: every route, what it takes and gives, every refusal, with examples. The examples are invented.

FastAPI writes the document's frame; the forms of bodies come from `forms.py`, that of an annotated note from the JSON Schema that
ships for `rulener run`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from rulener.service import forms, problems
from rulener.service.settings import EXPLAIN_CHARACTERS, ROWS

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rulener.service.settings import Settings

_COMPONENTS = "#/components/schemas/"
_DESCRIPTION = """Clinical notes in, coded and contextualised facts out.

Rows have the fields of `rulener run`, and the same note gives the same bytes. Every response has the header `Rulener-Engine`: the
fingerprint of the packs, lexicons and options that made it. Every refusal is a problem document (RFC 9457) with a code that has a
page in `docs/errors`. No response, refusal or log line holds text that the request did not send for that purpose."""

_TEXT = "Denies chest pain. Metformin 500 mg twice daily."
_FINGERPRINT = "9f732ba0eb11c23b975c85842e301b6994a0677727d4325e225f4296bcf953b8"


@dataclass(frozen=True, slots=True)
class Route:
    path: str
    method: str
    function: str
    tag: str
    summary: str
    description: str
    form: type[Any] | None
    answer: str | None  # the name of a schema; None: text
    examples: Mapping[str, Any]
    statuses: tuple[int, ...]


_WORK = (400, 401, 408, 413, 415, 422, 500, 503)

ROUTES = (
    Route(
        "/v1/annotate",
        "POST",
        "annotate",
        "annotate",
        "Annotate one note",
        "The answer is the line that `rulener run` writes for this note. With `mentions` only these are judged: assertions and "
        "concepts for what another model found.",
        forms.AnnotateRequest,
        "Document",
        {
            "note": {"text": _TEXT, "note_id": "n1"},
            "mentions": {"text": _TEXT, "mentions": [{"start": 7, "end": 17, "label": "problem"}]},
        },
        _WORK,
    ),
    Route(
        "/v1/annotate:batch",
        "POST",
        "batch",
        "annotate",
        "Annotate notes",
        "`documents` are the lines of `rulener run` for the notes in order; notes that cannot be annotated are in `errors`.",
        forms.BatchRequest,
        "Batch",
        {"notes": {"notes": [{"note_id": "n1", "text": _TEXT}, {"note_id": "n2", "text": "No fever."}]}},
        _WORK,
    ),
    Route(
        "/v1/explain",
        "POST",
        "explain",
        "annotate",
        "Explain a note",
        "Why each entity is there, what it beat and which cue reached it, as `rulener explain --json` says it; with `position` "
        "also why nothing else is there.",
        forms.ExplainRequest,
        "Explanation",
        {"note": {"text": _TEXT}, "position": {"text": _TEXT, "position": 12}},
        _WORK,
    ),
    Route(
        "/v1/concepts",
        "POST",
        "concepts",
        "concepts",
        "Look up a term, a code, or mentions",
        "With `term` or `code` the rows of the compiled term tables, as `rulener lexicon lookup --json` shows them; with `text` "
        "and `mentions` what each mention is linked to.",
        forms.ConceptsRequest,
        "Concepts",
        {
            "term": {"term": "heart failure"},
            "code": {"code": "MESH:D006333"},
            "mentions": {"text": _TEXT, "mentions": [{"start": 7, "end": 17, "label": "problem"}]},
        },
        _WORK,
    ),
    Route(
        "/health",
        "GET",
        "health",
        "service",
        "Is the process alive?",
        "Always 200 while the process answers.",
        None,
        "Health",
        {},
        (500,),
    ),
    Route(
        "/ready",
        "GET",
        "ready",
        "service",
        "May requests be sent?",
        "200 when an engine is loaded, 503 before that and while the service stops. `reload` tells whether the last reload "
        "failed; then the engine before it serves.",
        None,
        "Ready",
        {},
        (500, 503),
    ),
    Route(
        "/v1/reload",
        "POST",
        "reload",
        "service",
        "Load packs and lexicons again",
        "As SIGHUP does. Requests under way keep their engine; when the new one cannot be made, the old one stays. Only where "
        "the service has a token.",
        None,
        "Reload",
        {},
        (401, 403, 409, 500),
    ),
    Route(
        "/metrics",
        "GET",
        "metrics_page",
        "service",
        "Metrics for Prometheus",
        "In the text format.",
        None,
        None,
        {},
        (401, 500),
    ),
)

_WHEN = {
    400: "The body is not JSON (U301).",
    401: "There is no token, or another (U311).",
    403: "A service without a token cannot be reloaded over HTTP (U312).",
    408: "The body did not arrive in time (U307).",
    409: "The packs or lexicons cannot be loaded; the engine stays as it is. The code is that of their error.",
    413: "Too large: the body (U303), a list (U304), a text (U305), or the work (U308).",
    415: "The body is not said to be JSON in UTF-8 (U306).",
    422: "A field is missing, unknown or has a wrong value (U302), or a rule ran too long on the note (N301).",
    500: "A bug (U199).",
    503: "No place is free (U309), or the service is starting or stopping (U310).",
}
_PROBLEM_EXAMPLES = {
    400: problems.not_json("the body is not JSON: it goes wrong at line 1 column 9"),
    401: problems.no_token(given=False),
    403: problems.forbidden(),
    408: problems.too_slow(30),
    409: problems.Problem(409, "R114", "unknown key"),
    413: problems.body_too_large(4 << 20),
    415: problems.wrong_type("the body is not said to be JSON"),
    422: problems.wrong_form([problems.FieldError("#/notes/2/text", "is missing")]),
    500: problems.bug("ValueError", "app.py:1"),
    503: problems.full(),
}


def responses(route: Route) -> dict[int | str, dict[str, Any]]:
    """The responses of a route, for FastAPI."""
    good: dict[str, Any] = {"description": "Done.", "headers": _headers()}
    if route.answer is None:
        good["content"] = {"text/plain": {"schema": {"type": "string"}}}
    else:
        good["content"] = {"application/json": {"schema": _ref(route.answer)}}
    return {200: good, **{status: _refusal(status) for status in route.statuses}}


def _refusal(status: int) -> dict[str, Any]:
    example = json.loads(_PROBLEM_EXAMPLES[status].body())
    described: dict[str, Any] = {
        "description": _WHEN[status],
        "content": {problems.MEDIA_TYPE: {"schema": _ref("Problem"), "example": example}},
        "headers": _headers(),
    }
    if status == 503:
        described["headers"]["Retry-After"] = {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}
    if status == 401:
        described["headers"]["WWW-Authenticate"] = {"schema": {"type": "string"}}
    return described


def _headers() -> dict[str, Any]:
    schema = {"type": "string", "pattern": "^[0-9a-f]{8,64}$"}
    return {"Rulener-Engine": {"description": "Fingerprint of the engine; not there before one is loaded.", "schema": schema}}


def extra(route: Route) -> dict[str, Any]:
    """What FastAPI cannot know of a route: its body, which is read and checked in a thread."""
    if route.form is None:
        return {}
    examples = {name: {"value": value} for name, value in route.examples.items()}
    content = {"schema": _ref(route.form.__name__), "examples": examples}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _COMPONENTS + name}


def document(app: FastAPI, settings: Settings) -> dict[str, Any]:
    """The OpenAPI document with this service's limits in it."""
    found: dict[str, Any] = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
    components = found.setdefault("components", {})
    schemas = {**components.get("schemas", {}), **_request_schemas(settings), **_answer_schemas()}
    components["schemas"] = dict(sorted(schemas.items()))
    if settings.token is not None:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        guarded = {route.path for route in ROUTES if 401 in route.statuses}
        for path in guarded:
            for operation in found["paths"][path].values():
                operation["security"] = [{"token": []}]
    return found


def _request_schemas(settings: Settings) -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for form in forms.FORMS:
        schema = TypeAdapter(form).json_schema(ref_template=_COMPONENTS + "{model}")
        schemas |= schema.pop("$defs", {})
        schemas[form.__name__] = schema
    for described in (*forms.FORMS, forms.Note, forms.Mention):
        schemas[described.__name__]["description"] = described.__doc__
    schemas["AnnotateRequest"]["properties"]["text"]["maxLength"] = settings.characters
    schemas["Note"]["properties"]["text"]["maxLength"] = settings.characters
    schemas["ExplainRequest"]["properties"]["text"]["maxLength"] = min(settings.characters, EXPLAIN_CHARACTERS)
    schemas["BatchRequest"]["properties"]["notes"]["maxItems"] = settings.notes
    schemas["ConceptsRequest"] = _one_of(schemas["ConceptsRequest"], settings)
    return schemas


def _one_of(schema: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """The forms a request to /v1/concepts may have, each whole."""
    fields = schema["properties"]
    for field in fields.values():
        field.pop("default", None)
    fields["text"]["maxLength"] = settings.characters
    fields["mentions"]["minItems"] = 1
    choices = ({"term": fields["term"]}, {"code": fields["code"]}, {"text": fields["text"], "mentions": fields["mentions"]})
    return {"description": schema["description"], "oneOf": [_object(**choice) for choice in choices]}


def _answer_schemas() -> dict[str, Any]:
    """The schemas of answers. Objects have exactly these fields."""
    return {
        **_document_schemas(),
        "Batch": _object(
            engine=_FINGERPRINT_SCHEMA,
            documents={
                "type": "array",
                "items": _ref("Document"),
                "description": "Of the notes that could be annotated, in order.",
            },
            errors={"type": "array", "items": _ref("NoteError"), "description": "The others."},
        ),
        "NoteError": _object(
            index={"type": "integer", "minimum": 0, "description": "The note's place in the request."},
            note_id={"type": ["string", "null"]},
            code={"type": "string"},
            reason={"type": "string"},
        ),
        "Explanation": {
            **_object(
                schema={"const": "rulener.explanation/1"},
                engine=_FINGERPRINT_SCHEMA,
                length={"type": "integer", "minimum": 0},
                position={"type": ["object", "null"], "description": "What stands at the place asked about."},
                entities=_objects(
                    "The entities, each as in a document, with its rule's place, its cues' words and what it beat."
                ),
                cues=_objects("Every cue of the note, or of the position's sentence, and what it does."),
                passed_over=_objects("What could have counted and did not, and why."),
            ),
        },
        "Concepts": {
            "oneOf": [
                _object(
                    engine=_FINGERPRINT_SCHEMA,
                    rows={"type": "array", "items": _ref("Row"), "maxItems": ROWS, "description": "By number of words."},
                    more={"type": "integer", "minimum": 0, "description": "Rows that are not shown."},
                ),
                _object(engine=_FINGERPRINT_SCHEMA, mentions={"type": "array", "items": _ref("Linked")}),
            ]
        },
        "Row": _row_schema(),
        "Linked": _object(
            start={"type": "integer", "minimum": 0},
            end={"type": "integer", "minimum": 0},
            text={"type": "string"},
            label={"type": "string"},
            linking={"enum": ["resolved", "ambiguous", "unresolved", None]},
            concepts={"type": "array", "items": _ref("Document.concept"), "description": "Best first."},
        ),
        "Health": _object(status={"const": "alive"}, version={"type": "string"}),
        "Ready": _object(
            status={"const": "ready"},
            engine=_FINGERPRINT_SCHEMA,
            reload=_object(status={"enum": ["ok", "failed"]}, code={"type": ["string", "null"]}),
        ),
        "Reload": _object(outcome={"enum": ["changed", "unchanged"]}, engine=_FINGERPRINT_SCHEMA),
        "Problem": {
            "type": "object",
            "description": "RFC 9457.",
            "required": ["type", "title", "status", "code", "detail"],
            "additionalProperties": False,
            "properties": {
                "type": {"const": "about:blank"},
                "title": {"type": "string", "description": "The status in words."},
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "code": {"type": "string", "pattern": "^[A-Z][0-9]{3}$", "description": "See docs/errors."},
                "detail": {"type": "string"},
                "hint": {"type": "string", "description": "How to mend it."},
                "errors": {
                    "type": "array",
                    "items": _object(
                        pointer={"type": "string", "description": "JSON pointer into the body."}, detail={"type": "string"}
                    ),
                    "maxItems": problems.SHOWN,
                },
            },
        },
    }


def _row_schema() -> dict[str, Any]:
    """A row of a term table; what is empty is left out."""
    texts = ("system", "code", "preferred", "semantic_type", "source", "term_type", "variant", "use", "standard", "standard_name")
    fields: dict[str, Any] = {"term": {"type": "string", "description": "Folded."}, "label": {"type": "string"}}
    fields |= {name: {"type": "string"} for name in texts}
    fields |= {"exact": {"const": True}, "rank": {"type": "integer"}, "standard_id": {"type": "integer"}}
    return {**_object(**fields), "required": ["term", "label", "rank"]}


_FINGERPRINT_SCHEMA = {"type": "string", "pattern": "^[0-9a-f]{8,64}$"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "additionalProperties": False, "properties": properties}


def _objects(description: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object"}, "description": description}


def _document_schemas() -> dict[str, Any]:
    """The schema of rulener.document/1 and its parts, as components."""
    schema = json.loads(files("rulener.formats").joinpath("document.schema.json").read_bytes())
    parts = schema.pop("$defs")
    for name in ("$schema", "$id"):
        del schema[name]
    names = {f"#/$defs/{name}": f"{_COMPONENTS}Document.{name}" for name in parts}
    moved: dict[str, Any] = _renamed({"Document": schema, **{f"Document.{name}": part for name, part in parts.items()}}, names)
    return moved


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """The same with other targets of `$ref`."""
    if isinstance(value, dict):
        return {key: names[held] if key == "$ref" else _renamed(held, names) for key, held in value.items()}
    if isinstance(value, list):
        return [_renamed(held, names) for held in value]
    return value
