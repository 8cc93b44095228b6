"""A reading of a foreign rule file -> a pack: categories get their axes, cues are grouped into rules, and what `check`
would refuse is taken out and named. Nothing disappears without a remark."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from rulener.errors import UsageError
from rulener.packs.diagnostics import TITLES, Diagnostic
from rulener.packs.importers.reading import ForeignCue, ForeignHeading, Meaning, Reading, Remark, short
from rulener.packs.link import known_label_names, link
from rulener.packs.model import AXES, Direction, Pack, Place, Text
from rulener.packs.parse import PACK_FILE, parse_pack
from rulener.packs.patterns import expand_literal
from rulener.packs.rules import MAX_SCOPE_TOKENS
from rulener.packs.source import nearest

CONTEXT_FILE, SECTIONS_FILE, REPORT_FILE = "context.yaml", "sections.yaml", "IMPORT.md"
LEFT_OUT = "none"
_ORDER = (Direction.FIELD, Direction.FORWARD, Direction.BACKWARD, Direction.BOTH, Direction.PSEUDO, Direction.STOP)
_SILENT = (Direction.PSEUDO, Direction.STOP)
_UNFIT = re.compile(r"[^a-z0-9]+")
_HEADER = "# Made by `rulener import` from {source}. Behind every cue stands the line it comes from.\n\n"


class Manner(NamedTuple):
    """What the cues of one rule have in common. `tokens` 0: no limit."""

    order: int  # of the direction, in _ORDER
    axes: tuple[str, ...]
    tokens: int
    on: tuple[str, ...]
    not_on: tuple[str, ...]

    @property
    def direction(self) -> Direction:
        return _ORDER[self.order]


@dataclass(slots=True)
class Rule:
    """One rule of the pack to be. `examples` runs beside `cues`; an empty text is no example."""

    id: str
    manner: Manner
    cues: list[ForeignCue]
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SectionRule:
    id: str
    name: str
    sets: tuple[str, ...]
    headings: list[ForeignHeading]
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """A pack in the making."""

    name: str
    source: str
    reading: Reading
    meanings: dict[str, Meaning | None]
    mapped: frozenset[str]
    rules: list[Rule] = field(default_factory=list)
    sections: list[SectionRule] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    def cues(self) -> int:
        return sum(len(rule.cues) for rule in self.rules)

    def headings(self) -> int:
        return sum(len(section.headings) for section in self.sections)


def draft(reading: Reading, source: str, name: str, maps: Sequence[str], base: Sequence[Pack]) -> Draft:
    """The pack that a reading makes beside the packs `base`. `maps` are `CATEGORY=AXIS[,AXIS][/DIRECTION]` or `CATEGORY=none`.

    Raises UsageError (U232) for a map that does not fit.
    """
    labels, meanings = _meanings(reading, maps)
    made = Draft(pack_name(name), source, reading, meanings, frozenset(one.partition("=")[0].strip() for one in maps))
    _make_rules(made, labels)
    _make_sections(made)
    known = known_label_names(base)
    used = dict.fromkeys(label for rule in made.rules for label in (*rule.manner.on, *rule.manner.not_on))
    made.labels = [label for label in used if label not in known]
    _settle(made, base)
    return made


def pack_name(folder: str) -> str:
    """A name that a pack may have, made of a folder's."""
    name = _UNFIT.sub("-", folder.lower()).strip("-")
    return name if name[:1].isalpha() else f"imported-{name}".strip("-")


# --- what the categories mean ---------------------------------------------------------------------------------------------


