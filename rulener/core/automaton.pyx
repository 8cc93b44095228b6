# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The builder: surfaces in, the automaton's flat tables out. One builder for packs and lexicons of any size.

The build form (growing arrays, insertion order) is not the search form (`automaton.pxd`): `finish` renumbers the tokens so that
those that begin a form are 1..F, inserts every form into one hash table of edges, orders states by depth, and computes fail
and output links. Everything follows insertion order, so the same input gives the same bytes.
"""

from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memmove, memset

from rulener.core.memory cimport Column, Vec, column, vec_free, vec_grow, vec_init, vec_push
from rulener.core.structs cimport *
from rulener.core.text cimport (
    MAX_FOLDED,
    Folded,
    Lexis,
    TokenBuffer,
    case_pattern,
    fold_token,
    folded_key,
    free_tokens,
    hash_folded,
    mark_lines,
    read_text,
    tokenise,
)

MAX_FORM_TOKENS = 64
cdef enum:
    _MAX_FORM_TOKENS = 64


cdef struct Spelling:           # a vocabulary entry under construction
    u64 key
    u32 arena_byte              # into the arena: length byte + folded bytes, for every entry
    u32 first                   # 1 when it begins a form


cdef struct FormSpan:
    u64 offset                  # into the token sequence
    u32 length
    u32 hash


cdef struct RawEntry:
    u32 form
    u32 ref                     # kind TERM: concept number or NONE
    u32 case_byte
    u32 rule
    i16 priority
    u16 label
    u8 kind
    u8 head
    u8 tail
    u8 lexicon                  # 1: several concepts of one rule, form, label and case are one term
    u32 unless
    u16 n_unless
    u16 rank
    u32 surround
    u8 variant
    u8 link_only


cdef inline bint _is_better(const ConceptLink *a, const ConceptLink *b) noexcept nogil:
    """As the source writes it before a variant, then by rank."""
    if (a.variant != 0) != (b.variant != 0):
        return a.variant == 0
    return a.rank < b.rank


cdef inline u32 _power(u64 need) noexcept nogil:
    """Smallest exponent with 2**exponent >= need, at least 4."""
    cdef u32 bits = 4
    while (<u64> 1 << bits) < need:
        bits += 1
    return bits


cdef class Index:
    """Open-addressing map from a hash to item numbers (number + 1; 0 = empty); the owner compares items."""

    cdef u32 *slots
    cdef u32 bits
    cdef u64 used

    def __cinit__(self):
        self.bits = 10
        self.used = 0
        self.slots = <u32 *> calloc(<size_t> 1 << self.bits, 4)
        if self.slots == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free(self.slots)


cdef class Strings:
    """Distinct UTF-8 strings, numbered in the order they came."""

    cdef Index index
    cdef Vec bytes_             # u8
    cdef Vec offsets            # u64, one more than strings

    def __cinit__(self):
        self.index = Index()
        vec_init(&self.bytes_, 1)
        vec_init(&self.offsets, 8)
        (<u64 *> vec_push(&self.offsets))[0] = 0

    def __dealloc__(self):
        vec_free(&self.bytes_)
        vec_free(&self.offsets)

    cdef u64 _hash(self, u32 number) noexcept:
        cdef u64 *offsets = <u64 *> self.offsets.data
        return _hash_bytes(<u8 *> self.bytes_.data + offsets[number], offsets[number + 1] - offsets[number])

    cdef int _grow(self) except -1:
        cdef u32 bits = self.index.bits + 1
        cdef u32 *slots = <u32 *> calloc(<size_t> 1 << bits, 4)
        cdef u64 mask = (<u64> 1 << bits) - 1, slot, count = self.offsets.n - 1
        cdef u32 i
        if slots == NULL:
            raise MemoryError()
        for i in range(<u32> count):
            slot = self._hash(i) >> (64 - bits)
            while slots[slot]:
                slot = (slot + 1) & mask
            slots[slot] = i + 1
        free(self.index.slots)
        self.index.slots = slots
        self.index.bits = bits
        return 0

    cpdef u32 add(self, str text) except? 0xFFFFFFFE:
        cdef bytes data = text.encode("utf-8", "surrogatepass")
        cdef const u8 *p = data
        cdef u64 length = len(data), slot, mask
        cdef u64 *offsets
        cdef u32 number
        slot = _hash_bytes(p, length) >> (64 - self.index.bits)
        mask = (<u64> 1 << self.index.bits) - 1
        offsets = <u64 *> self.offsets.data
        while self.index.slots[slot]:
            number = self.index.slots[slot] - 1
            if offsets[number + 1] - offsets[number] == length and memcmp(<u8 *> self.bytes_.data + offsets[number], p, length) == 0:
                return number
            slot = (slot + 1) & mask
        number = <u32> (self.offsets.n - 1)
        self.index.slots[slot] = number + 1
        if self.bytes_.n + length > self.bytes_.capacity:
            vec_grow(&self.bytes_, self.bytes_.n + length + self.bytes_.n // 2)
        memcpy(<u8 *> self.bytes_.data + self.bytes_.n, p, length)
        self.bytes_.n += length
        (<u64 *> vec_push(&self.offsets))[0] = self.bytes_.n
        self.index.used += 1
        if self.index.used * 2 > (<u64> 1 << self.index.bits):
            self._grow()
        return number


cdef u64 _hash_bytes(const u8 *p, u64 length) noexcept nogil:
    cdef u64 h = length * <u64> 0x9E3779B97F4A7C15, word
    while length >= 8:
        memcpy(&word, p, 8)
        h = (h ^ word) * <u64> 0xD6E8FEB86659FD93
        h ^= h >> 32
        p += 8
        length -= 8
    word = 0
    memcpy(&word, p, length)
    h = (h ^ word) * <u64> 0xD6E8FEB86659FD93
    h ^= h >> 32
    h *= <u64> 0x9E3779B97F4A7C15
    return h


cdef class Builder:
    """Collects forms and their entries; `finish` gives the artifact's big tables.

    Entry numbers, kinds and references are those of `structs.pxd`. Raises ValueError when a surface has no token or more than
    MAX_FORM_TOKENS, OverflowError when a table passes 2**32 - 2 items.
    """

    cdef Lexis lexis
    cdef TokenBuffer buffer
    cdef object _fold_buffers
    cdef VocabSlot[16] _empty
    cdef u8[8] _no_arena
    cdef readonly Strings strings
    cdef Index vocabulary
    cdef Vec spellings          # Spelling
    cdef Vec arena              # u8
    cdef Index forms_index
    cdef Vec forms              # FormSpan
    cdef Vec sequence           # u32: all forms' tokens
    cdef Vec entries            # RawEntry
    cdef Vec cases              # u8
    cdef Index concept_index
    cdef Vec concepts           # Concept
    cdef Vec scratch            # u32
    cdef dict _case_offsets
    cdef dict _word_flags
    cdef readonly list variants # names of the variant rules; the first, "", is: as the source writes it
    cdef dict _variant_numbers

    def __cinit__(self, fold_pages, fold_cells, fold_text):
        cdef const u16[::1] pages = fold_pages
        cdef const u32[::1] cells = fold_cells
        cdef const u32[::1] text = fold_text
        self._fold_buffers = (fold_pages, fold_cells, fold_text)
        memset(&self.lexis, 0, sizeof(Lexis))
        memset(&self.buffer, 0, sizeof(TokenBuffer))
        memset(self._empty, 0, sizeof(self._empty))
        self.lexis.fold_pages = &pages[0]
        self.lexis.fold_cells = &cells[0]
        self.lexis.fold_text = &text[0]
        self.lexis.slots = self._empty
        self.lexis.slot_mask = 15
        self.lexis.slot_shift = 60
        self.lexis.arena = self._no_arena
        self.strings = Strings()
        self.vocabulary = Index()
        self.forms_index = Index()
        self.concept_index = Index()
        vec_init(&self.spellings, sizeof(Spelling))
        vec_init(&self.arena, 1)
        vec_init(&self.forms, sizeof(FormSpan))
        vec_init(&self.sequence, 4)
        vec_init(&self.entries, sizeof(RawEntry))
        vec_init(&self.cases, 1)
        vec_init(&self.concepts, sizeof(Concept))
        vec_init(&self.scratch, 4)
        self._case_offsets = {}
        self._word_flags = {}
        self.variants = [""]
        self._variant_numbers = {"": 0}

    def __dealloc__(self):
        free_tokens(&self.buffer)
        vec_free(&self.spellings)
        vec_free(&self.arena)
        vec_free(&self.forms)
        vec_free(&self.sequence)
        vec_free(&self.entries)
        vec_free(&self.cases)
        vec_free(&self.concepts)
        vec_free(&self.scratch)

    # --- vocabulary ---------------------------------------------------------------------------------------------------

    cdef u32 _spelling(self, Folded *folded) except? 0xFFFFFFFE:
        """Number of a folded token, new or known."""
        cdef u64 key = folded_key(folded)
        cdef u64 mask = (<u64> 1 << self.vocabulary.bits) - 1
        cdef u64 slot = (key * <u64> 0x9E3779B97F4A7C15) >> (64 - self.vocabulary.bits)
        cdef Spelling *all_ = <Spelling *> self.spellings.data
        cdef Spelling *s
        cdef const u8 *stored
        cdef u32 number
        while self.vocabulary.slots[slot]:
            number = self.vocabulary.slots[slot] - 1
            s = &all_[number]
            if s.key == key:
                stored = <u8 *> self.arena.data + s.arena_byte
                if stored[0] == folded.length and memcmp(stored + 1, folded.data, folded.length) == 0:
                    return number
            slot = (slot + 1) & mask
        number = <u32> self.spellings.n
        self.vocabulary.slots[slot] = number + 1
        s = <Spelling *> vec_push(&self.spellings)
        s.key = key
        s.first = 0
        if self.arena.n + 256 > <u64> 0xFFFFFFFE:
            raise OverflowError("the vocabulary's spellings pass 4 GiB")
        s.arena_byte = <u32> self.arena.n
        if self.arena.n + folded.length + 1 > self.arena.capacity:
            vec_grow(&self.arena, self.arena.n * 3 // 2 + folded.length + 1)
        (<u8 *> self.arena.data)[self.arena.n] = <u8> folded.length
        memcpy(<u8 *> self.arena.data + self.arena.n + 1, folded.data, folded.length)
        self.arena.n += folded.length + 1
        self.vocabulary.used += 1
        if self.vocabulary.used * 2 > (<u64> 1 << self.vocabulary.bits):
            self._grow_vocabulary()
        return number

    cdef int _grow_vocabulary(self) except -1:
        cdef u32 bits = self.vocabulary.bits + 1, i
        cdef u32 *slots = <u32 *> calloc(<size_t> 1 << bits, 4)
        cdef u64 mask = (<u64> 1 << bits) - 1, slot
        cdef Spelling *all_ = <Spelling *> self.spellings.data
        if slots == NULL:
            raise MemoryError()
        for i in range(<u32> self.spellings.n):
            slot = (all_[i].key * <u64> 0x9E3779B97F4A7C15) >> (64 - bits)
            while slots[slot]:
                slot = (slot + 1) & mask
            slots[slot] = i + 1
        free(self.vocabulary.slots)
        self.vocabulary.slots = slots
        self.vocabulary.bits = bits
        return 0

    cdef u32 _tokens(self, str surface) except? 0xFFFFFFFE:
        """Tokenise `surface` into `self.scratch` as spelling numbers; returns how many."""
        cdef Text text
        cdef Folded folded
        cdef u32 i
        read_text(surface, &self.buffer, &text)
        tokenise(&text, &self.lexis, &self.buffer)
        if self.buffer.n == 0:
            raise ValueError("it has no letter, digit or punctuation mark")
        if self.buffer.n > _MAX_FORM_TOKENS:
            raise ValueError(f"it has {self.buffer.n} tokens; at most {_MAX_FORM_TOKENS} are allowed")
        self.scratch.n = 0
        for i in range(self.buffer.n):
            fold_token(&text, &self.lexis, &self.buffer.items[i], &folded)
            if folded.overflow:
                raise ValueError(f"one of its words is longer than {MAX_FOLDED} bytes when folded")
            (<u32 *> vec_push(&self.scratch))[0] = self._spelling(&folded)
        return self.buffer.n

    def token(self, str word):
        """The number of a single-token word. ValueError when it is not one token."""
        cdef u32 n = self._tokens(word)
        if n != 1:
            raise ValueError(f"it is {n} tokens, not one word")
        return (<u32 *> self.scratch.data)[0]

    def tokens(self, str surface):
        """The token numbers of a surface."""
        cdef u32 n = self._tokens(surface), i
        return [(<u32 *> self.scratch.data)[i] for i in range(n)]

    def spell(self, str surface):
        """The folded tokens of a surface as text, for messages and conflict analysis."""
        cdef Text text
        cdef Folded folded
        cdef u32 i
        read_text(surface, &self.buffer, &text)
        tokenise(&text, &self.lexis, &self.buffer)
        out = []
        for i in range(self.buffer.n):
            fold_token(&text, &self.lexis, &self.buffer.items[i], &folded)
            out.append((<bytes> folded.data[:folded.length]).decode("utf-8", "surrogatepass"))
        return out

    def flag_word(self, str word, u32 flag):
        """Mark a word as abbreviation (1), line continuer (2) or list word (4)."""
        number = self.token(word)
        self._word_flags[number] = self._word_flags.get(number, 0) | flag

    # --- forms and entries ----------------------------------------------------------------------------------------------

    cdef u32 _form(self, u32 n) except? 0xFFFFFFFE:
        """Number of the form whose tokens stand in `self.scratch`, new or known."""
        cdef u32 *tokens = <u32 *> self.scratch.data
        cdef u64 hash_ = _hash_bytes(<u8 *> tokens, <u64> n * 4)
        cdef u32 short = <u32> (hash_ & 0xFFFFFFFF)
        cdef u64 mask = (<u64> 1 << self.forms_index.bits) - 1
        cdef u64 slot = (<u64> short * <u64> 0x9E3779B97F4A7C15) >> (64 - self.forms_index.bits)
        cdef FormSpan *all_ = <FormSpan *> self.forms.data
        cdef FormSpan *form
        cdef u32 number, i
        while self.forms_index.slots[slot]:
            number = self.forms_index.slots[slot] - 1
            form = &all_[number]
            if form.hash == short and form.length == n and memcmp(<u32 *> self.sequence.data + form.offset, tokens, <u64> n * 4) == 0:
                return number
            slot = (slot + 1) & mask
        if self.forms.n >= <u64> 0xFFFFFFFD:
            raise OverflowError("more than 4294967293 forms")
        number = <u32> self.forms.n
        self.forms_index.slots[slot] = number + 1
        form = <FormSpan *> vec_push(&self.forms)
        form.offset = self.sequence.n
        form.length = n
        form.hash = short
        for i in range(n):
            (<u32 *> vec_push(&self.sequence))[0] = tokens[i]
        (<Spelling *> self.spellings.data)[tokens[0]].first = 1
        self.forms_index.used += 1
        if self.forms_index.used * 2 > (<u64> 1 << self.forms_index.bits):
            self._grow_forms()
        return number

    cdef int _grow_forms(self) except -1:
        cdef u32 bits = self.forms_index.bits + 1, i
        cdef u32 *slots = <u32 *> calloc(<size_t> 1 << bits, 4)
        cdef u64 mask = (<u64> 1 << bits) - 1, slot
        cdef FormSpan *all_ = <FormSpan *> self.forms.data
        if slots == NULL:
            raise MemoryError()
        for i in range(<u32> self.forms.n):
            slot = (<u64> all_[i].hash * <u64> 0x9E3779B97F4A7C15) >> (64 - bits)
            while slots[slot]:
                slot = (slot + 1) & mask
            slots[slot] = i + 1
        free(self.forms_index.slots)
        self.forms_index.slots = slots
        self.forms_index.bits = bits
        return 0

    cdef u32 _case(self, str surface) except? 0xFFFFFFFE:
        """Offset of the surface's case pattern; NONE when it is longer than a pattern can be."""
        cdef Text text
        cdef u8[256] pattern
        cdef u32 length, i
        read_text(surface, &self.buffer, &text)
        length = case_pattern(&text, &self.lexis, 0, text.length, pattern)
        key = <bytes> pattern[:length]
        known = self._case_offsets.get(key)
        if known is not None:
            return known
        offset = self.cases.n
        (<u8 *> vec_push(&self.cases))[0] = <u8> length
        for i in range(length):
            (<u8 *> vec_push(&self.cases))[0] = pattern[i]
        self._case_offsets[key] = offset
        return offset

    cdef RawEntry *_entry(self, u32 form, u8 kind) except NULL:
        cdef RawEntry *entry = <RawEntry *> vec_push(&self.entries)
        memset(entry, 0, sizeof(RawEntry))
        entry.form = form
        entry.kind = kind
        entry.case_byte = NONE
        return entry

    def add(self, str surface, u8 kind, u32 ref, *, bint exact=False, i16 priority=0, u8 head=0, u8 tail=0):
        """An entry of any kind but TERM."""
        cdef u32 form = self._form(self._tokens(surface))
        cdef u32 case_byte = self._case(surface) if exact else <u32> NONE
        cdef RawEntry *entry = self._entry(form, kind)
        entry.ref = ref
        entry.case_byte = case_byte
        entry.priority = priority
        entry.head = head
        entry.tail = tail

    def add_tokens(self, tokens, u8 kind, u32 ref, *, u8 head=0, u8 tail=0):
        """An entry whose form is given as token numbers."""
        cdef RawEntry *entry
        self.scratch.n = 0
        for number in tokens:
            (<u32 *> vec_push(&self.scratch))[0] = number
        entry = self._entry(self._form(<u32> self.scratch.n), kind)
        entry.ref = ref
        entry.head = head
        entry.tail = tail

    cpdef u32 concept(self, str system, str code, str name, str semantic_type="", u32 standard=NONE,
                      u32 standard_id=NONE) except? 0xFFFFFFFE:
        """Number of a concept; an empty string (or 0xFFFFFFFF) means: not known."""
        cdef Concept wanted
        cdef Concept *all_
        cdef u64 mask, slot, hash_
        cdef u32 number
        wanted.system = self.strings.add(system) if system else <u32> NONE
        wanted.code = self.strings.add(code) if code else <u32> NONE
        wanted.name = self.strings.add(name) if name else <u32> NONE
        wanted.semantic_type = self.strings.add(semantic_type) if semantic_type else <u32> NONE
        wanted.standard = standard
        wanted.standard_id = standard_id
        hash_ = _hash_bytes(<u8 *> &wanted, sizeof(Concept))
        mask = (<u64> 1 << self.concept_index.bits) - 1
        slot = hash_ >> (64 - self.concept_index.bits)
        all_ = <Concept *> self.concepts.data
        while self.concept_index.slots[slot]:
            number = self.concept_index.slots[slot] - 1
            if memcmp(&all_[number], &wanted, sizeof(Concept)) == 0:
                return number
            slot = (slot + 1) & mask
        number = <u32> self.concepts.n
        self.concept_index.slots[slot] = number + 1
        (<Concept *> vec_push(&self.concepts))[0] = wanted
        self.concept_index.used += 1
        if self.concept_index.used * 2 > (<u64> 1 << self.concept_index.bits):
            self._grow_concepts()
        return number

    cdef int _grow_concepts(self) except -1:
        cdef u32 bits = self.concept_index.bits + 1, i
        cdef u32 *slots = <u32 *> calloc(<size_t> 1 << bits, 4)
        cdef u64 mask = (<u64> 1 << bits) - 1, slot
        cdef Concept *all_ = <Concept *> self.concepts.data
        if slots == NULL:
            raise MemoryError()
        for i in range(<u32> self.concepts.n):
            slot = _hash_bytes(<u8 *> &all_[i], sizeof(Concept)) >> (64 - bits)
            while slots[slot]:
                slot = (slot + 1) & mask
            slots[slot] = i + 1
        free(self.concept_index.slots)
        self.concept_index.slots = slots
        self.concept_index.bits = bits
        return 0

    def add_term(self, str surface, u32 rule, u16 label, concepts, *, bint exact=False, i16 priority=0,
                 u32 unless=0, u16 n_unless=0, u32 surround=0):
        """A term surface of a pack rule, with its concepts (numbers)."""
        cdef u32 form = self._form(self._tokens(surface))
        cdef u32 case_byte = self._case(surface) if exact else <u32> NONE
        cdef RawEntry *entry
        for number in concepts or (NONE,):
            entry = self._entry(form, KIND_TERM)
            entry.ref = number
            entry.case_byte = case_byte
            entry.rule = rule
            entry.label = label
            entry.priority = priority
            entry.unless = unless
            entry.n_unless = n_unless
            entry.surround = surround

    cdef u8 _variant(self, str name) except? 255:
        """Number of a variant rule."""
        number = self._variant_numbers.get(name)
        if number is None:
            number = len(self.variants)
            if number > 254:
                raise ValueError("more than 254 kinds of variants")
            self._variant_numbers[name] = number
            self.variants.append(name)
        return number

    def add_row(self, str surface, u32 rule, u16 label, str system, str code, str name, bint exact, str semantic_type="",
                u16 rank=0, str variant="", bint link_only=False, u32 standard=NONE, u32 standard_id=NONE):
        """One row of a lexicon."""
        cdef u8 variant_number = self._variant(variant) if variant else 0
        cdef u32 form = self._form(self._tokens(surface))
        cdef u32 case_byte = self._case(surface) if exact else <u32> NONE
        cdef u32 number = self.concept(system, code, name, semantic_type, standard, standard_id)
        cdef RawEntry *entry = self._entry(form, KIND_TERM)
        entry.ref = number
        entry.rank = rank
        entry.variant = variant_number
        entry.link_only = link_only
        entry.case_byte = case_byte
        entry.rule = rule
        entry.label = label
        entry.lexicon = 1

    # --- the search form ------------------------------------------------------------------------------------------------

    def finish(self):
        """`(tables, counts, token_id)`: name -> buffer, sizes, and the function from builder token numbers to final ids.

        The builder cannot be used afterwards.
        """
        finish = _Finish(self)
        tables, counts = finish.run()
        return tables, counts, finish.token_id


