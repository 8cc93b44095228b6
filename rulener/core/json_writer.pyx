# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""JSON lines straight from rows (schema rulener.document/1), without dicts.

What depends only on the term (label, concepts, rule) is rendered once and copied from then on.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DATA, PyUnicode_GET_LENGTH, PyUnicode_KIND
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from rulener.core.columns cimport ROW_LINKED, Batch, DocRow, Document, EntityRow, Tables
from rulener.core.memory cimport Vec, vec_free, vec_grow, vec_init
from rulener.core.structs cimport *

import json

from rulener.core.columns import LINKINGS

AXES = ("negated", "uncertain", "historical", "hypothetical", "family")
VIA = (b"direct", b"list", b"field", b"section")

cdef u8[256] ESCAPED        # 1: the byte cannot stand in a JSON string as it is
cdef char[16] HEX


cdef void _fill() noexcept:
    cdef int c
    for c in range(256):
        ESCAPED[c] = 1 if c < 32 or c == 34 or c == 92 or c >= 127 else 0
    for c in range(16):
        HEX[c] = b"0123456789abcdef"[c]


_fill()


cdef inline int room(Vec *out, u64 more) except -1 nogil:
    if out.n + more > out.capacity:
        vec_grow(out, (out.n + more) * 2)
    return 0


cdef inline int put(Vec *out, const void *data, u64 length) except -1 nogil:
    room(out, length)
    memcpy(<char *> out.data + out.n, data, length)
    out.n += length
    return 0


cdef int put_number(Vec *out, u64 value) except -1 nogil:
    cdef char[20] digits
    cdef u32 n = 0
    cdef char *at
    room(out, 20)
    while True:
        digits[n] = <char> (48 + value % 10)
        value //= 10
        n += 1
        if value == 0:
            break
    at = <char *> out.data + out.n
    out.n += n
    while n:
        n -= 1
        at[0] = digits[n]
        at += 1
    return 0


cdef int put_point(Vec *out, u32 point) except -1 nogil:
    """One code point inside a JSON string: UTF-8, escaped where it must be (control characters, quotes, lone surrogates)."""
    cdef u8 *at
    room(out, 12)
    at = <u8 *> out.data + out.n
    if point < 32 or point == 127 or 0xD800 <= point < 0xE000:
        at[0] = 92
        if point == 10 or point == 13 or point == 9:
            at[1] = 110 if point == 10 else 114 if point == 13 else 116
            out.n += 2
            return 0
        at[1] = 117
        at[2] = HEX[(point >> 12) & 15]
        at[3] = HEX[(point >> 8) & 15]
        at[4] = HEX[(point >> 4) & 15]
        at[5] = HEX[point & 15]
        out.n += 6
    elif point == 34 or point == 92:
        at[0] = 92
        at[1] = <u8> point
        out.n += 2
    elif point < 0x80:
        at[0] = <u8> point
        out.n += 1
    elif point < 0x800:
        at[0] = <u8> (0xC0 | (point >> 6))
        at[1] = <u8> (0x80 | (point & 63))
        out.n += 2
    elif point < 0x10000:
        at[0] = <u8> (0xE0 | (point >> 12))
        at[1] = <u8> (0x80 | ((point >> 6) & 63))
        at[2] = <u8> (0x80 | (point & 63))
        out.n += 3
    else:
        at[0] = <u8> (0xF0 | (point >> 18))
        at[1] = <u8> (0x80 | ((point >> 12) & 63))
        at[2] = <u8> (0x80 | ((point >> 6) & 63))
        at[3] = <u8> (0x80 | (point & 63))
        out.n += 4
    return 0


cdef int put_slice(Vec *out, const Text *text, u32 start, u32 end) except -1 nogil:
    """The code points `[start, end)` of a text inside a JSON string."""
    cdef u32 i
    cdef const u8 *p1
    cdef u8 *at
    if text.kind == 1:
        p1 = <const u8 *> text.points
        room(out, end - start)
        at = <u8 *> out.data + out.n
        i = start
        while i < end and not ESCAPED[p1[i]]:
            at[i - start] = p1[i]
            i += 1
        out.n += i - start
        for i in range(i, end):
            put_point(out, p1[i])
    elif text.kind == 2:
        for i in range(start, end):
            put_point(out, (<const u16 *> text.points)[i])
    else:
        for i in range(start, end):
            put_point(out, (<const u32 *> text.points)[i])
    return 0