def _meanings(reading: Reading, maps: Sequence[str]) -> tuple[dict[str, str], dict[str, Meaning | None]]:
    """The labels of the file's types, and the meaning of every category (None: left out)."""
    categories = reading.categories()
    types = sorted({label for cue in reading.cues for label in (*cue.on, *cue.not_on)})
    headings = {heading.category for heading in reading.headings}
    meanings: dict[str, Meaning | None] = {}
    for category in categories:
        own = reading.defaults.get(category) or _named_like_an_axis(category)
        nothing = Meaning(()) if category in headings or not category else None
        meanings[category] = own or nothing
    labels = {name: _snake(name) for name in types}
    for text in maps:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not value:
            raise UsageError("U232", f"`--map {short(text)}` is not CATEGORY=AXIS", hint="for example --map AMBIVALENT=uncertain")
        if name in meanings:
            meanings[name] = _meaning(name, value)
        elif name in labels:
            labels[name] = value
        else:
            close = nearest(name, [*categories, *types])
            hint = f"did you mean {close}?" if close else "it has " + ", ".join(c for c in [*categories, *types] if c)
            raise UsageError("U232", f"the file has no category or type {short(name)}", hint=hint)
    return labels, meanings


def _named_like_an_axis(category: str) -> Meaning | None:
    name = category.lower()
    return Meaning((name,)) if name in AXES else None


def _meaning(category: str, value: str) -> Meaning | None:
    if value == LEFT_OUT:
        return None
    named, _, direction = value.partition("/")
    axes = tuple(axis.strip() for axis in named.split(","))
    wrong = next((axis for axis in axes if axis not in AXES), None)
    if wrong is not None:
        close = nearest(wrong, AXES)
        hint = f"did you mean {close}?" if close else f"one of {', '.join(AXES)}, or {LEFT_OUT}"
        raise UsageError("U232", f"--map {category}: there is no axis {short(wrong)}", hint=hint)
    try:
        return Meaning(axes, Direction(direction.strip()) if direction else None)
    except ValueError:
        kinds = ", ".join(one.value for one in Direction)
        raise UsageError("U232", f"--map {category}: there is no direction {short(direction)}", hint=f"one of {kinds}") from None


# --- rules ------------------------------------------------------------------------------------------------------------------


def _make_rules(made: Draft, labels: Mapping[str, str]) -> None:
    groups: dict[Manner, list[ForeignCue]] = {}
    for cue in _joined(_understood(made)):
        meaning = made.meanings[cue.category]
        assert meaning is not None
        assert cue.direction is not None
        on, not_on = (tuple(labels.get(label, label) for label in group) for group in (cue.on, cue.not_on))
        silent = cue.direction in _SILENT
        # A rule has one axis; only pseudo and stop cues may name several.
        for axes in [meaning.axes] if silent else [(axis,) for axis in meaning.axes]:
            manner = Manner(_ORDER.index(cue.direction), axes, 0 if silent else cue.tokens or 0, on, not_on)
            groups.setdefault(manner, []).append(cue)
    taken: Counter[str] = Counter()
    for manner in sorted(groups, key=lambda manner: (manner.order, [AXES.index(axis) for axis in manner.axes], manner[2:])):
        cues = groups[manner]
        rule = Rule(_id([*manner.axes, manner.direction.value, str(manner.tokens or ""), *manner.on], taken), manner, cues)
        rule.examples = [_cue_example(cue.cue, manner.direction) for cue in cues]
        made.rules.append(rule)


def _understood(made: Draft) -> Iterable[ForeignCue]:
    """The cues with their direction; those without a meaning leave with a remark."""
    reading = made.reading
    for cue in reading.cues:
        meaning = made.meanings[cue.category]
        direction = (meaning.direction if meaning else None) or cue.direction
        if meaning is None:
            why = "left out by --map" if cue.category in made.mapped else f"give it one with --map {cue.category}=AXIS"
            reading.leave(f"category {short(cue.category)} has no axis here ({why})", cue.place, cue.shown)
        elif direction is None:
            why = f"write --map {cue.category}=AXIS/DIRECTION"
            reading.leave(f"tag {short(cue.category)} has no direction here ({why})", cue.place, cue.shown)
        elif cue.tokens is not None and cue.tokens > MAX_SCOPE_TOKENS:
            why = f"window of more than {MAX_SCOPE_TOKENS} tokens: the scope ends with the sentence"
            reading.change(why, cue.place, cue.shown)
            yield replace(cue, direction=direction, tokens=None)
        else:
            yield replace(cue, direction=direction)


