from __future__ import annotations

import pytest

from rulener.errors import NoteError, UsageError
from rulener.run.decode import check_encoding, decode


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"plain\r\n", "plain\r\n"),
        ("Größe".encode(), "Größe"),
        ("Größe".encode("utf-8-sig"), "Größe"),
        ("Größe 😀".encode("utf-16"), "Größe 😀"),
        (b"\xfe\xff" + "Größe".encode("utf-16-be"), "Größe"),
        (b"\xef\xbb\xbf", ""),
        ("\ufeff\ufeffx".encode(), "\ufeffx"),
        (b"a\0b", "a\0b"),
        (b"\0" * 7, "\0" * 7),
    ],
)
def test_what_is_read(data: bytes, text: str) -> None:
    assert decode(data) == text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("Größe".encode("cp1252"), "N102"),
        ("text".encode("utf-32"), "N102"),
        ("text".encode("utf-16") + b"\x00", "N102"),
        ("a long text".encode("utf-16-le"), "N103"),
        (bytes(range(256)) * 9, "N102"),
        (b"\x89PNG" + b"\0" * 60, "N103"),
        (b"\x7fELF" + b"\0" * 8, "N103"),
    ],
)
def test_what_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(NoteError) as caught:
        decode(data)
    assert caught.value.code == code


def test_a_given_encoding_is_used() -> None:
    assert decode("Größe".encode("cp1252"), "cp1252") == "Größe"
    assert decode("a long text".encode("utf-16-le"), "utf-16-le") == "a long text"


def test_a_byte_order_mark_wins_over_the_given_encoding() -> None:
    assert decode("Größe".encode("utf-8-sig"), "cp1252") == "Größe"
    assert decode("Größe".encode("utf-16"), "cp1252") == "Größe"


def test_what_a_given_encoding_cannot_decode_is_refused() -> None:
    with pytest.raises(NoteError, match="not ascii: byte 2 of 6"):
        decode("Größe".encode("cp1252") + b"x", "ascii")


def test_a_message_never_quotes_the_note() -> None:
    with pytest.raises(NoteError) as caught:
        decode(b"secret \xff name")
    assert "secret" not in str(caught.value)
    assert "byte 7 of 13" in str(caught.value)


@pytest.mark.parametrize("name", ["nonsense", "rot13", "base64", "x\0y", ""])
def test_no_such_encoding(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_encoding(name)
    assert caught.value.code == "U210"


def test_an_encoding_has_one_name() -> None:
    assert check_encoding("LATIN1") == check_encoding("iso8859-1")
    assert check_encoding(None) is None
