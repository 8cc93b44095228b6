"""What the editor offers to write."""

from __future__ import annotations

from pathlib import Path

from rulener.packs.parse import read_pack
from rulener.workbench.completion import completion


def test_keys_and_values_are_those_of_the_schema_and_the_packs(pack: Path) -> None:
    read, _ = read_pack(pack)
    assert read is not None
    known = completion([read])
    keys = {name: dict(found) for name, found in known["keys"].items()}
    assert {"terms", "context", "cases", "name", "axes"} <= keys[""].keys()
    assert {"id", "label", "any", "exact", "examples", "match", "skip", "unless"} <= keys["terms"].keys()
    assert keys["terms"]["exact"] == "Found only as they are written."
    assert "direction" in keys["context"]
    assert "direction" not in keys["terms"]
    values = known["values"]
    assert values["label"] == ["disorder", "procedure", "measurement"]
    assert "forward" in values["direction"]
    assert "negated" in values["axis"]
    assert values["status"] == ["experimental", "stable", "deprecated"]
    assert values["part"] == ["true", "false"]
