"""The canonical form of a pack's files: one look for all packs, comments kept, the meaning untouched.

A file is read into its nodes with their places, and every comment is found in the gaps between them; then it is written anew:

* two spaces a level, dashes two spaces in; LF, no trailing blanks, at most one empty line in a row;
* a list or mapping in brackets stays in brackets while it fits: a list is wrapped under its first entry, a mapping that is too
  long, and whatever has comments inside, is written with dashes and keys on lines of their own;
* quoted texts stand in double quotes, or in single ones when they hold a backslash or a double quote;
* in a rule `id` comes first and `examples` last; every other order is the author's.

Whatever is written is read again and compared with the original before it is handed out.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

from rulener.errors import PackError, UsageError
from rulener.packs.diagnostics import has_errors
from rulener.packs.source import Broken, Listing, Node, Scalar, Table, parse_source

WIDTH = 128
_FIRST, _LAST = "id", "examples"
_BETWEEN = re.compile(r"[ \t,\]}:]*")  # what may stand between a value and a comment on its line
_SPACES = re.compile(r"(?<=\S) (?=\S)(?![^{}]*\})")  # a line may end at one; not inside the braces of a mark or capture
_BARS = re.compile(r"(?<=\|)(?=[^\s|)?])")  # in double quotes a line may also end, with a backslash, between two alternatives
_BLOCK_HEADER = re.compile(r"[|>][-+]?[ \t]*(#[^\n]*)?")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def formatted(data: bytes, display: str) -> str:
    """The canonical text of one YAML file of a pack. `display` is how findings name the file.

    Raises PackError when the file cannot be read as YAML (a byte order mark and other line ends are mended, not refused), and
    UsageError U270 when the canonical form would not say the same; that would be a fault of this module.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    source, findings = parse_source(data, display)
    if has_errors(findings):
        raise PackError(findings)
    text = "\n".join(re.split("\r\n|\r|\n", source.text))
    if source.root is None:
        return "".join(f"{line.rstrip()}\n" for line in text.strip().split("\n")) if text.strip() else ""
    written, comments = _Writer(text).write()
    again, problems = parse_source(written.encode("utf-8", "surrogatepass"), display)
    kept = sorted(comment.text for comment in _comments(written, _scalars(_compose(written)))) if not problems else []
    if problems or again.root is None or _meaning(again.root) != _meaning(source.root) or kept != sorted(comments):
        raise UsageError("U270", "this file has no canonical form that says the same", place=display, hint="it was left as it is")
    return written


def _meaning(node: Node) -> object:
    """What a tree says, without its places and with rules' keys in canonical order."""
    if isinstance(node, Scalar):
        return (node.text.value, node.plain)
    if isinstance(node, Listing):
        return [_meaning(item) for item in node.items]
    if isinstance(node, Table):
        return _in_order([(key.value, _meaning(value)) for key, value in node.entries])
    assert isinstance(node, Broken)
    return None


def _in_order(entries: Sequence[tuple[str, object]]) -> list[tuple[str, object]]:
    return sorted(entries, key=lambda entry: _rank(entry[0], [key for key, _ in entries]))


def _rank(key: str, keys: Sequence[str]) -> int:
    """Where a key stands in its mapping. Only rules, which have an `id`, are put in order."""
    return 0 if _FIRST not in keys else -1 if key == _FIRST else 1 if key == _LAST else 0


# --- reading -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Text:
    start: int
    end: int
    value: str
    style: str | None
    raw: str


@dataclass(slots=True)
class _List:
    start: int
    end: int
    flow: bool
    items: list[_Part]


@dataclass(slots=True)
class _Map:
    start: int
    end: int
    flow: bool
    entries: list[tuple[_Text, _Part]]


_Part = _Text | _List | _Map


@dataclass(frozen=True, slots=True)
class _Comment:
    index: int
    line: int
    text: str


def _compose(text: str) -> _Part:
    """The one document of a text. Ends of block collections are those of their last part."""
    events = yaml.parse(text, Loader=_LOADER)

    def build(event: yaml.Event) -> _Part:
        start = event.start_mark.index if event.start_mark else 0
        end = event.end_mark.index if event.end_mark else 0
        if isinstance(event, yaml.ScalarEvent):
            return _Text(start, end, event.value, event.style or None, text[start:end])
        items: list[_Part] = []
        for inner in events:
            if isinstance(inner, yaml.CollectionEndEvent):
                end = inner.end_mark.index if _in_flow(event) and inner.end_mark else (items[-1].end if items else end)
                break
            items.append(build(inner))
        if isinstance(event, yaml.SequenceStartEvent):
            return _List(start, end, _in_flow(event), items)
        entries = [(key, value) for key, value in zip(items[::2], items[1::2], strict=True) if isinstance(key, _Text)]
        return _Map(start, end, _in_flow(event), entries)

    return next(build(event) for event in events if isinstance(event, yaml.NodeEvent))


def _in_flow(event: yaml.Event) -> bool:
    return bool(getattr(event, "flow_style", False))


