"""Variants: the same name as other people write it. Named rules, each counted, each switchable.

A variant is a row like its original but for `term`, `variant` (the rule that made it) and `rank` (below the original). The
matcher folds case, accents, hyphens, slashes, apostrophes and the possessive 's itself, so no variant is made for those. A
variant never competes with what a source writes: when its tokens are those of any surface that came in, it is left out.
"""

from __future__ import annotations

import marshal
import re
import tempfile
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import IO

from rulener.lexicon.report import StageReport, chosen
from rulener.lexicon.surface import key
from rulener.lexicon.table import LINK_ONLY, WORST_RANK, Row
from rulener.lexicon.words import (
    BODY_PARTS,
    CLOSED_COMPOUNDS,
    COUNT_NOUNS,
    EPONYMS,
    EVERYDAY,
    FUNCTION,
    GENERIC,
    IRREGULAR_PLURALS,
    LINKS,
    NUMBERED,
    ORGAN_ADJECTIVES,
    ORGAN_HEADS,
    QUALIFIER,
    SINGLE_HEADS,
    SITE_HEADS,
)

MAX_VARIANTS = 6
"""Variants of one surface, those of the fewest steps first; what rules would make beyond is left out and counted."""
_MAX_TRIED = 16
MAX_WORDS = 6
"""Longer surfaces get no variants."""
_SPOOL_BYTES = 64 << 20
_BLOCK = 1024
_DRUGS = ("medication", "substance")

