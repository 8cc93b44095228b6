"""Located YAML: every key and value knows the file, line, column and width it was written at.

The tree is made from the parser's events, without construction: a scalar is the text the author wrote, so `no`, `1.0` and
`12` stay texts and are read as something else only by the getter that asks for it. Anchors, aliases, tags and merge keys
are refused: packs are read by people. Whatever is wrong becomes a diagnostic, never an exception.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Protocol

import yaml

from rulener.packs.diagnostics import Diagnostic, Edit, Findings, split_lines
from rulener.packs.model import Place, Text

MAX_DEPTH = 20
_BOM = "\ufeff"
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*")
_TAG = re.compile(r"!\S*")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_TRUTH_WORDS = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}


@dataclass(frozen=True, slots=True)
class MappedText(Text):
    """A text whose characters do not stand one after the other in one line: escapes, several lines.

    `spots` holds line and column of every character; it is empty when they are not known.
    """

    spots: tuple[tuple[int, int], ...] = field(default=(), compare=False, repr=False)


def place_at(text: Text, start: int, end: int | None = None) -> Place:
    """Where the characters `[start, end)` of a text stand in the file; the text's own place when that is not known."""
    end = start + 1 if end is None else end
    if isinstance(text, MappedText):
        return _mapped_place(text, start, end)
    quotes = text.place.width - len(text.value)
    if quotes not in (0, 2):
        return text.place
    column = text.place.column + quotes // 2 + start
    return Place(text.place.path, text.place.line, column, max(1, end - start))


def _mapped_place(text: MappedText, start: int, end: int) -> Place:
    spots = text.spots
    if not spots:
        return text.place
    start = min(start, len(spots) - 1)
    line, column = spots[start]
    width = max((at - column + 1 for on, at in spots[start:end] if on == line), default=1)
    return Place(text.place.path, line, column, width)


# --- the tree ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scalar:
    """One text. `plain` when written without quotes."""

    text: Text
    plain: bool

    @property
    def place(self) -> Place:
        return self.text.place

    @property
    def empty(self) -> bool:
        """A key or dash with nothing behind it."""
        return self.plain and not self.text.value


