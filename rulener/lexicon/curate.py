"""Curation: what a terminology's raw names need before they meet notes. Named rules, each counted, each switchable.

A rule has one effect:

    repair   the surface is replaced: what goes was notation, never said ("Pain (finding)", "Asthma, NOS")
    add      the surface stays and gets a sibling in the form that people write (its `variant` is the rule's name)
    exact    the surface keeps its case ("MI")
    link     the surface is not looked for in text; it may still name a mention found otherwise (`use` is `link`)
    drop     the row goes

Rules look at a row only when its surface has one of their marks, words or lengths, so that most rows cost one look.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from string import punctuation

from rulener.lexicon.report import StageReport, chosen
from rulener.lexicon.table import LINK_ONLY, WORST_RANK, Row
from rulener.lexicon.words import (
    ANALYTES,
    BODY_PARTS,
    BODY_PHRASES,
    CONTEXT_STARTS,
    CUT_ENDS,
    CUT_STARTS,
    DEVICES,
    DOSE_FORMS,
    EVERYDAY,
    FUNCTION,
    GENERIC,
    NEUTRAL,
    NOTE_ACRONYMS,
    NOTE_NAMES,
    NOUNS_LIKE_ADJECTIVES,
    PLACEHOLDERS,
    QUALIFIER,
    ROUTES,
    SEMANTIC_TAGS,
    SHORT_NAMES,
    UNITS,
)

MAX_WORDS = 20
MAX_CHARACTERS = 150
LONG_WORDS = 10
LONG_CHARACTERS = 90
EFFECTS = ("repair", "drop", "link", "exact", "add")
_ROUNDS = 6  # repairs uncover each other; more rounds than marks ever stack

_PROBLEMS = ("disorder", "symptom", "finding")
_DRUGS = ("medication", "substance")
_TESTS = ("lab_test", "measurement", "imaging", "vital_sign")
_DIGITS = "0123456789"

Repair = Callable[[str, Row], "str | None"]
Add = Callable[[str, Row], "list[tuple[str, bool]]"]
Judge = Callable[[str, "list[str]", Row], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of curation, and which surfaces it looks at: those with one of its marks (`first`, `last`: at that end) or words
    (`first_word`, `last_word`, `only_word`: there, or alone; `alone`: any single word), with at most `short` or more than `long`
    characters, or more than `many` words; and only rows with one of `labels`, when it has any."""

    name: str
    effect: str
    summary: str
    work: Repair | Add | Judge
    marks: Collection[str] = ""
    first: str = ""
    last: str = ""
    words: Collection[str] = ()
    first_word: Collection[str] = ()
    last_word: Collection[str] = ()
    only_word: Collection[str] = ()
    alone: bool = False
    short: int = 0
    long: int = 0
    many: int = 0
    labels: tuple[str, ...] = ()


def curate(
    rows: Iterable[Row], report: StageReport | None = None, *, only: Iterable[str] = (), without: Iterable[str] = ()
) -> Iterator[Row]:
    """Rows as notes can use them, streamed in the order they come; what a rule adds follows its original.

    `only` and `without` name the rules to run. Raises UsageError: U100 a name is not one of these rules.
    """
    return _Stage(report or new_report(), chosen(RULES, only, without)).run(rows)


def new_report() -> StageReport:
    """An empty report of this stage."""
    return StageReport("curate", RULES)


