"""Every refusal of the service: a status, a code of ours, what is wrong and how to mend it, never a note's text.

The answer's body is that of RFC 9457 (application/problem+json), `type` left at about:blank: `code` says which problem it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rulener.errors import RulenerError

MEDIA_TYPE = "application/problem+json"
SHOWN = 20  # errors of one body that are listed

# Names that differ between versions of Python.
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong at one place of the body; `pointer` is a JSON pointer as a URI fragment: `#/notes/2/text`."""

    pointer: str
    detail: str


@dataclass(slots=True)
class Problem(Exception):
    """A request that is refused. Raised anywhere below the door; becomes the response."""

    status: int
    code: str
    detail: str
    hint: str = ""
    errors: Sequence[FieldError] = ()
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        content: dict[str, object] = {
            "type": "about:blank",
            "title": title(self.status),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.hint:
            content["hint"] = self.hint
        if self.errors:
            content["errors"] = [{"pointer": error.pointer, "detail": error.detail} for error in self.errors[:SHOWN]]
        return json.dumps(content).encode()

    def all_headers(self) -> dict[str, str]:
        return {"content-type": MEDIA_TYPE, **self.headers}


def title(status: int) -> str:
    """The phrase of a status."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


# --- the problems, by code


def not_json(detail: str) -> Problem:
    return Problem(400, "U301", detail)


def wrong_form(errors: Sequence[FieldError], count: int | None = None) -> Problem:
    count = len(errors) if count is None else count
    first = f"{errors[0].pointer} {errors[0].detail}" if errors else "it is not as the API describes it"
    more = f" (and {count - 1} more)" if count > 1 else ""
    return Problem(422, "U302", f"{first}{more}", "/openapi.json describes every field", errors)


def body_too_large(limit: int) -> Problem:
    return Problem(413, "U303", f"the body is longer than {limit:,} bytes", "send fewer or shorter notes in a request")


def too_many(what: str, count: int | None, limit: int, pointer: str) -> Problem:
    detail = f"{'too many' if count is None else f'{count:,}'} {what}; at most {limit:,} are taken"
    return Problem(413, "U304", detail, "send them in several requests", (FieldError(pointer, detail),))


def too_long(length: int, limit: int, pointer: str) -> Problem:
    detail = f"{length:,} characters; a text may have {limit:,} here"
    return Problem(413, "U305", detail, "send the note's parts by themselves", (FieldError(pointer, detail),))


def wrong_type(detail: str) -> Problem:
    hint = "send JSON in UTF-8 with Content-Type: application/json"
    return Problem(415, "U306", detail, hint, headers={"accept": "application/json"})


def too_slow(seconds: float) -> Problem:
    return Problem(408, "U307", f"the body did not arrive within {seconds:g} seconds", headers={"connection": "close"})


def too_much_work(seconds: float) -> Problem:
    return Problem(413, "U308", f"the work was not done within {seconds:g} seconds", "send fewer or shorter notes in a request")


def full(detail: str = "as many requests as may wait are waiting") -> Problem:
    return Problem(503, "U309", detail, "try again", headers={"retry-after": "1"})


def not_ready(detail: str) -> Problem:
    return Problem(503, "U310", detail, "try again", headers={"retry-after": "5"})


def no_token(*, given: bool) -> Problem:
    challenge = 'Bearer realm="rulener"' + (', error="invalid_token"' if given else "")
    detail = "this is not the token" if given else "a token is needed"
    return Problem(401, "U311", detail, "send Authorization: Bearer TOKEN", headers={"www-authenticate": challenge})


def forbidden() -> Problem:
    hint = "start rulener serve with --token-file, or send the process SIGHUP"
    return Problem(403, "U312", "a service without a token cannot be reloaded over HTTP", hint)


def reload_failed(error: RulenerError) -> Problem:
    place = f"{error.place}: " if error.place else ""
    return Problem(409, error.code, f"{place}{error.message}; the engine stays as it is", error.hint)


def no_page() -> Problem:
    return Problem(404, "U313", "there is nothing at this path", "/openapi.json lists what there is")


def no_method(allow: str) -> Problem:
    return Problem(405, "U314", "this path does not take this method", f"it takes {allow}", headers={"allow": allow})


def bug(kind: str, place: str) -> Problem:
    return Problem(500, "U199", f"unexpected {kind} at {place}: this is a bug in rulener")
