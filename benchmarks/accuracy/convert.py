"""Public tables to term tables and a map of cross references that `rulener lexicon build` reads.

    python -m benchmarks.accuracy.convert REFERENCE OUT

REFERENCE is a folder with `mesh2022_descriptors`, `ctd_medic_2012`, `drugbank_vocabulary`, `hpo_2015` and `map_mondo_...` (TSV,
gzip; the columns system, code, preferred, term, semtype). OUT gets `diseases.tsv`, `chemicals.tsv`, `hpo.obo` and `map.tsv`:

* diseases: MEDIC (rank 0 preferred, 1 synonym: the vocabulary of both corpora), MeSH descriptors of the trees C and F03 (2, 3);
* chemicals: MeSH descriptors of tree D (0, 1), and DrugBank (4, 5); its drugs are mapped to the descriptor of the same name;
* hpo.obo: HPO's names and synonyms (2015);
* map: MEDIC's OMIM numbers to the MeSH record of the same preferred name, and MONDO's exact matches between OMIM and MeSH.
"""

from __future__ import annotations

import csv
import gzip
import html
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

COLUMNS = ("term", "label", "system", "code", "preferred", "source", "term_type", "rank")
Row = tuple[str, str, bool, str]  # code, term, is the preferred one, semantic type


def main(reference: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    mesh = list(read(reference / "mesh2022_descriptors.tsv.gz"))
    medic = list(read(reference / "ctd_medic_2012.tsv.gz"))
    drugs = list(read(reference / "drugbank_vocabulary.tsv.gz"))
    diseases = [row for row in mesh if any(tree.startswith(("C", "F03")) for tree in row[3].split(","))]
    chemicals = [row for row in mesh if any(tree.startswith("D") for tree in row[3].split(","))]
    write_obo(out / "hpo.obo", list(read(reference / "hpo_2015.tsv.gz")))
    write(out / "diseases.tsv", [*rows_of(diseases, "disorder", "MESH", 2), *rows_of(medic, "disorder", "", 0)])
    write(out / "chemicals.tsv", [*rows_of(chemicals, "substance", "MESH", 0), *rows_of(drugs, "substance", "DRUGBANK", 4)])
    pairs = sorted(
        {*omim_of_medic(medic), *omim_of_mondo(next(reference.glob("map_mondo*")), medic), *same_names(drugs, chemicals)}
    )
    with open(out / "map.tsv", "w", encoding="utf-8", newline="\n") as file:
        file.write("from\tto\n")
        file.writelines(f"{source}\t{target}\n" for source, target in pairs)


def write_obo(path: Path, rows: list[Row]) -> None:
    """Terms with their names and exact synonyms as OBO, for the reader of `rulener lexicon build obo`."""
    names: dict[str, list[str]] = {}
    for code, term, preferred, _ in rows:
        names.setdefault(code, []).insert(0 if preferred else len(names[code]), term)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("format-version: 1.2\nontology: hp\n")
        for code, (name, *others) in names.items():
            file.write(f"\n[Term]\nid: {code}\nname: {name}\n")
            file.writelines(f'synonym: "{other}" EXACT []\n' for other in others if '"' not in other)


def read(path: Path) -> Iterator[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield row["code"], html.unescape(row["term"]), row["preferred"] == "1", row["semtype"]


def system_of(code: str) -> str:
    """MEDIC's codes are MeSH records, or OMIM numbers."""
    return "OMIM" if code.isdigit() else "MESH"


def rows_of(rows: list[Row], label: str, system: str, rank: int) -> Iterator[tuple[str, ...]]:
    preferred = {code: term for code, term, is_preferred, _ in rows if is_preferred}
    source = system or "MEDIC"
    for code, term, is_preferred, _ in rows:
        kind = "PT" if is_preferred else "SY"
        name = preferred.get(code, term)
        yield term, label, system or system_of(code), code, name, source, kind, str(rank + (not is_preferred))


def omim_of_medic(medic: list[Row]) -> Iterator[tuple[str, str]]:
    mesh = {term.lower(): code for code, term, preferred, _ in medic if preferred and system_of(code) == "MESH"}
    for code, term, preferred, _ in medic:
        if preferred and system_of(code) == "OMIM" and term.lower() in mesh:
            yield f"OMIM:{code}", f"MESH:{mesh[term.lower()]}"


def omim_of_mondo(path: Path, medic: list[Row]) -> Iterator[tuple[str, str]]:
    """OMIM numbers that MONDO says are a MeSH record; those that MEDIC maps by name are left to it."""
    done = {source for source, _ in omim_of_medic(medic)}
    found: dict[str, dict[str, list[str]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            concept, _, system, _, other = line.rstrip("\n").split("\t")[:5]
            if system in ("mesh", "omim"):
                found.setdefault(concept, {}).setdefault(system, []).append(other.partition(":")[2])
    for concept in found.values():
        for number in concept.get("omim", ()):
            if len(concept.get("mesh", ())) == 1 and f"OMIM:{number}" not in done:
                yield f"OMIM:{number}", f"MESH:{concept['mesh'][0]}"


def same_names(drugs: list[Row], chemicals: list[Row]) -> Iterator[tuple[str, str]]:
    """DrugBank's drugs as MeSH descriptors: the one that alone has the drug's preferred name; else the pair that shares more
    names than either does with any other."""
    names: dict[str, set[str]] = {}
    for code, term, _, _ in chemicals:
        names.setdefault(_plain(term), set()).add(code)
    made: dict[str, str] = {}
    shared: Counter[tuple[str, str]] = Counter()
    for code, term, is_preferred, _ in drugs:
        found = names.get(_plain(term), set())
        if is_preferred and len(found) == 1:
            made[code] = min(found)
        for target in found:
            shared[code, target] += 1
    of_drug, of_target = _only_best(shared, 0), _only_best(shared, 1)
    for pair in sorted(shared):
        drug, target = pair
        if drug not in made and target not in made.values() and of_drug.get(drug) == pair == of_target.get(target):
            made[drug] = target
    yield from ((f"DRUGBANK:{code}", f"MESH:{target}") for code, target in made.items())


def _plain(term: str) -> str:
    return " ".join(term.lower().replace("-", " ").split())


def _only_best(shared: Counter[tuple[str, str]], side: int) -> dict[str, tuple[str, str]]:
    """For each code of one side the pair that shares most names, where no other shares as many."""
    pairs: dict[str, list[tuple[str, str]]] = {}
    for pair in sorted(shared, key=lambda pair: (-shared[pair], pair)):
        pairs.setdefault(pair[side], []).append(pair)
    return {code: found[0] for code, found in pairs.items() if len(found) == 1 or shared[found[0]] > shared[found[1]]}


def write(path: Path, rows: list[tuple[str, ...]]) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("\t".join(COLUMNS) + "\n")
        file.writelines("\t".join(row) + "\n" for row in rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