class _Stage:
    def __init__(self, report: StageReport, names: frozenset[str]) -> None:
        self.report = report
        self.rules = [rule for rule in RULES if rule.name in names]
        self.watches = {watch: {} for watch in _WATCHES}  # type: dict[str, dict[str, int]]
        self.by_length = [0] * (MAX_CHARACTERS + 2)
        self.by_count = [0] * (MAX_WORDS + 2)
        self.alone = 0
        self.by_label: dict[str, int] = {}
        self.effects = {effect: 0 for effect in EFFECTS}
        for number, rule in enumerate(self.rules):
            self._watch(rule, 1 << number)
        self._watching = self._watcher()

    def _watch(self, rule: Rule, bit: int) -> None:
        self.effects[rule.effect] |= bit
        for name, watch in self.watches.items():
            for found in getattr(rule, name):
                watch[found] = watch.get(found, 0) | bit
        if rule.alone:
            self.alone |= bit
        for length in range(len(self.by_length)):
            if length <= rule.short or 0 < rule.long < length:
                self.by_length[length] |= bit
        for count in range(len(self.by_count)):
            if 0 < rule.many < count:
                self.by_count[count] |= bit

    def run(self, rows: Iterable[Row]) -> Iterator[Row]:
        report = self.report
        watch = self._watching
        for row in rows:
            report.rows_in += 1
            mask = watch(row.term)
            if not mask:
                report.rows_out += 1
                yield row
                continue
            mask &= self._of_label(row.label)
            done = self._applied(row, mask) if mask else [row]
            report.rows_out += len(done)
            yield from done

    def _watcher(self) -> Callable[[str], int]:
        """The function that says which rules have to look at a surface, as bits. This is what every row costs."""
        by_length, by_count = self.by_length, self.by_count
        mark, first, last, word, first_word, last_word, only_word = (self.watches[name].get for name in _WATCHES)
        alone = self.alone
        longest, most = MAX_CHARACTERS + 1, MAX_WORDS + 1

        def watching(term: str) -> int:
            length = len(term)
            if not length:
                return 0
            mask = by_length[length if length < longest else longest] | first(term[0], 0) | last(term[-1], 0)
            text = term.lower()
            marks = _MARKS(term)
            if marks:
                text = _plain(text)
                for found in marks:
                    mask |= mark(found, 0)
            words = text.split()
            if not words:
                return mask
            count = len(words)
            if count == 1:
                mask |= alone | only_word(words[0], 0)
            mask |= by_count[count if count < most else most] | first_word(words[0], 0) | last_word(words[-1], 0)
            for found in words:
                mask |= word(found, 0)
            return mask

        return watching

    def _of_label(self, label: str) -> int:
        """The rules for rows of a label, as bits."""
        bits = self.by_label.get(label)
        if bits is None:
            bits = sum(1 << n for n, rule in enumerate(self.rules) if not rule.labels or label in rule.labels)
            self.by_label[label] = bits
        return bits

    def _applied(self, row: Row, mask: int) -> list[Row]:
        """What becomes of a row that some rule looks at: itself, changed or not, and what is added; nothing when dropped."""
        repaired = self._repaired(row, mask)
        if repaired is not row:
            mask = self._watching(repaired.term) & self._of_label(row.label)
        judged = self._judged(repaired, mask)
        if judged is None:
            return []
        rows = [judged]
        if mask & self.effects["add"] and not row.variant and row.use != LINK_ONLY:
            self._add(rows, repaired, judged, mask)
        return rows

    def _repaired(self, row: Row, mask: int) -> Row:
        """The row after the rules that repair, tried until none has anything left to do."""
        term = row.term
        for _ in range(_ROUNDS):
            before = term
            for rule in self._of_effect("repair", mask):
                new = rule.work(term, row)  # type: ignore[call-arg, arg-type]
                if new and new != term:
                    assert isinstance(new, str)
                    self.report.tallies[rule.name].add(term, new)
                    term = new
            if term == before:
                break
            mask = self._watching(term) & self._of_label(row.label)
        return row if term == row.term else row._replace(term=term)

    def _judged(self, row: Row, mask: int) -> Row | None:
        """The row with what the rules say about its use and case; None when it is dropped."""
        words = _plain(row.term.lower()).split()
        for rule in self._of_effect("drop", mask):
            if rule.work(row.term, words, row):  # type: ignore[call-arg, arg-type]
                self.report.tallies[rule.name].add(row.term, "(dropped)")
                return None
        for rule in self._of_effect("link", mask):
            if row.use != LINK_ONLY and rule.work(row.term, words, row):  # type: ignore[call-arg, arg-type]
                self.report.tallies[rule.name].add(row.term, "(linking only)")
                row = row._replace(use=LINK_ONLY)
        for rule in self._of_effect("exact", mask):
            if not row.exact and rule.work(row.term, words, row):  # type: ignore[call-arg, arg-type]
                self.report.tallies[rule.name].add(row.term, "(keeps its case)")
                row = row._replace(exact=True)
        return row

    def _add(self, rows: list[Row], repaired: Row, judged: Row, mask: int) -> None:
        seen = {judged.term}
        for rule in self._of_effect("add", mask):
            made = rule.work(repaired.term, repaired)  # type: ignore[call-arg, arg-type]
            assert isinstance(made, list)
            for term, exact in made:
                if not term or term in seen:
                    continue
                seen.add(term)
                self.report.tallies[rule.name].add(repaired.term, term)
                rank = min(WORST_RANK, repaired.rank + 1)
                new = repaired._replace(term=term, exact=exact, rank=rank, variant=rule.name)
                rows += self._applied(new, self._watching(term) & self._of_label(new.label))

    def _of_effect(self, effect: str, mask: int) -> Iterator[Rule]:
        """The rules of an effect among the bits of a mask, in their order."""
        mask &= self.effects[effect]
        while mask:
            lowest = mask & -mask
            yield self.rules[lowest.bit_length() - 1]
            mask ^= lowest


_WATCHES = ("marks", "first", "last", "words", "first_word", "last_word", "only_word")
_MARKS = re.compile(r"--|[^A-Za-z ]|  ").findall
_NO_MARKS = dict.fromkeys(map(ord, ',;:()[]{}"'), " ")
_DOTTED = re.compile(r"(?:[a-z]\.){1,4}[a-z]?")
_NO_POSSESSIVE = re.compile(r"(?<=\w)['\u2019](?:s\b)?")


def _plain(text: str) -> str:
    """Lower-case text without marks between words, possessives and the stops of a dotted abbreviation."""
    if _DOTTED.fullmatch(text):
        return text.replace(".", "")
    return _NO_POSSESSIVE.sub("", text.translate(_NO_MARKS))


# --- repairs ----------------------------------------------------------------------------------------------------------