cdef inline u32 point_of(const Text *text, u32 i) noexcept nogil:
    if text.kind == 1:
        return (<const u8 *> text.points)[i]
    if text.kind == 2:
        return (<const u16 *> text.points)[i]
    return (<const u32 *> text.points)[i]


cdef int put_value(Vec *out, const Text *text, u32 start, u32 end) except -1 nogil:
    """A number of a note as JSON has it: no grouping commas, no leading zeros, a digit before the point."""
    cdef u32 i, point
    while start + 1 < end and (point_of(text, start) == 48 or point_of(text, start) == 44) and point_of(text, start + 1) != 46:
        start += 1
    room(out, end - start + 1)
    if point_of(text, start) == 46:
        (<u8 *> out.data)[out.n] = 48
        out.n += 1
    for i in range(start, end):
        point = point_of(text, i)
        if point != 44:
            (<u8 *> out.data)[out.n] = <u8> point
            out.n += 1
    return 0


cdef class JsonWriter:
    """Renders documents of one artifact; keeps what it has rendered of terms, so keep it as long as the engine."""

    cdef Tables tables
    cdef Vec out                # u8
    cdef Vec fragments          # u8: rendered terms
    cdef u64 *term_at           # offset + 1 into fragments, 0 = not rendered yet; the fragment's length stands before it
    cdef list _axes             # rendered axes by bit pattern
    cdef dict _sections
    cdef dict _rules
    cdef dict _labels
    cdef dict _names
    cdef bytes _engine

    def __cinit__(self, Tables tables):
        self.tables = tables
        vec_init(&self.out, 1)
        vec_init(&self.fragments, 1)
        self.term_at = NULL
        self._axes = []
        for bits in range(32):
            parts = []
            for k, axis in enumerate(AXES):
                value = "null" if not (tables.axes >> k) & 1 else "true" if (bits >> k) & 1 else "false"
                parts.append(f',"{axis}":{value}')
            self._axes.append("".join(parts).encode("ascii"))
        self._sections = {}
        self._rules = {}
        self._labels = {}
        self._names = {}
        self._engine = json.dumps(tables.meta["fingerprint"]).encode("ascii")

    def __dealloc__(self):
        vec_free(&self.out)
        vec_free(&self.fragments)
        free(self.term_at)

    def document(self, Document document):
        """One note as JSON, without a newline."""
        self.out.n = 0
        self._write(document.batch, document.number)
        return PyBytes_FromStringAndSize(<char *> self.out.data, self.out.n)

    def lines(self, Batch batch):
        """All notes of a batch that did not fail, one line each."""
        cdef u32 number
        self.out.n = 0
        for number in range(<u32> (batch.docs.n - 1)):
            if not (<const DocRow *> batch.docs.data)[number].failed:
                self._write(batch, number)
                put(&self.out, <char *> b"\n", 1)
        return PyBytes_FromStringAndSize(<char *> self.out.data, self.out.n)

    cdef int _write(self, Batch batch, u32 number) except -1:
        cdef const DocRow *doc = &(<const DocRow *> batch.docs.data)[number]
        cdef Text text
        cdef str note = batch.texts[number]
        cdef bytes piece
        cdef u32 k
        cdef bint first = True
        text.points = PyUnicode_DATA(note)
        text.kind = PyUnicode_KIND(note)
        text.length = <u32> PyUnicode_GET_LENGTH(note)
        note_id = batch.ids[number] if batch.ids else None
        piece = b'{"schema":"rulener.document/1","note_id":%s,"engine":%s,"length":%d,"sections":[' % (
            json.dumps(note_id, ensure_ascii=True).encode("ascii"), self._engine, text.length)
        self._put(piece)
        for k in range(doc.section, doc[1].section):
            self._put_section(batch, k, k == doc.section)
        self._put(b'],"entities":[')
        for k in range(doc.entity, doc[1].entity):
            self._put_entity(batch, &text, k, doc.entity)
        self._put(b'],"relations":[]')
        if batch.metadata and batch.metadata[number]:
            self._put(b',"metadata":' + json.dumps(batch.metadata[number], ensure_ascii=True, separators=(",", ":")).encode("ascii"))
        self._put(b"}")
        return 0

    cdef inline int _put(self, bytes data) except -1:
        return put(&self.out, <char *> data, len(data))

    cdef int _put_section(self, Batch batch, u32 number, bint first) except -1:
        cdef const SectionSpan *s = &(<const SectionSpan *> batch.sections.data)[number]
        cdef bytes name = b'{"name":null,"rule":null'
        if s.heading != NONE:
            found = self._sections.get(s.heading)
            if found is None:
                section, rule, _ = self.tables.heading_view(s.heading)
                found = f'{{"name":{json.dumps(section)},"rule":{json.dumps(rule)}'.encode("ascii")
                self._sections[s.heading] = found
            name = found
        if not first:
            self._put(b",")
        self._put(name)
        self._put(b',"start":')
        put_number(&self.out, s.start)
        self._put(b',"end":')
        put_number(&self.out, s.end)
        self._put(b',"heading_start":')
        put_number(&self.out, s.heading_start)
        self._put(b',"heading_end":')
        put_number(&self.out, s.heading_end)
        self._put(b',"body":')
        put_number(&self.out, s.body)
        self._put(b"}")
        return 0

    cdef int _put_entity(self, Batch batch, const Text *text, u32 number, u32 first) except -1:
        cdef const EntityRow *row = &(<const EntityRow *> batch.entities.data)[number]
        cdef bytes piece
        if number != first:
            put(&self.out, <char *> b",", 1)
        put(&self.out, <char *> b'{"id":"T', 8)
        put_number(&self.out, number - first + 1)
        put(&self.out, <char *> b'","start":', 10)
        put_number(&self.out, row.start)
        put(&self.out, <char *> b',"end":', 7)
        put_number(&self.out, row.end)
        put(&self.out, <char *> b',"text":"', 9)
        put_slice(&self.out, text, row.start, row.end)
        put(&self.out, <char *> b'"', 1)
        self._put_label(batch, row.label)
        if row.term != NONE and row.n_more == 0 and not row.flags & ROW_LINKED:
            self._put_term(row.term)
        else:
            self._put(self._render_concepts(batch, number))
        piece = self._axes[row.axes & 31]
        self._put(piece)
        put(&self.out, <char *> b',"section":', 11)
        self._put_section_name(batch, row.section)
        put(&self.out, <char *> b',"sentence":', 12)
        put_number(&self.out, row.sentence)
        if row.n_attributes == 0 and row.n_cues == 0:
            put(&self.out, <char *> b',"attributes":{},"cues":[]}', 27)
            return 0
        self._put(b',"attributes":{')
        if row.n_attributes:
            self._put_attributes(batch, text, row)
        self._put(b'},"cues":[')
        if row.n_cues:
            self._put_cues(batch, row)
        self._put(b"]}")
        return 0

    cdef int _put_label(self, Batch batch, u32 label) except -1:
        cdef bytes piece
        name = batch.labels[label]
        found = self._labels.get(name)
        if found is None:
            found = b',"label":' + json.dumps(name).encode("ascii")
            self._labels[name] = found
        piece = found
        return self._put(piece)

    cdef int _put_term(self, u32 term) except -1:
        cdef u64 at
        cdef u64 length
        cdef bytes piece
        if term >= self.tables.n_terms:
            raise self.tables.corrupt()
        if self.term_at == NULL:
            self.term_at = <u64 *> calloc(self.tables.n_terms, 8)
            if self.term_at == NULL:
                raise MemoryError()
        if self.term_at[term] == 0:
            concepts = self.tables.concept_tuple(term)
            linking = LINKINGS[self.tables.linking_of(
                self.tables.terms[term].label, self.tables.concept_links + self.tables.terms[term].concept,
                self.tables.terms[term].n_concepts)]
            piece = self._render(concepts, linking, self.tables.rule_name(self.tables.terms[term].rule))
            self.term_at[term] = self.fragments.n + 1
            length = len(piece)
            put(&self.fragments, &length, 8)
            put(&self.fragments, <char *> piece, length)
        at = self.term_at[term] - 1
        memcpy(&length, <char *> self.fragments.data + at, 8)
        return put(&self.out, <char *> self.fragments.data + at + 8, length)

    cdef bytes _render(self, concepts, linking, rule):
        rendered = json.dumps([c.to_dict() for c in concepts], ensure_ascii=True, separators=(",", ":"))
        return f',"concepts":{rendered},"linking":{json.dumps(linking)},"rule":{json.dumps(rule)}'.encode("ascii")

    cdef bytes _render_concepts(self, Batch batch, u32 number):
        cdef const EntityRow *row = &(<const EntityRow *> batch.entities.data)[number]
        rule = None
        if row.term != NONE:
            if row.term >= self.tables.n_terms:
                raise self.tables.corrupt()
            rule = self.tables.rule_name(self.tables.terms[row.term].rule)
        return self._render(batch.concepts_of(number), LINKINGS[batch.linking_of(number)], rule)

    cdef int _put_section_name(self, Batch batch, u32 number) except -1:
        cdef const SectionSpan *s
        cdef bytes piece
        if number == NONE:
            return put(&self.out, <char *> b"null", 4)
        s = &(<const SectionSpan *> batch.sections.data)[number]
        if s.heading == NONE:
            return put(&self.out, <char *> b"null", 4)
        found = self._sections.get(("name", s.heading))
        if found is None:
            found = json.dumps(self.tables.heading_view(s.heading)[0]).encode("ascii")
            self._sections[("name", s.heading)] = found
        piece = found
        return self._put(piece)

    cdef int _put_attributes(self, Batch batch, const Text *text, const EntityRow *row) except -1:
        cdef const Attribute *a
        cdef u32 k
        cdef bytes piece
        for k in range(row.n_attributes):
            a = &(<const Attribute *> batch.attributes.data)[row.attribute + k]
            if k:
                put(&self.out, <char *> b",", 1)
            found = self._names.get(a.name)
            if found is None:
                found = json.dumps(self.tables.string(a.name)).encode("ascii") + b':{"text":"'
                self._names[a.name] = found
            piece = found
            self._put(piece)
            put_slice(&self.out, text, a.start, a.end)
            put(&self.out, <char *> b'","start":', 10)
            put_number(&self.out, a.start)
            put(&self.out, <char *> b',"end":', 7)
            put_number(&self.out, a.end)
            put(&self.out, <char *> b',"number":', 10)
            if a.numeric:
                put_value(&self.out, text, a.start, a.end)
            else:
                put(&self.out, <char *> b"null", 4)
            put(&self.out, <char *> b"}", 1)
        return 0

    cdef int _put_cues(self, Batch batch, const EntityRow *row) except -1:
        cdef const CueMark *c
        cdef u32 k
        cdef bytes piece
        for k in range(row.n_cues):
            c = &(<const CueMark *> batch.cues.data)[row.cue + k]
            if k:
                put(&self.out, <char *> b",", 1)
            key = (c.axis, c.rule)
            found = self._rules.get(key)
            if found is None:
                found = (f'{{"axis":"{AXES[c.axis]}","start":'.encode("ascii"),
                         f',"rule":{json.dumps(self.tables.rule_name(c.rule))},"scope_start":'.encode("ascii"))
                self._rules[key] = found
            piece = found[0]
            self._put(piece)
            put_number(&self.out, c.start)
            put(&self.out, <char *> b',"end":', 7)
            put_number(&self.out, c.end)
            piece = found[1]
            self._put(piece)
            put_number(&self.out, c.scope_start)
            put(&self.out, <char *> b',"scope_end":', 13)
            put_number(&self.out, c.scope_end)
            put(&self.out, <char *> b',"via":"', 8)
            piece = VIA[c.via]
            self._put(piece)
            put(&self.out, <char *> b'"}', 2)
        return 0