Make = Callable[[str], "list[str]"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of this stage: what it makes of a surface, the marks and words that call it, and the labels it keeps away from.

    `words` may also be a test of a single word.
    """

    name: str
    summary: str
    make: Make
    words: Collection[str] | Callable[[str], bool] = ()
    marks: str = ""
    never: tuple[str, ...] = ()
    effect: str = "add"


def variants(
    rows: Iterable[Row], report: StageReport | None = None, *, only: Iterable[str] = (), without: Iterable[str] = ()
) -> Iterator[Row]:
    """All rows as they come, then their variants in the same order; a temporary file holds those meanwhile.

    `only` and `without` name the rules to run. Memory: 8 bytes a row and 16 a variant. Raises UsageError: U100 a name is not
    one of these rules.
    """
    return _Stage(report or new_report(), chosen(RULES, only, without)).run(rows)


def new_report() -> StageReport:
    """An empty report of this stage: its rules, then why variants were left out."""
    return StageReport("variants", (*RULES, *SKIPPED))


class _Stage:
    def __init__(self, report: StageReport, names: frozenset[str]) -> None:
        self.report = report
        self.rules = [rule for rule in RULES if rule.name in names]
        self.by_mark: dict[str, int] = {}
        self.by_label: dict[str, int] = {}
        for number, rule in enumerate(self.rules):
            for mark in rule.marks:
                self.by_mark[mark] = self.by_mark.get(mark, 0) | 1 << number
        self.of_word = lru_cache(maxsize=1 << 18)(self._of_word)

    def run(self, rows: Iterable[Row]) -> Iterator[Row]:
        report = self.report
        sources, surfaces, concepts = bytearray(), bytearray(), bytearray()
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as file:
            spool = _Spool(file)
            for row in rows:
                report.rows_in += 1
                report.rows_out += 1
                yield row
                tokens = key(row.term)
                sources += _hash(tokens)
                mask = self._watching(row)
                if not mask:
                    continue
                for term, made, rule, steps in self._made(row, mask, tokens):
                    surfaces += _hash(made)
                    concepts += _hash(f"{made}\x1f{row.label}\x1f{row.system}\x1f{row.code}")
                    rank = min(WORST_RANK, row.rank + steps)
                    spool.add(row._replace(term=term, variant=rule.name, rank=rank), row.term)
            fates = _fates(sources, surfaces, concepts)
            del sources, surfaces, concepts
            yield from self._kept(spool, fates)

    # --- which rules ----------------------------------------------------------------------------------------------------

    def _watching(self, row: Row) -> int:
        """The rules to try on a row, as bits."""
        term = row.term
        if row.exact or row.use == LINK_ONLY or row.variant not in _CURATED:
            return self._of_exact(row)
        text = term.lower()
        mask = 0
        marks = _MARKS(text)
        if marks:
            text = text.translate(_NO_MARKS)
            find = self.by_mark.get
            for mark in marks:
                mask |= find(mark, 0)
        words = text.split()
        if len(words) > MAX_WORDS:
            return 0
        find_word = self.of_word
        for word in words:
            mask |= find_word(word)
        return mask & self._of_label(row.label) if mask else 0

    def _of_exact(self, row: Row) -> int:
        """An acronym has a plural; nothing else is made of surfaces that keep their case."""
        if not row.exact or row.use == LINK_ONLY or row.variant:
            return 0
        return sum(1 << n for n, rule in enumerate(self.rules) if rule.name == "acronym-plural") & self._of_label(row.label)

    def _of_word(self, word: str) -> int:
        """The rules that a word calls, as bits."""
        bits = 0
        for number, rule in enumerate(self.rules):
            if rule.words(word) if callable(rule.words) else word in rule.words:
                bits |= 1 << number
        return bits

    def _of_label(self, label: str) -> int:
        bits = self.by_label.get(label)
        if bits is None:
            bits = sum(1 << n for n, rule in enumerate(self.rules) if label not in rule.never)
            self.by_label[label] = bits
        return bits

    # --- making ---------------------------------------------------------------------------------------------------------

    def _made(self, row: Row, mask: int, original: str) -> list[tuple[str, str, Rule, int]]:
        """The variants of a row: surface, its tokens, the last rule, how many rules. Each rule works on the surface and on what
        the rules before it made."""
        made: list[tuple[str, str, Rule, int]] = []
        seen = {original}
        forms = [(row.term, 0)]
        while mask:
            lowest = mask & -mask
            mask ^= lowest
            rule = self.rules[lowest.bit_length() - 1]
            for term, steps in list(forms):
                for new in rule.make(term):
                    tokens = key(new)
                    if not tokens or tokens == original:
                        self._skip("same-tokens", row.term, new)
                    elif tokens in seen:
                        self._skip("repeated", row.term, new)
                    elif not row.exact and tokens in _EVERYDAY:
                        self._skip("everyday-word", row.term, new)
                    elif len(made) == _MAX_TRIED:
                        self._skip("too-many", row.term, new)
                    else:
                        seen.add(tokens)
                        forms.append((new, steps + 1))
                        made.append((new, tokens, rule, steps + 1))
        if len(made) > MAX_VARIANTS:
            made.sort(key=lambda one: one[3])
            for term, _, _, _ in made[MAX_VARIANTS:]:
                self._skip("too-many", row.term, term)
            del made[MAX_VARIANTS:]
        return made

    def _skip(self, name: str, term: str, new: str) -> None:
        self.report.tallies[name].add(term, new)

    def _kept(self, spool: _Spool, fates: Iterable[int]) -> Iterator[Row]:
        tallies = self.report.tallies
        for fate, (row, original) in zip(fates, spool, strict=True):
            tallies[(row.variant, "in-source", "repeated")[fate]].add(original, row.term)
            if fate == _KEPT:
                self.report.rows_out += 1
                yield row


class _Spool:
    """Variants and what they were made from, kept in a file by blocks until all rows have come."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._block: list[tuple[tuple[object, ...], str]] = []

    def add(self, row: Row, original: str) -> None:
        self._block.append((tuple(row), original))
        if len(self._block) == _BLOCK:
            self._flush()

    def _flush(self) -> None:
        data = marshal.dumps(self._block)
        self._file.write(len(data).to_bytes(8, "little") + data)
        self._block = []

    def __iter__(self) -> Iterator[tuple[Row, str]]:
        self._flush()
        self._file.seek(0)
        while size := self._file.read(8):
            for values, original in marshal.loads(self._file.read(int.from_bytes(size, "little"))):
                yield Row._make(values), original


_KEPT, _IN_SOURCE, _REPEATED = range(3)
_MARKS = re.compile(r"[^a-z ]").findall
_NO_MARKS = dict.fromkeys(map(ord, ',;:()[]{}"-/'), " ")
_CURATED = ("", "bracketed-words", "and-or", "measured", "specified", "symbol")
_EVERYDAY = EVERYDAY | FUNCTION | GENERIC | QUALIFIER


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _fates(sources: bytearray, surfaces: bytearray, concepts: bytearray) -> array[int]:
    """Per variant: kept, in a source already, or made before for the same concept."""
    import numpy as np

    made = np.frombuffer(surfaces, dtype="<u8")
    fates = np.full(len(made), _REPEATED, dtype="u1")
    _, first = np.unique(np.frombuffer(concepts, dtype="<u8"), return_index=True)
    fates[first] = _KEPT
    fates[np.isin(made, np.unique(np.frombuffer(sources, dtype="<u8")))] = _IN_SOURCE
    return array("B", fates.tobytes())


# --- word order ---------------------------------------------------------------------------------------------------------

_NUMBERED = re.compile(r"^(?:type|stage|grade|class|group|phase)\s\S+$", re.IGNORECASE)
_TYPE_LAST = re.compile(r"^(?P<head>.{4,}?),? (?P<type>(?:type|stage|grade) (?:[ivx]+|\d{1,2})[a-d]?)$", re.IGNORECASE)
_TYPE_FIRST = re.compile(r"^(?P<type>(?:type|stage|grade) (?:[ivx]+|\d{1,2})[a-d]?) (?P<head>.{4,})$", re.IGNORECASE)
_OF = re.compile(r"^(?P<head>.+?) of (?P<the>the )?(?P<site>[A-Za-z]+(?: [A-Za-z]+){0,2})$")
_MALIGNANT = re.compile(
    r"^(?:malignant (?:neoplasm|tumou?r)|primary malignant neoplasm) of (?:the )?(?P<site>[a-z]+(?: [a-z]+){0,2})$"
)
_MALIGNANT_FIRST = re.compile(r"^malignant (?P<site>[a-z]+(?: [a-z]+)?) (?:neoplasm|tumou?r)$")


def _inverted(term: str) -> list[str]:
    """Arthritis, Rheumatoid, Juvenile: the parts from the last to the first; numbers stay last."""
    if "(" in term or "[" in term:
        return []
    head, *others = (part.strip() for part in term.split(", "))
    if not others or len(others) > 3 or not head or any(not part for part in others):
        return []
    if len(others) == 1 and _NUMBERED.match(others[0]):
        return [f"{head} {others[0]}", f"{others[0]} {head}"]
    numbers = [part for part in others if not any(c.isalpha() for c in part) or _NUMBERED.match(part)]
    others = [part for part in others if part not in numbers]
    if any(not LINKS.isdisjoint(part.lower().split()) for part in others):
        return [term.replace(", ", " ")] if len(others) == 1 and others[0].split()[0].lower() in LINKS and not numbers else []
    return [" ".join([*reversed(others), head, *numbers])]


def _type_order(term: str) -> list[str]:
    """Type 2 diabetes mellitus: diabetes mellitus type 2, also with a comma."""
    match = _TYPE_LAST.match(term)
    if match:
        return [f"{match['type']} {match['head']}"]
    match = _TYPE_FIRST.match(term)
    return [f"{match['head']} {match['type']}", f"{match['head']}, {match['type']}"] if match else []


def _of_order(term: str) -> list[str]:
    """Cancer of the breast: breast cancer, cancer of breast; and back."""
    match = _OF.match(term)
    if match:
        head, site = match["head"], match["site"]
        words = head.lower().split()
        if words[-1] not in SITE_HEADS or site.lower().split()[-1] not in BODY_PARTS:
            return []
        if not LINKS.isdisjoint(site.lower().split()):
            return []
        article = f"{head} of {site}" if match["the"] else f"{head} of the {site}"
        if len(words) > 3 or not LINKS.isdisjoint(words):
            return [article]
        return [" ".join([*head.split()[:-1], site, head.split()[-1]]), article]
    words = term.split()
    if len(words) == 2 and words[1].lower() in SITE_HEADS and words[0].lower() in BODY_PARTS:
        return [f"{words[1]} of the {words[0]}", f"{words[1]} of {words[0]}"]
    return []


def _malignant(term: str) -> list[str]:
    """Malignant neoplasm of breast: breast cancer, cancer of breast."""
    text = term.lower()
    match = _MALIGNANT.match(text) or _MALIGNANT_FIRST.match(text)
    if not match:
        return []
    site = match["site"]
    words = site.split()
    if words[-1] not in BODY_PARTS or not LINKS.isdisjoint(words) or words[0] in ("secondary", "metastatic"):
        return []
    return [f"{site} cancer", f"cancer of {site}", f"cancer of the {site}"]


_ORGANS = {**ORGAN_ADJECTIVES, **{organ: adjective for adjective, organ in ORGAN_ADJECTIVES.items()}}
_NEOPLASM = re.compile(r"\bneoplasm(s?)\b", re.IGNORECASE)


def _organs(term: str) -> list[str]:
    """Renal failure: kidney failure, and back."""
    words = term.split()
    if len(words) < 2 or words[-1].lower() not in ORGAN_HEADS:
        return []
    other = _ORGANS.get(words[-2].lower())
    return [" ".join([*words[:-2], other, words[-1]])] if other else []


def _neoplasms(term: str) -> list[str]:
    """Lung neoplasm: lung tumor. A word alone stays."""
    if " " not in term:
        return []
    return [_NEOPLASM.sub(lambda match: "tumor" + match[1], term)]


# --- numerals and letters ---------------------------------------------------------------------------------------------

_ROMANS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_ARABIC = {roman.lower(): str(number) for number, roman in enumerate(_ROMANS, 1)}
_ROMAN = {str(number): roman for number, roman in enumerate(_ROMANS, 1)}
_NUMERAL = re.compile(
    rf"\b(?P<head>{'|'.join(sorted(NUMBERED))})(?P<gap>[ -])(?P<number>[ivx]{{1,4}}|1[0-2]|[1-9])(?P<letter>[a-d]?)(?![\w.-])",
    re.IGNORECASE,
)
_LAST_ROMAN = re.compile(r"(?<=[a-z]{4}) (?P<number>II|III|IV|VI{1,3}|IX)$")
_ORDINALS = {
    "first": "1st",
    "second": "2nd",
    "third": "3rd",
    "fourth": "4th",
    "fifth": "5th",
    "sixth": "6th",
    "seventh": "7th",
    "eighth": "8th",
}
_ORDINAL_BACK = {short: long for long, short in _ORDINALS.items()}
_ORDINAL = re.compile(rf"\b(?:{'|'.join([*_ORDINALS, *_ORDINAL_BACK])})\b", re.IGNORECASE)
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega"
)
_GREEK = dict(zip(_GREEK_NAMES.split(), "αβγδεζηθικλμνξπρστυφχψω", strict=True))
_LATIN = {letter: name for name, letter in _GREEK.items()}
_GREEK_NAME = re.compile(r"(?<![A-Za-z])(?:alpha|beta|gamma|delta|kappa|lambda|omega)(?![A-Za-z])", re.IGNORECASE)
_GREEK_LETTER = re.compile("[" + "".join(_LATIN) + "ς]")