_TAG = re.compile(r"</?(?:i|b|u|em|sub|sup|small|strong|p|br)\s*/?>", re.IGNORECASE)
_MOJIBAKE = re.compile(r"[\xc2-\xf4][\x80-\xbf]|â€")
_UNDERSCORE = re.compile(r"(?<=[A-Za-z])_+(?=[A-Za-z])")
_TRADE_MARK = re.compile(r"\s?[®™©]|\s?\(TM\)")
_READ_MARK = re.compile(r"^\[(?:D|X|M|V|Q|SO|EDTA|BPC|RFC|OS|SMQ)\]\s*(?=[\w*^?~\[\"(])")
_LEADING_STAR = re.compile(r"^[*^?~]+\s*(?=\w)")
_LAST_BRACKETS = re.compile(r"\s*(?:\(([^()]*)\)|\[([^\[\]]*)\])$")
_SOURCE_TAIL = re.compile(
    r"(?:,|\s-)?\s*[(\[]?(?:NCI\s)?CTCAE(?:\s?v?\d(?:\.\d+)?)?[)\]]?$|\s*[(\[](?:MedDRA|SMQ|Ambiguous|CMS/HCC|HHS/HCC)[)\]]$|,\s*(?:formerly|included)$",
    re.IGNORECASE,
)
_NOS = re.compile(
    r"(?:\s*[,;:-]?\s+|\s*)[(\[]?"
    r"(?:\b(?:NOS|NEC|NFQ|HFQ|n\.o\.s\.|n\.e\.c\.)|\bnot (?:otherwise specified|elsewhere classified|otherwise classified)"
    r"|(?<=[,;(\[]\s)(?:nos|nec)|(?<=[(\[])(?:nos|nec))[)\]]?\.?$"
)
_NOS_LOWER = re.compile(r"(?:\s*[,;-]\s*|\s)(?:nos|nec|not otherwise specified|not elsewhere classified)$")
_UNSPECIFIED = re.compile(
    r"(?:,\s*(?:\w+\s){0,2}unspecified(?:\s(?:as to \w+|\w+))?(?:\s(?:of|or)\s\w+)?"
    r"|\s*[(\[]unspecified(?:\s\w+)?[)\]]|\s(?:of|with)\sunspecified\s\w+(?:\s\w+)?|\sunspecified)$",
    re.IGNORECASE,
)
_UNSPECIFIED_HEAD = re.compile(r"^unspecified\s+(?=\w{3})(?!as\b|whether\b)", re.IGNORECASE)
_OPTIONAL_PLURAL = re.compile(r"(?<=[a-z])\((?:s|es|ies)\)(?!\w)")
_EDGE_BEFORE = re.compile(r"^(?:[\s,;:/&+]|-+\s|--+|\.(?!\d))+")
_EDGE_AFTER = re.compile(r"(?:[\s,;:/&]|\s[-+]+|--+)+$")
_FULL_STOP = re.compile(r"(?<=[a-z]{3})\.$")
_SPECIES = re.compile(r"\b(?:sp|spp|ssp|var|subsp|syn|etc|inc)\.$")
_PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"', "“": "”", "'": "'"}


def _without_markup(term: str, row: Row) -> str | None:
    return _TAG.sub("", html.unescape(term))


def _decoded(term: str, row: Row) -> str | None:
    """UTF-8 that was once read as Windows-1252 or Latin-1 ("BarrÃ©")."""
    if _MOJIBAKE.search(term):
        for encoding in ("cp1252", "latin-1"):
            try:
                return term.encode(encoding).decode("utf-8")
            except UnicodeError:
                continue
    return None


def _with_single_spaces(term: str, row: Row) -> str | None:
    return " ".join(_UNDERSCORE.sub(" ", term).split())


def _without_wrapping(term: str, row: Row) -> str | None:
    """Quotes or brackets around the whole, and one that stands alone at an end."""
    first, last = term[0], term[-1]
    if _PAIRS.get(first) == last and len(term) > 2 and first not in term[1:-1] and last not in term[1:-1]:
        return term[1:-1].strip()
    for opening, closing in _PAIRS.items():
        if opening == "'":
            continue
        if opening == closing:
            if term.count(opening) == 1 and opening in (first, last) and not term[-2:-1].isdigit():
                return term.replace(opening, "").strip()
        elif first == opening and closing not in term:
            return term[1:].strip()
        elif last == closing and opening not in term:
            return term[:-1].strip()
    return None


def _without_trade_mark(term: str, row: Row) -> str | None:
    return _TRADE_MARK.sub("", term)


def _without_read_mark(term: str, row: Row) -> str | None:
    return _LEADING_STAR.sub("", _READ_MARK.sub("", term))


def _without_semantic_tag(term: str, row: Row) -> str | None:
    match = _LAST_BRACKETS.search(term)
    if match and match.start() and (match[1] or match[2] or "").strip().lower() in SEMANTIC_TAGS:
        return term[: match.start()]
    return None


def _without_source_tail(term: str, row: Row) -> str | None:
    match = _SOURCE_TAIL.search(term)
    return term[: match.start()] if match and match.start() else None


def _without_nos(term: str, row: Row) -> str | None:
    match = _NOS.search(term) or _NOS_LOWER.search(term)
    return term[: match.start()] if match and match.start() else None


