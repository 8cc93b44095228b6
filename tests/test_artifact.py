"""Artifacts that cannot be used: distinct errors, and never a crash."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import rulener
from rulener import artifact, errors
from rulener.engine import Engine, compile_to
from tests.small import NOTES, write_lexicon, write_pack

HEADER = artifact._HEADER.size
REPOSITORY = Path(__file__).parents[1]
VARIANTS = 480
SEED = 5
BATCHES = 4


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("artifact")
    os.environ.setdefault("RULENER_CACHE_DIR", str(folder / "cache"))
    compile_to(folder / "it.rnr", write_pack(folder / "small"), base=None, lexicons=[write_lexicon(folder / "lexicon.tsv")])
    return (folder / "it.rnr").read_bytes()


def mended(data: bytes) -> bytes:
    """The bytes with the header's checksum as it should be."""
    count = struct.unpack_from("<I", data, HEADER - 8)[0]
    head = data[: HEADER - 4] + bytes(4) + data[HEADER : HEADER + count * 40]
    return data[: HEADER - 4] + struct.pack("<I", zlib.crc32(head)) + data[HEADER:]


def patched(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> errors.ArtifactError:
    monkeypatch.chdir(tmp_path)
    Path("it.rnr").write_bytes(data)
    with pytest.raises(errors.ArtifactError) as caught:
        rulener.load("it.rnr")
    assert caught.value.exit_code == errors.EXIT_BAD_ARTIFACT
    return caught.value


CASES = {
    "not-an-artifact": (errors.NotAnArtifact, lambda data: b"PK\3\4" + data[4:]),
    "empty": (errors.NotAnArtifact, lambda data: b""),
    "short": (errors.NotAnArtifact, lambda data: data[:5]),
    "format": (errors.ArtifactVersionError, lambda data: patched(data, 8, struct.pack("<I", 77))),
    "normaliser": (errors.ArtifactVersionError, lambda data: patched(data, 16, struct.pack("<I", 78))),
    "cut-in-header": (errors.ArtifactTruncated, lambda data: data[:40]),
    "cut-in-directory": (errors.ArtifactTruncated, lambda data: data[: HEADER + 40]),
    "too-long": (errors.ArtifactCorrupt, lambda data: data + b"x"),
    "checksum": (errors.ArtifactCorrupt, lambda data: patched(data, 40, bytes([data[40] ^ 1]))),
    "byte-order-mark": (errors.ArtifactCorrupt, lambda data: patched(data, 12, b"abcd")),
    "section-name": (errors.ArtifactCorrupt, lambda data: mended(patched(data, HEADER, b"mela"))),
    "section-offset": (errors.ArtifactCorrupt, lambda data: mended(patched(data, HEADER + 16, struct.pack("<Q", 1 << 62)))),
    "other-byte-order": (errors.ArtifactByteOrder, lambda data: patched(data, 12, b"\1\2\3\4")),
}
GOLDEN = {
    "not-an-artifact": "[A101] it.rnr: not a rulener artifact (`rulener compile` makes one)",
    "empty": "[A101] it.rnr: the file is empty, not a rulener artifact (`rulener compile` makes one)",
    "short": "[A101] it.rnr: not a rulener artifact (`rulener compile` makes one)",
    "format": f"[A102] it.rnr: written for format 77, normaliser 1; this rulener reads format {artifact.FORMAT_VERSION}, "
    "normaliser 1 (compile it again with this version)",
    "normaliser": f"[A102] it.rnr: written for format {artifact.FORMAT_VERSION}, normaliser 78; this rulener reads format "
    f"{artifact.FORMAT_VERSION}, normaliser 1 (compile it again with this version)",
    "cut-in-header": f"[A103] it.rnr: the file is cut off: 40 bytes of {HEADER} (copy or compile it again)",
    "cut-in-directory": f"[A103] it.rnr: the file is cut off: {HEADER + 40} bytes of {HEADER + 40 * len(artifact.SECTIONS)} "
    "(copy or compile it again)",
    "too-long": "[A104] it.rnr: the artifact is damaged: it is {longer} bytes long, its header says {length} (compile it again)",
    "checksum": "[A104] it.rnr: the artifact is damaged: its header does not agree with its checksum (compile it again)",
    "byte-order-mark": "[A104] it.rnr: the artifact is damaged: its byte order mark is damaged (compile it again)",
    "section-name": "[A104] it.rnr: the artifact is damaged: its section 'mela' is damaged (compile it again)",
    "section-offset": "[A104] it.rnr: the artifact is damaged: its section 'meta' is damaged (compile it again)",
    "other-byte-order": "[A105] it.rnr: written on a machine of the other byte order (compile it on this machine)",
}


@pytest.mark.parametrize("case", CASES)
def test_load_errors_are_distinct(case: str, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, damage = CASES[case]
    error = refused(tmp_path, monkeypatch, damage(whole))
    assert type(error) is kind
    assert str(error) == GOLDEN[case].format(length=len(whole), longer=len(whole) + 1)


def test_a_cut_anywhere_is_told(whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for length in (HEADER, len(whole) // 3, len(whole) - 1):
        assert type(refused(tmp_path, monkeypatch, whole[:length])) is errors.ArtifactTruncated


def test_a_missing_file_and_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder.rnr").mkdir()
    with pytest.raises(errors.NotAnArtifact, match=r"^\[A101\] none\.rnr: the file cannot be read: No such file or directory$"):
        rulener.load("none.rnr")
    with pytest.raises(errors.NotAnArtifact, match=r"^\[A101\] folder\.rnr: the file cannot be read: Is a directory$"):
        rulener.load("folder.rnr")


def test_verify_reads_the_body(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "it.rnr"
    path.write_bytes(whole)
    header = artifact.verify(path)
    assert header.length == len(whole)
    offset, length = header.sections["string_bytes"]
    for at in (offset, offset + length - 1, len(whole) - 1):
        path.write_bytes(patched(whole, at, bytes([whole[at] ^ 0x20])))
        with pytest.raises(errors.ArtifactCorrupt, match="its content does not agree with its checksum"):
            artifact.verify(path)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("not JSON", "cannot be read"),
        ("[]", "cannot be read"),
        ("{}", "'fingerprint' is wrong"),
        ('{"fingerprint": 1}', "'fingerprint' is wrong"),
        ("[" * 100000, "cannot be read"),
    ],
)
def test_a_damaged_description(text: str, wrong: str, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offset, length = artifact.read_header(whole, Path("it.rnr")).sections["meta"]
    if len(text) > length:
        text = text[:length]
    error = refused(tmp_path, monkeypatch, patched(whole, offset, text.encode().ljust(length)))
    assert wrong in str(error)


def test_the_sound_artifact_is_not_refused(whole: bytes, tmp_path: Path) -> None:
    """What the damaged ones are measured against."""
    path = tmp_path / "it.rnr"
    path.write_bytes(whole)
    engine = Engine(path)
    found = [(e.text, e.label) for e in engine.annotate(NOTES[3]).entities]
    assert ("500 mg", "reading") in found
    assert len(engine.annotate_batch(NOTES)) == sum(len(engine.annotate(note)) for note in NOTES) > 20


@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_damage_crashes_the_process(batch: int, whole: bytes, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "it.rnr"
    path.write_bytes(whole)
    step = VARIANTS // BATCHES
    command = [
        sys.executable,
        "-X",
        "faulthandler",
        "-m",
        "tests.artifact_fuzz",
        str(path),
        str(SEED),
        str(batch * step),
        str(batch * step + step),
    ]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=240, check=False)
    last = ended.stdout.split()[-1:]
    assert ended.returncode == 0, f"variant {last} of seed {SEED}: exit code {ended.returncode}\n{ended.stderr[-3000:]}"
    assert last == [str(batch * step + step - 1)]