def _joined(cues: Iterable[ForeignCue]) -> list[ForeignCue]:
    """A cue that reaches forward in one row and backward in another reaches both ways; the earlier place stays."""
    kept: dict[tuple[object, ...], ForeignCue] = {}
    for cue in cues:
        key = (cue.cue.lower(), cue.category, cue.tokens, cue.on, cue.not_on)
        reaching = cue.direction not in _SILENT
        before = kept.get(key) if reaching else None
        if before is not None and before.direction is not cue.direction:
            kept[key] = replace(before, direction=Direction.BOTH)
        else:
            kept[key if before is None and reaching else (*key, cue.place, cue.direction)] = cue
    return list(kept.values())


def _make_sections(made: Draft) -> None:
    by_category: dict[str, list[ForeignHeading]] = {}
    for heading in made.reading.headings:
        by_category.setdefault(heading.category, []).append(heading)
    taken: Counter[str] = Counter()
    for category, headings in by_category.items():
        meaning = made.meanings[category]
        if meaning is None:
            for heading in headings:
                made.reading.leave(f"category {short(category)} left out by --map", heading.place, heading.heading)
            continue
        section = SectionRule(_id([category], taken), _snake(category), meaning.axes, headings)
        section.examples = [f"[{_marked(heading.heading.rstrip(': '))}]: As before." for heading in headings]
        made.sections.append(section)


def _cue_example(cue: str, direction: Direction) -> str:
    """A text in which the cue does what its direction says. Whether it holds beside other rules is for the caller to try."""
    forms, _ = expand_literal(Text(cue, Place("", 1, 1)))
    if not forms:
        return ""
    surface = _marked(forms[0])
    if direction in (Direction.FORWARD, Direction.BOTH):
        return f"{surface} [rash]."
    if direction is Direction.BACKWARD:
        return f"[Rash] {surface}."
    return f"[Rash]: {surface}" if direction is Direction.FIELD else f"Rash {surface} cough."


def _marked(text: str) -> str:
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("{", "\\{")


def _id(parts: Iterable[str], taken: Counter[str]) -> str:
    name = _UNFIT.sub("-", "-".join(part for part in parts if part).lower()).strip("-")
    name = name if name[:1].isalpha() else f"rule-{name}".strip("-")
    taken[name] += 1
    return name if taken[name] == 1 else f"{name}-{taken[name]}"


def _snake(name: str) -> str:
    snake = _UNFIT.sub("_", name.lower()).strip("_")
    return snake if snake[:1].isalpha() else f"label_{snake}".strip("_")


# --- what check refuses -------------------------------------------------------------------------------------------------------


def _settle(made: Draft, base: Sequence[Pack]) -> None:
    """Write, check, take out what is refused, until nothing is. Every turn takes at least one cue, heading or example out."""
    with tempfile.TemporaryDirectory() as folder:
        while True:
            places = write(made, Path(folder))
            pack, findings = parse_pack(Path(folder), display=made.name)
            if pack is not None:
                findings = link([*base, pack])
            wrong: dict[tuple[str, int, int], Diagnostic] = {}
            for finding in findings:
                spot = finding.place and places.get((Path(finding.place.path).name, finding.place.line))
                if spot and (finding.severity == "error" or finding.code in ("R302", "R303")):
                    wrong.setdefault(spot, finding)
            if not wrong:
                return
            for (kind, number, index), finding in sorted(wrong.items(), reverse=True):
                _take_out(made, kind, number, index, _reason(finding, made.name))


def _take_out(made: Draft, kind: str, number: int, index: int, reason: str) -> None:
    rule: Rule | SectionRule = made.rules[number] if kind[0] == "c" else made.sections[number]
    if kind.endswith("example"):
        drop_example(made, (kind, number, index))
        return
    del rule.examples[index]
    if isinstance(rule, Rule):
        cue = rule.cues.pop(index)
        made.reading.leave(reason, cue.place, cue.shown)
    else:
        heading = rule.headings.pop(index)
        made.reading.leave(reason, heading.place, heading.heading)