def _without_unspecified(term: str, row: Row) -> str | None:
    match = _UNSPECIFIED.search(term)
    if match and match.start():
        return term[: match.start()]
    return _UNSPECIFIED_HEAD.sub("", term)


def _without_optional_plural(term: str, row: Row) -> str | None:
    return _OPTIONAL_PLURAL.sub("", term)


def _without_edges(term: str, row: Row) -> str | None:
    term = _EDGE_AFTER.sub("", _EDGE_BEFORE.sub("", term))
    return term if _SPECIES.search(term) else _FULL_STOP.sub("", term)


# --- rows that go -----------------------------------------------------------------------------------------------------

_RETIRED = re.compile(
    r"^(?:obsolete|deprecated|retired|\[obsolete\]|-retired-|\(obsolete\))\W|[(\[](?:obsolete|retired|deprecated|inactive)[)\]]$",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"[A-Z]{2,12}[:_]C?\d{3,}|CHEMBL\d+|DB\d{5}|UNII[-: ]?[A-Z0-9]{10}|C\d{7}|[DC]\d{6,9}"
    r"|[A-Z]\d\d\.[0-9A-Z]{1,4}|[A-Z]\d\d-[A-Z]\d\d"
)
_REGISTRY = re.compile(r"(?:NSC|CAS|EINECS|EC|PubChem(?: CID)?|FEMA|ATCC)[- ]?(?:No\. ?)?\d[\d.-]{2,}|\d{2,7}-\d\d-\d")
_NOTATION = re.compile(r"InChI=|[A-Za-z0-9@+\-\[\]()=#$\\/%.]{12,}")
_SMILES = re.compile(r"[=#@\\/]")


def _is_retired(term: str, words: list[str], row: Row) -> bool:
    return _RETIRED.search(term) is not None


def _is_placeholder(term: str, words: list[str], row: Row) -> bool:
    return term.lower() in PLACEHOLDERS


def _is_code(term: str, words: list[str], row: Row) -> bool:
    return (bool(row.code) and term == row.code and any(c.isdigit() for c in term)) or _CODE.fullmatch(term) is not None


def _is_registry_number(term: str, words: list[str], row: Row) -> bool:
    return _REGISTRY.fullmatch(term) is not None


def _is_number(term: str, words: list[str], row: Row) -> bool:
    return not any(c.isalpha() for c in term)


def _is_quantity(term: str, words: list[str], row: Row) -> bool:
    return _QUANTITY.fullmatch(term.lower()) is not None


def _is_notation(term: str, words: list[str], row: Row) -> bool:
    if term.startswith("InChI="):
        return True
    return _NOTATION.fullmatch(term) is not None and len(_SMILES.findall(term)) >= 2 and "(" in term


def _is_too_long(term: str, words: list[str], row: Row) -> bool:
    return len(term) > MAX_CHARACTERS or len(words) > MAX_WORDS


# --- rows for linking only --------------------------------------------------------------------------------------------

_ROMAN = re.compile(r"[IVX]{1,5}|[ivx]{2,5}")
_CONTEXT = re.compile(
    r"(?:no|not|denies|without|never|absence of any|(?:no )?evidence of|negative for|history of|h/o|hx of"
    r"|past (?:medical )?history|(?:personal|family|past|medical|social) history|fh|suspected|possible|probable|presumed"
    r"|at risk (?:of|for)|(?:increased |high )?risk (?:of|for)|rule out|status post|s/p|screening for|encounter for|exposure to"
    r"|contact with|suspicion of|concern about|fear of being|other|observation for|routine|aftercare|presence of)[\s:]"
)
_RESIDUAL = re.compile(
    r"^other\b|,\s*other\b|\bother (?:specified|and unspecified|than)\b|\bother\s[a-z]+s$|\bunspecified\b"
    r"|\b(?:elsewhere|except|excluding|without mention of|with or without|with and without|not (?:otherwise|specified))\b"
)
_ENCOUNTER = re.compile(r"\b(?:initial|subsequent) encounter\b|,\s*sequela$|\bsequela of\b", re.IGNORECASE)
_QUANTITY = re.compile(
    r"[\d.,/ %-]+\s?(?:mg|mcg|ug|g|kg|ml|l|mmol|meq|units?|iu|cm|mm|hours?|hr|days?|weeks?|months?|years?|%)?"
    r"(?:/(?:ml|mg|g|l|hr|h|day))?"
)
_STRENGTH = re.compile(
    r"(?<![A-Za-z0-9-])\d+(?:[.,]\d+)*\s?-?(?:"
    + "|".join(sorted(map(re.escape, UNITS - {"%"}), key=lambda unit: (-len(unit), unit)))
    + r")\b|\d\s?%"
)
_LOCANTS = re.compile(
    r"(?<![A-Za-z0-9])\(?\d+[a-z']?(?:,\d+[a-z']?)*(?:[RSEZH])?\)?-|(?<![A-Za-z])\(?[\d,]*[RSEZ](?:,[\d]*[RSEZ])*\)-|\)-|\]-"
)
_GLUED_BRACKET = re.compile(r"[a-z0-9]\((?!s\))[a-z0-9]|\)[a-z]{3}|\]-?[a-z]{3}")
_FORMULA = re.compile(r"C\d+H\d+(?:[A-Z][a-z]?\d*|\.|[+-])+")
_LEVEL = re.compile(r"[A-Z]\d{1,2}")
_ADJECTIVE = re.compile(r"(?:[a-z]{3}(?:al|ic|ous|ical)|[a-z]{4}(?:ary|ive|(?<!e)ed|ular)|[a-z]-(?:sided|grade|based|like))$")
_SCHEDULE = re.compile(
    r"(?:once|twice|one|two|three|(?:one|two|three|four|\d) times)(?: (?:a|per|each|every))?"
    r" (?:day|daily|week|weekly|month|monthly)"
    r"|every .*(?:hours?|days?|weeks?|months?|morning|evening|night|meal|meals)"
    r"|(?:at|before|after|with|in the) (?:bedtime|meals?|morning|evening|night)"
)
_HEADING_PAIR = re.compile(r"\S\s*--\s*\S")
_SINGLES = FUNCTION | EVERYDAY | QUALIFIER | GENERIC | {"aids"}


