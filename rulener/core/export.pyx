# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The rows of a batch as Arrow-shaped buffers (offsets, indices, bitmaps), without a Python object per entity."""

from cpython.unicode cimport PyUnicode_DATA, PyUnicode_GET_LENGTH, PyUnicode_KIND
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memmove, memset

from rulener.core.columns cimport ROW_LINKED, Batch, DocRow, EntityRow, LinkedConcept, LinkedRow, Tables, is_better
from rulener.core.memory cimport Column, Vec, column, vec_grow, vec_init, vec_push
from rulener.core.structs cimport *

from rulener.core.views import MAX_NUMBER_LENGTH

cdef enum:
    MAX_BYTES = 0x7FFFFFFF      # of one string column: Arrow's plain strings have 32-bit offsets


cdef double[16] POWERS
POWERS[:] = [10.0**k for k in range(16)]


cdef struct Numbered:
    u32 string
    u32 index                   # dense index + 1; 0: an empty slot


cdef class Words:
    """A dictionary column under construction: string numbers of the artifact to dense indices, in order of first use."""

    cdef Tables tables
    cdef Numbered *slots        # open addressing by string number; it grows with the batch, not with the lexicon
    cdef u32 shift              # 64 - bits of a slot's number
    cdef Column offsets         # i32, one more than strings
    cdef Column data            # u8
    cdef u32 count

    def __cinit__(self, Tables tables):
        self.tables = tables
        self.shift = 64 - 8
        self.slots = <Numbered *> calloc(1 << 8, sizeof(Numbered))
        if self.slots == NULL:
            raise MemoryError()
        self.offsets = column(4, b"i")
        self.data = column(1, b"B")
        (<i32 *> vec_push(&self.offsets.vec))[0] = 0
        self.count = 0

    def __dealloc__(self):
        free(self.slots)

    cdef inline Numbered *_slot(self, u32 string) noexcept nogil:
        """Where a string number stands, or would."""
        cdef u64 mask = (<u64> 1 << (64 - self.shift)) - 1
        cdef u64 k = ((<u64> string + 1) * <u64> 0x9E3779B97F4A7C15) >> self.shift
        while self.slots[k].index and self.slots[k].string != string:
            k = (k + 1) & mask
        return &self.slots[k]

    cdef int _grow(self) except -1 nogil:
        cdef Numbered *old = self.slots
        cdef u64 k, n = <u64> 1 << (64 - self.shift)
        cdef Numbered *made = <Numbered *> calloc(n * 2, sizeof(Numbered))
        if made == NULL:
            with gil:
                raise MemoryError()
        self.slots = made
        self.shift -= 1
        for k in range(n):
            if old[k].index:
                self._slot(old[k].string)[0] = old[k]
        free(old)
        return 0

    cdef int _append(self, const u8 *text, u64 length) except -1 nogil:
        cdef Vec *data = &self.data.vec
        if data.n + length > MAX_BYTES:
            with gil:
                _too_big()
        if data.n + length > data.capacity:
            vec_grow(data, (data.n + length) * 2)
        if length:
            memcpy(<u8 *> data.data + data.n, text, length)
        data.n += length
        return 0

    cdef int _append_plain(self, str text) except -1:
        cdef bytes data = plain_utf8(text)
        return self._append(<const u8 *> <char *> data, len(data))

    cdef i32 put(self, u32 string) except? -2 nogil:
        """The dense index of a string; -1 for NONE."""
        cdef u64 begin, end
        cdef Vec *data
        cdef Numbered *slot
        if string == NONE:
            return -1
        if string >= self.tables.n_strings:
            with gil:
                raise self.tables.corrupt()
        slot = self._slot(string)
        if slot.index:
            return <i32> (slot.index - 1)
        begin = self.tables.string_offsets[string]
        end = self.tables.string_offsets[string + 1]
        if begin > end or end > self.tables.string_length:
            with gil:
                raise self.tables.corrupt()
        if _is_utf8(self.tables.string_bytes + begin, end - begin):
            self._append(self.tables.string_bytes + begin, end - begin)
        else:
            with gil:
                self._append_plain(self.tables.string(string))
        data = &self.data.vec
        (<i32 *> vec_push(&self.offsets.vec))[0] = <i32> data.n
        slot.string = string
        slot.index = self.count + 1
        self.count += 1
        if self.count > <u32> 1 << (63 - self.shift):
            self._grow()
        return <i32> (self.count - 1)


