"""The limits of a service and what it needs to know; docs/guide/service.md lists them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from rulener.errors import UsageError

BODY_BYTES = 4 << 20
NOTES = 1_000
CHARACTERS = 1_000_000
EXPLAIN_CHARACTERS = 10_000
MENTIONS = 1_000
QUEUE = 32
REQUEST_SECONDS = 30.0
STOP_SECONDS = 30.0
MAX_ID = 256
MAX_LABEL = 64
MAX_TERM = 1_000
ROWS = 100
MIN_TOKEN = 16
TOKEN_VARIABLE = "RULENER_TOKEN"


@dataclass(frozen=True, slots=True)
class Settings:
    """`threads` do engine work; `queue` requests more may be read or wait. The token is in no `repr`."""

    threads: int = 1
    queue: int = QUEUE
    body_bytes: int = BODY_BYTES
    notes: int = NOTES
    characters: int = CHARACTERS
    request_seconds: float = REQUEST_SECONDS
    stop_seconds: float = STOP_SECONDS
    token: bytes | None = field(default=None, repr=False)


def read_token(path: str | None) -> bytes | None:
    """The token: the first line of a file, or that of the environment. None when neither is given.

    Raises UsageError U320 when the file cannot be read, or the token is short or could stand in no header. It never quotes it.
    """
    place = path or TOKEN_VARIABLE
    if path is not None:
        try:
            lines = Path(path).read_bytes().splitlines()
        except OSError as error:
            raise UsageError("U320", f"the token cannot be read: {error.strerror}", place=place) from None
        token = lines[0].strip() if lines else b""
    elif TOKEN_VARIABLE in os.environ:
        token = os.fsencode(os.environ[TOKEN_VARIABLE]).strip()
    else:
        return None
    if len(token) < MIN_TOKEN:
        hint = 'for example: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
        raise UsageError("U320", f"the token has {len(token)} characters, fewer than {MIN_TOKEN}", place=place, hint=hint)
    if not all(33 <= byte < 127 for byte in token):
        raise UsageError("U320", "the token has characters that no header can carry", place=place, hint="use A-Z a-z 0-9 - _")
    return token
