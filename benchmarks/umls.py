"""A release in the shape of the UMLS, of any size: `python benchmarks/umls.py FOLDER --strings 1000000`.

Writes MRCONSO.RRF, MRSTY.RRF and MRRANK.RRF as the Metathesaurus has them, with invented concepts. `--strings` counts the
different names of a concept that a reader of English keeps: the files also hold other languages, rows that are suppressible or
obsolete, and names that stand there twice, about a third more. The same number gives the same bytes everywhere; memory does not
grow with it (words and short names apart).

What is imitated, roughly: two to three names a concept, many with one; 3.4 words and 26 characters a name; some words everywhere
and most words rare (the vocabulary grows with the release); a name belongs to one concept in all but a few cases; inverted
names, tags, plurals, "NOS", acronyms, strengths and chemical names; the same name in several vocabularies.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

# Words that notes have, too, so that a lexicon of this shape is found in them. The first are the most frequent.
_COMMON = (
    "pain disease disorder of left right acute chronic syndrome blood tablet test heart injury lung infection artery pressure "
    "chest kidney fracture skin abdominal bone severe liver joint knee cancer eye hip upper lower brain fever spine swelling "
    "throat nasal valve edema cough ulcer lesion tumor mass pulmonary renal cardiac vein anemia nausea weakness asthma stroke "
    "failure stenosis rash biopsy surgery imaging oral injection serum glucose urine sodium potassium insulin diabetes type 2 "
    "hypertension arthritis neck shoulder back ankle wrist elbow foot hand finger toe nerve muscle tendon bilateral benign "
    "malignant primary secondary recurrent congenital posterior anterior lateral medial distal proximal fibrillation murmur "
    "effusion pneumonia bronchitis sinusitis otitis tonsil thyroid adrenal pituitary ovary uterus cervix prostate bladder colon "
    "rectum stomach esophagus duodenum pancreas gallbladder spleen appendix hernia abscess cyst polyp nodule calculus stone "
    "obstruction perforation hemorrhage bleeding thrombosis embolism aneurysm dissection infarction ischemia arrhythmia "
    "tachycardia bradycardia hypotension shock sepsis cellulitis dermatitis eczema psoriasis melanoma carcinoma adenoma "
    "lymphoma leukemia seizure epilepsy migraine headache dizziness vertigo tremor neuropathy palsy paralysis dementia delirium "
    "depression anxiety insomnia fatigue malaise chills sweating weight loss gain appetite vomiting diarrhea constipation "
    "catheter stent graft implant screw plate bypass repair resection excision drainage incision suture"
)
COMMON = _COMMON.split()
HEADS = ("", "disorder", "procedure", "finding", "substance", "body structure", "organism", "morphologic abnormality")
_ONSETS = (
    "b", "br", "c", "ch", "d", "f", "gl", "h", "k", "l", "m", "n", "p", "ph", "pr", "qu", "r", "s", "st", "t", "th", "v", "x",
    "z",
)  # fmt: skip
_VOWELS = ("a", "e", "i", "o", "u", "ae", "io", "y")
_CODAS = ("l", "n", "r", "s", "m", "x", "tis", "sis", "ma", "ne", "te", "in", "ol", "al", "ic", "us")
_SEMANTIC_TYPES = (
    ("T047", "B2.2.1.2.1", "Disease or Syndrome"),
    ("T033", "A2.2", "Finding"),
    ("T184", "A2.2.2", "Sign or Symptom"),
    ("T061", "B1.3.1.3", "Therapeutic or Preventive Procedure"),
    ("T060", "B1.3.1.2", "Diagnostic Procedure"),
    ("T121", "A1.4.1.1.1", "Pharmacologic Substance"),
    ("T109", "A1.4.1.2.1", "Organic Chemical"),
    ("T023", "A1.2.3.1", "Body Part, Organ, or Organ Component"),
    ("T191", "B2.2.1.2.1.2", "Neoplastic Process"),
    ("T037", "B2.3", "Injury or Poisoning"),
)
_SOURCES = (
    ("SNOMEDCT_US", "PT", "SY"), ("MSH", "MH", "ET"), ("NCI", "PT", "SY"), ("RXNORM", "IN", "SCD"), ("ICD10CM", "PT", "ET"),
    ("LNC", "LN", "LO"), ("MDR", "PT", "LLT"), ("MTH", "PN", "SY"), ("HPO", "PT", "SY"), ("OMIM", "PT", "PTAV"),
)  # fmt: skip
_LANGUAGES = ("SPA", "GER", "FRE", "JPN", "POR", "DUT")
_STEP, _ADD, _MASK = 6364136223846793005, 1442695040888963407, 0xFFFFFFFFFFFFFFFF


class Release:
    """The rows of a release; see the module."""

    def __init__(self, strings: int, seed: int = 20260101) -> None:
        self.strings = strings
        self._state = seed
        self._words = list(COMMON)
        self._rare = max(strings // 6, 1000)  # how many words there are beside the common ones
        self._short: set[str] = set()  # names of one or two words that concepts have

    def below(self, n: int) -> int:
        self._state = (self._state * _STEP + _ADD) & _MASK
        return (self._state >> 33) % n

    def word(self) -> str:
        """One of the words: of ten some five are common, four known, one is rare."""
        dice = self.below(100)
        if dice < 52:
            # Half of the common words' uses fall to a seventh of them.
            at = self.below(len(COMMON))
            return COMMON[at * at // len(COMMON)]
        if dice < 85 and len(self._words) > 2000:
            at = self.below(len(self._words))
            return self._words[at * at // len(self._words)]
        if len(self._words) - len(COMMON) < self._rare:
            made = self._new_word()
            self._words.append(made)
            return made
        return self._words[self.below(len(self._words))]

    def _new_word(self) -> str:
        number = len(self._words)
        parts = []
        for k in range(2 + number % 2):
            number, onset = divmod(number * 7 + k, len(_ONSETS))
            number, vowel = divmod(number, len(_VOWELS))
            parts.append(_ONSETS[(onset + self.below(24)) % len(_ONSETS)] + _VOWELS[vowel])
        return "".join(parts) + _CODAS[self.below(len(_CODAS))]

    def name(self) -> str:
        """A name of one to nine words."""
        dice = self.below(100)
        if dice < 6:  # a drug with its strength
            return f"{self.word()} {(1 + self.below(80)) * 5} MG oral {('tablet', 'capsule', 'solution')[self.below(3)]}"
        if dice < 10:  # a chemical
            return f"{1 + self.below(9)},{1 + self.below(9)}-di{self.word()}-{self.below(12)}H-{self.word()}{self.word()}"
        words = (1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 6, 8)[self.below(16)]
        return " ".join([self.word() for _ in range(words)])

    def fresh_name(self) -> str:
        """A name that hardly any other concept has: merely drawn, "pain" would be the name of one concept in four hundred."""
        name = self.name()
        while name.lower() in self._short and self.below(400):
            name = self.name()
        if name.count(" ") < 2:
            self._short.add(name.lower())
        return name

    def concept(self) -> tuple[list[str], list[str]]:
        """Names that a reader keeps, each different, and others that it leaves out because they are suppressible."""
        first = self.fresh_name()
        names = {first.lower(): first}
        more = (0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 6, 9)[self.below(14)]
        words = first.split()
        for k in range(more):
            dice = self.below(10)
            if dice < 2 and len(words) > 1:
                made = f"{words[-1]}, {' '.join(words[:-1])}"
            elif dice < 4:
                made = first + "s"
            elif dice == 4:
                made = f"{first} ({HEADS[1 + self.below(len(HEADS) - 1)]})"
            elif dice == 5:
                made = first + ", NOS"
            elif dice == 6 and len(words) > 2:
                made = "".join([word[0] for word in words]).upper()
            else:
                made = f"{first} {self.word()}" if k % 2 else self.fresh_name()
            names.setdefault(made.lower(), made[0].upper() + made[1:])
        return list(names.values()), [first.upper() + " unspecified"] if self.below(8) == 0 else []

    def rows(self) -> Iterator[tuple[str, str]]:
        """Lines for MRCONSO and MRSTY, a concept at a time."""
        left = self.strings
        number = atom = 0
        while left:
            number += 1
            cui = f"C{number:07d}"
            kept, others = self.concept()
            kept = kept[:left]
            left -= len(kept)
            lines = []
            for k, name in enumerate(kept):
                source, best, other = _SOURCES[self.below(len(_SOURCES))]
                atom += 1
                lines.append(_name_row(number, "ENG", atom, k == 0, source, other if k else best, name, "N"))
            if self.below(5) == 0:  # the first name again, from another vocabulary
                atom += 1
                source, _, other = _SOURCES[self.below(len(_SOURCES))]
                lines.append(_name_row(number, "ENG", atom, False, source, other, kept[0], "N"))
            for k in range((0, 0, 0, 1, 2)[self.below(5)]):
                atom += 1
                language = _LANGUAGES[self.below(len(_LANGUAGES))]
                lines.append(_name_row(number, language, atom, True, "MSH" + language, "MH", f"{kept[0]} é{k}", "N"))
            for name in others:
                atom += 1
                lines.append(_name_row(number, "ENG", atom, False, "MDR", "OL", name, "OEY"[self.below(3)]))
            tui, tree, semantic_type = _SEMANTIC_TYPES[self.below(len(_SEMANTIC_TYPES))]
            yield "".join(lines), f"{cui}|{tui}|{tree}|{semantic_type}|AT{number:08d}||\n"


def _name_row(
    concept: int, language: str, atom: int, preferred: bool, source: str, term_type: str, name: str, suppress: str
) -> str:
    """A line of MRCONSO."""
    head = f"C{concept:07d}|{language}|{'P' if preferred else 'S'}|L{atom:07d}|{'PF' if preferred else 'VO'}|S{atom:07d}"
    code = f"{'Y' if preferred else 'N'}|A{atom:08d}||M{concept}||{source}|{term_type}|{atom}"
    return f"{head}|{code}|{name}|0|{suppress}||\n"


def write_release(folder: Path, strings: int) -> Path:
    """Write the three files into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        open(folder / "MRCONSO.RRF", "w", encoding="utf-8", newline="\n", buffering=1 << 20) as names,
        open(folder / "MRSTY.RRF", "w", encoding="utf-8", newline="\n", buffering=1 << 20) as types,
    ):
        for conso, sty in Release(strings).rows():
            names.write(conso)
            types.write(sty)
    with open(folder / "MRRANK.RRF", "w", encoding="utf-8", newline="\n") as ranks:
        pairs = [(source, one) for k in (1, 2) for source, one in ((names[0], names[k]) for names in _SOURCES)]
        for k, (source, term_type) in enumerate(pairs):
            ranks.write(f"{len(pairs) - k:04d}|{source}|{term_type}|N|\n")
    return folder


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--strings", type=int, default=1_000_000)
    given = parser.parse_args(arguments)
    write_release(given.folder, given.strings)
    sys.stdout.write(f"{given.folder}\n")


if __name__ == "__main__":
    main()
