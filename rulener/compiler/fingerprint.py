"""The name of a compiled file in the cache: what it is made of, as one digest. Imports little: every start computes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from rulener import __version__, artifact


def fingerprint(packs: Sequence[tuple[str, str]], lexicons: Sequence[tuple[str, str]], options: dict[str, Any]) -> bytes:
    """SHA-256 over the inputs (name, content hash) in order, the options and the versions that shape the result."""
    described = {
        "rulener": __version__,
        "format": artifact.FORMAT_VERSION,
        "normaliser": artifact.NORMALISER_VERSION,
        "unicode": artifact.UNICODE_VERSION,
        "packs": [list(pack) for pack in packs],
        "lexicons": [list(lexicon) for lexicon in lexicons],
        "options": options,
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True, separators=(",", ":")).encode("utf-8")).digest()
