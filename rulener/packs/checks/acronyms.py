"""Abbreviations in capitals that fold to everyday words."""

from __future__ import annotations

from collections.abc import Sequence

from rulener.packs.diagnostics import Diagnostic, Findings
from rulener.packs.model import Pack

# Words of ordinary prose whose capitals abbreviate something else in notes; the commonest words are R309's.
_WORDS_TEXT = """
    ace act aid aids air ali amp and arc arm arms art ash ask aspect bad bag ban bar bat bed bid bit bow box bun but cab
    cad cam can cap caps car care case cast cat cop cord crest crop cup cut dab dam dip dot dow dye ear eat egg ego elf
    era face fan fast fat fed fen fib fin fish fit flap flu foam fog fun gap gas gem get gist glad goal gut hap hat help
    hid hint hip hit hop hum ice ill imp it jam jar joint jut kid lab lad lap large lash law leap led left leg lid lie
    light lip list lit log lot low lump mac mad man map mass mat men met mid mild mod mom mop nap net nut oat odd opt or
    pack pad pal pan pap pat peep pen pet pie pig pin pit pop pot pro pub pus rad ram rap rat raw rest rib rid rip road
    rod sad safe sat save scan sea seat set short sir sit skin sly smart soap sob spa span star stat step sub suit sum
    sun tab tag tan tap tar tea team tee tender tick tie tile tip tips toe top tub us use van vent vet vim wag war wart
    was wet wide will win wish yes zap
"""
_WORDS = frozenset(_WORDS_TEXT.split())


class FoldedAcronym:
    """`any: [AIDS]` also finds "hearing aids"."""

    code = "R323"

    def check(self, packs: Sequence[Pack]) -> list[Diagnostic]:
        """All findings in these packs."""
        findings = Findings()
        for pack in packs:
            for text in (text for term in pack.terms for text in term.any):
                if text.value.isupper() and text.value.lower() in _WORDS:
                    findings.warning(
                        self.code,
                        f"`{text.value}` is an abbreviation, and under `any` also the word `{text.value.lower()}`",
                        text.place,
                        notes=["under `any` capitals do not matter"],
                        fix=f"move it to `exact: [{text.value}]`",
                    )
        return findings.all