def _is_letter(term: str, words: list[str], row: Row) -> bool:
    return sum(c.isalnum() for c in term) == 1


def _is_two_characters(term: str, words: list[str], row: Row) -> bool:
    """Of tests "CT" and "Hb" are found as written; elsewhere two characters, and a letter with digits ("T12"), mean too much."""
    if len(words) == 1 and len(words[0]) == 2 and words[0].isalnum():
        return term.islower() or (row.label not in _TESTS and term != "US")
    return _LEVEL.fullmatch(term) is not None and row.label not in (*_TESTS, *_DRUGS)


def _is_note_acronym(term: str, words: list[str], row: Row) -> bool:
    return words[0] in NOTE_ACRONYMS and len(words) == 1 and not term.istitle()


def _is_note_name(term: str, words: list[str], row: Row) -> bool:
    return " ".join(words) in NOTE_NAMES


def _is_schedule(term: str, words: list[str], row: Row) -> bool:
    return _SCHEDULE.fullmatch(" ".join(words)) is not None


def _is_adjective(term: str, words: list[str], row: Row) -> bool:
    return len(words) == 1 and words[0] not in NOUNS_LIKE_ADJECTIVES and _ADJECTIVE.search(words[0]) is not None


def _is_roman(term: str, words: list[str], row: Row) -> bool:
    return _ROMAN.fullmatch(term) is not None


def _is_function_word(term: str, words: list[str], row: Row) -> bool:
    words = [part for word in words for part in word.replace("-", " ").split()]
    return all(word in FUNCTION or (word.isdigit() and len(word) < 4) for word in words) and words[0] in FUNCTION and term != "US"


def _is_everyday(term: str, words: list[str], row: Row) -> bool:
    return not _is_acronym_shape(term) and not _is_everyday_acronym(term, words, row)


def _is_qualifier(term: str, words: list[str], row: Row) -> bool:
    return all(word in QUALIFIER or word in FUNCTION for word in words) and not _is_acronym_shape(term)


def _is_generic(term: str, words: list[str], row: Row) -> bool:
    heads = GENERIC | DOSE_FORMS if row.label in _DRUGS else GENERIC
    return words[-1] in heads and all(word in heads or word in NEUTRAL for word in words) and not _is_acronym_shape(term)


def _is_of_another_label(term: str, words: list[str], row: Row) -> bool:
    """Body parts, analytes or devices under a label they do not have ("Liver" as a disorder). "Liver transplant" is neither."""
    if _is_acronym_shape(term):
        return False
    foreign = _FOREIGN[row.label]
    if BODY_PARTS in foreign and " ".join(words) in BODY_PHRASES:
        return True
    return any(all(word in known or word in _SIDES for word in words) for known in foreign)


_SIDES = frozenset(("left", "right", "both", "upper", "lower", "of", "the"))
_PHRASE_STARTS = {phrase.split()[0] for phrase in BODY_PHRASES}
_FOREIGN: dict[str, tuple[frozenset[str], ...]] = {
    **dict.fromkeys(_PROBLEMS, (BODY_PARTS, ANALYTES, DEVICES)),
    **dict.fromkeys(("procedure", "imaging", "device"), (BODY_PARTS, ANALYTES)),
    "medication": (BODY_PARTS, DEVICES),
    "anatomy": (DEVICES,),
}


def _is_long(term: str, words: list[str], row: Row) -> bool:
    return len(term) > LONG_CHARACTERS or len(words) > LONG_WORDS


def _is_residual(term: str, words: list[str], row: Row) -> bool:
    return _RESIDUAL.search(term.lower()) is not None


def _is_context(term: str, words: list[str], row: Row) -> bool:
    return _CONTEXT.match(term.lower()) is not None


def _is_encounter(term: str, words: list[str], row: Row) -> bool:
    return _ENCOUNTER.search(term) is not None


def _is_product(term: str, words: list[str], row: Row) -> bool:
    if any(c.isdigit() for c in term) and _STRENGTH.search(term.lower()):
        return True
    return len(words) > 1 and words[-1] in DOSE_FORMS and any(word in ROUTES for word in words)