cdef bint _is_utf8(const u8 *p, u64 length) noexcept nogil:
    """Whether the bytes are UTF-8 as Arrow wants it (no lone surrogate)."""
    cdef u64 i = 0, more, k
    cdef u32 c, point
    while i < length:
        c = p[i]
        if c < 0x80:
            i += 1
            continue
        if 0xC2 <= c < 0xE0:
            more, point = 1, c & 0x1F
        elif 0xE0 <= c < 0xF0:
            more, point = 2, c & 0x0F
        elif 0xF0 <= c < 0xF5:
            more, point = 3, c & 0x07
        else:
            return False
        if i + more >= length:
            return False
        for k in range(1, more + 1):
            if (p[i + k] & 0xC0) != 0x80:
                return False
            point = (point << 6) | (p[i + k] & 0x3F)
        if (more == 2 and point < 0x800) or (more == 3 and (point < 0x10000 or point > 0x10FFFF)) or 0xD800 <= point < 0xE000:
            return False
        i += more + 1
    return True


def plain_utf8(str text):
    """UTF-8 of a text, lone surrogates as U+FFFD: what Arrow strings need."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode("utf-8")


def _too_big():
    raise OverflowError("the batch's strings pass 2 GiB; annotate fewer notes at a time")


cdef Column _sized(u64 n, u64 item, bytes format):
    cdef Column made = column(item, format)
    if n:
        vec_grow(&made.vec, n)
    made.vec.n = n
    return made


cdef class _Nullable:
    """Dense indices with a validity bitmap."""

    cdef Column values
    cdef Column valid
    cdef u64 nulls

    def __cinit__(self, u64 n):
        self.values = _sized(n, 4, b"i")
        self.valid = _sized((n + 7) // 8, 1, b"B")
        if n:
            memset(self.valid.vec.data, 0, (n + 7) // 8)
        self.nulls = 0

    cdef void set(self, u64 at, i32 value) noexcept nogil:
        if value < 0:
            self.nulls += 1
            (<i32 *> self.values.vec.data)[at] = 0
        else:
            (<i32 *> self.values.vec.data)[at] = value
            (<u8 *> self.valid.vec.data)[at >> 3] |= <u8> (1 << (at & 7))

    cdef tuple parts(self):
        return (self.values, self.valid, self.nulls)


cdef int _utf8(Vec *out, const Text *text, u32 start, u32 end) except -1 nogil:
    """Append code points as UTF-8; lone surrogates become U+FFFD, which Arrow strings need."""
    cdef u32 i, point
    cdef u8 *at
    if out.n + <u64> (end - start) * 4 > out.capacity:
        vec_grow(out, (out.n + <u64> (end - start) * 4) * 2)
    at = <u8 *> out.data + out.n
    for i in range(start, end):
        if text.kind == 1:
            point = (<const u8 *> text.points)[i]
        elif text.kind == 2:
            point = (<const u16 *> text.points)[i]
        else:
            point = (<const u32 *> text.points)[i]
        if point < 0x80:
            at[0] = <u8> point
            at += 1
        elif point < 0x800:
            at[0] = <u8> (0xC0 | (point >> 6))
            at[1] = <u8> (0x80 | (point & 63))
            at += 2
        else:
            if 0xD800 <= point < 0xE000:
                point = 0xFFFD
            if point < 0x10000:
                at[0] = <u8> (0xE0 | (point >> 12))
                at[1] = <u8> (0x80 | ((point >> 6) & 63))
                at[2] = <u8> (0x80 | (point & 63))
                at += 3
            else:
                at[0] = <u8> (0xF0 | (point >> 18))
                at[1] = <u8> (0x80 | ((point >> 12) & 63))
                at[2] = <u8> (0x80 | ((point >> 6) & 63))
                at[3] = <u8> (0x80 | (point & 63))
                at += 4
    out.n = <u64> (at - <u8 *> out.data)
    if out.n > MAX_BYTES:
        with gil:
            _too_big()
    return 0


cdef inline void _view(object note, Text *text):
    text.points = PyUnicode_DATA(note)
    text.kind = PyUnicode_KIND(note)
    text.length = <u32> PyUnicode_GET_LENGTH(note)


def entity_columns(Batch batch):
    """Every column of the entity table as buffers; `rulener.formats.arrow` gives them their types."""
    cdef Tables tables = batch.tables
    cdef const EntityRow *rows = <const EntityRow *> batch.entities.data
    cdef const EntityRow *row
    cdef const SectionSpan *span
    cdef u64 n = batch.entities.n, k
    cdef u32 axis, doc, i
    cdef Column docs = _sized(n, 4, b"i"), starts = _sized(n, 4, b"i"), ends = _sized(n, 4, b"i")
    cdef Column labels = _sized(n, 4, b"i"), sentences = _sized(n, 4, b"i")
    cdef Column text_offsets = _sized(n + 1, 4, b"i"), text_data = column(1, b"B")
    cdef _Nullable rules = _Nullable(n), sections = _Nullable(n)
    cdef Words rule_words = Words(tables), section_words = Words(tables)
    cdef list axes = []
    cdef u8 *bitmap
    cdef Text text
    cdef const DocRow *doc_rows = <const DocRow *> batch.docs.data
    for axis in range(5):
        made = _sized((n + 7) // 8, 1, b"B")
        axes.append(made)
    with nogil:
        for k in range(n):
            row = &rows[k]
            (<i32 *> docs.vec.data)[k] = <i32> row.doc
            (<i32 *> starts.vec.data)[k] = <i32> row.start
            (<i32 *> ends.vec.data)[k] = <i32> row.end
            (<i32 *> labels.vec.data)[k] = <i32> row.label
            (<i32 *> sentences.vec.data)[k] = <i32> row.sentence
            if row.term == NONE or row.term >= tables.n_terms or tables.terms[row.term].rule >= tables.n_rules:
                rules.set(k, -1)
            else:
                rules.set(k, rule_words.put(tables.rules[tables.terms[row.term].rule].name))
            if row.section == NONE:
                sections.set(k, -1)
            else:
                span = &(<const SectionSpan *> batch.sections.data)[row.section]
                sections.set(k, -1 if span.heading == NONE else section_words.put(tables.headings[span.heading].name))
    for axis in range(5):
        bitmap = <u8 *> (<Column> axes[axis]).vec.data
        if n:
            memset(bitmap, 0, (n + 7) // 8)
        for k in range(n):
            if (rows[k].axes >> axis) & 1:
                bitmap[k >> 3] |= <u8> (1 << (k & 7))
    (<i32 *> text_offsets.vec.data)[0] = 0
    for doc in range(<u32> (batch.docs.n - 1)):
        if doc_rows[doc].entity == doc_rows[doc + 1].entity:
            continue
        _view(batch.texts[doc], &text)
        with nogil:
            for i in range(doc_rows[doc].entity, doc_rows[doc + 1].entity):
                _utf8(&text_data.vec, &text, rows[i].start, rows[i].end)
                (<i32 *> text_offsets.vec.data)[i + 1] = <i32> text_data.vec.n
    return {
        "n": n,
        "doc": docs,
        "start": starts,
        "end": ends,
        "label": labels,
        "sentence": sentences,
        "text": (text_offsets, text_data),
        "rule": (rules.parts(), (rule_words.offsets, rule_words.data)),
        "section": (sections.parts(), (section_words.offsets, section_words.data)),
        "axes": axes,
        "assessed": [bool((tables.axes >> axis) & 1) for axis in range(5)],
        "concepts": _concept_columns(batch),
        "attributes": _attribute_columns(batch),
        "cues": _cue_columns(batch),
    }


cdef dict _concept_columns(Batch batch):
    cdef Tables tables = batch.tables
    cdef const EntityRow *rows = <const EntityRow *> batch.entities.data
    cdef u64 n = batch.entities.n, k, total = 0
    cdef u32 m, c, term, number, label
    cdef Column offsets = _sized(n + 1, 4, b"i"), scores, steps
    cdef const Term *t
    cdef const LinkedRow *linked
    cdef const LinkedConcept *made
    cdef _Nullable systems, codes, names, linkings = _Nullable(n)
    cdef Words system_words = Words(tables), code_words = Words(tables), name_words = Words(tables)
    cdef Column held = column(sizeof(ConceptLink), b"IHBB")
    cdef Column extra = column(sizeof(FoundConcept), b"IId")
    cdef ConceptLink link
    (<i32 *> offsets.vec.data)[0] = 0
    with nogil:
        for k in range(n):
            total = held.vec.n
            if rows[k].flags & ROW_LINKED:
                linked = batch.linked_row(<u32> k)
                for c in range(linked.n):
                    made = &(<const LinkedConcept *> batch.linked_concepts.data)[linked.first + c]
                    link.concept = made.concept
                    link.rank = link.variant = link.link_only = 0
                    if not _has(tables.concepts, &held.vec, total, &link):
                        _set_found(&extra.vec, held.vec.n, made.score, made.step)
                        (<ConceptLink *> vec_push(&held.vec))[0] = link
                linkings.set(k, <i32> linked.linking - 1)
                (<i32 *> offsets.vec.data)[k + 1] = <i32> held.vec.n
                continue
            label = NONE
            for m in range(<u32> rows[k].n_more + 1):
                term = rows[k].term if m == 0 else (<const u32 *> batch.more.data)[rows[k].more + m - 1]
                if term >= tables.n_terms:
                    continue        # a given mention
                t = &tables.terms[term]
                label = t.label
                if <u64> t.concept + t.n_concepts > tables.n_concept_links:
                    with gil:
                        raise tables.corrupt()
                for c in range(t.n_concepts):
                    link = tables.concept_links[t.concept + c]
                    if link.concept >= tables.n_concepts:
                        with gil:
                            raise tables.corrupt()
                    if rows[k].n_more == 0:
                        if c and _has(tables.concepts, &held.vec, total, &link):
                            continue
                        (<ConceptLink *> vec_push(&held.vec))[0] = link
                    else:
                        _insert(tables.concepts, &held.vec, total, &link)
            if held.vec.n > MAX_BYTES:
                with gil:
                    _too_big()
            linkings.set(k, <i32> tables.linking_of(label, <ConceptLink *> held.vec.data + total, held.vec.n - total) - 1)
            (<i32 *> offsets.vec.data)[k + 1] = <i32> held.vec.n
    scores = _sized(held.vec.n, 8, b"d")
    steps = _sized(held.vec.n, 4, b"i")
    systems = _Nullable(held.vec.n)
    codes = _Nullable(held.vec.n)
    names = _Nullable(held.vec.n)
    with nogil:
        for k in range(held.vec.n):
            number = (<ConceptLink *> held.vec.data)[k].concept
            systems.set(k, system_words.put(tables.concepts[number].system))
            codes.set(k, code_words.put(tables.concepts[number].code))
            names.set(k, name_words.put(tables.concepts[number].name))
            m = (<ConceptLink *> held.vec.data)[k].variant != 0
            (<double *> scores.vec.data)[k] = 0.95 if m else 1.0
            (<i32 *> steps.vec.data)[k] = <i32> m
        for k in range(extra.vec.n):
            number = (<FoundConcept *> extra.vec.data)[k].concept
            (<double *> scores.vec.data)[number] = (<FoundConcept *> extra.vec.data)[k].score
            (<i32 *> steps.vec.data)[number] = <i32> (<FoundConcept *> extra.vec.data)[k].step
    return {
        "n": held.vec.n,
        "linking": linkings.parts(),
        "score": scores,
        "step": steps,
        "standard": _standard_columns(tables, held) if tables.meta["counts"].get("standards") else None,
        "offsets": offsets,
        "system": (systems.parts(), (system_words.offsets, system_words.data)),
        "code": (codes.parts(), (code_words.offsets, code_words.data)),
        "name": (names.parts(), (name_words.offsets, name_words.data)),
    }


cdef dict _standard_columns(Tables tables, Column held):
    """The standard concepts of the concepts: system, code and OMOP id."""
    cdef u64 n = held.vec.n, k
    cdef u32 number
    cdef _Nullable systems = _Nullable(n), codes = _Nullable(n), ids = _Nullable(n)
    cdef Words system_words = Words(tables), code_words = Words(tables)
    with nogil:
        for k in range(n):
            number = (<ConceptLink *> held.vec.data)[k].concept
            ids.set(k, -1 if tables.concepts[number].standard_id > MAX_BYTES else <i32> tables.concepts[number].standard_id)
            number = tables.concepts[number].standard
            if number != NONE and number >= tables.n_concepts:
                with gil:
                    raise tables.corrupt()
            systems.set(k, -1 if number == NONE else system_words.put(tables.concepts[number].system))
            codes.set(k, -1 if number == NONE else code_words.put(tables.concepts[number].code))
    return {
        "system": (systems.parts(), (system_words.offsets, system_words.data)),
        "code": (codes.parts(), (code_words.offsets, code_words.data)),
        "id": ids.parts(),
    }


cdef struct FoundConcept:       # what the linker says of a concept column's item
    u32 concept
    u32 step
    double score


cdef int _set_found(Vec *found, u64 item, double score, u32 step) except -1 nogil:
    cdef FoundConcept *made = <FoundConcept *> vec_push(found)
    made.concept = <u32> item
    made.step = step
    made.score = score
    return 0


cdef bint _has(const Concept *concepts, const Vec *links, u64 begin, const ConceptLink *link) noexcept nogil:
    """Whether a concept with this system and code is among them; without a code, with this name."""
    cdef u64 k
    for k in range(begin, links.n):
        if _is_same(&concepts[(<const ConceptLink *> links.data)[k].concept], &concepts[link.concept]):
            return True
    return False


cdef inline bint _is_same(const Concept *a, const Concept *b) noexcept nogil:
    return a.system == b.system and a.code == b.code and (a.code != NONE or a.name == b.name)


cdef int _insert(const Concept *concepts, Vec *links, u64 begin, const ConceptLink *link) except -1 nogil:
    """Put a link of a mention of several terms in its place: best first, each concept once."""
    cdef ConceptLink *held
    cdef u64 k, place
    vec_push(links)
    held = <ConceptLink *> links.data
    place = links.n - 1
    while place > begin and is_better(link, &held[place - 1]):
        place -= 1
    for k in range(begin, place):
        if _is_same(&concepts[held[k].concept], &concepts[link.concept]):
            links.n -= 1
            return 0
    k = place
    while k + 1 < links.n and not _is_same(&concepts[held[k].concept], &concepts[link.concept]):
        k += 1
    memmove(&held[place + 1], &held[place], (k - place) * sizeof(ConceptLink))
    held[place] = link[0]
    if k + 1 < links.n:
        links.n -= 1        # the worse link of this concept was overwritten
    return 0



cdef dict _attribute_columns(Batch batch):
    cdef Tables tables = batch.tables
    cdef const EntityRow *rows = <const EntityRow *> batch.entities.data
    cdef const DocRow *docs = <const DocRow *> batch.docs.data
    cdef const Attribute *a
    cdef u64 n = batch.entities.n, total = batch.attributes.n, at = 0
    cdef u32 m, doc, k
    cdef Column offsets = _sized(n + 1, 4, b"i"), starts = _sized(total, 4, b"i"), ends = _sized(total, 4, b"i")
    cdef Column text_offsets = _sized(total + 1, 4, b"i"), text_data = column(1, b"B")
    cdef Column numbers = _sized(total, 8, b"d"), valid = _sized((total + 7) // 8, 1, b"B")
    cdef _Nullable names = _Nullable(total)
    cdef Words name_words = Words(tables)
    cdef Text text
    cdef u32 longest = MAX_NUMBER_LENGTH
    if total:
        memset(valid.vec.data, 0, (total + 7) // 8)
    (<i32 *> offsets.vec.data)[0] = 0
    (<i32 *> text_offsets.vec.data)[0] = 0
    for doc in range(<u32> (batch.docs.n - 1)):
        if docs[doc].entity == docs[doc + 1].entity:
            continue
        _view(batch.texts[doc], &text)
        with nogil:
            for k in range(docs[doc].entity, docs[doc + 1].entity):
                for m in range(rows[k].n_attributes):
                    a = &(<const Attribute *> batch.attributes.data)[rows[k].attribute + m]
                    names.set(at, name_words.put(a.name))
                    (<i32 *> starts.vec.data)[at] = <i32> a.start
                    (<i32 *> ends.vec.data)[at] = <i32> a.end
                    _utf8(&text_data.vec, &text, a.start, a.end)
                    (<i32 *> text_offsets.vec.data)[at + 1] = <i32> text_data.vec.n
                    (<double *> numbers.vec.data)[at] = 0
                    if a.numeric:
                        if a.end - a.start <= longest:
                            (<double *> numbers.vec.data)[at] = _number(&text, a.start, a.end)
                            (<u8 *> valid.vec.data)[at >> 3] |= <u8> (1 << (at & 7))
                    at += 1
                (<i32 *> offsets.vec.data)[k + 1] = <i32> at
    return {
        "n": at,
        "offsets": offsets,
        "name": (names.parts(), (name_words.offsets, name_words.data)),
        "text": (text_offsets, text_data),
        "start": starts,
        "end": ends,
        "number": (numbers, valid),
    }


cdef double _number(const Text *text, u32 start, u32 end) except? -1 nogil:
    """The value of a number token: digits, grouping commas, at most one point."""
    cdef u64 digits = 0
    cdef u32 i, point, places = 0, n = 0
    cdef bint after_point = False
    for i in range(start, end):
        point = (<const u8 *> text.points)[i] if text.kind == 1 else (
            (<const u16 *> text.points)[i] if text.kind == 2 else (<const u32 *> text.points)[i])
        if point == 46:
            after_point = True
        elif point != 44:
            digits = digits * 10 + (point - 48)
            places += after_point
            n += 1
            if n > 15:
                with gil:
                    return _long_number(text, start, end)
    # Both are exact doubles, so the quotient is the nearest one to the number written.
    return <double> digits / POWERS[places]


cdef double _long_number(const Text *text, u32 start, u32 end) except? -1:
    digits = ""
    for i in range(start, end):
        digits += chr((<const u8 *> text.points)[i] if text.kind == 1 else (
            (<const u16 *> text.points)[i] if text.kind == 2 else (<const u32 *> text.points)[i]))
    return float(digits.replace(",", ""))


cdef dict _cue_columns(Batch batch):
    cdef Tables tables = batch.tables
    cdef const EntityRow *rows = <const EntityRow *> batch.entities.data
    cdef const CueMark *cues = <const CueMark *> batch.cues.data
    cdef const CueMark *cue
    cdef u64 n = batch.entities.n, k, m, total = batch.cues.n
    cdef Column offsets = _sized(n + 1, 4, b"i")
    cdef Column axis = _sized(total, 4, b"i"), via = _sized(total, 4, b"i"), start = _sized(total, 4, b"i")
    cdef Column end = _sized(total, 4, b"i"), scope_start = _sized(total, 4, b"i"), scope_end = _sized(total, 4, b"i")
    cdef _Nullable rules = _Nullable(total)
    cdef Words rule_words = Words(tables)
    cdef u64 at = 0
    (<i32 *> offsets.vec.data)[0] = 0
    with nogil:
        for k in range(n):
            for m in range(rows[k].n_cues):
                cue = &cues[rows[k].cue + m]
                (<i32 *> axis.vec.data)[at] = <i32> cue.axis
                (<i32 *> via.vec.data)[at] = <i32> cue.via
                (<i32 *> start.vec.data)[at] = <i32> cue.start
                (<i32 *> end.vec.data)[at] = <i32> cue.end
                (<i32 *> scope_start.vec.data)[at] = <i32> cue.scope_start
                (<i32 *> scope_end.vec.data)[at] = <i32> cue.scope_end
                rules.set(at, -1 if cue.rule >= tables.n_rules else rule_words.put(tables.rules[cue.rule].name))
                at += 1
            (<i32 *> offsets.vec.data)[k + 1] = <i32> at
    return {
        "n": at,
        "offsets": offsets,
        "axis": axis,
        "via": via,
        "start": start,
        "end": end,
        "scope_start": scope_start,
        "scope_end": scope_end,
        "rule": (rules.parts(), (rule_words.offsets, rule_words.data)),
    }