@dataclass(frozen=True, slots=True)
class Listing:
    """A YAML sequence."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Table:
    """A YAML mapping; keys are texts and unique."""

    entries: tuple[tuple[Text, Node], ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Broken:
    """Something already reported (an alias, too deep a nest); readers pass it by."""

    place: Place


Node = Scalar | Listing | Table | Broken


@dataclass(frozen=True, slots=True)
class Source:
    """One file: the text (for printing diagnostics) and its tree, None when there is none."""

    path: str
    text: str
    root: Node | None

    @property
    def start(self) -> Place:
        return Place(self.path, 1, 1)


def read_source(path: Path, display: str) -> tuple[Source, list[Diagnostic]]:
    """Read one file. `display` is the path that diagnostics show."""
    findings = Findings()
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        findings.error("R100", f"the file cannot be read: {reason}", Place(display, 1, 1))
        return Source(display, "", None), findings.all
    return parse_source(data, display)


_KEPT = 64  # files whose last reading is kept
_lock = Lock()
_last: dict[str, tuple[bytes, Source, list[Diagnostic]]] = {}


def parse_source(data: bytes, display: str) -> tuple[Source, list[Diagnostic]]:
    """The same from bytes. The last reading of a file is kept: several readers ask for the same one, and of a pack that is being
    written one file changes at a time."""
    with _lock:
        known = _last.pop(display, None)
    if known is None or known[0] != data:
        known = (data, *_parsed(data, display))
    with _lock:
        _last[display] = known
        while len(_last) > _KEPT:
            del _last[next(iter(_last))]
    return known[1], list(known[2])


def _parsed(data: bytes, display: str) -> tuple[Source, list[Diagnostic]]:
    findings = Findings()
    text = _decode(data, display, findings)
    if text is None:
        return Source(display, "", None), findings.all
    readable = _without_controls(text, display, findings)
    root = _Composer(display, readable, findings).compose()
    return Source(display, text, root), findings.all


def _decode(data: bytes, display: str, findings: Findings) -> str | None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = split_lines(data[: error.start].decode("utf-8"))
        findings.error(
            "R101",
            "the file is not UTF-8",
            Place(display, len(before), len(before[-1]) + 1),
            notes=[f"byte 0x{data[error.start]:02x} at offset {error.start} is the first that does not fit"],
            fix="save the file as UTF-8 (most editors: Save as, encoding)",
        )
        return None
    if text.startswith(_BOM):
        findings.error(
            "R105",
            "the file starts with a byte order mark",
            Place(display, 1, 1),
            notes=["the mark is invisible, and tools that join or compare files stumble over it"],
            fix='save the file as "UTF-8" and not "UTF-8 with BOM"',
            edits=[Edit(Place(display, 1, 1, 0), "")],
        )
        text = text[len(_BOM) :]
    return text


def _without_controls(text: str, display: str, findings: Findings) -> str:
    """YAML refuses control characters with a bare offset; report all of them and read on without."""
    if not any(map(_is_refused, set(text))):
        return text
    for number, line in enumerate(split_lines(text), 1):
        for column, char in enumerate(line, 1):
            if _is_refused(char):
                findings.error(
                    "R106",
                    f"control character U+{ord(char):04X} in the file",
                    Place(display, number, column),
                    fix="delete it",
                )
    return "".join("\ufffd" if _is_refused(char) else char for char in text)


def _is_refused(char: str) -> bool:
    if char in "\t\n\r\x85":
        return False
    return unicodedata.category(char) == "Cc" or char in "\ufeff\ufffe\uffff"


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Composer:
    """Makes the tree out of parser events; one instance reads one file."""

    def __init__(self, path: str, text: str, findings: Findings) -> None:
        self._path = path
        self._text = text
        self._lines = split_lines(text)
        self._findings = findings

    def compose(self) -> Node | None:
        try:
            return self._documents(yaml.parse(self._text, Loader=_LOADER))
        except yaml.YAMLError as error:
            self._syntax_error(error)
            return None

    def _documents(self, events: Iterator[yaml.Event]) -> Node | None:
        root: Node | None = None
        seen = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                seen += 1
                if seen == 2:
                    self._second_document(event)
            elif isinstance(event, yaml.NodeEvent):
                node = self._node(event, events, 0)
                root = node if seen == 1 else root
        if isinstance(root, Scalar) and root.empty:
            return None
        return root

    def _second_document(self, event: yaml.Event) -> None:
        self._findings.error(
            "R108",
            "the file holds more than one document",
            self._place(event, event),
            notes=["what stands after this line is not read"],
            fix="remove the line `---` or make a second file",
        )

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        self._refuse_properties(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if depth >= MAX_DEPTH:
            return self._too_deep(event, events)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._listing(event, events, depth)
        return self._table(event, events, depth)

    def _alias(self, event: yaml.AliasEvent) -> Broken:
        place = self._place(event, event)
        self._findings.error(
            "R110",
            f"alias `*{event.anchor}`",
            place,
            notes=["anchors and aliases are not read: a rule must say in its own place what it means"],
            fix="write the value out",
        )
        return Broken(place)

    def _refuse_properties(self, event: yaml.Event) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        line, column = _start(event)
        place = Place(self._path, line + 1, column + 1)
        if anchor is not None:
            self._findings.error(
                "R110",
                f"anchor `&{anchor}`",
                Place(place.path, place.line, place.column, len(anchor) + 1),
                notes=["anchors and aliases are not read: a rule must say in its own place what it means"],
                fix="remove it",
            )
        if tag is not None:
            written = _TAG.search(self._line(line), column)
            width = len(written[0]) if written else 1
            self._findings.error(
                "R111",
                f"tag `{written[0] if written else tag}`",
                Place(place.path, place.line, written.start() + 1 if written else place.column, width),
                notes=["every value in a pack is read as the text that stands there; tags are not needed"],
                fix="remove the tag",
            )

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        return Scalar(self._text_of(event), plain=event.style is None or event.style == "")

    def _text_of(self, event: yaml.ScalarEvent) -> Text:
        (line, column), (end_line, end_column) = _start(event), _end(event)
        value: str = event.value
        place = self._place(event, event)
        if event.style in ("|", ">"):
            return MappedText(value, place, self._literal_spots(event) if event.style == "|" else ())
        if line != end_line:
            return MappedText(value, place)
        raw = self._line(line)[column:end_column]
        if raw in (value, f'"{value}"', f"'{value}'"):
            return Text(value, place)
        return MappedText(value, place, _quoted_spots(raw, len(value), place))

    def _literal_spots(self, event: yaml.ScalarEvent) -> tuple[tuple[int, int], ...]:
        spots: list[tuple[int, int]] = []
        for number, written in enumerate(event.value.split("\n"), _start(event)[0] + 1):
            line = self._line(number)
            if not line.endswith(written):
                return ()
            indent = len(line) - len(written)
            spots += [(number + 1, indent + 1 + k) for k in range(len(written) + 1)]
        return tuple(spots[: len(event.value)])

    def _listing(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Listing:
        items: list[Node] = []
        for inner in events:
            if isinstance(inner, yaml.SequenceEndEvent):
                return Listing(tuple(items), self._place(event, inner))
            items.append(self._node(inner, events, depth + 1))
        raise AssertionError("the parser ends every sequence it begins")

    def _table(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Table:
        entries: dict[str, tuple[Text, Node]] = {}
        for inner in events:
            if isinstance(inner, yaml.MappingEndEvent):
                return Table(tuple(entries.values()), self._place(event, inner))
            key = self._key(self._node(inner, events, depth + 1))
            value = self._node(next(events), events, depth + 1)
            if key is None:
                continue
            first = entries.setdefault(key.value, (key, value))
            if first[0] is not key:
                self._twice(first[0], key)
        raise AssertionError("the parser ends every mapping it begins")

    def _key(self, node: Node) -> Text | None:
        if isinstance(node, Broken):
            return None
        if not isinstance(node, Scalar):
            self._findings.error(
                "R113",
                "a key must be a text",
                node.place,
                fix="if this is meant to be a text, put it in quotes",
            )
            return None
        if node.plain and node.text.value == "<<":
            self._findings.error(
                "R112",
                "merge key `<<`",
                node.place,
                notes=["merge keys are not read: a rule must say in its own place what it means"],
                fix="write the keys out",
            )
            return None
        return node.text

    def _twice(self, first: Text, second: Text) -> None:
        self._findings.error(
            "R109",
            f"key `{second.value}` is written twice",
            second.place,
            label="again here",
            others=[(first.place, "first written here")],
            fix="join the two or remove one",
        )

    def _too_deep(self, event: yaml.Event, events: Iterator[yaml.Event]) -> Broken:
        place = self._place(event, event)
        self._findings.error(
            "R124",
            f"nested more than {MAX_DEPTH} deep",
            place,
            notes=["no rule needs that; a bracket or the indentation may be wrong"],
        )
        open_ = 1
        for inner in events:
            open_ += isinstance(inner, yaml.CollectionStartEvent) - isinstance(inner, yaml.CollectionEndEvent)
            if not open_:
                break
        return Broken(place)

    # places

    def _line(self, number: int) -> str:
        return self._lines[number] if number < len(self._lines) else ""

    def _place(self, first: yaml.Event, last: yaml.Event) -> Place:
        (line, column), (end_line, end_column) = _start(first), _end(last)
        rest = self._line(line)[column:].rstrip()
        if line == end_line:
            width = end_column - column
        elif header := _BLOCK_HEADER.match(rest):
            width = header.end()
        else:
            width = len(rest)
        return Place(self._path, line + 1, column + 1, max(1, width))

    # syntax errors

    def _syntax_error(self, error: yaml.YAMLError) -> None:
        error = _told_in_python(self._text, error)
        mark = getattr(error, "problem_mark", None)
        if mark is None:
            self._findings.error("R102", "this is not valid YAML", Place(self._path, 1, 1))
            return
        place = Place(self._path, mark.line + 1, mark.column + 1)
        if self._tab_near(place):
            return
        problem = str(getattr(error, "problem", "") or "it cannot be read")
        message, fix = _plainly(problem)
        self._findings.error(
            "R102",
            f"this is not valid YAML: {message}",
            place,
            others=self._where_it_began(error, mark),
            notes=["the rest of this file is not read"],
            fix=fix,
        )

    def _where_it_began(self, error: yaml.YAMLError, problem: _Mark) -> list[tuple[Place, str]]:
        """The opening of what was being read when the problem was met."""
        context, mark = str(getattr(error, "context", "")), getattr(error, "context_mark", None)
        if mark is None or (mark.line, mark.column) == (problem.line, problem.column):
            return []
        place = Place(self._path, mark.line + 1, mark.column + 1)
        return [(place, label) for part, label in _OPENINGS.items() if part in context][:1]

    def _tab_near(self, place: Place) -> bool:
        """Report the tab that is the cause of a syntax error, if one is."""
        line = self._line(place.line - 1)
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" not in indent:
            return False
        column = indent.index("\t") + 1
        self._findings.error(
            "R103",
            "tab in the indentation",
            Place(self._path, place.line, column, indent.count("\t")),
            notes=["YAML indents with spaces only", "the rest of this file is not read"],
            fix="replace each tab by two spaces",
        )
        return True


class _Mark(Protocol):
    """A mark of either parser."""

    line: int
    column: int


def _start(event: yaml.Event) -> tuple[int, int]:
    """Line and column, from 0; the parser's events always have marks."""
    mark = event.start_mark
    return (mark.line, mark.column) if mark else (0, 0)