def _numerals(term: str) -> list[str]:
    """Type II: type 2; stage 4: stage IV; second degree: 2nd degree."""
    changed = _NUMERAL.sub(_other_numeral, term)
    found = [changed] if changed != term else []
    last = _LAST_ROMAN.sub(lambda match: f" {_ARABIC[match['number'].lower()]}", term)
    if last not in (term, changed):
        found.append(last)
    ordinals = _ORDINAL.sub(lambda match: _ORDINALS.get(match[0].lower()) or _ORDINAL_BACK[match[0].lower()], term)
    if ordinals != term:
        found.append(ordinals)
    return found


def _other_numeral(match: re.Match[str]) -> str:
    number = match["number"].lower()
    other = _ARABIC.get(number) or _ROMAN.get(number)
    return f"{match['head']}{match['gap']}{other}{match['letter']}" if other else match[0]


def _greek(term: str) -> list[str]:
    """Alpha: α, and back."""
    letters = _GREEK_NAME.sub(lambda match: _GREEK[match[0].lower()], term)
    names = _GREEK_LETTER.sub(lambda match: _LATIN["σ" if match[0] == "ς" else match[0]], term)
    return [new for new in (letters, names) if new != term]


# --- words ------------------------------------------------------------------------------------------------------------

_CONNECTIVES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), other)
    for pattern, other in (
        (r" and ", " & "),
        (r" & ", " and "),
        (r" ?\+ ", " and "),
        (r" w/o ", " without "),
        (r" without ", " w/o "),
        (r" w/(?!o ) ?", " with "),
        (r" with ", " w/ "),
        (r"^s/p ", "status post "),
        (r"^status post ", "s/p "),
        (r" due to ", " secondary to "),
        (r" secondary to ", " due to "),
    )
)
_SHORT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), other)
    for pattern, other in (
        (r"fracture", "fx"),
        (r"fractures", "fxs"),
        (r"(?<=pulmonary )hypertension", "htn"),
        (r"bilateral", "b/l"),
        (r"left ventricular", "LV"),
        (r"right ventricular", "RV"),
        (r"right upper quadrant", "RUQ"),
        (r"left upper quadrant", "LUQ"),
        (r"right lower quadrant", "RLQ"),
        (r"left lower quadrant", "LLQ"),
        (r"right upper lobe", "RUL"),
        (r"left upper lobe", "LUL"),
        (r"right lower lobe", "RLL"),
        (r"left lower lobe", "LLL"),
        (r"right middle lobe", "RML"),
        (r"magnetic resonance imaging", "MRI"),
        (r"magnetic resonance angiography", "MRA"),
        (r"comput(?:ed|erized|erised) (?:axial )?tomography", "CT"),
        (r"positron emission tomography", "PET"),
        (r"ultrasonography", "ultrasound"),
        (r"electrocardiogram", "EKG"),
    )
)
_SHORT_WORDS = {
    "fracture", "fractures", "hypertension", "bilateral", "ventricular", "quadrant", "lobe", "resonance", "tomography",
    "ultrasonography", "electrocardiogram",
}  # fmt: skip
_CANCER = re.compile(r"^(?P<site>[a-z]+) (?:cancer|carcinoma)$", re.IGNORECASE)
_POSSESSIVE = re.compile(r"\b([A-Z][a-z]+[a-rt-z])['\u2019]s\b")
_EPONYM = re.compile(rf"\b({'|'.join(sorted(EPONYMS))})(?= [a-z])", re.IGNORECASE)
_PREFIXED = re.compile(
    r"\b(post|pre|non|anti|sub|inter|intra|peri|multi|hyper|hypo|pseudo|micro|macro|neuro|cardio|gastro"
    r"|electro|echo|endo|extra|infra|supra|trans|ultra|retro|poly|hemi|semi|co|over)"
    r"-([a-z]{4,})",
    re.IGNORECASE,
)
_OPENED = re.compile(
    r"\b(?:(non)([a-z]{5,})|(post)(operative|traumatic|menopausal|partum|herpetic|nasal|surgical|natal|ictal"
    r"|prandial|viral|concussive|infectious|inflammatory|obstructive)"
    r"|(pre)(operative|menstrual|eclampsia|diabetes|cancerous|natal|term|menopausal|hypertension|syncope)"
    r"|(anti)(coagulation|coagulant|depressant|psychotic|convulsant|emetic|hypertensive|inflammatory|nuclear|microbial|platelet|thrombin)"
    r"|(intra)(abdominal|articular|cranial|cerebral|ventricular|uterine|operative|ocular)"
    r"|(peri)(anal|operative|orbital|oral|cardial|partum|rectal))\b", re.IGNORECASE,
)  # fmt: skip
_NO_PREFIX = {"nonetheless", "nonsense", "nonagenarian"}