cdef class _Finish:
    """One pass over a builder's contents; a class only to share its arrays between the steps."""

    cdef Builder b
    cdef u32 *ids               # spelling number -> token id
    cdef u32 n_first
    cdef u32 n_states
    cdef Column edges           # Edge
    cdef u32 edge_bits
    cdef u64 n_edges
    cdef Vec parents            # u32 per state
    cdef Vec labels             # u32 per state: the token that leads to it
    cdef Vec depths             # u8 per state
    cdef Vec ends               # u32 per state: form that ends there, NONE

    def __cinit__(self, Builder b):
        self.b = b
        self.ids = NULL
        vec_init(&self.parents, 4)
        vec_init(&self.labels, 4)
        vec_init(&self.depths, 1)
        vec_init(&self.ends, 4)

    def __dealloc__(self):
        free(self.ids)
        vec_free(&self.parents)
        vec_free(&self.labels)
        vec_free(&self.depths)
        vec_free(&self.ends)

    def run(self):
        tables = {}
        self.number_tokens()
        tables["vocab"] = self.vocabulary_table()
        tables["arena"] = self.arena_table()
        tables["word_flags"] = self.flags_table()
        self.insert_forms()
        outs, entries, terms, links = self.entry_tables()
        fail, tables["roots"], out_table, tables["filter"] = self.link_states(outs)
        tables["edges"] = self.edges
        tables["fail"] = fail
        tables["outs"] = out_table
        tables["entries"] = entries
        tables["terms"] = terms
        tables["concept_links"] = links
        tables["concepts"] = self.take(&self.b.concepts, b"6I")
        tables["cases"] = self.take(&self.b.cases, b"B")
        tables["string_bytes"] = self.take(&self.b.strings.bytes_, b"B")
        tables["string_offsets"] = self.take(&self.b.strings.offsets, b"Q")
        counts = {
            "tokens": self.b.spellings.n,
            "first_tokens": self.n_first,
            "states": self.n_states,
            "edges": self.n_edges,
            "forms": self.b.forms.n,
            "entries": len(entries),
            "terms": len(terms),
            "concepts": len(tables["concepts"]),
        }
        return tables, counts

    def token_id(self, u32 number):
        return self.ids[number]

    cdef Column take(self, Vec *vec, bytes format):
        """Move an array out of the builder, without a copy."""
        cdef Column made = column(vec.item, format)
        made.vec = vec[0]
        vec.data = NULL
        vec.n = 0
        vec.capacity = 0
        return made

    cdef int number_tokens(self) except -1:
        cdef Spelling *spellings = <Spelling *> self.b.spellings.data
        cdef u32 n = <u32> self.b.spellings.n, i, next_id = 1
        self.ids = <u32 *> calloc(<size_t> n + 1, 4)
        if self.ids == NULL:
            raise MemoryError()
        for i in range(n):
            if spellings[i].first:
                self.ids[i] = next_id
                next_id += 1
        self.n_first = next_id - 1
        for i in range(n):
            if not spellings[i].first:
                self.ids[i] = next_id
                next_id += 1
        return 0

    cdef Column vocabulary_table(self):
        cdef Spelling *spellings = <Spelling *> self.b.spellings.data
        cdef u32 n = <u32> self.b.spellings.n, i
        cdef u32 bits = _power(<u64> n * 2 + 2)
        cdef Column made = column(sizeof(VocabSlot), b"QII")
        cdef VocabSlot *slots
        cdef u64 slot, mask = (<u64> 1 << bits) - 1
        vec_grow(&made.vec, <u64> 1 << bits)
        made.vec.n = <u64> 1 << bits
        memset(made.vec.data, 0, made.vec.n * sizeof(VocabSlot))
        slots = <VocabSlot *> made.vec.data
        for i in range(n):
            slot = (spellings[i].key * <u64> 0x9E3779B97F4A7C15) >> (64 - bits)
            while slots[slot].id:
                slot = (slot + 1) & mask
            slots[slot].key = spellings[i].key
            slots[slot].id = self.ids[i]
            slots[slot].arena_byte = spellings[i].arena_byte
        return made

    cdef Column arena_table(self):
        return self.take(&self.b.arena, b"B")

    cdef Column flags_table(self):
        cdef Column made = column(1, b"B")
        cdef u8 *flags
        vec_grow(&made.vec, self.b.spellings.n + 1)
        made.vec.n = self.b.spellings.n + 1
        memset(made.vec.data, 0, made.vec.n)
        flags = <u8 *> made.vec.data
        for number, flag in self.b._word_flags.items():
            flags[self.ids[number]] = flag
        return made

    # --- states ---------------------------------------------------------------------------------------------------------

    cdef u32 new_state(self, u32 parent, u32 label, u8 depth) except 0:
        if self.n_states >= <u32> 0xFFFFFFFD:
            raise OverflowError("the automaton passes 4294967293 states")
        (<u32 *> vec_push(&self.parents))[0] = parent
        (<u32 *> vec_push(&self.labels))[0] = label
        (<u8 *> vec_push(&self.depths))[0] = depth
        (<u32 *> vec_push(&self.ends))[0] = NONE
        self.n_states += 1
        return self.n_states

    cdef Edge *edge_place(self, u32 state, u32 token) noexcept nogil:
        """The edge's slot, or the empty one where it belongs."""
        cdef Edge *edges = <Edge *> self.edges.vec.data
        cdef u64 mask = (<u64> 1 << self.edge_bits) - 1
        cdef u64 slot = (((<u64> state << 32) | token) * <u64> 0x9E3779B97F4A7C15) >> (64 - self.edge_bits)
        while edges[slot].state and not (edges[slot].state == state and edges[slot].token == token):
            slot = (slot + 1) & mask
        return &edges[slot]

    cdef int resize_edges(self, u32 bits) except -1:
        cdef Column old = self.edges
        cdef Edge *edge
        cdef u64 i
        self.edges = column(sizeof(Edge), b"4I")
        self.edge_bits = bits
        vec_grow(&self.edges.vec, <u64> 1 << bits)
        self.edges.vec.n = <u64> 1 << bits
        memset(self.edges.vec.data, 0, self.edges.vec.n * sizeof(Edge))
        if old is not None:
            for i in range(old.vec.n):
                edge = &(<Edge *> old.vec.data)[i]
                if edge.state:
                    self.edge_place(edge.state, edge.token)[0] = edge[0]
        return 0

    cdef int insert_forms(self) except -1:
        cdef FormSpan *forms = <FormSpan *> self.b.forms.data
        cdef u32 *sequence = <u32 *> self.b.sequence.data
        cdef u32 f, k, state, token
        cdef Edge *edge
        (<u32 *> vec_push(&self.parents))[0] = 0        # state 0, the root
        (<u32 *> vec_push(&self.labels))[0] = 0
        (<u8 *> vec_push(&self.depths))[0] = 0
        (<u32 *> vec_push(&self.ends))[0] = NONE
        self.n_states = 0
        for k in range(self.n_first):
            self.new_state(0, k + 1, 1)
        self.resize_edges(10)
        for f in range(<u32> self.b.forms.n):
            state = self.ids[sequence[forms[f].offset]]
            for k in range(1, forms[f].length):
                token = self.ids[sequence[forms[f].offset + k]]
                edge = self.edge_place(state, token)
                if edge.state == 0:
                    edge.state = state
                    edge.token = token
                    edge.child = self.new_state(state, token, <u8> (k + 1))
                    edge.out = NONE
                    self.n_edges += 1
                    state = edge.child
                    if self.n_edges * 5 > (<u64> 1 << self.edge_bits) * 3:
                        self.resize_edges(self.edge_bits + 1)
                else:
                    state = edge.child
            (<u32 *> self.ends.data)[state] = f
        vec_free(&self.b.sequence)
        return 0

    # --- entries --------------------------------------------------------------------------------------------------------

    def entry_tables(self):
        """Group the raw entries by form (a stable counting sort) and make terms of those that belong together."""
        cdef RawEntry *raw = <RawEntry *> self.b.entries.data
        cdef u64 n = self.b.entries.n, i
        cdef u32 n_forms = <u32> self.b.forms.n, f
        cdef Column outs = column(sizeof(Out), b"IHHII")        # per form here; per state order follows in link_states
        cdef Column entries = column(sizeof(Entry), b"IIhBBBBH")
        cdef Column terms = column(sizeof(Term), b"IIHHIHhII")
        cdef Column links = column(sizeof(ConceptLink), b"IHBB")
        cdef FormSpan *forms = <FormSpan *> self.b.forms.data
        cdef Vec starts, order
        cdef u64 *first
        cdef u64 *sorted_
        vec_init(&starts, 8)
        vec_init(&order, 8)
        if n >= <u64> 0xFFFFFFFD:
            raise OverflowError("more than 4294967293 entries")
        vec_grow(&starts, <u64> n_forms + 1)
        vec_grow(&order, n)
        vec_grow(&outs.vec, n_forms)
        first = <u64 *> starts.data
        sorted_ = <u64 *> order.data
        memset(first, 0, (<u64> n_forms + 1) * 8)
        for i in range(n):
            first[raw[i].form + 1] += 1
        for f in range(n_forms):
            first[f + 1] += first[f]
        for i in range(n):
            sorted_[first[raw[i].form]] = i
            first[raw[i].form] += 1
        i = 0
        try:
            for f in range(n_forms):
                self.form_entries(raw, sorted_, i, first[f], &forms[f], outs, entries, terms, links)
                i = first[f]
        finally:
            vec_free(&starts)
            vec_free(&order)
        vec_free(&self.b.entries)
        return outs, entries, terms, links

    cdef int form_entries(self, RawEntry *raw, u64 *order, u64 begin, u64 end, FormSpan *form,
                          Column outs, Column entries, Column terms, Column links) except -1:
        cdef u64 i, j
        cdef RawEntry *a
        cdef RawEntry *c
        cdef Entry *entry
        cdef Term *term
        cdef Out *out = <Out *> vec_push(&outs.vec)
        cdef u32 n = 0
        out.entry = <u32> entries.vec.n
        out.n_tokens = <u16> form.length
        out.next = NONE
        out.kinds = 0
        for i in range(begin, end):
            a = &raw[order[i]]
            if a.kind == 255:
                continue
            entry = <Entry *> vec_push(&entries.vec)
            memset(entry, 0, sizeof(Entry))
            entry.kind = a.kind
            entry.case_byte = a.case_byte
            entry.priority = a.priority
            entry.head = a.head
            entry.tail = a.tail
            entry.ref = a.ref
            out.kinds |= <u32> 1 << a.kind
            n += 1
            if a.kind != KIND_TERM:
                continue
            entry.ref = <u32> terms.vec.n
            term = <Term *> vec_push(&terms.vec)
            memset(term, 0, sizeof(Term))
            term.rule = a.rule
            term.label = a.label
            term.priority = a.priority
            term.unless = a.unless
            term.n_unless = a.n_unless
            term.flags = TERM_LEXICON if a.lexicon else 0
            term.surround = a.surround
            term.concept = <u32> links.vec.n
            entry.link_only = 1
            for j in range(i, end):
                c = &raw[order[j]]
                if (c.kind == KIND_TERM and c.rule == a.rule and c.label == a.label and c.case_byte == a.case_byte
                        and term.n_concepts < 65535):
                    entry.link_only &= c.link_only
                    if c.ref != NONE:
                        self.link_concept(term, c, links)
                    if j > i:
                        c.kind = 255        # merged
            self.judge_links(term, links)
        if n > 65535:
            raise OverflowError("more than 65535 rules share one surface")
        out.n_entries = <u16> n
        return 0

    cdef int link_concept(self, Term *term, const RawEntry *raw, Column links) except -1:
        """Put a concept in its place among the term's links; of one that is there the better link stays."""
        cdef ConceptLink *link
        cdef ConceptLink moving
        cdef u64 k
        moving.concept = raw.ref
        moving.rank = raw.rank
        moving.variant = raw.variant
        moving.link_only = raw.link_only
        for k in range(term.concept, links.vec.n):
            link = &(<ConceptLink *> links.vec.data)[k]
            if link.concept == raw.ref:
                moving.link_only &= link.link_only
                link.link_only = moving.link_only
                if not _is_better(&moving, link):
                    return 0
                memmove(link, link + 1, (links.vec.n - k - 1) * sizeof(ConceptLink))
                links.vec.n -= 1
                term.n_concepts -= 1
                break
        vec_push(&links.vec)
        k = links.vec.n - 1
        link = <ConceptLink *> links.vec.data
        while k > term.concept and _is_better(&moving, &link[k - 1]):
            link[k] = link[k - 1]
            k -= 1
        link[k] = moving
        term.n_concepts += 1
        return 0

    cdef void judge_links(self, Term *term, Column links) noexcept:
        """Whether the term has a code at all, and whether its best one has an equal of the same system."""
        cdef const ConceptLink *link = <const ConceptLink *> links.vec.data
        cdef const Concept *concepts = <const Concept *> self.b.concepts.data
        cdef const Concept *best = NULL
        cdef u64 k, first = 0
        for k in range(term.concept, links.vec.n):
            if concepts[link[k].concept].code == NONE:
                continue
            if best == NULL:
                best = &concepts[link[k].concept]
                first = k
            elif _is_better(&link[first], &link[k]):
                return
            elif concepts[link[k].concept].system == best.system and concepts[link[k].concept].code != best.code:
                term.flags |= TERM_AMBIGUOUS
                return
        if best == NULL:
            term.flags |= TERM_UNCODED

    # --- links ----------------------------------------------------------------------------------------------------------

    def link_states(self, Column per_form):
        """Fail links by depth, then output chains; Out records are written in state order."""
        cdef u32 n = self.n_states + 1, s, k, depth, token, f
        cdef Column fail = column(4, b"I")
        cdef Column roots = column(sizeof(Root), b"II")
        cdef Column filter_ = column(8, b"Q")
        cdef Column outs = column(sizeof(Out), b"IHHII")
        cdef Vec order, chain, living
        cdef u32 *live          # per state: itself, or where its fail links lead when nothing continues it
        cdef u32 filter_bits
        cdef u64 bit
        cdef u32 *failing
        cdef u32 *out_of
        cdef u32 *by_depth
        cdef u32 *parents = <u32 *> self.parents.data
        cdef u32 *labels = <u32 *> self.labels.data
        cdef u8 *depths = <u8 *> self.depths.data
        cdef u32 *ends = <u32 *> self.ends.data
        cdef u64[66] counts
        cdef u64 i
        cdef Edge *edge
        cdef Out *out
        vec_init(&order, 4)
        vec_init(&chain, 4)
        vec_init(&living, 4)
        vec_grow(&living, n)
        live = <u32 *> living.data
        memset(live, 0, <u64> n * 4)
        for s in range(1, n):
            live[parents[s]] = 1        # continued, for now
        vec_grow(&fail.vec, n)
        fail.vec.n = n
        vec_grow(&order, n)
        vec_grow(&chain, n)
        failing = <u32 *> fail.vec.data
        out_of = <u32 *> chain.data
        by_depth = <u32 *> order.data
        memset(counts, 0, sizeof(counts))
        for s in range(n):
            counts[depths[s] + 1] += 1
        for k in range(65):
            counts[k + 1] += counts[k]
        for s in range(n):
            by_depth[counts[depths[s]]] = s
            counts[depths[s]] += 1
        try:
            for i in range(n):
                s = by_depth[i]
                if depths[s] <= 1:
                    failing[s] = 0
                else:
                    failing[s] = self.fail_of(failing, parents[s], labels[s])
                out_of[s] = NONE if s == 0 else out_of[failing[s]]
                if ends[s] != NONE:
                    out = <Out *> vec_push(&outs.vec)
                    out[0] = (<Out *> per_form.vec.data)[ends[s]]
                    out.next = out_of[s]
                    out_of[s] = <u32> (outs.vec.n - 1)
            live[0] = 0
            for i in range(n):
                s = by_depth[i]
                if s:
                    live[s] = s if live[s] else live[failing[s]]
            for i in range(1, n):
                failing[i] = live[failing[i]]
            filter_bits = _power(self.n_edges * 8 + 64)
            vec_grow(&filter_.vec, <u64> 1 << (filter_bits - 6) if filter_bits > 6 else 1)
            filter_.vec.n = <u64> 1 << (filter_bits - 6) if filter_bits > 6 else 1
            memset(filter_.vec.data, 0, filter_.vec.n * 8)
            for i in range(self.edges.vec.n):
                edge = &(<Edge *> self.edges.vec.data)[i]
                if edge.state:
                    edge.out = out_of[edge.child]
                    edge.child = live[edge.child]
                    bit = ((<u64> edge.state << 32) | edge.token) * <u64> 0x9E3779B97F4A7C15 >> (64 - filter_bits)
                    (<u64 *> filter_.vec.data)[bit >> 6] |= <u64> 1 << (bit & 63)
            vec_grow(&roots.vec, self.b.spellings.n + 1)
            roots.vec.n = self.b.spellings.n + 1
            for i in range(self.n_first + 1, roots.vec.n):
                (<Root *> roots.vec.data)[i].out = NONE
                (<Root *> roots.vec.data)[i].next = 0
            for s in range(self.n_first + 1):
                (<Root *> roots.vec.data)[s].out = out_of[s]
                (<Root *> roots.vec.data)[s].next = live[s]
        finally:
            vec_free(&order)
            vec_free(&chain)
            vec_free(&living)
        return fail, roots, outs, filter_

    cdef u32 fail_of(self, u32 *failing, u32 parent, u32 token) noexcept nogil:
        cdef u32 state = failing[parent]
        cdef Edge *edge
        while state:
            edge = self.edge_place(state, token)
            if edge.state:
                return edge.child
            state = failing[state]
        return token if token <= self.n_first else 0