def _end(event: yaml.Event) -> tuple[int, int]:
    mark = event.end_mark
    return (mark.line, mark.column) if mark else (0, 0)


def _told_in_python(text: str, error: yaml.YAMLError) -> yaml.YAMLError:
    """The same error from PyYAML's own parser, whose messages do not depend on which libyaml is installed."""
    try:
        for _ in yaml.parse(text, Loader=yaml.SafeLoader):
            pass
    except yaml.YAMLError as told:
        return told
    return error


_OPENINGS = {
    "flow sequence": "this bracket was being read",
    "flow mapping": "this brace was being read",
    "quoted scalar": "the quotes were opened here",
    "double-quoted": "the quotes were opened here",
    "single-quoted": "the quotes were opened here",
    "block mapping": "these keys were being read",
    "block collection": "this list was being read",
    "block sequence": "this list was being read",
    "simple key": "this line was being read",
}

# What PyYAML says, what an author can make of it, and how to mend it. The first part found in its message counts.
_PROBLEMS = (
    (
        "found unknown escape character",
        "",
        "in double quotes a backslash begins an escape; use single quotes, or write the backslash twice",
    ),
    (
        "mapping values are not allowed",
        "a colon stands where no key can be",
        "a text with a colon and a space in it needs quotes; or the indentation is wrong",
    ),
    ("cannot start any token", "", "a text that begins with this character needs quotes"),
    (
        "expected ',' or ']'",
        "`,` or `]` is missing",
        "close the bracket, add the comma, or put the text in quotes if it has brackets or quotes of its own",
    ),
    (
        "expected ',' or '}'",
        "`,` or `}` is missing",
        "close the brace, add the comma, or put the text in quotes if it has braces or quotes of its own",
    ),
    ("found unexpected end of stream", "the file ends inside quotes", "a closing quote is missing"),
    ("found unexpected document separator", "a line `---` inside quotes", "a closing quote is missing"),
    ("expected alphabetic or numeric", "", "a text that begins with & or * needs quotes"),
    ("could not find expected ':'", "this is no `key: value`", "add the colon, or indent the line further if it goes on"),
    ("found unexpected ':'", "", "a text with a colon in it needs quotes"),
    (
        "expected <block end>, but found '<block mapping start>'",
        "the indentation does not fit the lines before",
        "begin this line in the same column as the keys it belongs to",
    ),
    (
        "expected <block end>, but found '-'",
        "this dash does not stand under the dashes before it",
        "begin all dashes of a list in the same column",
    ),
    (
        "expected <block end>, but found '<scalar>'",
        "text after a closing quote",
        "put quotes around the whole text; inside single quotes write a single quote twice",
    ),
    ("expected <block end>, but found", "this sign does not belong here", "remove it, or put the whole text in quotes"),
    ("sequence entries are not allowed", "a list cannot begin here", "put the dash on a line of its own, or use quotes"),
)


