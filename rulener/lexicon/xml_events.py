"""Large XML files, an element at a time."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from rulener.lexicon.reading import File, Reading, Stream, not_what_it_claims


def xml_events(file: File, reading: Reading, root: str) -> Iterator[tuple[str, ElementTree.Element]]:
    """`(start | end, element)` of an XML file with this root element.

    Raises LexiconError: as Stream, and L106 when it is no such XML or breaks off. DTDs are passed over, not fetched.
    """
    stream = Stream(file, reading)
    reading.of(file.name)
    seen = False
    try:
        for event, element in ElementTree.iterparse(_Bytes(stream), ("start", "end")):
            if not seen:
                seen = True
                if element.tag != root:
                    raise not_what_it_claims(file, 0, f"the root element is <{element.tag}>, not <{root}>")
            yield event, element
    except ElementTree.ParseError as error:
        line, _ = error.position
        raise not_what_it_claims(file, line, f"not whole XML: {error}", "copy or unpack it again") from None
    finally:
        stream.close()


class _Bytes:
    """What iterparse reads from."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(1 << 16 if size < 0 else size)
