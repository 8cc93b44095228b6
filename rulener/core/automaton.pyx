# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The builder: surfaces in, the automaton's flat tables out. One builder for packs and lexicons of any size.

Forms go straight into the table of edges that the scan reads; `finish` orders the states by depth and computes fail and output
links. Everything follows the order of the calls, so the same calls give the same bytes. Numbers of tokens and states never change
once given: that is why a builder that holds a large lexicon can be frozen to a file, thawed later and built upon.
"""

from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.buffer cimport PyBUF_READ
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from libc.stdlib cimport calloc, free
from libc.string cimport memchr, memcmp, memcpy, memmove, memset

from rulener.core.automaton cimport DEEP, edge_hash
from rulener.core.memory cimport Column, Vec, column, rn_prefetch, vec_free, vec_grow, vec_init, vec_push
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

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)

MAX_FORM_TOKENS = 64
cdef enum:
    _MAX_FORM_TOKENS = 64
    MAX_STATES = 0x7FFFFFFE
    AHEAD = 12                  # states to fetch ahead


cdef struct Spelling:           # a vocabulary entry under construction
    u64 key
    u32 arena_byte              # into the arena: length byte + folded bytes, for every entry
    u32 end                     # the form that is this token alone, NONE
    u32 begins                  # 1 when it begins a form
    u32 reserved


cdef struct Reached:            # what the scan finds in a state
    u32 out                     # first of its chain
    u32 live                    # itself, or where its fail links lead when nothing continues it


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


cdef enum:                      # columns of a term table, in the order of rulener.lexicon.table.COLUMNS
    ROLE_TERM, ROLE_LABEL, ROLE_SYSTEM, ROLE_CODE, ROLE_PREFERRED, ROLE_TYPE, ROLE_CASE, ROLE_SOURCE, ROLE_TERM_TYPE, ROLE_RANK
    ROLE_VARIANT, ROLE_USE, ROLE_STANDARD, ROLE_STANDARD_ID, ROLE_STANDARD_NAME
    N_ROLES = 15
    NO_ROLE = 255
    MAX_FIELDS = 128
    NOWHERE = 0x100000          # place of a column that is not there, or more

cdef enum:
    BAD_NUMBER = 0xFFFFFFFF


cdef struct Slice:
    const u8 *p
    u64 n


cdef struct Line:
    u8[128] role                # of each field
    Slice[15] got               # by role
    const u8 *begin
    u64 length
    bint high                   # not all ASCII
    const u8 *known             # the label of the line before, and its number
    u64 known_length
    u16 label


cdef bint _cut(const u8 *p, u64 n, u32 needed, Line *line) noexcept nogil:
    """Cut a line at its tabs. False when it has too few fields, a control character, or blanks around a value."""
    cdef u64 i, start = 0
    cdef u32 fields = 0
    cdef u8 role, high = 0
    cdef Slice *got
    memset(line.got, 0, sizeof(line.got))
    line.begin = p
    line.length = n
    for i in range(n + 1):
        if i < n and p[i] != 9:
            if p[i] < 32:
                return False
            high |= p[i]
            continue
        role = line.role[fields] if fields < MAX_FIELDS else NO_ROLE
        if role != NO_ROLE and i > start:
            if p[start] == 32 or p[i - 1] == 32:
                return False
            got = &line.got[role]
            got.p = p + start
            got.n = i - start
        fields += 1
        start = i + 1
    line.high = high >= 128
    return fields >= needed


cdef bint _is(const Slice *slice_, const char *text, u64 n) noexcept nogil:
    return slice_.n == n and memcmp(slice_.p, text, n) == 0


cdef u64 _number_of(const Slice *slice_, u64 highest) noexcept nogil:
    """0 when empty, BAD_NUMBER when it is no number up to `highest`."""
    cdef u64 value = 0, i
    if slice_.n > 10:
        return BAD_NUMBER
    for i in range(slice_.n):
        if not 48 <= slice_.p[i] <= 57:
            return BAD_NUMBER
        value = value * 10 + slice_.p[i] - 48
    return value if value <= highest else BAD_NUMBER


cdef inline u64 _rank(const RawEntry *entry) noexcept nogil:
    return <u64> entry.rule + 1 if entry.lexicon else 0


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

    cdef object view(self):
        return PyMemoryView_FromMemory(<char *> self.slots, <Py_ssize_t> ((<u64> 1 << self.bits) * 4), PyBUF_READ)

    cdef int fill(self, const u8[::1] data, u64 used) except -1:
        cdef u64 n = data.shape[0]
        if n < 4096 or n & (n - 1):
            raise ValueError("index")
        free(self.slots)
        self.slots = <u32 *> calloc(n, 1)
        if self.slots == NULL:
            raise MemoryError()
        with nogil:
            memcpy(self.slots, &data[0], data.shape[0])
        self.bits = 10
        while (<u64> 4 << self.bits) < <u64> data.shape[0]:
            self.bits += 1
        self.used = used
        return 0


cdef class Strings:
    """Distinct UTF-8 strings, numbered in the order they came."""

    cdef Index index
    cdef Vec bytes_             # u8
    cdef Vec offsets            # u32, one more than strings

    def __cinit__(self):
        self.index = Index()
        vec_init(&self.bytes_, 1)
        vec_init(&self.offsets, 4)
        (<u32 *> vec_push(&self.offsets))[0] = 0

    def __dealloc__(self):
        vec_free(&self.bytes_)
        vec_free(&self.offsets)

    cdef u64 _hash(self, u32 number) noexcept:
        cdef u32 *offsets = <u32 *> self.offsets.data
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
        cdef bytes data
        cdef Py_ssize_t length
        cdef const char *p = PyUnicode_AsUTF8AndSize(text, &length) if PyUnicode_IS_COMPACT_ASCII(text) else NULL
        if p != NULL:
            return self.put(<const u8 *> p, <u64> length)
        data = text.encode("utf-8", "surrogatepass")
        return self.put(data, <u64> len(data))

    cdef u32 put(self, const u8 *p, u64 length) except? 0xFFFFFFFE:
        """Number of a string given as UTF-8."""
        cdef u64 slot, mask
        cdef u32 *offsets
        cdef u32 number
        slot = _hash_bytes(p, length) >> (64 - self.index.bits)
        mask = (<u64> 1 << self.index.bits) - 1
        offsets = <u32 *> self.offsets.data
        while self.index.slots[slot]:
            number = self.index.slots[slot] - 1
            if offsets[number + 1] - offsets[number] == length and memcmp(<u8 *> self.bytes_.data + offsets[number], p, length) == 0:
                return number
            slot = (slot + 1) & mask
        number = <u32> (self.offsets.n - 1)
        if self.bytes_.n + length > <u64> 0xFFFFFFFE or self.offsets.n > <u64> 0xFFFFFFF0:
            raise OverflowError("names and codes pass 4 GiB (4294967294 bytes)")
        self.index.slots[slot] = number + 1
        if self.bytes_.n + length > self.bytes_.capacity:
            vec_grow(&self.bytes_, self.bytes_.n + length + self.bytes_.n // 2)
        memcpy(<u8 *> self.bytes_.data + self.bytes_.n, p, length)
        self.bytes_.n += length
        (<u32 *> vec_push(&self.offsets))[0] = <u32> self.bytes_.n
        self.index.used += 1
        if self.index.used * 2 > (<u64> 1 << self.index.bits):
            self._grow()
        return number


cdef int vec_zeros(Vec *vec, u64 n) except -1:
    """An empty Vec becomes `n` items of zeros, which cost no memory until they are written."""
    vec.data = calloc(n if n else 1, vec.item)
    if vec.data == NULL:
        raise MemoryError(f"no memory for an array of {n * vec.item} bytes")
    vec.n = n
    vec.capacity = n
    return 0


cdef int vec_fill(Vec *vec, const u8[::1] data) except -1:
    """An empty Vec gets a copy of `data`."""
    cdef u64 n = <u64> data.shape[0] // vec.item
    if n == 0:
        return 0
    vec_grow(vec, n + n // 16)
    with nogil:
        memcpy(vec.data, &data[0], n * vec.item)
    vec.n = n
    return 0


cdef object vec_view(Vec *vec):
    """The bytes of a Vec, good until it changes."""
    if vec.n == 0:
        return memoryview(b"")
    return PyMemoryView_FromMemory(<char *> vec.data, <Py_ssize_t> (vec.n * vec.item), PyBUF_READ)


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
    cdef Vec lengths            # u8 per form: tokens
    cdef Vec parents            # u32 per deep state: the state before it
    cdef Vec labels             # u32 per deep state: the token that leads to it
    cdef Vec depths             # u8 per deep state
    cdef Vec ends               # u32 per deep state: form that ends there, NONE
    cdef Vec edges              # Edge: the hash table
    cdef u64 n_edges
    cdef Vec entries            # RawEntry
    cdef Vec cases              # u8
    cdef Index concept_index
    cdef Vec concepts           # Concept
    cdef Vec scratch            # u32
    cdef dict _case_offsets
    cdef dict _word_flags
    cdef readonly u64 coded_labels  # once finished: bit per label some of whose terms have codes
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
        self.concept_index = Index()
        vec_init(&self.spellings, sizeof(Spelling))
        vec_init(&self.arena, 1)
        vec_init(&self.lengths, 1)
        vec_init(&self.parents, 4)
        vec_init(&self.labels, 4)
        vec_init(&self.depths, 1)
        vec_init(&self.ends, 4)
        vec_init(&self.edges, sizeof(Edge))
        self.n_edges = 0
        self._resize_edges(64)
        vec_init(&self.entries, sizeof(RawEntry))
        vec_init(&self.cases, 1)
        vec_init(&self.concepts, sizeof(Concept))
        vec_init(&self.scratch, 4)
        self._case_offsets = {}
        self._word_flags = {}
        self.variants = [""]
        self.coded_labels = 0
        self._variant_numbers = {"": 0}

    def __dealloc__(self):
        free_tokens(&self.buffer)
        vec_free(&self.spellings)
        vec_free(&self.arena)
        vec_free(&self.lengths)
        vec_free(&self.parents)
        vec_free(&self.labels)
        vec_free(&self.depths)
        vec_free(&self.ends)
        vec_free(&self.edges)
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
        if number >= MAX_STATES:
            raise OverflowError("more than 2147483646 different words")
        self.vocabulary.slots[slot] = number + 1
        s = <Spelling *> vec_push(&self.spellings)
        s.key = key
        s.end = NONE
        s.begins = 0
        s.reserved = 0
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
        cdef Spelling *first = &(<Spelling *> self.spellings.data)[tokens[0]]
        cdef u32 state = tokens[0] + 1, k
        cdef u32 *end
        cdef Edge *edge
        first.begins = 1
        for k in range(1, n):
            edge = self._edge_place(state, tokens[k] + 1)
            if edge.state == 0:
                edge.state = state
                edge.token = tokens[k] + 1
                edge.child = self._new_state(state, tokens[k] + 1, <u8> (k + 1))
                edge.out = NONE
                state = edge.child
                self.n_edges += 1
                if self.n_edges * 10 > self.edges.n * 7:
                    self._resize_edges(self.edges.n // 2 * 3)
            else:
                state = edge.child
        end = &(<u32 *> self.ends.data)[state - DEEP] if n > 1 else &first.end
        if end[0] == NONE:
            if self.lengths.n >= <u64> 0xFFFFFFFD:
                raise OverflowError("more than 4294967293 forms")
            end[0] = <u32> self.lengths.n
            (<u8 *> vec_push(&self.lengths))[0] = <u8> n
        return end[0]

    cdef u32 _new_state(self, u32 parent, u32 label, u8 depth) except 0:
        cdef u64 number = self.parents.n
        if number >= MAX_STATES:
            raise OverflowError("the automaton passes 2147483646 states")
        (<u32 *> vec_push(&self.parents))[0] = parent
        (<u32 *> vec_push(&self.labels))[0] = label
        (<u8 *> vec_push(&self.depths))[0] = depth
        (<u32 *> vec_push(&self.ends))[0] = NONE
        return DEEP + <u32> number

    cdef Edge *_edge_place(self, u32 state, u32 token) noexcept nogil:
        """The edge's slot, or the empty one where it belongs."""
        cdef Edge *edges = <Edge *> self.edges.data
        cdef u64 n = self.edges.n
        cdef u64 slot = ((edge_hash(state, token) >> 32) * n) >> 32
        while edges[slot].state and not (edges[slot].state == state and edges[slot].token == token):
            slot += 1
            if slot == n:
                slot = 0
        return &edges[slot]

    cdef int _resize_edges(self, u64 n) except -1:
        """Move the edges, in the order in which they stand, into a table of `n` slots: both are passed from end to end."""
        cdef Vec old = self.edges
        cdef Edge *edges = <Edge *> old.data
        cdef u64 i
        if n > <u64> 0xFFFFFFFF:
            raise OverflowError("the automaton passes 4294967295 slots of edges")
        vec_init(&self.edges, sizeof(Edge))
        try:
            vec_zeros(&self.edges, n)
        except BaseException:
            self.edges = old
            raise
        with nogil:
            for i in range(old.n):
                if edges[i].state:
                    self._edge_place(edges[i].state, edges[i].token)[0] = edges[i]
        vec_free(&old)
        return 0

    cdef int _settle_edges(self) except -1:
        """A table that is neither sparse nor crowded: a little over six of ten slots are taken."""
        if self.edges.n > 64 and not (self.edges.n * 6 <= self.n_edges * 10 <= self.edges.n * 7):
            self._resize_edges(self.n_edges * 50 // 31 + 64)
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
        wanted.system = self.strings.add(system) if system else <u32> NONE
        wanted.code = self.strings.add(code) if code else <u32> NONE
        wanted.name = self.strings.add(name) if name else <u32> NONE
        wanted.semantic_type = self.strings.add(semantic_type) if semantic_type else <u32> NONE
        wanted.standard = standard
        wanted.standard_id = standard_id
        return self._concept(&wanted)

    cdef u32 _concept(self, const Concept *wanted) except? 0xFFFFFFFE:
        cdef Concept *all_
        cdef u64 mask, slot, hash_
        cdef u32 number
        hash_ = _hash_bytes(<const u8 *> wanted, sizeof(Concept))
        mask = (<u64> 1 << self.concept_index.bits) - 1
        slot = hash_ >> (64 - self.concept_index.bits)
        all_ = <Concept *> self.concepts.data
        while self.concept_index.slots[slot]:
            number = self.concept_index.slots[slot] - 1
            if memcmp(&all_[number], wanted, sizeof(Concept)) == 0:
                return number
            slot = (slot + 1) & mask
        if self.concepts.n >= <u64> 0xFFFFFFFD:
            raise OverflowError("more than 4294967293 concepts")
        number = <u32> self.concepts.n
        self.concept_index.slots[slot] = number + 1
        (<Concept *> vec_push(&self.concepts))[0] = wanted[0]
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

    def add_lines(self, const u8[::1] block, u64 at, columns, labels, u32 number):
        """Rows of lexicon `number` from the whole lines of `block`, tab-separated UTF-8, from byte `at` on.

        `columns` are the places of the columns, in the order of `rulener.lexicon.table.COLUMNS`; `labels` are numbers by the
        labels' UTF-8. Returns `(end, lines, used)`: where it stopped, and how many lines and rows it passed. It stops before a line
        that asks for the exact reader: a value with blanks around it, one that cannot be used, an unknown label.
        """
        cdef const u8 *p = &block[0] if block.shape[0] else NULL
        cdef const u8 *newline
        cdef u64 n = block.shape[0], begin, stop, lines = 0, used = 0
        cdef Line line
        cdef u32 k, needed = 0
        memset(line.role, NO_ROLE, sizeof(line.role))
        for k, place in enumerate(columns):
            if k >= N_ROLES:
                raise ValueError("columns")
            if place < MAX_FIELDS:
                line.role[<u32> place] = <u8> k
            elif place < NOWHERE:
                needed = MAX_FIELDS + 1         # so wide a table is read exactly
            if k <= ROLE_LABEL:
                needed = max(needed, <u32> place + 1)
        if needed > MAX_FIELDS:
            return at, 0, 0
        line.known = NULL
        while at < n:
            newline = <const u8 *> memchr(p + at, 10, n - at)
            if newline == NULL:
                break
            begin = at
            stop = <u64> (newline - p)
            while stop > begin and p[stop - 1] == 13:
                stop -= 1
            if stop > begin:
                if not _cut(p + begin, stop - begin, needed, &line) or not self._add_line(&line, labels, number):
                    break
                used += 1
            at = <u64> (newline - p) + 1
            lines += 1
        return at, lines, used

    cdef bint _add_line(self, Line *line, dict labels, u32 number) except -1:
        """Add a row; False when the exact reader must see it. What was added of it until then it adds again, so nothing is twice."""
        cdef Slice *got = line.got
        cdef u64 k, rank, standard_id
        cdef u32 standard = NONE, form, case_byte, concept
        cdef u8 variant
        cdef Concept wanted
        cdef RawEntry *entry
        cdef const u8 *colon
        cdef str term
        if got[ROLE_TERM].n == 0 or got[ROLE_LABEL].n == 0:
            return False
        if got[ROLE_CASE].n and not (_is(&got[ROLE_CASE], b"exact", 5) or _is(&got[ROLE_CASE], b"any", 3)):
            return False
        if got[ROLE_USE].n and not _is(&got[ROLE_USE], b"link", 4):
            return False
        rank = _number_of(&got[ROLE_RANK], 65535)
        standard_id = _number_of(&got[ROLE_STANDARD_ID], 0x7FFFFFFF)
        if rank == BAD_NUMBER or standard_id == BAD_NUMBER:
            return False
        if line.high:
            try:
                (<bytes> line.begin[:line.length]).decode("utf-8")
            except UnicodeDecodeError:
                return False
        for k in range(N_ROLES):
            if got[k].n and (got[k].p[0] >= 128 or got[k].p[got[k].n - 1] >= 128):
                term = (<bytes> got[k].p[:got[k].n]).decode("utf-8")
                if term.strip() != term:
                    return False
        if line.known == NULL or line.known_length != got[ROLE_LABEL].n or memcmp(line.known, got[ROLE_LABEL].p, line.known_length):
            label = labels.get(<bytes> got[ROLE_LABEL].p[:got[ROLE_LABEL].n])
            if label is None:
                return False
            line.label = label
            line.known = got[ROLE_LABEL].p
            line.known_length = got[ROLE_LABEL].n
        term = PyUnicode_DecodeUTF8(<const char *> got[ROLE_TERM].p, <Py_ssize_t> got[ROLE_TERM].n, NULL)
        try:
            if got[ROLE_STANDARD].n:
                colon = <const u8 *> memchr(got[ROLE_STANDARD].p, 58, got[ROLE_STANDARD].n)
                k = <u64> (colon - got[ROLE_STANDARD].p) if colon != NULL else got[ROLE_STANDARD].n
                memset(&wanted, 255, sizeof(Concept))
                wanted.system = self._text(got[ROLE_STANDARD].p, k)
                if colon != NULL:
                    wanted.code = self._text(colon + 1, got[ROLE_STANDARD].n - k - 1)
                wanted.name = self._text(got[ROLE_STANDARD_NAME].p, got[ROLE_STANDARD_NAME].n)
                standard = self._concept(&wanted)
            variant = 0
            if got[ROLE_VARIANT].n:
                variant = self._variant((<bytes> got[ROLE_VARIANT].p[:got[ROLE_VARIANT].n]).decode("utf-8"))
            form = self._form(self._tokens(term))
            case_byte = self._case(term) if got[ROLE_CASE].n == 5 else <u32> NONE
        except ValueError:
            return False
        wanted.system = self._text(got[ROLE_SYSTEM].p, got[ROLE_SYSTEM].n)
        wanted.code = self._text(got[ROLE_CODE].p, got[ROLE_CODE].n)
        k = ROLE_PREFERRED if got[ROLE_PREFERRED].n else ROLE_TERM
        wanted.name = self._text(got[k].p, got[k].n)
        wanted.semantic_type = self._text(got[ROLE_TYPE].p, got[ROLE_TYPE].n)
        wanted.standard = standard
        wanted.standard_id = <u32> standard_id if standard_id else <u32> NONE
        concept = self._concept(&wanted)
        entry = self._entry(form, KIND_TERM)
        entry.ref = concept
        entry.rank = <u16> rank
        entry.variant = variant
        entry.link_only = got[ROLE_USE].n != 0
        entry.case_byte = case_byte
        entry.rule = number
        entry.label = line.label
        entry.lexicon = 1
        return True

    cdef u32 _text(self, const u8 *p, u64 n) except? 0xFFFFFFFE:
        """Number of a string; NONE of an empty one."""
        return self.strings.put(p, n) if n else <u32> NONE

    # --- frozen ---------------------------------------------------------------------------------------------------------

    def freeze(self):
        """`(arrays, state)`: everything that was added so far, as buffers that are good until the next call, and as JSON.

        The builder may be used on: it then does what one does that `thaw` made of them.
        """
        if self._word_flags:
            raise ValueError("words are flagged after thawing")
        self._settle_edges()
        arrays = {
            "spellings": vec_view(&self.spellings),
            "arena": vec_view(&self.arena),
            "vocabulary": self.vocabulary.view(),
            "lengths": vec_view(&self.lengths),
            "parents": vec_view(&self.parents),
            "labels": vec_view(&self.labels),
            "depths": vec_view(&self.depths),
            "ends": vec_view(&self.ends),
            "edges": vec_view(&self.edges),
            "entries": vec_view(&self.entries),
            "cases": vec_view(&self.cases),
            "concepts": vec_view(&self.concepts),
            "concept_index": self.concept_index.view(),
            "string_bytes": vec_view(&self.strings.bytes_),
            "string_offsets": vec_view(&self.strings.offsets),
            "string_index": self.strings.index.view(),
        }
        return arrays, {"edges": self.n_edges, "variants": self.variants}

    def thaw(self, arrays, state):
        """Take up what `freeze` gave. Only a builder to which nothing was added yet can; what it reads must be sound."""
        cdef u64 at = 0, length
        cdef const u8 *cases
        if self.spellings.n or self.strings.offsets.n > 1:
            raise ValueError("only an empty builder can be thawed")
        vec_fill(&self.spellings, arrays["spellings"])
        vec_fill(&self.arena, arrays["arena"])
        self.vocabulary.fill(arrays["vocabulary"], self.spellings.n)
        vec_fill(&self.lengths, arrays["lengths"])
        vec_fill(&self.parents, arrays["parents"])
        vec_fill(&self.labels, arrays["labels"])
        vec_fill(&self.depths, arrays["depths"])
        vec_fill(&self.ends, arrays["ends"])
        vec_free(&self.edges)
        vec_fill(&self.edges, arrays["edges"])
        self.n_edges = state["edges"]
        vec_fill(&self.entries, arrays["entries"])
        vec_fill(&self.cases, arrays["cases"])
        vec_fill(&self.concepts, arrays["concepts"])
        self.concept_index.fill(arrays["concept_index"], self.concepts.n)
        self.strings.offsets.n = 0
        vec_fill(&self.strings.bytes_, arrays["string_bytes"])
        vec_fill(&self.strings.offsets, arrays["string_offsets"])
        self.strings.index.fill(arrays["string_index"], self.strings.offsets.n - 1)
        self.variants = list(state["variants"])
        self._variant_numbers = {name: number for number, name in enumerate(self.variants)}
        cases = <const u8 *> self.cases.data
        while at < self.cases.n:
            length = cases[at]
            if at + length >= self.cases.n:
                raise ValueError("cases")
            self._case_offsets[<bytes> cases[at + 1:at + 1 + length]] = at
            at += length + 1

    # --- the search form ------------------------------------------------------------------------------------------------

    def finish(self, u32 first_lexicon=0, labels=None, places=None):
        """`(tables, counts)`: name -> buffer, and sizes. The builder cannot be used afterwards.

        Rules of rows are counted from `first_lexicon` on, and their labels are `labels[number]`. The words of `unless` that a
        term was given as `surround` stand at `places[surround]`.
        """
        return _Finish(self, first_lexicon, labels, places).run()


def token_id(u32 number):
    """The final id of a builder's token number."""
    return number + 1


cdef class _Finish:
    """One pass over a builder's contents; a class only to share its arrays between the steps."""

    cdef Builder b
    cdef u32 first_lexicon
    cdef u16[65536] label_of    # of rows
    cdef object places          # of the words of `unless`
    cdef Vec filter_            # u64
    cdef u32 filter_bits

    def __cinit__(self, Builder b, u32 first_lexicon, labels, places):
        cdef u32 i
        self.places = places
        self.b = b
        self.first_lexicon = first_lexicon
        for i in range(65536):
            self.label_of[i] = <u16> i
        if labels is not None:
            for i, label in enumerate(labels):
                self.label_of[i] = label
        vec_init(&self.filter_, 8)

    def __dealloc__(self):
        vec_free(&self.filter_)

    def run(self):
        cdef const Concept *concepts
        cdef u64 k, n_standard = 0
        tables = {}
        n_tokens, n_forms, n_deep = self.b.spellings.n, self.b.lengths.n, self.b.parents.n
        self.b._settle_edges()
        tables["word_flags"] = self.flags_table()
        tables["vocab"] = self.vocabulary_table()
        tables["arena"] = self.take(&self.b.arena, b"B")
        outs, entries, terms, links = self.entry_tables()
        n_first = self.n_first()
        tables["fail"], tables["roots"], tables["outs"] = self.link_states(outs)
        tables["filter"] = self.take(&self.filter_, b"Q")
        tables["edges"] = self.take(&self.b.edges, b"4I")
        tables["entries"] = entries
        tables["terms"] = terms
        tables["concept_links"] = links
        tables["concepts"] = self.take(&self.b.concepts, b"6I")
        tables["cases"] = self.take(&self.b.cases, b"B")
        tables["string_bytes"] = self.take(&self.b.strings.bytes_, b"B")
        tables["string_offsets"] = self.take(&self.b.strings.offsets, b"I")
        concepts = <const Concept *> (<Column> tables["concepts"]).vec.data
        for k in range((<Column> tables["concepts"]).vec.n):
            n_standard += concepts[k].standard != NONE
        counts = {
            "standards": n_standard,
            "tokens": n_tokens,
            "first_tokens": n_first,
            "states": n_deep + n_first,
            "edges": self.b.n_edges,
            "forms": n_forms,
            "entries": len(entries),
            "terms": len(terms),
            "concepts": len(tables["concepts"]),
        }
        return tables, counts

    cdef Column take(self, Vec *vec, bytes format):
        """Move an array out of the builder, without a copy."""
        cdef Column made = column(vec.item, format)
        made.vec = vec[0]
        vec.data = NULL
        vec.n = 0
        vec.capacity = 0
        return made

    cdef u64 n_first(self) noexcept:
        cdef Spelling *spellings = <Spelling *> self.b.spellings.data
        cdef u64 n = 0, i
        for i in range(self.b.spellings.n):
            n += spellings[i].begins
        return n

    cdef Column vocabulary_table(self):
        cdef Spelling *spellings = <Spelling *> self.b.spellings.data
        cdef u32 n = <u32> self.b.spellings.n, i
        cdef u32 bits = _power(<u64> n * 2 + 2)
        cdef Column made = column(sizeof(VocabSlot), b"QII")
        cdef VocabSlot *slots
        cdef u64 slot, mask = (<u64> 1 << bits) - 1
        vec_zeros(&made.vec, <u64> 1 << bits)
        slots = <VocabSlot *> made.vec.data
        for i in range(n):
            slot = (spellings[i].key * <u64> 0x9E3779B97F4A7C15) >> (64 - bits)
            while slots[slot].id:
                slot = (slot + 1) & mask
            slots[slot].key = spellings[i].key
            slots[slot].id = i + 1
            slots[slot].arena_byte = spellings[i].arena_byte
        return made

    cdef Column flags_table(self):
        cdef Column made = column(1, b"B")
        vec_zeros(&made.vec, self.b.spellings.n + 1)
        for number, flag in self.b._word_flags.items():
            (<u8 *> made.vec.data)[<u32> number + 1] = flag
        return made

    # --- entries --------------------------------------------------------------------------------------------------------

    def entry_tables(self):
        """Group the raw entries by form (a stable counting sort) and make terms of those that belong together."""
        cdef RawEntry *raw = <RawEntry *> self.b.entries.data
        cdef u64 n = self.b.entries.n, i
        cdef u32 n_forms = <u32> self.b.lengths.n, f
        cdef Column outs = column(sizeof(Out), b"IHHII")        # per form here; per state order follows in link_states
        cdef Column entries = column(sizeof(Entry), b"IIhBBBBH")
        cdef Column terms = column(sizeof(Term), b"IIHHIHhII")
        cdef Column links = column(sizeof(ConceptLink), b"IHBB")
        cdef u8 *lengths = <u8 *> self.b.lengths.data
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
                self.form_entries(raw, sorted_, i, first[f], lengths[f], outs, entries, terms, links)
                i = first[f]
        finally:
            vec_free(&starts)
            vec_free(&order)
        vec_free(&self.b.entries)
        return outs, entries, terms, links

    cdef int form_entries(self, RawEntry *raw, u64 *order, u64 begin, u64 end, u8 n_tokens,
                          Column outs, Column entries, Column terms, Column links) except -1:
        cdef u64 i, j
        cdef RawEntry *a
        cdef RawEntry *c
        cdef Entry *entry
        cdef Term *term
        cdef Out *out = <Out *> vec_push(&outs.vec)
        cdef u32 n = 0
        out.entry = <u32> entries.vec.n
        out.n_tokens = n_tokens
        out.next = NONE
        out.kinds = 0
        self.order_entries(raw, order, begin, end)
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
            term.rule = a.rule + self.first_lexicon if a.lexicon else a.rule
            term.label = self.label_of[a.label] if a.lexicon else a.label
            term.priority = a.priority
            term.unless = a.unless
            term.n_unless = a.n_unless
            term.flags = TERM_LEXICON if a.lexicon else 0
            term.surround = self.places[a.surround] if a.surround and self.places is not None else a.surround
            term.concept = <u32> links.vec.n
            entry.link_only = 1
            for j in range(i, end):
                c = &raw[order[j]]
                if (c.kind == KIND_TERM and c.lexicon == a.lexicon and c.rule == a.rule and c.label == a.label
                        and c.case_byte == a.case_byte
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

    cdef void order_entries(self, const RawEntry *raw, u64 *order, u64 begin, u64 end) noexcept nogil:
        """Entries of packs before rows of lexicons, those lexicon by lexicon, whichever was added first."""
        cdef u64 i, k, moving
        for i in range(begin + 1, end):
            moving = order[i]
            k = i
            while k > begin and _rank(&raw[moving]) < _rank(&raw[order[k - 1]]):
                order[k] = order[k - 1]
                k -= 1
            order[k] = moving

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
                self.b.coded_labels |= <u64> 1 << (term.label & 63)
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
        """Fail links by depth, then output chains; Out records are written in state order, shorter states first."""
        cdef u64 n_deep = self.b.parents.n, n_tokens = self.b.spellings.n, i
        cdef Column fail = column(4, b"I")
        cdef Column roots = column(sizeof(Root), b"II")
        cdef Column outs = column(sizeof(Out), b"IHHII")
        cdef Vec order, reached
        cdef Spelling *spellings = <Spelling *> self.b.spellings.data
        cdef Reached *found     # per token (0 is none), then per deep state
        cdef u32 *by_depth
        cdef Root *root
        vec_init(&order, 4)
        vec_init(&reached, sizeof(Reached))
        try:
            self.fill_filter()
            vec_grow(&outs.vec, per_form.vec.n)
            vec_zeros(&fail.vec, n_deep)
            vec_zeros(&reached, n_tokens + 1 + n_deep)
            vec_zeros(&roots.vec, n_tokens + 1)
            found = <Reached *> reached.data
            self.sort_by_depth(&order)
            by_depth = <u32 *> order.data
            with nogil:
                found[0].out = NONE
                for i in range(n_deep):
                    found[self.place_of((<u32 *> self.b.parents.data)[i])].live = 1
                for i in range(1, n_tokens + 1):
                    found[i].live = <u32> i if found[i].live else 0
                    found[i].out = NONE
                    self.put_out(&found[i], spellings[i - 1].end, per_form, &outs.vec)
                self.find_fails(by_depth, <u32 *> fail.vec.data, found, per_form, &outs.vec)
                self.finish_edges(found)
                root = <Root *> roots.vec.data
                for i in range(n_tokens + 1):
                    root[i].out = found[i].out
                    root[i].next = found[i].live
        finally:
            vec_free(&order)
            vec_free(&reached)
        return fail, roots, outs

    cdef inline u64 place_of(self, u32 state) noexcept nogil:
        """Where a state's record stands among those of tokens and deep states."""
        return state if state < DEEP else <u64> (state - DEEP) + self.b.spellings.n + 1

    cdef void put_out(self, Reached *state, u32 form, Column per_form, Vec *outs) noexcept nogil:
        """A form that ends in the state goes before what its fail state puts out, which `state.out` holds."""
        cdef Out *out
        if form == NONE:
            return
        out = &(<Out *> outs.data)[outs.n]      # there is room for one a form
        out[0] = (<Out *> per_form.vec.data)[form]
        out.next = state.out
        state.out = <u32> outs.n
        outs.n += 1

    cdef int sort_by_depth(self, Vec *order) except -1:
        """Deep states, shallow ones first, otherwise as they came."""
        cdef u8 *depths = <u8 *> self.b.depths.data
        cdef u64[66] counts
        cdef u64 i
        cdef u32 k
        vec_grow(order, self.b.depths.n)
        memset(counts, 0, sizeof(counts))
        for i in range(self.b.depths.n):
            counts[depths[i] + 1] += 1
        for k in range(65):
            counts[k + 1] += counts[k]
        for i in range(self.b.depths.n):
            (<u32 *> order.data)[counts[depths[i]]] = <u32> i
            counts[depths[i]] += 1
        order.n = self.b.depths.n
        return 0

    cdef int fill_filter(self) except -1:
        cdef Edge *edges = <Edge *> self.b.edges.data
        cdef u64 i, bit
        cdef u64 *bits
        self.filter_bits = _power(self.b.n_edges * 8 + 64)
        vec_zeros(&self.filter_, <u64> 1 << (self.filter_bits - 6) if self.filter_bits > 6 else 1)
        bits = <u64 *> self.filter_.data
        with nogil:
            for i in range(self.b.edges.n):
                if edges[i].state:
                    bit = edge_hash(edges[i].state, edges[i].token) >> (64 - self.filter_bits)
                    bits[bit >> 6] |= <u64> 1 << (bit & 63)
        return 0

    cdef void find_fails(self, const u32 *by_depth, u32 *fail, Reached *found, Column per_form, Vec *outs) noexcept nogil:
        cdef const u32 *parents = <const u32 *> self.b.parents.data
        cdef const u32 *labels = <const u32 *> self.b.labels.data
        cdef const u32 *ends = <const u32 *> self.b.ends.data
        cdef const Edge *edges = <const Edge *> self.b.edges.data
        cdef u64 n = self.b.parents.n, i, deep = self.b.spellings.n + 1
        cdef u32 s, later, state
        cdef Reached *r
        for i in range(n):
            # What states a little further on will ask for is fetched while this one is at work.
            if i + 2 * AHEAD < n:
                later = parents[by_depth[i + 2 * AHEAD]]
                if later >= DEEP:
                    rn_prefetch(&fail[later - DEEP])
            if i + AHEAD < n:
                later = by_depth[i + AHEAD]
                if parents[later] >= DEEP:
                    state = fail[parents[later] - DEEP]
                    if state:
                        rn_prefetch(&edges[((edge_hash(state, labels[later]) >> 32) * self.b.edges.n) >> 32])
            s = by_depth[i]
            state = self.fail_of(fail[parents[s] - DEEP] if parents[s] >= DEEP else 0, labels[s], fail)
            fail[s] = state
            r = &found[deep + s]
            if state:
                r.out = found[self.place_of(state)].out
                r.live = DEEP + s if r.live else found[self.place_of(state)].live
            else:
                r.out = NONE
                r.live = DEEP + s if r.live else 0
            self.put_out(r, ends[s], per_form, outs)
        for i in range(n):
            fail[i] = found[self.place_of(fail[i])].live

    cdef u32 fail_of(self, u32 state, u32 token, const u32 *fail) noexcept nogil:
        """The longest proper suffix that is a state, of a state whose parent falls to `state` and that `token` leads to."""
        cdef const u64 *bits = <const u64 *> self.filter_.data
        cdef u64 bit
        cdef Edge *edge
        while state:
            bit = edge_hash(state, token) >> (64 - self.filter_bits)
            if (bits[bit >> 6] >> (bit & 63)) & 1:
                edge = self.b._edge_place(state, token)
                if edge.state:
                    return edge.child
            state = fail[state - DEEP] if state >= DEEP else 0
        return token if (<Spelling *> self.b.spellings.data)[token - 1].begins else 0

    cdef void finish_edges(self, const Reached *found) noexcept nogil:
        """Edges learn what their child puts out and, when nothing continues it, where it falls."""
        cdef Edge *edges = <Edge *> self.b.edges.data
        cdef const Reached *r
        cdef u64 i, n = self.b.edges.n
        for i in range(n):
            if i + 2 * AHEAD < n and edges[i + 2 * AHEAD].state:
                rn_prefetch(&found[self.place_of(edges[i + 2 * AHEAD].child)])
            if edges[i].state:
                r = &found[self.place_of(edges[i].child)]
                edges[i].out = r.out
                edges[i].child = r.live
