"""Hypothesis strategies: notes, packs and lexicons from one small vocabulary, so that hits, overlaps and cues are frequent.

`notes()` draws texts full of cues, headings, terms, numbers, bullets, line breaks and odd code points. `pack_data()` draws the
plain data of a pack: `pack_from_data` (minipack) makes the model of it, `write_pack` the folder that the real reader reads.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from rulener.packs.model import AXES

from .matching import LexiconRow

# --- the vocabulary ---------------------------------------------------------------------------------------------------

FINDINGS = ("fever", "rash", "pain", "chest pain", "heart failure", "failure", "HF", "it", "IT", "Crohn's", "na\u00efve")
CUES = ("no", "denies", "not", "but", "if", "none", "mother", "history of", "ruled out", "no change", "until")
JOINERS = ("of", "and", "or", "with", "left")
SPECIAL_WORDS = ("p.o.", "U.S.", "Stra\u00dfe", "\ufb01brosis", "mg", "x-ray", "mg/dL")
WORDS = FINDINGS + CUES + JOINERS + SPECIAL_WORDS
HEADINGS = ("PMH", "plan", "family history", "fever", "history")
NUMBERS = ("5", "12", "98.6", "1,000", ".5", "5mg", "2nd", "100", "2024")
PUNCTUATION = (".", ",", ":", ";", "!", "?", "(", ")", "[", "]", '"', "\u201d", "|", "%", "=", "+", "#")
DASHES = ("-", " - ", "--", "\u2013", "\u2014", " \u2014 ", " -")
BREAKS = ("\n", "\n\n", "\r\n", "\r\n\r\n", "\n \n", "\x85", "\u2028", "\f")
ITEMS = ("\n- ", "\n\u2022 ", "\n1. ", "\n2) ", "\n(3) ", "\na) ", "\n-", "\n* ", "- ", "1.")
SPACES = (" ", " ", " ", " ", " ", "  ", "\t", "\u00a0", "\u200b")
ODD = (
    "\0", "\ufeff", "\u00ad", "\u200d", "\u200e", "\u0301", "\u20e3", "\ufe0f", "\ud800", "\udc00", "\U0001f600", "\U0001d5d4",
    "\u0130", "\u01c5", "\u00bd", "\u00b2", "\uff15", "\uff1a", "\uff21", "'", "\u2019", "`", "/", "\u2044", "\u00b7", "\u0663",
    "\uac00", "\u304c", "\x1f", "\x7f", "\u3002", "\u00b5",
)  # fmt: skip
ABBREVIATIONS = ("Dr", "approx", "vs")
NAMES = ("Dr. Lark", "J. Lark", "J.R. Lark", "Mr", "i.v.fluids", "e.g.", "noted.The", "q.8h.")

LABELS: Mapping[str, Mapping[str, str]] = {
    "disorder": {"i2b2": "problem"},
    "symptom": {"i2b2": "problem", "basic": "sign"},
    "medication": {"i2b2": "treatment"},
    "measurement": {},
}
GIVEN_LABELS = ("disorder", "symptom", "problem", "treatment", "xyzzy")


# --- notes ------------------------------------------------------------------------------------------------------------


def _case(word: str) -> st.SearchStrategy[str]:
    return st.sampled_from((word, word, word, word.upper(), word.capitalize(), unicodedata.normalize("NFD", word), word + "'s"))


def words() -> st.SearchStrategy[str]:
    return st.sampled_from(WORDS + FINDINGS + CUES).flatmap(_case)


def headings() -> st.SearchStrategy[str]:
    written = st.sampled_from(HEADINGS).flatmap(_case)
    return st.builds(lambda h, mark: "\n" + h + mark, written, st.sampled_from((":", ": ", "\n", " - ", " ")))


FRAMES = (
    "", "- ", "* ", "1. ", "II. ", "A. ", "B.", "# ", "## ", "**", "* **", "__", "== ", "<b>", "<p>", "<br/>", "<h2>", "<li><b>",
    "&nbsp;", "(1) **", "1) <b>", "| ", "<b >", "<hr", "~",
)  # fmt: skip
ENDS = (
    "", ":", " : ", ": ", ":** ", "**: ", "**", "**\n", ":</b> ", "</b>: ", "</b>", "</p>\n", "<br>", "__\n", " ==\n", "\n",
    "\n\n", "\n---\n", "\n===\n", "\n--\n", "\n= =\n", "\n-----", "&nbsp;: ", " - ", "\n- ", ".", ",", " # ", ":*",
)  # fmt: skip
BEFORE = ("", "\n", "\n\n", ". ", ".) ", '." ', ") ", "; ", ": ", ", ", " of\n", ",\n", "<br>", " ", "? ", "p.o. ")


def framed_headings() -> st.SearchStrategy[str]:
    """Headings, known and unknown, in every dress, and what is nearly one."""
    names = (*HEADINGS, "heart", "heart", "zebra", "ZEBRA NOTES")
    written = st.sampled_from(names).flatmap(lambda word: st.sampled_from((word, word.upper(), word.capitalize())))
    parts = (st.sampled_from(BEFORE), st.sampled_from(FRAMES), written, st.sampled_from(ENDS))
    return st.builds(lambda *all_parts: "".join(all_parts), *parts)


def notes_of_sections() -> st.SearchStrategy[str]:
    """Notes that are little more than headings."""
    between = st.sampled_from((*BREAKS, *PUNCTUATION, " ", "<", "&", "*", "#"))
    part = st.one_of(framed_headings(), framed_headings(), words(), between)
    return st.lists(part, max_size=12).map("".join)


def lines_of_a_list() -> st.SearchStrategy[str]:
    return st.builds(lambda item, word: item + word, st.sampled_from(ITEMS), words())


def fields() -> st.SearchStrategy[str]:
    mark = st.sampled_from((": ", " - ", ":", " \u2014 ", "=", " | ", "? "))
    value = st.sampled_from(("none", "no", "denies", "none.", "none,"))
    return st.builds(lambda name, m, v: name + m + v, words(), mark, value)


def signs() -> st.SearchStrategy[str]:
    """Words with a minus or plus sign before or after them."""
    written = (" -{}", "/-{}", " +{}", "\n-{}", " (-) {}", "[-]{}", " {} (-),", "{}-.", "{}(-)", "\n-{} +fever")
    return st.builds(lambda form, word: form.format(word), st.sampled_from(written), words())


def fillers() -> st.SearchStrategy[str]:
    """Long stretches, for the limits that count tokens or code points."""
    return st.sampled_from((" a b c d", " filler" * 10, " x" * 70, " " * 260))


def tokens_like() -> st.SearchStrategy[str]:
    return st.one_of(words(), words(), words(), st.sampled_from(NUMBERS), st.sampled_from(NAMES))


def separators(*, odd: bool) -> st.SearchStrategy[str]:
    kinds = [st.sampled_from(SPACES)] * 8
    kinds += [st.sampled_from([p + " " for p in PUNCTUATION]), st.sampled_from(PUNCTUATION), st.sampled_from(BREAKS)]
    kinds += [st.sampled_from(DASHES), st.just("/"), st.just("")]
    if odd:
        kinds.append(st.sampled_from(ODD))
    return st.one_of(*kinds)


def notes(*, max_parts: int = 24, odd: bool = True) -> st.SearchStrategy[str]:
    """Clinical-looking texts; with `odd` also code points that no note should hold."""
    parts = [tokens_like()] * 7 + [headings(), lines_of_a_list(), fields(), signs()]
    parts.append(st.one_of(fillers(), st.text(max_size=3)) if odd else fillers())
    part = st.one_of(*parts)
    pair = st.tuples(part, separators(odd=odd))
    # Lists of a drawn length: left alone, lists are short and rarely bring a cue and a mention together.
    sized = st.integers(0, max_parts).flatmap(lambda n: st.lists(pair, min_size=n, max_size=n))
    return sized.map(lambda pairs: "".join(p + s for p, s in pairs))


def given_mentions(text: str) -> st.SearchStrategy[list[tuple[int, int, str]]]:
    """Spans anywhere in a text, empty ones too."""
    place = st.integers(0, len(text))
    span = st.tuples(place, place).map(sorted)
    mention = st.builds(lambda s, label: (s[0], s[1], label), span, st.sampled_from(GIVEN_LABELS))
    return st.lists(mention, max_size=4)


# --- packs ------------------------------------------------------------------------------------------------------------


def phrases(of: Sequence[str] = WORDS) -> st.SearchStrategy[str]:
    """One to three words of the vocabulary."""
    few = st.lists(st.sampled_from(of), min_size=1, max_size=3)
    joined = st.builds(lambda joiner, parts: joiner.join(parts), st.sampled_from((" ", "-", "/")), few)
    single = st.sampled_from(of)
    return st.one_of(single, single, single, joined)


def _some(of: st.SearchStrategy[str], most: int = 3) -> st.SearchStrategy[list[str]]:
    return st.lists(of, min_size=1, max_size=most, unique=True)


@st.composite
def _unless(draw: st.DrawFn, sections: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    if draw(st.booleans()) and sections:
        found["section"] = [draw(st.sampled_from(sections))]
    if draw(st.booleans()):
        found["before"] = draw(_some(phrases(), 2))
    if draw(st.booleans()):
        found["after"] = draw(_some(phrases(), 2))
    return found


@st.composite
def _mention_fields(draw: st.DrawFn, rule_id: str, sections: Sequence[str]) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": rule_id, "label": draw(st.sampled_from(sorted(LABELS)))}
    if draw(st.booleans()):
        rule["concepts"] = draw(_some(st.sampled_from(("A:1", "A:2", "B:1"))))
    if draw(st.integers(0, 3)) == 0:
        rule["priority"] = draw(st.integers(-2, 2))
    if draw(st.integers(0, 3)) == 0:
        rule["unless"] = draw(_unless(sections))
    return {key: value for key, value in rule.items() if value != {}}


@st.composite
def _term(draw: st.DrawFn, rule_id: str, sections: Sequence[str]) -> dict[str, Any]:
    rule = draw(_mention_fields(rule_id, sections))
    kinds = draw(st.sampled_from((("any",), ("any",), ("exact",), ("any", "exact"))))
    for kind in kinds:
        rule[kind] = draw(_some(phrases(FINDINGS + FINDINGS + JOINERS + SPECIAL_WORDS)))
    return rule


PATTERNS = (
    "{value:number} mg",
    "(pain | rash) (of|is|:|=)? {value:number} ((-|of) {high:number})? %?",
    "fever <0-2 words> {what:word}",
    "<word> <units>",
    "{value:number} (-|/)? {unit:units}",
    "heart <0-3 words> failure",
    "(no | no change)? {how:(left|IT|no change)} <word>? rash?",
    "{value:number}? - fever",
    "HF / {value:number}",
    "x-ray <1-2 words> \\?",
    "5mg? pain",
    "[(pain | rash)] (of|is)? {value:number} %?",
    "<label symptom> (mg | and | left)",
    "no [<label disorder|medication>] <label symptom>?",
    "[<label problem>] (of | -)? {value:number} mg",
    "{which:label sign} of [<word> <label disorder>?]",
    "(no <word>?)? [heart <0-1 words> (failure | fever)]",
)
REGEXES: tuple[tuple[str, list[str]], ...] = (
    (r"\bpain\W+(?<next>\w+)", ["pain"]),
    (r"(?<value>[\d.,]+)\s*mg", ["mg"]),
    (r"(?i)f.{0,3}r", ["fever", "HF"]),
    (r"\bHF\b(?<rest>.{0,300})?", []),
    (r"[A-Z]\d+", []),
    (r"\b(?<mention>HF)\W+\w+\W+(?<next>\w+)?", ["HF"]),
)


@st.composite
def _pattern(draw: st.DrawFn, rule_id: str, sections: Sequence[str]) -> dict[str, Any]:
    rule = draw(_mention_fields(rule_id, sections))
    if draw(st.integers(0, 2)):
        rule["match"] = draw(_some(st.sampled_from(PATTERNS), 2))
        return rule
    rule["regex"], anchors = draw(st.sampled_from(REGEXES))
    if anchors:
        rule["anchors"] = list(anchors)
    return rule


@st.composite
def _cue_text(draw: st.DrawFn) -> str:
    first, second = draw(phrases(CUES)), draw(phrases(CUES + JOINERS))
    written = (f"({first} | {second})", f"({second})? {first}", f"{first} / {second}", f"{first} - {second}")
    return draw(st.sampled_from((first, first, first, first, *written)))


@st.composite
def _scope(draw: st.DrawFn) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    if draw(st.booleans()):
        scope["within"] = draw(st.sampled_from(("sentence", "line", "section")))
    if draw(st.booleans()):
        scope["lists"] = draw(st.sampled_from(("follow", "stop")))
    if draw(st.integers(0, 3)) == 0:
        scope["stop_at"] = draw(st.sampled_from((["heading"], ["clause", "heading"])))
    if draw(st.integers(0, 3)) == 0:
        scope["tokens"] = draw(st.integers(1, 5))
    return scope


@st.composite
def _cue(draw: st.DrawFn, rule_id: str, axes: Sequence[str]) -> dict[str, Any]:
    direction = draw(st.sampled_from(("forward", "forward", "backward", "both", "field", "pseudo", "stop", "stop", "sign")))
    rule: dict[str, Any] = {"id": rule_id, "direction": direction, "cues": draw(_some(_cue_text()))}
    if draw(st.integers(0, 4)) == 0:
        rule["exact"] = [draw(st.sampled_from(("NO", "Denies", "IT", "If")))]
    if direction in ("pseudo", "stop"):
        if draw(st.booleans()):
            rule["axis"] = sorted(draw(_some(st.sampled_from(axes), 2)), key=AXES.index)
        if direction == "stop" and draw(st.booleans()):
            rule["takes_object"] = True
        if direction == "stop" and draw(st.booleans()):
            rule["after"] = draw(_some(phrases(CUES + JOINERS), 2))
        return rule
    rule["axis"] = draw(st.sampled_from(axes))
    if direction == "sign":
        rule = {"id": rule_id, "direction": direction, "axis": rule["axis"]}
    elif direction != "field" and draw(st.booleans()):
        rule["scope"] = draw(_scope())
    if direction != "sign" and draw(st.integers(0, 3)) == 0:
        rule["blocked_by"] = draw(_some(phrases(CUES), 2))
    if draw(st.integers(0, 3)) == 0:
        limit = draw(st.sampled_from(("on", "not_on")))
        rule[limit] = draw(_some(st.sampled_from(("disorder", "problem", "medication", "sign")), 2))
    return {key: value for key, value in rule.items() if value != {}}


@st.composite
def _section(draw: st.DrawFn, rule_id: str, axes: Sequence[str]) -> dict[str, Any]:
    heading = st.builds(lambda h, colon: h + colon, st.sampled_from(HEADINGS), st.sampled_from(("", "", ":")))
    rule: dict[str, Any] = {"id": rule_id, "headings": draw(_some(heading))}
    if draw(st.booleans()):
        rule["sets"] = {draw(st.sampled_from(axes)): True}
    if draw(st.booleans()):
        rule["part"] = True
    return rule


@st.composite
def pack_data(draw: st.DrawFn, name: str = "first") -> dict[str, Any]:
    """The plain data of one pack. Rule order, overlaps and clashes are left to chance; the pack is always valid."""
    axes = sorted(draw(_some(st.sampled_from(AXES), 2)), key=AXES.index)
    data: dict[str, Any] = {
        "name": name,
        "version": "0.1.0",
        "labels": [{"id": label, **({"schemes": dict(schemes)} if schemes else {})} for label, schemes in LABELS.items()],
        "axes": axes,
        "words": [{"id": "units", "any": ["mg", "mg/dL", "left", "mg of", "x-ray"]}],
        "abbreviations": [{"id": "titles", "any": draw(_some(st.sampled_from(ABBREVIATIONS)))}],
        "continues": [{"id": "go-on", "any": draw(_some(st.sampled_from(JOINERS)))}],
        "continues_list": [{"id": "list-words", "any": draw(_some(st.sampled_from(("and", "or"))))}],
    }
    if draw(st.booleans()):
        data["resolution"] = draw(st.sampled_from(("longest", "longest_per_label", "all")))
    if draw(st.integers(0, 3)) == 0:
        data["options"] = {
            "cues_inside_mention": draw(st.sampled_from(("ignore", "act"))),
            "values_in_mention": draw(st.sampled_from(("inside", "outside"))),
            "lists": draw(st.sampled_from(("follow", "stop"))),
        }
    sections = [draw(_section(f"s{n}", axes)) for n in range(draw(st.integers(0, 3)))]
    names = [section["id"] for section in sections]
    data["sections"] = sections
    data["terms"] = [draw(_term(f"t{n}", names)) for n in range(draw(st.integers(2, 7)))]
    data["patterns"] = [draw(_pattern(f"p{n}", names)) for n in range(draw(st.integers(0, 3)))]
    data["context"] = [draw(_cue(f"c{n}", axes)) for n in range(draw(st.integers(3, 9)))]
    return {key: value for key, value in data.items() if value != []}


def dense_pack() -> dict[str, Any]:
    """One pack in which nearly every word of the vocabulary is a mention or a cue, for notes in which much happens."""

    def cue(rule_id: str, axis: str, direction: str, *cues: str, **more: Any) -> dict[str, Any]:
        return {"id": rule_id, "axis": axis, "direction": direction, "cues": list(cues), **more}

    return {
        "name": "dense",
        "version": "0.1.0",
        "labels": [{"id": label, **({"schemes": dict(schemes)} if schemes else {})} for label, schemes in LABELS.items()],
        "axes": list(AXES),
        "words": [{"id": "units", "any": ["mg", "mg/dL"]}],
        "abbreviations": [{"id": "titles", "any": list(ABBREVIATIONS)}],
        "continues": [{"id": "go-on", "any": ["of", "and"]}],
        "continues_list": [{"id": "list-words", "any": ["and", "or"]}],
        "sections": [
            {"id": "pmh", "headings": ["PMH", "history:"], "sets": {"historical": True}},
            {"id": "family", "headings": ["family history"], "sets": {"family": True}},
            {"id": "plan", "headings": ["plan"]},
            {"id": "heart", "headings": ["heart", "fever:"], "part": True},
            {"id": "part-of-family", "headings": ["zebra:"], "sets": {"family": True}, "part": True},
        ],
        "terms": [
            {"id": "symptoms", "label": "symptom", "concepts": ["A:1"], "any": ["fever", "rash", "pain", "chest pain"]},
            {"id": "failure", "label": "disorder", "any": ["heart failure", "failure"], "exact": ["HF", "IT"]},
            {"id": "others", "label": "disorder", "any": ["Crohn's", "na\u00efve", "Stra\u00dfe", "\ufb01brosis", "no change"]},
            {
                "id": "left",
                "label": "symptom",
                "any": ["left"],
                "unless": {"before": ["pain"], "after": ["and"], "section": ["plan"]},
            },
            {"id": "drug", "label": "medication", "any": ["p.o.", "x-ray"], "priority": 1},
        ],
        "patterns": [
            {"id": "dose", "label": "measurement", "match": "{value:number} (-|/)? {unit:units}"},
            {"id": "gap", "label": "measurement", "match": "pain <0-2 words> {what:number}"},
        ],
        "context": [
            cue("value", "negated", "field", "none", "no", "denies"),
            cue("no", "negated", "forward", "no", "not"),
            cue("denies", "negated", "forward", "denies", scope={"lists": "stop"}),
            cue("out", "negated", "backward", "ruled out", blocked_by=["until"]),
            cue("long", "uncertain", "both", "until", scope={"within": "section"}),
            cue("if", "hypothetical", "forward", "if", scope={"within": "line", "tokens": 4}),
            cue("mother", "family", "both", "mother", on=["problem"]),
            cue("history", "historical", "both", "history of", scope={"stop_at": ["heading"]}, not_on=["disorder"]),
            {"id": "pseudo", "axis": ["negated"], "direction": "pseudo", "cues": ["no change"]},
            {"id": "but", "direction": "stop", "cues": ["but"], "takes_object": True},
            {"id": "and", "direction": "stop", "cues": ["and"], "after": ["or", "fever"]},
            {"id": "minus", "axis": "negated", "direction": "sign", "not_on": ["medication"]},
        ],
    }


def packs_data() -> st.SearchStrategy[list[dict[str, Any]]]:
    """One pack, sometimes two; every third time the dense one."""
    one = st.tuples(pack_data("first"))
    two = st.tuples(pack_data("first"), pack_data("second"))
    dense = st.tuples(st.builds(dense_pack))
    return st.one_of(one, dense, two).map(list)


HEADER_KEYS = ("name", "version", "labels", "axes", "resolution", "options")


def write_pack(folder: Path, data: Mapping[str, Any]) -> Path:
    """The pack as a folder: pack.yaml with the header, rules.yaml with the rest."""
    folder.mkdir(parents=True, exist_ok=True)
    header = {key: value for key, value in data.items() if key in HEADER_KEYS}
    rules = {key: value for key, value in data.items() if key not in HEADER_KEYS}
    for file, content in (("pack.yaml", header), ("rules.yaml", rules)):
        written = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        (folder / file).write_text(written, encoding="utf-8", newline="\n")
    return folder


# --- lexicons ---------------------------------------------------------------------------------------------------------


def lexicon_rows() -> st.SearchStrategy[list[LexiconRow]]:
    row = st.builds(
        LexiconRow,
        term=phrases(FINDINGS + SPECIAL_WORDS + JOINERS),
        label=st.sampled_from(sorted(LABELS)),
        system=st.just("S"),
        code=st.sampled_from(("1", "2", "3")),
        preferred=st.sampled_from(("", "Preferred name")),
        case=st.sampled_from(("", "", "exact")),
        rank=st.sampled_from((0, 0, 1, 300)),
        variant=st.sampled_from(("", "", "plural", "order")),
        use=st.sampled_from(("", "", "link")),
    )
    return st.lists(row, max_size=8)
