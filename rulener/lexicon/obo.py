"""Ontologies in OBO format 1.2 and 1.4: HPO, DOID, MONDO and others.

Memory: one stanza at a time. Format: The OBO Flat File Format Guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rulener.lexicon.label_map import LabelMap, label_map
from rulener.lexicon.reading import File, Only, Reading, blocks, not_what_it_claims, release
from rulener.lexicon.table import Row, Skipped

SYSTEMS = {
    "MSH": "MESH", "SNOMEDCT_US": "SNOMEDCT", "SCTID": "SNOMEDCT", "UMLS_CUI": "UMLS", "ICD10": "ICD10", "ICD-10": "ICD10",
    "NCI": "NCIT", "ORPHANET": "ORPHANET",
}  # fmt: skip
"""Prefixes of cross references, in capitals, whose system has another name here; others are written in capitals."""

_RANKS = {"NAME": 0, "EXACT": 1, "NARROW": 2, "RELATED": 3, "BROAD": 4}
_SYNONYM = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"\s*(?P<scope>EXACT|NARROW|BROAD|RELATED)?')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": " ", "W": " ", "t": " "}
_EQUIVALENT = "MONDO:equivalentTo"


@dataclass(slots=True)
class _Term:
    """A stanza `[Term]`: values and their lines."""

    line: int
    id: str = ""
    name: str = ""
    name_line: int = 0
    obsolete: bool = False
    synonyms: list[tuple[int, str]] = field(default_factory=list)
    xrefs: list[tuple[int, str]] = field(default_factory=list)


def read_obo(
    path: Path,
    reading: Reading,
    *,
    labels: LabelMap | None = None,
    scope: tuple[str, ...] = ("EXACT", "NARROW"),
    obsolete: bool = False,
    xrefs: str = "",
) -> Iterator[Row]:
    """Names and synonyms of the terms. `scope`: which synonyms; `obsolete`: obsolete terms too; `xrefs`: a system, for example
    UMLS: terms get their cross references to it as codes, those without one keep their own.

    Where cross references say which of them are equivalent (MONDO does), only those count. Raises LexiconError L101, L103, L105,
    L106.
    """
    file = release(path, "OBO ontology", {"obo": "*.obo"})["obo"]
    labels = labels or label_map("obo")
    skipped = reading.of(file.name)
    scopes = Only.of(scope)
    without = 0
    for term in _terms(file, reading):
        prefix, _, code = term.id.partition(":")
        found = labels.keys.get(term.id.upper()) or labels.keys.get(prefix.upper())
        if not code:
            skipped.add("no id of the form PREFIX:NUMBER", term.line)
        elif term.obsolete and not obsolete:
            skipped.add("obsolete", term.line)
        elif found is None:
            skipped.add(f"no label for {prefix}", term.line)
        elif not term.name:
            skipped.add("no name", term.line)
        else:
            codes = [(SYSTEMS.get(prefix.upper(), prefix.upper()), code)]
            if xrefs:
                others = [one for one in _cross_references(term) if one[0] == xrefs.upper()]
                without += not others
                codes = others or codes
            for line, text, kind in _names(term, scopes, skipped):
                for system, one in codes:
                    yield Row(
                        line, text, found[1], system, one, term.name, "", False, prefix.upper(), kind, _RANKS[kind],
                    )  # fmt: skip
    if without:
        reading.remark(f"{without:,} terms without a cross reference to {xrefs} keep their own code")


def read_cross_references(path: Path, reading: Reading) -> Iterator[tuple[str, str]]:
    """`(code elsewhere, code here)` of every term that is not obsolete: what `--map` reads."""
    file = release(path, "OBO ontology", {"obo": "*.obo"})["obo"]
    for term in _terms(file, reading):
        prefix, _, code = term.id.partition(":")
        if code and not term.obsolete:
            here = f"{SYSTEMS.get(prefix.upper(), prefix.upper())}:{code}"
            yield from ((f"{system}:{other}", here) for system, other in _cross_references(term))


def _terms(file: File, reading: Reading) -> Iterator[_Term]:
    term: _Term | None = None
    begun = False
    for first, lines in blocks(file, reading):
        if first == 1 and not any(line.startswith(("format-version:", "[", "ontology:")) for line in lines[:200]):
            hint = "an ontology in OWL or JSON must be converted to OBO first" if lines[0].lstrip()[:1] in ("<", "{") else ""
            raise not_what_it_claims(file, 1, "this is no OBO file: no format-version", hint)
        for number, line in enumerate(lines, first):
            if line[:1] == "[":
                if term is not None:
                    yield term
                term = _Term(number) if line.strip() == "[Term]" else None
                begun = True
            elif term is not None and line:
                _read_tag(term, number, line)
    if term is not None:
        yield term
    if not begun:
        raise not_what_it_claims(file, 0, "there is no [Term] in it")


def _read_tag(term: _Term, number: int, line: str) -> None:
    tag, _, value = line.partition(":")
    if tag == "id":
        term.id = _without_comment(value)
    elif tag == "name":
        term.name, term.name_line = _unescaped(_without_comment(value)), number
    elif tag == "synonym":
        term.synonyms.append((number, value))
    elif tag == "xref":
        term.xrefs.append((number, value.strip()))
    elif tag == "is_obsolete":
        term.obsolete = value.strip().startswith("true")


def _without_comment(value: str) -> str:
    """Without what follows ` !`, and without a trailing `{modifier}`."""
    value = re.split(r"(?<!\\)\s!\s", value)[0].strip()
    return re.sub(r"\s*\{[^{}]*=[^{}]*\}$", "", value)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text).strip() if "\\" in text else text.strip()


def _names(term: _Term, scopes: Only, skipped: Skipped) -> Iterator[tuple[int, str, str]]:
    """`(line, name, scope)`: the name, then the synonyms wanted, each once."""
    yield term.name_line, term.name, "NAME"
    seen = {term.name}
    for line, value in term.synonyms:
        match = _SYNONYM.match(value.strip())
        if match is None:
            skipped.add("a synonym without its quotes", line)
            continue
        text, kind = _unescaped(match["text"]), match["scope"] or "RELATED"
        if kind not in scopes:
            skipped.add(f"synonym {kind}", line)
        elif not text:
            skipped.add("an empty synonym", line)
        elif text in seen:
            skipped.add("the same name of the term again", line)
        else:
            seen.add(text)
            yield line, text, kind


def _cross_references(term: _Term) -> list[tuple[str, str]]:
    """`(system, code)`, each once; only the equivalent ones where some are marked so."""
    marked = [value for _, value in term.xrefs if _EQUIVALENT in value]
    found: dict[tuple[str, str], None] = {}
    for value in marked or [value for _, value in term.xrefs]:
        prefix, _, code = re.split(r"\s", value, maxsplit=1)[0].partition(":")
        if code and not prefix.lower().startswith("http"):
            found[(SYSTEMS.get(prefix.upper(), prefix.upper()), code)] = None
    return list(found)
