# From code points to tokens (docs/design/matching.md sections 1-5).

from rulener.core.structs cimport *

# What the tokeniser needs of an artifact; pointers into the mapped file.
cdef struct Lexis:
    const u16 *fold_pages
    const u32 *fold_cells
    const u32 *fold_text
    u32 n_fold_pages
    u32 n_fold_cells
    u32 n_fold_text
    const VocabSlot *slots
    u64 slot_mask
    u32 slot_shift
    const u8 *arena
    u64 arena_length
    const u8 *word_flags        # per token id: 1 abbreviation, 2 continues, 4 list word
    u32 n_ids
    u32 punct_ids[128]

cdef enum WordFlag:
    FLAG_ABBREVIATION = 1
    FLAG_CONTINUES = 2
    FLAG_LIST = 4

cdef struct Pending:
    u64 key
    u32 token
    u32 reserved

# Grows as needed; belongs to one scanner.
cdef struct TokenBuffer:
    Token *items
    u32 n
    u32 capacity
    Pending *pending            # plain ASCII words, looked up together at the end; as many as tokens at most
    u32 n_pending
    u32 *lines                  # the tokens that begin a line
    u32 n_lines
    u32 line_capacity
    u8 *shadow
    u8 *lower                   # the shadow with letters in lower case (other bytes are of no use there)
    u32 *runs                   # starts and ends, in turn, of the runs of ASCII letters and digits; then two sentinels
    u64 shadow_capacity

cdef enum:
    MAX_FOLDED = 255            # bytes of a folded token; a longer one matches nothing
    MAX_NUMBER = 64             # code points of a text that counts as a number
    MAX_FIELD_TOKENS = 6        # of a field's name before its colon, or of an unknown heading
    MAX_PROBES = 100000         # of a hash table; only a damaged file needs more

ctypedef struct Folded:
    u8 data[264]                # folded UTF-8, zero padded to 8 bytes when finished
    u32 length
    bint ascii
    bint overflow

cdef int view_text(object string, Text *out) except -1
cdef int read_text(object string, TokenBuffer *buffer, Text *out) except -1
cdef int fill_shadow(TokenBuffer *buffer, Text *text) except -1 nogil
cdef int tokenise(const Text *text, const Lexis *lexis, TokenBuffer *buffer) except -1 nogil
cdef int mark_lines(const Text *text, const Lexis *lexis, TokenBuffer *buffer) except -1 nogil
cdef bint is_number(const Text *text, u32 start, u32 end) noexcept nogil
cdef void free_tokens(TokenBuffer *buffer) noexcept nogil
cdef bint is_all_caps(const Text *text, const Lexis *lexis, const Token *token) noexcept nogil
cdef bint case_agrees(const Text *text, const Lexis *lexis, u32 start, u32 end, const u8 *cases) noexcept nogil
cdef u32 number_end(const Text *text, u32 i) noexcept nogil
cdef bint is_number(const Text *text, u32 start, u32 end) noexcept nogil
cdef u32 case_pattern(const Text *text, const Lexis *lexis, u32 start, u32 end, u8 *out) noexcept nogil
cdef u64 hash_folded(const u8 *data, u32 length) noexcept nogil
cdef void fold_token(const Text *text, const Lexis *lexis, const Token *token, Folded *out) noexcept nogil
cdef u64 folded_key(Folded *folded) noexcept nogil

cdef inline u32 point_at(const Text *text, u32 i) noexcept nogil:
    if text.kind == 1:
        return (<const u8 *> text.points)[i]
    if text.kind == 2:
        return (<const u16 *> text.points)[i]
    return (<const u32 *> text.points)[i]

cdef inline u32 cell_of(const Lexis *lexis, u32 point) noexcept nogil:
    if point > 0x10FFFF:
        return CLASS_PUNCT
    return lexis.fold_cells[(<u32> lexis.fold_pages[point >> 7] << 7) | (point & 127)]

cdef inline u32 token_punct(const Token *token) noexcept nogil:
    """The folded ASCII character of a punctuation token, 0 for any other token."""
    return token.flags >> PUNCT_SHIFT

cdef inline u32 word_flags(const Lexis *lexis, const Token *token) noexcept nogil:
    return lexis.word_flags[token.id] if token.id < lexis.n_ids else 0

cdef inline const void *token_slot(const Lexis *lexis, u64 key) noexcept nogil:
    """Where the look-up of a key begins, to have it fetched early."""
    return &lexis.slots[(key * <u64> 0x9E3779B97F4A7C15) >> lexis.slot_shift]

cdef inline u32 find_token(const Lexis *lexis, u64 key, const u8 *folded, u32 length) noexcept nogil:
    """The id of a key, 0 when no form uses it. `folded` is compared for hashed keys only."""
    cdef u64 slot = (key * <u64> 0x9E3779B97F4A7C15) >> lexis.slot_shift
    cdef const VocabSlot *s
    cdef const u8 *stored
    cdef u32 i, probes = 0
    while True:
        s = &lexis.slots[slot]
        if s.id == 0:
            return 0
        if s.key == key:
            if not key >> 63:
                return s.id if s.id < lexis.n_ids else 0
            stored = lexis.arena + s.arena_byte
            # The bounds keep a damaged file from leading outside it.
            if <u64> s.arena_byte + length < lexis.arena_length and stored[0] == length:
                i = 0
                while i < length and stored[1 + i] == folded[i]:
                    i += 1
                if i == length:
                    return s.id if s.id < lexis.n_ids else 0
        probes += 1
        if probes > MAX_PROBES:
            return 0
        slot = (slot + 1) & lexis.slot_mask
