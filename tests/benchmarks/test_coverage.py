"""The list of what looks clinical and is not found."""

from __future__ import annotations

from pathlib import Path

import rulener
from benchmarks.accuracy.coverage import coverage


def test_phrases_no_mention_covers(tmp_path: Path) -> None:
    lexicon = tmp_path / "some.tsv"
    lexicon.write_text("term\tlabel\nfever\tsymptom\nknee pain\tsymptom\n", encoding="utf-8")
    engine = rulener.load(lexicons=[lexicon], cache_dir=tmp_path)
    found = coverage(
        engine, ["Fever and a zebra graft. The zebra graft is fine.", "Knee pain, QQQX, zebroscopy.\n\nA zebra stood."]
    )
    assert dict(found.missed) == {"zebra graft": 2, "QQQX": 1, "zebroscopy": 1}
    assert dict(found.notes) == {"zebra graft": 1, "QQQX": 1, "zebroscopy": 1}
    assert (found.covered, found.meaningful) == (3, 12)
