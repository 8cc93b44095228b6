"""Open damaged copies of an artifact and use them. Run as a program by tests/test_artifact.py, so that a crash ends it alone.

    python -m tests.artifact_fuzz ARTIFACT SEED FIRST LAST

Prints the number of each variant before it is tried. Ends with 1 and a traceback when a variant raises anything but an
ArtifactError (or a note's N301: a damaged regex may be slow).
"""

from __future__ import annotations

import random
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

from rulener import artifact
from rulener.engine import Engine
from rulener.errors import ArtifactError, NoteError
from tests.small import NOTES

HEADER = 104
SECTION = 40
NASTY = (0, 1, 2, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)

Span = tuple[int, int]


def spans(data: bytes) -> list[Span]:
    """Where the sections with content lie."""
    count = struct.unpack_from("<I", data, HEADER - 8)[0]
    found = [struct.unpack_from("<QQ", data, HEADER + k * SECTION + 16) for k in range(count)]
    return [(offset, offset + length) for offset, length in found if length]


def flip_byte(data: bytearray, span: Span, dice: random.Random) -> None:
    data[dice.randrange(*span)] ^= 1 << dice.randrange(8)


def some_bytes(data: bytearray, span: Span, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 40)):
        data[dice.randrange(*span)] = dice.randrange(256)


def run_of_bytes(data: bytearray, span: Span, dice: random.Random) -> None:
    begin = dice.randrange(*span)
    end = min(span[1], begin + dice.randint(1, 200))
    data[begin:end] = dice.randbytes(end - begin)


def nasty_numbers(data: bytearray, span: Span, dice: random.Random) -> None:
    for _ in range(dice.choice((1, 1, 4, 50))):
        at = span[0] + (dice.randrange(*span) - span[0]) // 4 * 4
        if at + 4 <= span[1]:
            struct.pack_into("<I", data, at, dice.choice(NASTY) if dice.random() < 0.7 else dice.randrange(1 << 16))


def garbage(data: bytearray, span: Span, dice: random.Random) -> None:
    data[span[0] : span[1]] = dice.randbytes(span[1] - span[0])


def one_value(data: bytearray, span: Span, dice: random.Random) -> None:
    data[span[0] : span[1]] = bytes([dice.choice((0, 1, 255))]) * (span[1] - span[0])


def small_numbers(data: bytearray, span: Span, dice: random.Random) -> None:
    """Numbers that often lead to something, but to the wrong thing."""
    for at in range(span[0], span[1] - 3, 4):
        if dice.random() < 0.5:
            struct.pack_into("<I", data, at, dice.randrange(300))


DAMAGES: tuple[Callable[[bytearray, Span, random.Random], None], ...] = (
    flip_byte, flip_byte, some_bytes, run_of_bytes, nasty_numbers, nasty_numbers, garbage, one_value, small_numbers,
)  # fmt: skip


def damaged(whole: bytes, number: int, seed: int) -> bytes:
    """Variant `number`: header damage as it is, header damage with its checksum mended, or damage in the body."""
    dice = random.Random(seed * 1_000_003 + number)
    data = bytearray(whole)
    kind = number % 12
    if kind == 0:
        flip_byte(data, (0, HEADER + SECTION), dice)
        return bytes(data)
    if kind == 1:
        header = (8, HEADER + SECTION * len(artifact.SECTIONS))
        dice.choice((flip_byte, nasty_numbers, run_of_bytes))(data, header, dice)
        struct.pack_into("<I", data, HEADER - 4, 0)
        end = min(len(data), HEADER + SECTION * min(struct.unpack_from("<I", data, HEADER - 8)[0], 1000))
        struct.pack_into("<I", data, HEADER - 4, zlib.crc32(data[:end]))
        return bytes(data)
    if kind == 2:
        return bytes(data[: dice.randrange(len(data))])
    sections = spans(whole)
    for _ in range(dice.choice((1, 1, 1, 2, 5))):
        dice.choice(DAMAGES)(data, dice.choice(sections), dice)
    return bytes(data)


def use(path: Path) -> None:
    """Everything an engine can be asked; raises what it raises."""
    engine = Engine(path)
    ids = [str(k) for k in range(len(NOTES))]
    for note in NOTES:
        document = engine.annotate(note)
        for entity in document.entities:
            if not note[entity.start : entity.end] == entity.text:
                raise AssertionError("offsets")
        document.to_dict()
        document.to_json()
        repr(document.entities)
        document.sections, document.sentences  # noqa: B018
        given = [(0, min(9, len(note)), "problem"), (len(note) // 2, len(note), "anything"), (0, 0, "remedy")]
        engine.annotate(note, mentions=given).to_dict()
    engine.annotate_batch(NOTES, ids=ids).to_pylist()
    engine.jsonl(NOTES, ids)
    engine.manifest()
    engine.info()
    if hasattr(engine, "explain"):
        for position in (None, 3):
            try:
                engine.explain(NOTES[1], position)
            except ModuleNotFoundError:
                break
    for resolution in range(3):
        engine._policy = resolution
        engine.close()
        engine.annotate(NOTES[4]).to_dict()


def main(arguments: list[str]) -> None:
    whole = Path(arguments[0]).read_bytes()
    seed, first, last = (int(argument) for argument in arguments[1:4])
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, last):
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
            path = Path(folder) / f"{number}.rnr"
            path.write_bytes(damaged(whole, number, seed))
            try:
                use(path)
            except ArtifactError:
                pass
            except NoteError as error:
                if error.code != "N301":
                    raise
            path.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
