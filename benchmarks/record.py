"""Turn pytest-benchmark's JSON into a record: `python benchmarks/record.py RAW.json` writes records/ and prints the table.

A record keeps the machine, the versions and, for each measurement, the median and the spread; the table shows each beside the
yardstick of its group.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RECORDS = Path(__file__).resolve().parent / "records"
LIBRARIES = ("rulener", "pyahocorasick", "pyarrow", "numpy", "regex", "Cython")
YARDSTICK = "_yardstick"


def versions() -> dict[str, str]:
    """What was measured with what. Taken from this environment: record in the one that measured."""
    found = {}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    return found


def record_of(raw: dict[str, Any]) -> dict[str, Any]:
    """The part of pytest-benchmark's JSON that is worth keeping."""
    machine = raw["machine_info"]
    cpu = machine.get("cpu", {})
    return {
        "date": raw["datetime"][:10],
        "commit": raw.get("commit_info", {}).get("id", ""),
        "dirty": raw.get("commit_info", {}).get("dirty"),
        "machine": {
            "cpu": cpu.get("brand_raw") or platform.processor() or "unknown",
            "cpus": cpu.get("count"),
            "system": f"{machine.get('system')} {machine.get('release')}",
            "python": f"{machine.get('python_implementation')} {machine.get('python_version')}",
        },
        "versions": versions(),
        "measurements": [
            {
                "group": entry["group"],
                "name": entry["name"].removeprefix("test_"),
                "seconds": {name: entry["stats"][name] for name in ("median", "min", "max", "iqr")},
                "rounds": entry["stats"]["rounds"],
                **entry["extra_info"],
            }
            for entry in raw["benchmarks"]
        ],
    }


def table_of(record: dict[str, Any]) -> str:
    """The record as a Markdown table. `x yardstick`: how many times as fast as the yardstick of the group."""
    machine, used = record["machine"], record["versions"]
    head = f"{record['date']}, {machine['cpu']} ({machine['cpus']} CPUs), {machine['system']}, {machine['python']}"
    head += ", " + ", ".join(f"{name} {number}" for name, number in used.items() if number != "not installed")
    yardsticks = {m["group"]: m["seconds"]["median"] for m in record["measurements"] if YARDSTICK in m["name"]}
    head += f"\n\n{record['note']}" if record.get("note") else ""
    lines = [head, "", "| group | measurement | median | spread | MB/s | x yardstick |", "|---|---|---|---|---|---|"]
    for m in record["measurements"]:
        seconds = m["seconds"]
        median = seconds["median"]
        speed = f"{m['characters'] / median / 1e6:.1f}" if m.get("characters") else ""
        ratio = f"{yardsticks[m['group']] / median:.2f}" if m["group"] in yardsticks else ""
        spread = f"{_time(seconds['min'])} to {_time(seconds['max'])}"
        lines.append(f"| {m['group']} | {m['name']} | {_time(median)} | {spread} | {speed} | {ratio} |")
    return "\n".join(lines) + "\n"


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds * 1e6:.0f} µs"


def name_of(record: dict[str, Any]) -> str:
    """<date>-<cpu>.json"""
    cpu = re.sub(r"[^a-z0-9]+", "-", record["machine"]["cpu"].lower()).strip("-")
    return f"{record['date']}-{cpu or 'unknown'}.json"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raw", type=Path, help="what `pytest benchmarks --benchmark-json=RAW.json` wrote")
    parser.add_argument("--note", default="", help="what a reader of the record must know, for example that the machine was busy")
    parser.add_argument("--show", action="store_true", help="RAW is a record: print its table, write nothing")
    given = parser.parse_args(arguments)
    data = json.loads(given.raw.read_text(encoding="utf-8"))
    if given.show:
        sys.stdout.write(table_of(data))
        return
    record = record_of(data) | ({"note": given.note} if given.note else {})
    RECORDS.mkdir(exist_ok=True)
    target = RECORDS / name_of(record)
    target.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{target}\n\n{table_of(record)}")


if __name__ == "__main__":
    main()