def _reason(finding: Diagnostic, name: str) -> str:
    other = finding.places[1].place.path if len(finding.places) > 1 else ""
    elsewhere = bool(other) and Path(other).parent.name != name and not other.startswith(f"{name}/")
    whose = f"the pack {Path(other).parent.name}" if elsewhere else "an earlier rule of the file"
    if finding.code == "R104":
        return f"{whose} has it in another role on the same axis"
    if finding.code == "R303":
        return f"{whose} has it already"
    return "it stands there twice" if finding.code == "R302" else f"{TITLES[finding.code]} ({finding.code})"


def drop_example(made: Draft, spot: tuple[str, int, int]) -> None:
    """Take out the example of the cue or heading at `spot` (see `write`), and say so."""
    kind, number, index = spot
    rule: Rule | SectionRule = made.rules[number] if kind[0] == "c" else made.sections[number]
    rule.examples[index] = ""
    origin = rule.cues[index] if isinstance(rule, Rule) else rule.headings[index]
    shown = origin.shown if isinstance(origin, ForeignCue) else origin.heading
    made.reading.change("no example: another rule gets in the way of it", origin.place, shown)


# --- writing -------------------------------------------------------------------------------------------------------------------


def write(made: Draft, folder: Path) -> dict[tuple[str, int], tuple[str, int, int]]:
    """Write the pack's files. Says of each line with a cue, a heading or an example whose it is: (file, line) -> (kind, number of
    the rule, number in it); kinds are `cue`, `cue-example`, `section`, `section-example`."""
    spots: dict[tuple[str, int], tuple[str, int, int]] = {}
    (folder / PACK_FILE).write_text(_header(made), encoding="utf-8", newline="\n")
    for name, kind, blocks in (
        (CONTEXT_FILE, "cue", [_rule_lines(rule, k) for k, rule in enumerate(made.rules) if rule.cues]),
        (SECTIONS_FILE, "section", [_section_lines(section, k) for k, section in enumerate(made.sections) if section.headings]),
    ):
        (folder / name).unlink(missing_ok=True)
        if not blocks:
            continue
        text = _HEADER.format(source=made.source) + ("context:\n" if kind == "cue" else "sections:\n")
        line = text.count("\n") + 1
        for block in blocks:
            for content, spot in block:
                if spot is not None:
                    spots[name, line] = spot
                text += content + "\n"
                line += 1
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return spots


_Lines = list[tuple[str, tuple[str, int, int] | None]]


def _header(made: Draft) -> str:
    used = {axis for rule in made.rules for axis in rule.manner.axes}
    used |= {axis for section in made.sections for axis in section.sets}
    description = _quoted(f"Imported from {made.source} ({made.reading.format}).")
    lines = [f"name: {made.name}", "version: 0.1.0", f"description: {description}"]
    if made.labels:
        lines.append("labels:")
        lines += [f"  - {{id: {label}, description: {_quoted(f'Named in {made.source}.')}}}" for label in made.labels]
    if used:
        lines.append(f"axes: [{', '.join(axis for axis in AXES if axis in used)}]")
    return "\n".join(lines) + "\n"


def _rule_lines(rule: Rule, number: int) -> _Lines:
    lines: _Lines = [(f"  - id: {rule.id}", None)]
    if not any(rule.examples):
        lines.append(("    status: experimental", None))
    axes = rule.manner.axes
    if axes:
        lines.append((f"    axis: {axes[0] if len(axes) == 1 else '[' + ', '.join(axes) + ']'}", None))
    lines.append((f"    direction: {rule.manner.direction.value}", None))
    if rule.manner.tokens:
        lines.append((f"    scope: {{tokens: {rule.manner.tokens}}}", None))
    for key, labels in (("on", rule.manner.on), ("not_on", rule.manner.not_on)):
        if labels:
            lines.append((f"    {key}: [{', '.join(labels)}]", None))
    lines.append(("    cues:", None))
    lines += [
        (f"      - {_quoted(cue.cue)}  # {cue.place.path}:{cue.place.line}", ("cue", number, k))
        for k, cue in enumerate(rule.cues)
    ]
    return lines + _example_lines(rule.examples, "cue-example", number)


