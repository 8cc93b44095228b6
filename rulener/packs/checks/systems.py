"""Codes of systems that nobody knows."""

from __future__ import annotations

from collections.abc import Sequence

from rulener.packs.diagnostics import Diagnostic, Findings
from rulener.packs.model import Pack
from rulener.packs.source import nearest

# Names as they stand in OMOP's and UMLS's vocabularies or in common use; a pack names others under `systems:`.
_SYSTEMS_TEXT = """
    ATC CHEBI CPT4 CVX DOID DSM5 EFO FMA GO HCPCS HGNC HPO ICD10 ICD10CM ICD10PCS ICD10WHO ICD11 ICD9CM ICD9PROC ICDO3
    ICF ICPC2 LOINC MDR MEDDRA MESH MONDO MTH NCIT NDC NDFRT OMIM OMOP OPCS4 ORPHANET RADLEX RXNORM SNOMEDCT SNOMEDCT_US
    UBERON UCUM UMLS UNII VANDF
"""
KNOWN_SYSTEMS = frozenset(_SYSTEMS_TEXT.split())


class UnknownSystem:
    """A concept whose system is neither a usual one nor declared."""

    code = "R324"

    def check(self, packs: Sequence[Pack]) -> list[Diagnostic]:
        """All findings in these packs."""
        findings = Findings()
        known = KNOWN_SYSTEMS.union(*(pack.systems for pack in packs))
        for pack in packs:
            for rule in (*pack.terms, *pack.patterns):
                for concept in rule.concepts:
                    if concept.system not in known:
                        near = nearest(concept.system, {name.lower(): None for name in known}).upper()
                        findings.warning(
                            self.code,
                            f"`{concept.system}` is no code system known here",
                            concept.place,
                            notes=["codes of a misspelt system never meet those of other packs and lexicons"],
                            fix=f"did you mean `{near}`?" if near else f"add `systems: [{concept.system}]` to pack.yaml",
                        )
        return findings.all