def _connectives(term: str) -> list[str]:
    """Nausea and vomiting: nausea & vomiting; with: w/; status post: s/p; due to: secondary to."""
    return [new for new in (pattern.sub(other, term) for pattern, other in _CONNECTIVES) if new != term]


def _short_words(term: str) -> list[str]:
    """Femur fracture: femur fx; magnetic resonance imaging of brain: MRI of brain. A word alone stays."""
    if " " not in term:
        return []
    found = [new for new in (pattern.sub(other, term) for pattern, other in _SHORT) if new != term and " " in new]
    match = _CANCER.match(term)
    if match and match["site"].lower() in BODY_PARTS:
        found.append(f"{match['site']} ca")
    return found


def _possessives(term: str) -> list[str]:
    """Crohn's disease, Crohn disease: Crohns disease."""
    new = _POSSESSIVE.sub(r"\1s", term)
    if new == term and "'" not in term:
        new = _EPONYM.sub(r"\1s", term)
    return [new] if new != term else []


def _compounds(term: str) -> list[str]:
    """Post-operative: postoperative, and back; gall bladder: gallbladder, and back."""
    found = [_PREFIXED.sub(r"\1\2", term)]
    found.append(
        _OPENED.sub(lambda match: match[0] if match[0].lower() in _NO_PREFIX else " ".join(filter(None, match.groups())), term)
    )
    text = term.lower().replace("-", " ")
    for closed, opened in CLOSED_COMPOUNDS.items():
        if closed in text:
            found.append(re.sub(rf"\b{closed}", opened, text))
        elif opened in text:
            found.append(re.sub(rf"\b{opened}", closed, text))
    return [new for new in found if new != term]