def _section_lines(section: SectionRule, number: int) -> _Lines:
    lines: _Lines = [(f"  - id: {section.id}", None), (f"    name: {section.name}", None)]
    if not any(section.examples):
        lines.append(("    status: experimental", None))
    lines.append(("    headings:", None))
    lines += [
        (f"      - {_quoted(heading.heading)}  # {heading.place.path}:{heading.place.line}", ("section", number, k))
        for k, heading in enumerate(section.headings)
    ]
    if section.sets:
        lines.append((f"    sets: {{{', '.join(f'{axis}: true' for axis in section.sets)}}}", None))
    return lines + _example_lines(section.examples, "section-example", number)


def _example_lines(examples: Sequence[str], kind: str, number: int) -> _Lines:
    if not any(examples):
        return []
    lines: _Lines = [("    examples:", None), ("      match:", None)]
    lines += [(f"        - {_quoted(text)}", (kind, number, k)) for k, text in enumerate(examples) if text]
    return lines


def _quoted(text: str) -> str:
    """A double-quoted YAML text on one line."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in quoted)


# --- the report ----------------------------------------------------------------------------------------------------------------


def size(made: Draft) -> str:
    rules, sections = sum(bool(rule.cues) for rule in made.rules), sum(bool(section.headings) for section in made.sections)
    return f"{made.cues()} cues in {rules} rules, {made.headings()} headings in {sections} sections"


def meaning_rows(made: Draft) -> list[tuple[str, int, str, bool]]:
    """(category, number of cues and headings in the file, what it says here, whether --map said so), in the file's order."""
    counts = Counter(cue.category for cue in made.reading.cues)
    counts.update(heading.category for heading in made.reading.headings)
    sections = {heading.category for heading in made.reading.headings}
    rows = []
    for category, meaning in made.meanings.items():
        if meaning is None:
            says = "left out"
        elif category in sections:
            says = f"section {_snake(category)}" + (f", sets {', '.join(meaning.axes)}" if meaning.axes else "")
        else:
            says = ", ".join(meaning.axes) or "every axis"
            says += f" ({meaning.direction.value})" if meaning.direction else ""
        rows.append((category or "(stops and pseudo cues)", counts[category], says, category in made.mapped))
    return rows


def by_reason(remarks: Iterable[Remark]) -> list[tuple[str, list[Remark]]]:
    """Remarks with the same reason together, the most frequent first; within a reason in the file's order."""
    groups: dict[str, list[Remark]] = {}
    for remark in sorted(remarks, key=lambda remark: (remark.place.line, remark.place.column)):
        groups.setdefault(remark.reason, []).append(remark)
    return sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))


def report(made: Draft) -> str:
    """The whole report as Markdown: what every category became, and every cue or heading that is not here, with its place."""
    lines = [f"# What `rulener import {made.reading.format}` made of {made.source}", ""]
    lines += [f"{size(made)}.", ""]
    lines += ["| category | in the file | here |", "|---|---|---|"]
    lines += [f"| {name} | {count} | {says}{' (--map)' if given else ''} |" for name, count, says, given in meaning_rows(made)]
    for title, remarks in (("Not in the pack", made.reading.left_out), ("In the pack, but not as it was", made.reading.changed)):
        lines += ["", f"## {title}: {len(remarks)}"]
        for reason, group in by_reason(remarks):
            lines += ["", f"### {reason}: {len(group)}", ""]
            lines += [f"* {remark.place.path}:{remark.place.line} `{remark.shown}`" for remark in group]
    return "\n".join(lines) + "\n"
