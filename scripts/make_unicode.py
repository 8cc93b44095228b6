"""Make rulener/compiler/unicode.bin anew. Run with a Python whose Unicode version is artifact.UNICODE_VERSION (3.13 has 15.1.0).

A new Unicode version changes what notes fold to: raise artifact.UNICODE_VERSION with it.
"""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rulener.artifact import UNICODE_VERSION
from rulener.compiler.unicode import SHIPPED, make_tables, packed


def main() -> None:
    major, minor, patch = (int(part) for part in unicodedata.unidata_version.split("."))
    if major * 10000 + minor * 100 + patch != UNICODE_VERSION:
        sys.exit(f"this Python has Unicode {unicodedata.unidata_version}; wanted is {UNICODE_VERSION}")
    SHIPPED.write_bytes(packed(make_tables()))


if __name__ == "__main__":
    main()