def _calls_compounds(word: str) -> bool:
    return word in _COMPOUND_WORDS or _OPENED.fullmatch(word) is not None


_COMPOUND_WORDS = frozenset(
    [
        *CLOSED_COMPOUNDS,
        *(f"{closed}s" for closed in CLOSED_COMPOUNDS),
        *(opened.split()[0] for opened in CLOSED_COMPOUNDS.values()),
    ]
)

# --- spelling ---------------------------------------------------------------------------------------------------------

_AMERICAN: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(british), american)
    for british, american in (
        (r"aem", "em"),
        (r"(?<!gi)oedem", "edem"),
        (r"oesoph", "esoph"),
        (r"oestr", "estr"),
        (r"foet", "fet"),
        (r"rrhoea", "rrhea"),
        (r"pnoea", "pnea"),
        (r"coeli", "celi"),
        (r"paed", "ped"),
        (r"anaesth", "anesth"),
        (r"gynaec", "gynec"),
        (r"caec", "cec"),
        (r"faec", "fec"),
        (r"aetio", "etio"),
        (r"naev", "nev"),
        (r"caesa", "cesa"),
        (r"amoeb", "ameb"),
        (r"homoeo", "homeo"),
        (r"manoeuv(?:re|er)", "maneuver"),
        (r"(tum|col|lab|behavi|od|hum|vap)our", r"\1or"),
        (r"(fib|cent|lit|goit|calib|tit)re(?=s?$)", r"\1er"),
        (r"sulph", "sulf"),
        (r"aluminium", "aluminum"),
        (r"leucoc", "leukoc"),
        (r"isation", "ization"),
        (r"(al|er|in|ol|ul)ised$", r"\1ized"),
        (r"(anal|paral|dial)yse", r"\1yze"),
        (r"grey", "gray"),
        (r"neurone(?=s?$)", "neuron"),
        (r"ageing", "aging"),
    )
)
_BRITISH: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(american), british)
    for american, british in (
        (r"(?<![a-z])hem(?=at|o|angi|arthr|orrh)|(?<=met)hem(?=og)", "haem"),
        (r"(?<![ae])(?<=[a-z])emia(?=s?$)", "aemia"),
        (r"(?<=isch)emic$|(?<=lyc)emic$|(?<=an|ur|ox|uk|ip)emic$", "aemic"),
        (r"(?<!o)edem", "oedem"),
        (r"(?<!o)esophag", "oesophag"),
        (r"(?<![a-z])estr(?=ogen|adiol|iol|one)", "oestr"),
        (r"(?<![a-z])fet(?=al|us)", "foet"),
        (r"rrhea", "rrhoea"),
        (r"pnea", "pnoea"),
        (r"(?<![a-z])celiac", "coeliac"),
        (r"pediatr", "paediatr"),
        (r"orthoped", "orthopaed"),
        (r"anesth", "anaesth"),
        (r"gynec(?=o)", "gynaec"),
        (r"(?<![a-z])cec(?=um|al)", "caec"),
        (r"(?<![a-z])fec(?=al|es)", "faec"),
        (r"(?<!a)etiolog", "aetiolog"),
        (r"(?<![a-z])nev(?=us|i$)", "naev"),
        (r"cesarean", "caesarean"),
        (r"tumor(?!i)", "tumour"),
        (r"^color$|(?<=dis)color", "colour"),
        (r"behavior", "behaviour"),
        (r"goiter", "goitre"),
        (r"ization", "isation"),
        (r"(al)ized$", r"\1ised"),
    )
)


