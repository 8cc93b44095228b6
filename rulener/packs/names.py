"""The forms of ids, names and concepts, and that ids are unique."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rulener.packs.diagnostics import Edit, Findings
from rulener.packs.model import ConceptRef, Place, Text
from rulener.packs.source import place_at

_ID = re.compile(r"[a-z][a-z0-9-]*")
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_SCHEME_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_SYSTEM = re.compile(r"[A-Z][A-Z0-9_.-]*")
_CODE = re.compile(r"[^\s:|,;]+")


def check_id(text: Text, findings: Findings) -> None:
    """A rule's id: lower-case letters, digits and hyphens."""
    if not _ID.fullmatch(text.value):
        _bad(text, "id", "lower-case letters, digits and hyphens, beginning with a letter", _mended(text.value, "-"), findings)


def check_name(text: Text, what: str, findings: Findings) -> None:
    """A label, section or pack name, a scheme: as an id, underscores too."""
    if not _NAME.fullmatch(text.value):
        _bad(text, what, "lower-case letters, digits, _ and -, beginning with a letter", _mended(text.value, "_"), findings)


def check_scheme_label(text: Text, findings: Findings) -> None:
    """A label of somebody else's scheme; those may have capitals."""
    if not _SCHEME_LABEL.fullmatch(text.value):
        _bad(text, "scheme label", "letters, digits, _ . and -, beginning with a letter", "", findings)


def concept(text: Text, findings: Findings) -> ConceptRef | None:
    """`SYSTEM:CODE`, for example ICD10CM:I50.9."""
    system, colon, code = text.value.partition(":")
    if colon and _SYSTEM.fullmatch(system) and _CODE.fullmatch(code):
        return ConceptRef(system, code, text.place)
    mended = f"{system.strip().upper()}:{code.strip()}"
    good = _SYSTEM.fullmatch(mended.partition(":")[0]) and _CODE.fullmatch(mended.partition(":")[2])
    findings.error(
        "R211",
        f"`{text.value}` is not a concept",
        text.place,
        notes=["a concept is SYSTEM:CODE, the system in capitals, without spaces: ICD10CM:I50.9"],
        fix=f"write `{mended}`" if good else "write `SYSTEM:CODE`",
        edits=[Edit(place_at(text, 0, len(text.value)), mended)] if good and text.place.width - len(text.value) in (0, 2) else (),
    )
    return None


def refuse_repeated_ids(ids: Iterable[tuple[str, Place]], what: str, findings: Findings) -> None:
    """Report every id that was given before, with both places."""
    first: dict[str, Place] = {}
    for id_, place in ids:
        before = first.setdefault(id_, place)
        if before != place:
            findings.error(
                "R121",
                f"two {what} have the id `{id_}`",
                place,
                label="again here",
                others=[(before, "first given here")],
                notes=["reports and tests name rules by their id, so it must be unique in the pack and never change"],
                fix="give the newer one another id",
            )


def _bad(text: Text, what: str, form: str, mended: str, findings: Findings) -> None:
    fix = f"write `{mended}`" if mended else ""
    findings.error("R120", f"`{text.value}` is not a good {what}", text.place, notes=[f"allowed: {form}"], fix=fix)


def _mended(value: str, joint: str) -> str:
    words = re.findall(r"[a-z0-9]+", value.lower())
    mended = joint.join(words)
    return mended if mended[:1].isalpha() else ""