def _scalars(part: _Part) -> Iterator[_Text]:
    if isinstance(part, _Text):
        yield part
    elif isinstance(part, _List):
        for item in part.items:
            yield from _scalars(item)
    else:
        for key, value in part.entries:
            yield key
            yield from _scalars(value)


def _comments(text: str, scalars: Iterator[_Text]) -> list[_Comment]:
    """All comments: what follows a `#` outside every scalar."""
    found: list[_Comment] = []
    at = line = 0
    for scalar in [*scalars, _Text(len(text), len(text), "", None, "")]:
        while (index := text.find("#", at, scalar.start)) >= 0:
            end = text.find("\n", index)
            end = len(text) if end < 0 else end
            line += text.count("\n", at, index)
            found.append(_Comment(index, line, text[index:end].rstrip()))
            at = end
        after = max(at, scalar.start + len(scalar.raw.rstrip()))
        line += text.count("\n", at, after)
        at = after
    return found


# --- writing -------------------------------------------------------------------------------------------------------


class _Writer:
    """Writes one file; comments are handed out in order as the parts around them are written."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._root = _compose(text)
        self._comments = _comments(text, _scalars(self._root))
        self._indices = [comment.index for comment in self._comments]
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._next = 0
        self._line = -1  # the line of the original that was dealt with last
        self._out: list[str] = []

    def write(self) -> tuple[str, list[str]]:
        """The text, and every comment that must be in it."""
        if isinstance(self._root, _Map) and not self._in_brackets(self._root, 0):
            self._entries(self._root, 0)
        else:
            self._lead(self._root.start, 0)
            self._value("", self._root, 0)
        self._lead(len(self._text), 0, last=True)
        while self._out and not self._out[-1]:
            self._out.pop()
        return "\n".join(self._out) + "\n", [comment.text for comment in self._comments]

    def _value(self, prefix: str, part: _Part, indent: int, after: int | None = None) -> None:
        """A value behind its key, which ends at `after`, or behind a dash."""
        if isinstance(part, _Text):
            self._scalar(prefix, part)
        elif self._in_brackets(part, len(prefix) + 1):
            self._brackets(prefix, part)
        else:
            if prefix:
                self._out.append(prefix)
                if after is not None:
                    self._trail(after)
            if isinstance(part, _List):
                self._items(part, indent + 2)
            else:
                self._entries(part, indent + 2)
            if part.flow:
                self._seen(part.end)

    def _open_comment(self, index: int) -> bool:
        return self._next < len(self._comments) and self._comments[self._next].index < index

    # lists and mappings on lines of their own

    def _items(self, part: _List, indent: int) -> None:
        for number, item in enumerate(part.items):
            self._lead(self._dash_of(item), indent, first=number == 0)
            dash = " " * indent + "-"
            if isinstance(item, _Map) and item.entries and not self._in_brackets(item, indent + 2):
                self._entries(item, indent + 2, dash)
                if item.flow:
                    self._seen(item.end)
            else:
                self._value(dash, item, indent)

    def _dash_of(self, item: _Part) -> int:
        """Where the dash of an entry stands, if nothing but blanks and line ends lies between; else where the entry does."""
        at = item.start - 1
        while at >= 0 and self._text[at].isspace():
            at -= 1
        last = bisect_left(self._indices, item.start) - 1
        in_comment = last >= 0 and at < self._indices[last] + len(self._comments[last].text)
        return at if at >= 0 and self._text[at] == "-" and not in_comment else item.start

    def _entries(self, part: _Map, indent: int, dash: str = "") -> None:
        keys = [key.value for key, _ in part.entries]
        entries = sorted(part.entries, key=lambda entry: _rank(entry[0].value, keys))
        moved = entries != part.entries
        if moved and self._commented(part):
            entries = part.entries  # a comment belongs to its place, so the keys stay where they are
            moved = False
        for number, (key, value) in enumerate(entries):
            if dash and number == 0:
                lead = dash + " "
                if not moved:
                    self._seen(key.start)
            else:
                lead = " " * indent
                if not moved:
                    self._lead(key.start, indent, first=number == 0 and indent > 0)
            self._value(f"{lead}{_one_line(key)}:", value, indent, key.end)
        if moved:
            self._seen(max(value.end for _, value in part.entries))
            self._trail(max(value.end for _, value in part.entries))

    # brackets

    def _in_brackets(self, part: _List | _Map, column: int) -> bool:
        """Whether it is written in brackets: as the author did, if it has no comment inside and, for a mapping, fits."""
        empty = not (part.items if isinstance(part, _List) else part.entries)
        if empty:
            return True
        if not part.flow or self._commented(part):
            return False
        return isinstance(part, _List) or column + len(_one_line(part)) <= WIDTH

    def _commented(self, part: _Part) -> bool:
        if isinstance(part, _Text):
            return False
        first = bisect_left(self._indices, part.start)
        return first < len(self._indices) and self._indices[first] < part.end

    def _brackets(self, prefix: str, part: _List | _Map) -> None:
        head = f"{prefix} " if prefix else ""
        whole = head + _one_line(part)
        if len(whole) <= WIDTH or isinstance(part, _Map):
            self._out.append(whole)
        else:
            self._out += _wrapped_list(head, part)
        self._seen(part.end)
        self._trail(part.end)

    # texts

    def _scalar(self, prefix: str, part: _Text) -> None:
        head = f"{prefix} " if prefix else ""
        if part.style in ("|", ">"):
            self._out += _block(head, part)
        elif not part.raw:
            self._out.append(prefix)
        else:
            self._out += _lines_of(head, part)
        end = part.start + len(part.raw.rstrip())
        self._seen(end)
        self._trail(end)

    # comments and empty lines

    def _lead(self, index: int, indent: int, *, first: bool = False, last: bool = False) -> None:
        """The comments before `index` and the empty lines among them."""
        while self._open_comment(index) or (last and self._next < len(self._comments)):
            comment = self._comments[self._next]
            self._next += 1
            self._blank(comment.line, first)
            self._out.append(" " * indent + comment.text)
            self._line, first = comment.line, False
        if not last:
            line = self._line_of(index)
            self._blank(line, first)
            self._line = line

    def _blank(self, line: int, first: bool) -> None:
        if line - self._line > 1 and not first and self._out and self._out[-1]:
            self._out.append("")

    def _seen(self, index: int) -> None:
        self._line = max(self._line, self._line_of(index))

    def _trail(self, end: int) -> None:
        """The comment that stands behind what ends at `end`, in the same line."""
        if self._next == len(self._comments):
            return
        comment = self._comments[self._next]
        if comment.index >= end and _BETWEEN.fullmatch(self._text, end, comment.index):
            self._out[-1] += f"  {comment.text}"
            self._next += 1

    def _line_of(self, index: int) -> int:
        return bisect_right(self._starts, index) - 1


def _one_line(part: _Part) -> str:
    if isinstance(part, _List):
        return "[" + ", ".join(map(_one_line, part.items)) + "]"
    if isinstance(part, _Map):
        return "{" + ", ".join(f"{_one_line(key)}: {_one_line(value)}".rstrip() for key, value in part.entries) + "}"
    return _quoted(part)


def _quoted(part: _Text) -> str:
    value = part.value
    if part.style is None:
        return value
    if not value.isprintable():
        return part.raw if "\n" not in part.raw else _escaped(value)
    if '"' not in value and "\\" not in value:
        return f'"{value}"'
    return "'" + value.replace("'", "''") + "'"


def _escaped(value: str) -> str:
    dumped: str = yaml.dump(value, default_style='"', allow_unicode=True, width=1 << 30)
    return dumped.rstrip("\n")


def _wrapped_list(head: str, part: _List) -> list[str]:
    """A list in brackets, as many entries in a line as fit, under each other."""
    column = len(head) + 1
    lines, line = [], head + "["
    for number, item in enumerate(part.items):
        end = "," if number < len(part.items) - 1 else "]"
        piece = _one_line(item) + end
        if len(line) > column and len(line) + 1 + len(piece) > WIDTH:
            lines.append(line)
            line = " " * column
        gap = "" if len(line) == column else " "
        if isinstance(item, _Text) and "\n" in item.raw and column + len(piece) > WIDTH:
            if gap:
                lines.append(line)
                line = " " * column
            *full, line = _wrapped_text(line, item)
            lines += full
            line += end
        else:
            line += gap + piece
    return [*lines, line]


def _lines_of(head: str, part: _Text) -> list[str]:
    """A text behind its key: in one line if it was, or if it fits; else wrapped."""
    whole = head + _quoted(part)
    if "\n" not in part.raw or len(whole) <= WIDTH:
        return [whole]
    return _wrapped_text(head, part)


def _wrapped_text(head: str, part: _Text) -> list[str]:
    """A text over several lines, broken at single spaces and, in double quotes, between the alternatives of a cue."""
    text = _quoted(part)
    double = text.startswith('"')
    indent = " " * (len(head) + (part.style is not None))
    lines, line = [], head
    for number, word in enumerate(_SPACES.split(text)):
        for part_number, piece in enumerate(_BARS.split(word) if double else [word]):
            gap = " " if number and not part_number else ""
            if line.strip() and (number or part_number) and len(line) + len(gap) + len(piece) > WIDTH - double:
                lines.append(line if gap else line + "\\")
                line = indent + piece
            else:
                line += gap + piece
    return [*lines, line]


def _block(head: str, part: _Text) -> list[str]:
    """A text written with `|` or `>`, indented two spaces more than its key or dash."""
    first, *rest = part.raw.rstrip().split("\n")
    if _BLOCK_HEADER.fullmatch(first.rstrip()) is None:  # an indentation of its own: kept as it is
        return [head + first.rstrip(), *rest]
    own = len(head) - len(head.lstrip(" -"))
    indent = " " * (own + 2 if head.rstrip().endswith(":") else own)
    shift = min((len(line) - len(line.lstrip(" ")) for line in rest if line.strip()), default=0)
    return [head + first.rstrip(), *(indent + line[shift:] if line.strip() else "" for line in rest)]