_SPELLED = re.compile("|".join(pattern.pattern for pattern, _ in (*_AMERICAN, *_BRITISH)))


@lru_cache(maxsize=1 << 16)
def _spelled(word: str) -> tuple[str, str]:
    """A word (lower case) in American and in British spelling."""
    american = british = word
    for pattern, other in _AMERICAN:
        american = pattern.sub(other, american)
    for pattern, other in _BRITISH:
        british = pattern.sub(other, british)
    return american, british


_LETTERS = re.compile(r"[A-Za-z]+")


def _spellings(term: str) -> list[str]:
    """Oesophageal tumour: esophageal tumor, and back."""
    text = term.lower()
    american = _LETTERS.sub(lambda match: _spelled(match[0])[0], text)
    british = _LETTERS.sub(lambda match: _spelled(match[0])[1], text)
    return [new for new in (american, british) if new != text]


def _calls_spelling(word: str) -> bool:
    return _SPELLED.search(word) is not None


# --- number -----------------------------------------------------------------------------------------------------------

_COUNTED = re.compile(
    r"(?:[a-z]{3}(?:oma|ectomy|otomy|ostomy|plasty|scopy|cele|gram|lith)|[a-z]{2}(?:stasis|nosis|rosis|thesis))$"
)
_SINGULARS = {plural: singular for singular, plurals in IRREGULAR_PLURALS.items() for plural in plurals}