def _is_systematic(term: str, words: list[str], row: Row) -> bool:
    """A name built by the rules of chemical nomenclature, not one that is said: two locants, or brackets inside words."""
    locants = len(_LOCANTS.findall(term))
    return locants >= 2 or (locants == 1 and _GLUED_BRACKET.search(term) is not None)


def _is_formula(term: str, words: list[str], row: Row) -> bool:
    return len(words) == 1 and len(term) >= 6 and _FORMULA.fullmatch(term) is not None


def _is_heading_pair(term: str, words: list[str], row: Row) -> bool:
    return _HEADING_PAIR.search(term) is not None


def _is_cut(term: str, words: list[str], row: Row) -> bool:
    """Lower-case at the end, so that "vitamin A" and "Factor V and TO" are none."""
    return (words[0] in CUT_STARTS and len(words) > 1 and not term[:2].isupper()) or (
        words[-1] in CUT_ENDS and term[-1].islower()
    )


def _is_question(term: str, words: list[str], row: Row) -> bool:
    return (term.endswith("?") and len(words) > 1) or (len(words) > 3 and "you" in words[1:])


def _is_specification(term: str, words: list[str], row: Row) -> bool:
    return _SPECIFICATION.search(term) is not None


# --- case -------------------------------------------------------------------------------------------------------------


def _is_acronym_shape(term: str) -> bool:
    """Two to five capitals (digits among them) that are no short word in capitals, or a short word with a capital inside."""
    if not 2 <= len(term) <= 5 or not term.isalnum():
        return False
    lower = term.lower()
    if term.isupper():
        return lower not in SHORT_NAMES
    return len(term) <= 4 and (len(term) == 2 or lower[1:] != term[1:]) and lower != term


def _is_acronym(term: str, words: list[str], row: Row) -> bool:
    if not _is_acronym_shape(term):
        return False
    return len(term) <= 4 or words[0] in _SINGLES


def _is_everyday_acronym(term: str, words: list[str], row: Row) -> bool:
    return 5 <= len(term) <= 8 and term.isupper() and words[0] in EVERYDAY and row.label not in _DRUGS


# --- added surfaces ---------------------------------------------------------------------------------------------------

_BRACKET_GROUP = re.compile(r"\s\(([^()]*)\)(?=\s|,|$)|\s\[([^\[\]]*)\](?=\s|,|$)")
_ABBREVIATION = re.compile(r"^[A-Z][A-Za-z0-9-]{1,6}$")
_AND_OR = re.compile(r"\band/or\b", re.IGNORECASE)
_TEST_TAIL = re.compile(
    r"^(?:measurement of (?P<of>.+)"
    r"|(?P<head>.+?)[,]? (?:measurement|determination|assay|level measurement|measurements|quantitation))$",
    re.IGNORECASE,
)
_SPECIFICATION = re.compile(
    r"\s?\[[^\]]+\](?:\s(?:in|of|from|by|--)\s.*)?$"
    r"|\sin (?:serum|plasma|blood|urine|body fluid|cerebral spinal fluid|specimen)\b.*$",
    re.IGNORECASE,
)
_SYMBOL = re.compile(r"^(.{6,});+\s+(?![A-Z]\d\d)([A-Z][A-Z0-9-]{1,9})$")
_DOTTED_NAME = re.compile(r"^([A-Za-z]+)\.(?:total|free|ionized|conjugated|direct)$")


def _unbracketed(term: str, row: Row) -> list[tuple[str, bool]]:
    """The name without its asides: "Essential (primary) hypertension", "Sarcoma [Kaposi]"."""
    short = _BRACKET_GROUP.sub("", term).strip(" ,")
    if short == term or "(" in short or "[" in short or not _stands_alone(short):
        return []
    return [(short, False)]


def _stands_alone(short: str) -> bool:
    words = short.lower().split()
    return len(words) > 1 or (len(short) > 4 and short.isalpha() and words[0] not in _SINGLES)


def _bracketed_abbreviation(term: str, row: Row) -> list[tuple[str, bool]]:
    """ "Acquired immunodeficiency syndrome (AIDS)": the abbreviation, when the words before it spell it."""
    found = []
    for match in _BRACKET_GROUP.finditer(term):
        inside = (match[1] or match[2] or "").strip()
        if _ABBREVIATION.match(inside) and sum(c.isupper() for c in inside) >= 2 and _spells(term[: match.start()], inside):
            found.append((inside, True))
    return found


def _spells(long: str, short: str) -> bool:
    """Whether a long form spells its abbreviation: read from the end, each letter is found further left, the first one at the
    beginning of a word (Schwartz and Hearst, A simple algorithm for identifying abbreviation definitions, PSB 2003)."""
    long, place = long.lower(), len(long)
    letters = [c for c in short.lower() if c.isalnum()]
    for letter in reversed(letters[1:]):
        place = long.rfind(letter, 0, place)
        if place < 1:
            return False
    return re.search(r"(?<![a-z0-9])" + re.escape(letters[0]), long[:place]) is not None