def _plainly(problem: str) -> tuple[str, str]:
    """What is wrong and how to mend it."""
    for part, message, fix in _PROBLEMS:
        if part in problem:
            return message or problem, fix
    return problem, "check the indentation, the quotes and the brackets here and in the line before"


def _quoted_spots(raw: str, length: int, place: Place) -> tuple[tuple[int, int], ...]:
    """Where the characters of a quoted text with escapes stand."""
    columns: list[int] = []
    at = 1
    while at < len(raw) - 1 and len(columns) < length:
        columns.append(place.column + at)
        escape = _ESCAPE.match(raw, at) if raw[0] == '"' else None
        if escape:
            at = escape.end()
        else:
            at += 2 if raw[0] == "'" and raw.startswith("''", at) else 1
    if len(columns) != length:
        return ()
    return tuple((place.line, column) for column in columns)


# --- typed reading -------------------------------------------------------------------------------------------------


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name most like `word`, or an empty string."""
    found = difflib.get_close_matches(word.lower().replace("-", "_"), sorted(known), n=1, cutoff=0.6)
    return found[0] if found else ""


def suggestion(word: str, known: Iterable[str]) -> str:
    """How to mend an unknown name: the nearest known one, or all of them."""
    names = list(known)
    near = nearest(word, names)
    if near:
        return f"did you mean `{near}`?"
    return f"known are: {', '.join(names)}" if names else ""


class Fields:
    """The entries of one mapping, read key by key by the kind of value expected; what does not fit is reported.

    `what` names the thing for messages: "a term". Keys that are not in `known` are refused at once.
    """

    def __init__(self, table: Table, what: str, known: Sequence[str], findings: Findings) -> None:
        self.table = table
        self.what = what
        self._entries = {key.value: (key, value) for key, value in table.entries}
        self._findings = findings
        for key, _ in table.entries:
            if key.value not in known:
                self._unknown(key, known)

    def _unknown(self, key: Text, known: Sequence[str]) -> None:
        self._findings.error(
            "R114",
            f"unknown key `{key.value}` in {self.what}",
            key.place,
            fix=suggestion(key.value, known),
        )

    def has(self, key: str) -> bool:
        """Whether the key is written at all."""
        return key in self._entries

    def key_place(self, key: str) -> Place:
        """Where the key stands; the mapping's place when it is not written."""
        entry = self._entries.get(key)
        return entry[0].place if entry else self.table.place

    def node(self, key: str) -> Node | None:
        """The value, unread."""
        entry = self._entries.get(key)
        return entry[1] if entry else None

    def require(self, key: str, place: Place | None = None) -> bool:
        """Report the key when it is missing."""
        if key in self._entries:
            return True
        self._findings.error(
            "R115",
            f"{self.what} needs the key `{key}`",
            place or self.table.place,
            fix=f"add `{key}:`",
        )
        return False

    def text(self, key: str, *, required: bool = False) -> Text | None:
        """One text, not empty."""
        if required and not self.require(key):
            return None
        node = self.node(key)
        return None if node is None else self._one_text(node, key)

    def texts(self, key: str) -> tuple[Text, ...]:
        """A list of texts; one text is not a list."""
        node = self.node(key)
        if isinstance(node, Scalar) and not node.empty:
            self._findings.error(
                "R117",
                f"`{key}` must be a list, this is one text",
                node.place,
                fix=f"write `{key}: [{_in_flow(node.text.value)}]`",
                edits=_in_its_place(node.text, f"[{_in_flow(node.text.value)}]"),
            )
            return ()
        return self._many(node, key)

    def text_or_texts(self, key: str) -> tuple[Text, ...]:
        """One text or a list of texts."""
        node = self.node(key)
        if isinstance(node, Scalar):
            one = self._one_text(node, key)
            return (one,) if one else ()
        return self._many(node, key)

    def flag(self, key: str) -> bool | None:
        """`true` or `false`."""
        node = self.node(key)
        if node is None or isinstance(node, Broken):
            return None
        if isinstance(node, Scalar) and node.plain and node.text.value in ("true", "false"):
            return node.text.value == "true"
        word = node.text.value.lower() if isinstance(node, Scalar) else ""
        edits = _in_its_place(node.text, _TRUTH_WORDS[word]) if isinstance(node, Scalar) and word in _TRUTH_WORDS else ()
        self._wrong(node, key, "true or false", fix=f"write `{key}: {_TRUTH_WORDS.get(word, 'true')}`", edits=edits)
        return None

    def integer(self, key: str, low: int, high: int) -> int | None:
        """A whole number within `low..high`."""
        node = self.node(key)
        if node is None or isinstance(node, Broken):
            return None
        if not (isinstance(node, Scalar) and node.plain and _INTEGER.fullmatch(node.text.value)):
            self._wrong(node, key, "a whole number")
            return None
        number = int(node.text.value)
        if not low <= number <= high:
            self._findings.error(
                "R123",
                f"`{key}` is {number}; it must be from {low} to {high}",
                node.place,
                fix=f"write a number from {low} to {high}",
            )
            return None
        return number

    def mapping(self, key: str) -> Table | None:
        """A mapping."""
        node = self.node(key)
        if node is None or isinstance(node, Broken | Table):
            return node if isinstance(node, Table) else None
        self._wrong(node, key, "a mapping (`key: value` pairs)")
        return None

    def mappings(self, key: str) -> tuple[Table, ...]:
        """A list of mappings."""
        node = self.node(key)
        if node is None or isinstance(node, Broken):
            return ()
        if not isinstance(node, Listing):
            fix = "begin each entry with a dash: `- id: …`" if isinstance(node, Table) else ""
            self._wrong(node, key, "a list of entries", fix=fix)
            return ()
        self._refuse_empty(node, key)
        for item in node.items:
            if not isinstance(item, Table | Broken):
                self._wrong(item, key, "entries with keys", where="in ", fix="write the entry as `- id: …`")
        return tuple(item for item in node.items if isinstance(item, Table))

    def _many(self, node: Node | None, key: str) -> tuple[Text, ...]:
        if node is None or isinstance(node, Broken):
            return ()
        if not isinstance(node, Listing):
            self._wrong(node, key, "a list of texts")
            return ()
        self._refuse_empty(node, key)
        found = (self._one_text(item, key, "in ") for item in node.items)
        return tuple(text for text in found if text)

    def _refuse_empty(self, node: Listing, key: str) -> None:
        if not node.items:
            self._findings.error("R119", f"`{key}` is an empty list", node.place, fix=f"fill it or remove `{key}:`")

    def _one_text(self, node: Node, key: str, where: str = "") -> Text | None:
        if isinstance(node, Broken):
            return None
        if not isinstance(node, Scalar):
            self._wrong(node, key, "a text", where=where, fix=self._quote_fix(node))
            return None
        if not node.text.value.strip():
            place = self.key_place(key) if node.empty and not where else node.place
            self._findings.error("R118", f"{where}`{key}`: the text is empty", place, fix="write it or remove it")
            return None
        return node.text

    def _wrong(
        self, node: Node, key: str, expected: str, *, where: str = "", fix: str = "", edits: Sequence[Edit] = ()
    ) -> None:
        if isinstance(node, Scalar) and node.empty:
            place = node.place if where else self.key_place(key)
            self._findings.error("R118", f"{where}`{key}`: nothing is written here", place, fix="write it or remove it")
            return
        message = f"{where}`{key}`: expected {expected}, found {_kind(node)}"
        self._findings.error("R116", message, node.place, fix=fix, edits=edits)

    def _quote_fix(self, node: Node) -> str:
        if isinstance(node, Table):
            return 'YAML reads `{` and a final `:` as a mapping; put the whole text in quotes: "…"'
        return 'if a text with brackets is meant, put it in quotes: "…"'


def _kind(node: Node) -> str:
    if isinstance(node, Listing):
        return "a list"
    if isinstance(node, Table):
        return "a mapping"
    return f"the text `{node.text.value}`" if isinstance(node, Scalar) else "nothing"


def _in_its_place(text: Text, replacement: str) -> tuple[Edit, ...]:
    """The edit that replaces a text, its quotes too; none for one over several lines."""
    raw = 0 if isinstance(text, MappedText) else text.place.width - len(text.value)
    return () if isinstance(text, MappedText) or raw not in (0, 2) else (Edit(text.place, replacement),)


def _in_flow(value: str) -> str:
    """A text as it can stand in `[…]`."""
    if re.fullmatch(r"[^\W_][\w ()|'+%.-]*", value):
        return value
    return "'" + value.replace("'", "''") + "'"