def _number(term: str) -> list[str]:
    """Femur fracture: femur fractures, and back. The head is the last word, or the last before the first preposition."""
    if "," in term or "(" in term:
        return []
    words = term.split()
    head = next((n for n, word in enumerate(words) if n and word.lower() in LINKS), len(words)) - 1
    word = words[head].lower()
    if len(words) > 1 and words[max(head, 0) : head + 2][-1:] == ["and"]:
        return []
    return [" ".join([*words[:head], other, *words[head + 1 :]]) for other in _other_numbers(word)]


@lru_cache(maxsize=1 << 16)
def _other_numbers(word: str) -> tuple[str, ...]:
    """Plurals of a singular that is counted, or the singular of such a plural."""
    if word in IRREGULAR_PLURALS:
        return IRREGULAR_PLURALS[word]
    if word in _SINGULARS:
        return (_SINGULARS[word],)
    if word in SINGLE_HEADS:
        return ()
    if _is_counted(word):
        return (_plural(word), word + "ta") if word.endswith("oma") else (_plural(word),)
    if word.endswith("omata"):
        return (word[:-2],)
    if not word.endswith("s"):
        return ()
    for singular in (word[:-1], word[:-2], word[:-3] + "y", word[:-2] + "is"):
        if (_is_counted(singular) or singular in SINGLE_HEADS) and _plural(singular) == word:
            return (singular,)
    return ()