def _and_or(term: str, row: Row) -> list[tuple[str, bool]]:
    return [(_AND_OR.sub("or", term), False), (_AND_OR.sub("and", term), False)]


def _measured(term: str, row: Row) -> list[tuple[str, bool]]:
    """What is measured: "Glucose measurement" is written "glucose"."""
    match = _TEST_TAIL.match(term)
    if not match:
        return []
    short = (match["of"] or match["head"]).strip(" ,")
    return [(short, False)] if _stands_alone(short) or short.lower() in ANALYTES else []


def _specified(term: str, row: Row) -> list[tuple[str, bool]]:
    """LOINC's long names: "Glucose [Mass/volume] in Serum or Plasma" is "glucose"."""
    short = _SPECIFICATION.sub("", term).strip(" ,")
    match = _DOTTED_NAME.match(short)
    short = match[1] if match else short
    if short == term or not (_stands_alone(short) or short.lower() in ANALYTES):
        return []
    return [(short, False)]


def _symbol(term: str, row: Row) -> list[tuple[str, bool]]:
    """OMIM's titles: "ALZHEIMER DISEASE; AD"."""
    match = _SYMBOL.match(term)
    return [(match[1].rstrip(" ;"), False), (match[2], True)] if match else []


_NAMED = (*_PROBLEMS, "medication", "procedure", "device", "substance", "anatomy")
RULES: tuple[Rule, ...] = (
    Rule("markup", "repair", "HTML entities and tags are resolved.", _without_markup, marks="&<"),
    Rule("encoding", "repair", "UTF-8 that was read as another encoding is read again.", _decoded,
         marks="".join(map(chr, range(0xC2, 0xF5)))),
    Rule("spacing", "repair", "Runs of white space and underscores between letters become one space.", _with_single_spaces,
         marks=("  ", "_", *"\t\n\r\v\f\xa0\u2009\u202f\u3000"), first=" ", last=" "),
    Rule("trade-mark", "repair", "Trade mark signs go.", _without_trade_mark, marks="®™©", words={"tm"}),
    Rule("wrapping", "repair", "Quotes and brackets around the whole, or without their partner at an end, go.", _without_wrapping,
         first="([{\"“'", last=")]}\"”"),
    Rule("read-mark", "repair", "Marks of the Read codes before a name go: [D], [X], [V], *.", _without_read_mark, first="[*^?~"),
    Rule("semantic-tag", "repair", "Brackets that name the kind of thing go: (disorder), (procedure).", _without_semantic_tag,
         last=")]"),
    Rule("source-tail", "repair", "Tails that name the source go: CTCAE 5.0, (SMQ), ', INCLUDED'.", _without_source_tail,
         words={"ctcae", "meddra", "smq", "ambiguous", "included", "formerly", "cms/hcc", "hhs/hcc"}),
    Rule("nos-tail", "repair", "NOS, NEC and 'not otherwise specified' at the end go.", _without_nos,
         last_word={"nos", "nec", "nfq", "hfq", "n.o.s.", "n.e.c.", "specified", "classified", "nos.", "nec."}),
    Rule("unspecified", "repair", "'unspecified' at the beginning or end goes, with what it leaves open ('unspecified site').",
         _without_unspecified, words={"unspecified"}),
    Rule("optional-plural", "repair", "A plural in brackets goes: fracture(s).", _without_optional_plural,
         words={"s", "es", "ies"}),
    Rule("edge-punctuation", "repair", "Commas, colons, dashes and full stops at either end go.", _without_edges,
         first=",;:/&+-.", last=",;:/&+-."),
    Rule("retired", "drop", "Names marked as obsolete, deprecated or retired.", _is_retired,
         words={"obsolete", "deprecated", "retired", "-retired-", "inactive"}),
    Rule("placeholder", "drop", "Words that say there is no name: unknown, n/a, see note.", _is_placeholder,
         first_word={word.split()[0] for word in PLACEHOLDERS}),
    Rule("code-as-name", "drop", "The code itself, or another vocabulary's, in the place of a name.", _is_code, last=_DIGITS),
    Rule("no-letters", "drop", "Nothing but numbers and punctuation.", _is_number, short=3, first=_DIGITS + punctuation),
    Rule("quantity", "drop", "A number and a unit.", _is_quantity, first=_DIGITS),
    Rule("chemical-notation", "drop", "InChI and SMILES.", _is_notation, marks="="),
    Rule("too-long", "drop", f"More than {MAX_WORDS} words or {MAX_CHARACTERS} characters: longer than any mention.",
         _is_too_long, long=MAX_CHARACTERS, many=MAX_WORDS),
    Rule("single-letter", "link", "A single letter or digit.", _is_letter, short=3),
    Rule("two-characters", "link", "Two characters, unless capitals under the label of a test; a letter and its number.",
         _is_two_characters, short=4),
    Rule("roman-numeral", "link", "A Roman numeral alone.", _is_roman, short=5),
    Rule("registry-number", "link", "Numbers of chemical registries: CAS, NSC.", _is_registry_number, last=_DIGITS),
    Rule("function-word", "link", "Function words, in capitals and with numbers too: of, ALL, at 10.", _is_function_word,
         first_word=FUNCTION, short=5),
    Rule("everyday-word", "link", "Words of everyday English that some vocabulary has as a name: low, early, Today.",
         _is_everyday, only_word=EVERYDAY | {"aids"}),
    Rule("qualifier", "link", "Adjectives and adverbs that qualify a mention and are none: acute, cardiac.", _is_qualifier,
         last_word=QUALIFIER),
    Rule("generic-head", "link", "Heads without a word that says which: disease, specific disorder, test.", _is_generic,
         first_word=GENERIC | NEUTRAL | DOSE_FORMS),
    Rule("label-clash", "link", "Body parts, analytes and devices under a label they do not have.", _is_of_another_label,
         first_word=BODY_PARTS | ANALYTES | DEVICES | _SIDES | _PHRASE_STARTS, labels=tuple(_FOREIGN)),
    Rule("adjective", "link", "A single word that ends like an adjective or participle.", _is_adjective,
         alone=True, labels=(*_PROBLEMS, "procedure")),
    Rule("note-acronym", "link", "Acronyms that mean something else in nearly every note: HPI, LAD, NPO.", _is_note_acronym,
         only_word=NOTE_ACRONYMS, labels=(*_PROBLEMS, *_DRUGS, "device")),
    Rule("note-name", "link", "Headings and administration of notes: family history, clinic visit.", _is_note_name,
         last_word={name.replace("-", " ").split()[-1] for name in NOTE_NAMES} | {name.split()[-1] for name in NOTE_NAMES}),
    Rule("schedule", "link", "How often and when: twice a day, every six hours.", _is_schedule,
         first_word={"once", "twice", "one", "two", "three", "every", "at", "before", "after", "with", "in"}),
    Rule("cut-name", "link", "Names cut off in the middle: they begin or end with of, and, due to.", _is_cut,
         first_word=CUT_STARTS, last_word=CUT_ENDS),
    Rule("residual-class", "link", "Classes for what is left over: other, elsewhere, except, with or without.", _is_residual,
         words={"other", "elsewhere", "except", "excluding", "unspecified", "without", "otherwise"}),
    Rule("context-in-name", "link", "Names with an assertion in them: no, history of, suspected; the assertion rules read those.",
         _is_context, first_word=CONTEXT_STARTS, labels=(*_PROBLEMS, "procedure")),
    Rule("encounter", "link", "ICD-10-CM's seventh character: initial encounter, sequela.", _is_encounter,
         words={"encounter", "sequela"}),
    Rule("drug-product", "link", "Strengths and dose forms: metformin 500 MG Oral Tablet.", _is_product,
         marks=_DIGITS, last_word=DOSE_FORMS, labels=_DRUGS),
    Rule("systematic-name", "link", "Chemical names with two locants, or with brackets inside words.", _is_systematic,
         marks=_DIGITS + ")]", labels=(*_DRUGS, "lab_test")),
    Rule("formula", "link", "Sum formulas: C9H13NO3.", _is_formula, marks=_DIGITS, labels=(*_DRUGS, "lab_test")),
    Rule("heading-pair", "link", "A heading and its subheading: Asthma -- drug therapy.", _is_heading_pair, marks=("--",),
         labels=(*_PROBLEMS, *_TESTS, "procedure", "device", "anatomy")),
    Rule("question", "link", "Items of questionnaires.", _is_question, last="?", words={"you"}),
    Rule("test-specification", "link", "LOINC's names in full, with property, system or method.", _is_specification,
         marks="[", words={"in"}, labels=_TESTS),
    Rule("long-name", "link", f"More than {LONG_WORDS} words or {LONG_CHARACTERS} characters.", _is_long,
         long=LONG_CHARACTERS, many=LONG_WORDS),
    Rule("acronym", "exact", "Two to four capitals, and five that are also a word: COPD, AIDS, Hb.", _is_acronym, short=5),
    Rule("everyday-acronym", "exact", "Longer acronyms that are also a word of everyday English.", _is_everyday_acronym,
         only_word=EVERYDAY),
    Rule("bracketed-words", "add", "The name without its brackets: Essential (primary) hypertension.", _unbracketed, marks="([",
         labels=_NAMED),
    Rule("bracketed-abbreviation", "add", "The abbreviation in brackets, when the words before it spell it.",
         _bracketed_abbreviation, marks="(["),
    Rule("and-or", "add", "'and/or' as 'and' and as 'or'.", _and_or, words={"and/or"}),
    Rule("measured", "add", "What is measured: Glucose measurement.", _measured, first_word={"measurement"},
         last_word={"measurement", "measurements", "determination", "assay", "quantitation"}, labels=(*_TESTS, "procedure")),
    Rule("specified", "add", "What LOINC's name in full is about: Glucose [Mass/volume] in Serum.", _specified,
         marks="[", words={"in"}, labels=_TESTS),
    Rule("symbol", "add", "Title and symbol of OMIM: ALZHEIMER DISEASE; AD.", _symbol, marks=";"),
)  # fmt: skip
"""All rules, in the order they are tried within their effect. Effects: repair (until nothing changes), drop, link, exact, add."""
