"""Concepts against a corpus: mentions given (is the first concept right?), and end to end (the concepts of each document).

    python -m benchmarks.accuracy.concepts CORPUS.jsonl LEXICON... [--map MAP] [--errors N] [--steps a,b]

A line of CORPUS is `{"id", "text", "entities": [{"start", "end", "label", CODE}]}`; CODE is `mesh` or `hpo`: codes with or
without their system, several joined by `|`, `+` or `,`; `-1` means that no concept is right. Codes that the map joins count as
equal, in gold and in results. A mention counts as right when its first concept is one of its gold codes, or it has none and none
is found.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import rulener

PACK = "name: accuracy\nversion: 1.0.0\nlabels:\n  - id: disorder\n  - id: substance\n  - id: finding\n"
LABELS = {"Chemical": "substance", "Phenotype": "finding"}  # all other labels are disorders
SYSTEMS = {"hpo": "HP"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("lexicons", nargs="+", type=Path)
    parser.add_argument("--map", type=Path, help="the table given to `rulener lexicon build --map`")
    parser.add_argument("--errors", type=int, default=0, help="how many of the most frequent errors to show")
    parser.add_argument("--steps", help="the steps to use, joined by commas; default: those of the linker")
    parser.add_argument("--work", type=Path, default=Path("accuracy-work"), help="where the pack and the compiled file go")
    given = parser.parse_args()
    pack = given.work / "accuracy"
    pack.mkdir(parents=True, exist_ok=True)
    (pack / "pack.yaml").write_text(PACK, encoding="utf-8")
    linking = {"steps": given.steps.split(",")} if given.steps else None
    engine = rulener.load(pack, base=None, lexicons=given.lexicons, cache_dir=given.work, linking=linking)
    same = read_map(given.map) if given.map else {}
    documents = [json.loads(line) for line in given.corpus.read_text(encoding="utf-8").splitlines()]
    result = {
        "corpus": given.corpus.stem,
        **of_mentions(engine, documents, same, given.errors),
        **end_to_end(engine, documents, same),
    }
    print(json.dumps(result, indent=2, ensure_ascii=False))  # noqa: T201


def read_map(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    return dict(line.split("\t") for line in lines)  # type: ignore[arg-type]


def of_mentions(engine: Any, documents: Iterable[Mapping[str, Any]], same: Mapping[str, str], errors: int) -> dict[str, Any]:
    counts: Counter[tuple[str, str]] = Counter()
    steps: Counter[tuple[str, str, bool]] = Counter()
    wrong: Counter[tuple[Any, ...]] = Counter()
    known = known_codes(engine)
    for document in documents:
        gold = list(document["entities"])
        mentions = [(e["start"], e["end"], LABELS.get(e["label"], "disorder")) for e in gold]
        for e, entity in zip(gold, engine.annotate(document["text"], mentions=mentions).entities, strict=True):
            codes = codes_of(e, same)
            first = next((c for c in entity.concepts if c.code), None)
            found = None if first is None else equal(f"{first.system}:{first.code}", same)
            right = found in codes if codes else found is None
            label = entity.label
            counts[label, "mentions"] += 1
            counts[label, "right"] += right
            counts[label, "found"] += first is not None
            counts[label, "in lexicon"] += not codes or bool(codes & known)
            counts[label, f"{entity.linking}"] += 1
            counts[label, f"{entity.linking} and right"] += right
            steps[label, first.step if first else "none", right] += 1
            if not right:
                wrong[label, e["text"], "|".join(sorted(codes)), found, first and first.step, first and first.matched] += 1
    made: dict[str, Any] = {}
    for label in sorted({label for label, _ in counts}):
        n = counts[label, "mentions"]
        share = {name: round(counts[label, name] / n, 4) for name in ("right", "found", "in lexicon")}
        linked = {
            state: [counts[label, f"{state} and right"], counts[label, state]]
            for state in ("resolved", "ambiguous", "unresolved")
        }
        of_step = {
            step: [steps[label, step, True], steps[label, step, True] + steps[label, step, False]]
            for step in sorted({s for lab, s, _ in steps if lab == label})
        }
        made[label] = {"mentions": n, **share, "right of each state": linked, "right of each step": of_step}
    if errors:
        made["errors"] = [[count, *what] for what, count in wrong.most_common(errors)]
    return {"given": made}


def end_to_end(engine: Any, documents: Iterable[Mapping[str, Any]], same: Mapping[str, str]) -> dict[str, Any]:
    """Document-level sets of codes; a mention's first concept counts."""
    counts: Counter[tuple[str, str]] = Counter()
    for document in documents:
        gold: dict[str, set[str]] = {}
        found: dict[str, set[str]] = {}
        for e in document["entities"]:
            gold.setdefault(LABELS.get(e["label"], "disorder"), set()).update(codes_of(e, same))
        for entity in engine.annotate(document["text"]).entities:
            if entity.concepts and entity.concepts[0].code:
                concept = entity.concepts[0]
                found.setdefault(entity.label, set()).add(equal(f"{concept.system}:{concept.code}", same))
        for label, codes in gold.items():
            counts[label, "gold"] += len(codes)
            counts[label, "both"] += len(codes & found.get(label, set()))
        for label in {e for e in gold} | set(found):
            counts[label, "found"] += len(found.get(label, set()))
    made = {}
    for label in sorted({label for label, kind in counts if counts[label, "gold"]}):
        both, n_gold, n_found = (counts[label, kind] for kind in ("both", "gold", "found"))
        precision, recall = both / max(n_found, 1), both / max(n_gold, 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        made[label] = {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}
    return {"end to end": made}


def known_codes(engine: Any) -> set[str]:
    tables = engine._tables
    concepts = (tables.concept(number) for number in range(tables.n_concepts))
    return {f"{concept.system}:{concept.code}" for concept in concepts if concept.code}


def codes_of(entity: Mapping[str, Any], same: Mapping[str, str]) -> set[str]:
    kind = "hpo" if "hpo" in entity else "mesh"
    return {equal(code, same) for code in _codes(entity[kind] or "-1", kind)}


def _codes(written: str, kind: str) -> Iterator[str]:
    for part in re.split(r"[|+,]", written):
        code = part.strip()
        if code and code != "-1":
            yield code if ":" in code else f"{SYSTEMS.get(kind, 'MESH')}:{code}"


def equal(code: str, same: Mapping[str, str]) -> str:
    """The code that the map leads to."""
    for _ in range(10):
        if code not in same:
            break
        code = same[code]
    return code


if __name__ == "__main__":
    main()