def _is_counted(word: str) -> bool:
    return word in COUNT_NOUNS or _COUNTED.search(word) is not None


def _plural(word: str) -> str:
    if word.endswith("sis"):
        return word[:-2] + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    return word + "s"


def _calls_number(word: str) -> bool:
    return bool(_other_numbers(word))


def _acronym_plural(term: str) -> list[str]:
    """PVC: PVCs."""
    return [f"{term}s"] if 3 <= len(term) <= 5 and term.isalpha() and term.isupper() and not term.endswith("S") else []


RULES: tuple[Rule, ...] = (
    Rule("inversion", "Arthritis, rheumatoid: rheumatoid arthritis.", _inverted, marks=","),
    Rule("type-order", "Type 2 diabetes: diabetes type 2, and back.", _type_order, words={"type", "stage", "grade"}),
    Rule("short-word", "Femur fracture: femur fx; computed tomography of head: CT of head.", _short_words,
         words=_SHORT_WORDS | {"cancer", "carcinoma"}, never=_DRUGS),
    Rule("of-order", "Cancer of the breast: breast cancer, and back.", _of_order, words=SITE_HEADS, never=_DRUGS),
    Rule("malignant-neoplasm", "Malignant neoplasm of breast: breast cancer.", _malignant, words={"malignant"}, never=_DRUGS),
    Rule("organ-adjective", "Renal failure: kidney failure, and back.", _organs, words=_ORGANS, never=_DRUGS),
    Rule("neoplasm", "Lung neoplasm: lung tumor.", _neoplasms, words={"neoplasm", "neoplasms"}, never=_DRUGS),
    Rule("numeral", "Type II: type 2; second: 2nd; and back.", _numerals,
         words={*NUMBERED, *_ORDINALS, *_ORDINAL_BACK, "ii", "iii", "iv", "vi", "vii", "viii", "ix"}),
    Rule("greek", "Alpha: α, and back.", _greek, words={*_GREEK}, marks="".join(_LATIN) + "ς"),
    Rule("connective", "And: &; with: w/; status post: s/p; due to: secondary to; and back.", _connectives,
         words={"and", "with", "without", "w", "due", "secondary", "status", "s"}, marks="&+", never=_DRUGS),
    Rule("spelling", "Oesophageal tumour: esophageal tumor, and back.", _spellings, words=_calls_spelling),
    Rule("compound", "Post-operative: postoperative; gall bladder: gallbladder; and back.", _compounds, words=_calls_compounds,
         marks="-", never=_DRUGS),
    Rule("possessive", "Crohn's disease: Crohns disease.", _possessives, words=EPONYMS, marks="'\u2019", never=_DRUGS),
    Rule("plural", "Femur fracture: femur fractures, and back.", _number, words=_calls_number, never=_DRUGS),
    Rule("acronym-plural", "PVC: PVCs.", _acronym_plural, never=_DRUGS),
)  # fmt: skip
"""All rules, in the order they work: a later one also works on what an earlier one made."""


@dataclass(frozen=True, slots=True)
class Skip:
    """A reason why a variant that a rule made is left out."""

    name: str
    summary: str
    effect: str = "skip"


SKIPPED: tuple[Skip, ...] = (
    Skip("same-tokens", "The matcher finds it as the original."),
    Skip("everyday-word", "It would be a word of everyday English, a function word, a qualifier or a generic head."),
    Skip("too-many", f"The surface has {MAX_VARIANTS} variants already."),
    Skip("in-source", "Some source writes it: its concept keeps it."),
    Skip("repeated", "Made before for the same concept."),
)
"""Why variants are left out; in the report after the rules."""
