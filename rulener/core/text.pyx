# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Tokens with exact offsets, keys by folding, lines and list items (docs/design/matching.md sections 1-4)."""

from cpython.mem cimport PyMem_RawFree, PyMem_RawRealloc
from cpython.unicode cimport PyUnicode_DATA, PyUnicode_GET_LENGTH, PyUnicode_KIND
from libc.string cimport memcmp, memcpy, memset

from rulener.core.memory cimport rn_prefetch
from rulener.core.structs cimport *


cdef extern from *:
    """
    static inline unsigned int rn_ctz64(unsigned long long x) {
    #if defined(_MSC_VER)
        unsigned long r; _BitScanForward64(&r, x); return (unsigned int)r;
    #else
        return (unsigned int)__builtin_ctzll(x);
    #endif
    }

    /* Lower case, and where runs of letters and digits begin and end, in turn; two sentinels follow. `n` is a multiple of 64,
       the last block is zeros. Classifying is written as plain loops that compilers turn into vector code. */
    static void rn_classify(const unsigned char *s, size_t n, unsigned char *lower, unsigned int *runs) {
        unsigned long long inside = 0;
        for (size_t b = 0; b < n; b += 64) {
            unsigned char m[64];
            unsigned long long bits = 0, x, edges;
            for (int k = 0; k < 64; k++) {
                unsigned char c = s[b + k], l = (unsigned char)(c | 0x20);
                lower[b + k] = l;
                m[k] = (unsigned char)(((unsigned char)(l - 'a') < 26) | ((unsigned char)(c - '0') < 10));
            }
            for (int j = 0; j < 8; j++) {
                memcpy(&x, m + 8 * j, 8);
                bits |= ((x * 0x0102040810204080ULL) >> 56) << (8 * j);
            }
            edges = bits ^ ((bits << 1) | inside);
            inside = bits >> 63;
            while (edges) {
                *runs++ = (unsigned int)b + rn_ctz64(edges);
                edges &= edges - 1;
            }
        }
        runs[0] = runs[1] = 0xFFFFFFFFu;
    }
    """
    u32 rn_ctz64(u64 x) noexcept nogil
    void rn_classify(const u8 *s, size_t n, u8 *lower, u32 *runs) noexcept nogil


# Classes of a shadow byte. HIGH sends the token to the table-driven path; END is NUL, which also pads the text.
cdef enum Byte:
    B_PUNCT = 0
    B_LETTER = 1
    B_DIGIT = 2
    B_NEWLINE = 3
    B_SPACE = 4
    B_HYPHEN = 5
    B_SLASH = 6
    B_APOSTROPHE = 7
    B_HIGH = 8
    B_NUL = 9

cdef enum:
    MAX_NUMBER_POINTS = 300     # a longer one is no float
    AHEAD = 8                   # words to fetch ahead

cdef u8[256] BYTE_CLASS
cdef u8[256] PLAIN_AFTER        # 1: a plain word may end before this byte


cdef void _fill_byte_classes() noexcept:
    cdef int c
    for c in range(256):
        if c >= 128:
            BYTE_CLASS[c] = B_HIGH
        elif c == 0:
            BYTE_CLASS[c] = B_NUL
        elif 48 <= c <= 57:
            BYTE_CLASS[c] = B_DIGIT
        elif 65 <= c <= 90 or 97 <= c <= 122:
            BYTE_CLASS[c] = B_LETTER
        elif c in (10, 11, 12, 13, 28, 29, 30):
            BYTE_CLASS[c] = B_NEWLINE
        elif c <= 32 or c == 127:
            BYTE_CLASS[c] = B_SPACE
        elif c == 45:
            BYTE_CLASS[c] = B_HYPHEN
        elif c == 47:
            BYTE_CLASS[c] = B_SLASH
        elif c == 39 or c == 96:
            BYTE_CLASS[c] = B_APOSTROPHE
        else:
            BYTE_CLASS[c] = B_PUNCT
        PLAIN_AFTER[c] = BYTE_CLASS[c] != B_APOSTROPHE and BYTE_CLASS[c] != B_HIGH


_fill_byte_classes()




cdef int view_text(object string, Text *out) except -1:
    """Point `out` at a str, which must stay alive while `out` is used. The shadow is still to be filled."""
    cdef u64 length = PyUnicode_GET_LENGTH(string)
    if length >= <u64> 0x7FFFFFFF:
        raise OverflowError("a note may hold at most 2147483646 code points")
    out.points = PyUnicode_DATA(string)
    out.kind = PyUnicode_KIND(string)
    out.length = <u32> length
    out.shadow = NULL
    return 0


cdef int read_text(object string, TokenBuffer *buffer, Text *out) except -1:
    """`view_text` and the shadow."""
    view_text(string, out)
    return fill_shadow(buffer, out)


cdef int fill_shadow(TokenBuffer *buffer, Text *text) except -1 nogil:
    """Shadow, lower case and runs of letters of a text, padded with zeros to whole blocks of 64 and one more."""
    cdef u64 blocks = (<u64> text.length >> 6) + 2
    cdef u32 i
    cdef u8 *shadow
    cdef const u16 *p2
    cdef const u32 *p4
    if blocks * 64 > buffer.shadow_capacity:
        grow_shadow(buffer, blocks + blocks // 4)
    shadow = buffer.shadow
    if text.kind == 1:
        memcpy(shadow, text.points, text.length)
    elif text.kind == 2:
        p2 = <const u16 *> text.points
        for i in range(text.length):
            shadow[i] = <u8> p2[i] if p2[i] < 128 else 128
    else:
        p4 = <const u32 *> text.points
        for i in range(text.length):
            shadow[i] = <u8> p4[i] if p4[i] < 128 else 128
    memset(shadow + text.length, 0, blocks * 64 - text.length)
    text.shadow = shadow
    rn_classify(shadow, blocks * 64, buffer.lower, buffer.runs)
    return 0


cdef int grow_shadow(TokenBuffer *buffer, u64 blocks) except -1 nogil:
    cdef void *made
    with gil:
        made = PyMem_RawRealloc(buffer.shadow, blocks * 64)
        if made == NULL:
            raise MemoryError()
        buffer.shadow = <u8 *> made
        made = PyMem_RawRealloc(buffer.lower, blocks * 64)
        if made == NULL:
            raise MemoryError()
        buffer.lower = <u8 *> made
        made = PyMem_RawRealloc(buffer.runs, (blocks * 64 + 2) * 4)
        if made == NULL:
            raise MemoryError()
        buffer.runs = <u32 *> made
    buffer.shadow_capacity = blocks * 64
    return 0


cdef int grow_tokens(TokenBuffer *buffer) except -1 nogil:
    cdef u64 capacity = <u64> buffer.capacity * 2 + 256
    cdef void *items
    with gil:
        items = PyMem_RawRealloc(buffer.items, capacity * sizeof(Token))
        if items == NULL:
            raise MemoryError()
    buffer.items = <Token *> items
    with gil:
        items = PyMem_RawRealloc(buffer.pending, capacity * sizeof(Pending))
        if items == NULL:
            raise MemoryError()
    buffer.pending = <Pending *> items
    buffer.capacity = <u32> capacity
    return 0


cdef int add_line(TokenBuffer *buffer, u32 token) except -1 nogil:
    cdef u64 capacity
    cdef void *lines
    if buffer.n_lines == buffer.line_capacity:
        capacity = <u64> buffer.line_capacity * 2 + 64
        with gil:
            lines = PyMem_RawRealloc(buffer.lines, capacity * sizeof(u32))
            if lines == NULL:
                raise MemoryError()
        buffer.lines = <u32 *> lines
        buffer.line_capacity = <u32> capacity
    buffer.lines[buffer.n_lines] = token
    buffer.n_lines += 1
    return 0


cdef void free_tokens(TokenBuffer *buffer) noexcept nogil:
    with gil:
        PyMem_RawFree(buffer.items)
        PyMem_RawFree(buffer.pending)
        PyMem_RawFree(buffer.lines)
        PyMem_RawFree(buffer.shadow)
        PyMem_RawFree(buffer.lower)
        PyMem_RawFree(buffer.runs)
    memset(buffer, 0, sizeof(TokenBuffer))


# --- folding -----------------------------------------------------------------------------------------------------

cdef u64 hash_folded(const u8 *data, u32 length) noexcept nogil:
    """63-bit hash of folded bytes (zero padded to a multiple of 8), bit 63 set."""
    cdef u64 h = <u64> length * <u64> 0x9E3779B97F4A7C15
    cdef u64 word
    cdef u32 i = 0
    while i < length:
        memcpy(&word, data + i, 8)
        h = (h ^ word) * <u64> 0xD6E8FEB86659FD93
        h ^= h >> 32
        i += 8
    return h | (<u64> 1 << 63)


cdef inline void put_point(Folded *f, u32 point) noexcept nogil:
    """Append one code point as (generalised) UTF-8."""
    if f.length > MAX_FOLDED - 4:
        # Close to the limit count exactly, so that 255 bytes still fit.
        if f.length + (1 if point < 0x80 else 2 if point < 0x800 else 3 if point < 0x10000 else 4) > MAX_FOLDED:
            f.overflow = True
            return
    if point < 0x80:
        f.data[f.length] = <u8> point
        f.length += 1
        return
    f.ascii = False
    if point < 0x800:
        f.data[f.length] = <u8> (0xC0 | (point >> 6))
        f.data[f.length + 1] = <u8> (0x80 | (point & 63))
        f.length += 2
    elif point < 0x10000:
        f.data[f.length] = <u8> (0xE0 | (point >> 12))
        f.data[f.length + 1] = <u8> (0x80 | ((point >> 6) & 63))
        f.data[f.length + 2] = <u8> (0x80 | (point & 63))
        f.length += 3
    else:
        f.data[f.length] = <u8> (0xF0 | (point >> 18))
        f.data[f.length + 1] = <u8> (0x80 | ((point >> 12) & 63))
        f.data[f.length + 2] = <u8> (0x80 | ((point >> 6) & 63))
        f.data[f.length + 3] = <u8> (0x80 | (point & 63))
        f.length += 4


cdef inline void put_folded(Folded *f, const Lexis *lexis, u32 point, u32 cell) noexcept nogil:
    cdef u32 at = cell >> CELL_FOLD_SHIFT
    cdef u32 i, n
    if at == 0:
        put_point(f, point)
        return
    n = lexis.fold_text[at]
    for i in range(n):
        put_point(f, lexis.fold_text[at + 1 + i])


cdef inline void start_folded(Folded *f) noexcept nogil:
    f.length = 0
    f.ascii = True
    f.overflow = False


cdef u64 folded_key(Folded *f) noexcept nogil:
    """The vocabulary key. Zero pads `f.data` to 8 bytes on the way."""
    cdef u64 key
    memset(f.data + f.length, 0, 8)
    if f.ascii and f.length <= 8:
        memcpy(&key, f.data, 8)
        return key
    return hash_folded(f.data, f.length)


# --- one token, any code points -------------------------------------------------------------------------------------

cdef inline u32 class_at(const Text *text, const Lexis *lexis, i64_ i) noexcept nogil:
    """Class of the code point at `i`; SPACE outside the text."""
    if i < 0 or i >= text.length:
        return CLASS_SPACE
    return cell_of(lexis, point_at(text, <u32> i)) & CELL_CLASS


cdef inline bint is_digit(const Text *text, u32 i) noexcept nogil:
    return i < text.length and BYTE_CLASS[text.shadow[i]] == B_DIGIT


cdef inline bint is_letter(const Text *text, u32 i) noexcept nogil:
    return i < text.length and BYTE_CLASS[text.shadow[i]] == B_LETTER


cdef u32 number_end(const Text *text, u32 i) noexcept nogil:
    """End of the number that starts at `i` (a digit, or a point before a digit)."""
    cdef u32 start = i, j
    if text.shadow[i] == 46:
        i += 1
        while is_digit(text, i):
            i += 1
        return i
    while is_digit(text, i):
        i += 1
    if i - start <= 3:
        while (i < text.length and text.shadow[i] == 44 and is_digit(text, i + 1) and is_digit(text, i + 2)
               and is_digit(text, i + 3) and not is_digit(text, i + 4)):
            i += 4
    if i < text.length and text.shadow[i] == 46 and is_digit(text, i + 1):
        i += 1
        while is_digit(text, i):
            i += 1
    return i


cdef bint is_number(const Text *text, u32 start, u32 end) noexcept nogil:
    """Whether `[start, end)` is wholly one number, and short enough to have a value."""
    cdef Text view = text[0]
    view.length = end
    if start >= end or end - start > MAX_NUMBER_POINTS or not (is_digit(&view, start) or (view.shadow[start] == 46 and is_digit(&view, start + 1))):
        return False
    return number_end(&view, start) == end


cdef u32 dotted_end(const Text *text, const Lexis *lexis, u32 i, bint *dot_end) noexcept nogil:
    """End of the dotted abbreviation that starts at letter `i`; `i` when there is none."""
    cdef u32 start = i
    if not (is_letter(text, i) and i + 2 < text.length and text.shadow[i + 1] == 46 and is_letter(text, i + 2)):
        return start
    i += 2
    while i + 2 < text.length and text.shadow[i + 1] == 46 and is_letter(text, i + 2):
        i += 2
    # `i` is the last letter.
    if class_at(text, lexis, <i64_> i + 1) == CLASS_WORD:
        return start
    dot_end[0] = i + 1 < text.length and text.shadow[i + 1] == 46
    return i + 2 if dot_end[0] else i + 1


cdef u32 word_end(const Text *text, const Lexis *lexis, u32 i, Folded *f) noexcept nogil:
    """End of the word that starts at `i`; its folded key goes to `f`. Joins apostrophes, drops a possessive from the key."""
    cdef u32 point, cell, cls
    cdef u32 key_before_apostrophe = 0     # folded length before the last apostrophe
    cdef u32 letters_after = 0             # code points since it
    cdef u32 last = 0
    cdef bint joined = False, ascii_before = True, overflow_before = False
    start_folded(f)
    while i < text.length:
        point = point_at(text, i)
        cell = cell_of(lexis, point)
        cls = cell & CELL_CLASS
        if cls == CLASS_WORD:
            put_folded(f, lexis, point, cell)
            letters_after += 1
            last = point
        elif cls == CLASS_IGNORE:
            letters_after += 1
            last = 0
        elif (cls == CLASS_APOSTROPHE and class_at(text, lexis, <i64_> i + 1) == CLASS_WORD
              and class_at(text, lexis, <i64_> i - 1) == CLASS_WORD):
            joined = True
            key_before_apostrophe = f.length
            ascii_before = f.ascii
            overflow_before = f.overflow
            letters_after = 0
        else:
            break
        i += 1
    if joined and letters_after == 1 and (last == 115 or last == 83):
        f.length = key_before_apostrophe
        f.ascii = ascii_before
        f.overflow = overflow_before
    return i


cdef void fold_token(const Text *text, const Lexis *lexis, const Token *token, Folded *f) noexcept nogil:
    """The folded key of a token, read again from the text (the tokeniser itself keeps only ids)."""
    cdef u32 i
    cdef u32 point
    cdef Text view
    if token.flags & TOKEN_NUMBER:
        start_folded(f)
        for i in range(token.start, token.end):
            if text.shadow[i] != 44:
                put_point(f, text.shadow[i])
    elif token.flags & TOKEN_DOTTED:
        start_folded(f)
        for i in range(token.start, token.end):
            if text.shadow[i] != 46:
                put_point(f, text.shadow[i] | 32)
    elif token.flags & TOKEN_PUNCT:
        start_folded(f)
        if token_punct(token) == 45:
            put_point(f, 45)
        else:
            point = point_at(text, token.start)
            put_folded(f, lexis, point, cell_of(lexis, point))
    else:
        view = text[0]
        view.length = token.end
        word_end(&view, lexis, token.start, f)


# --- the tokeniser ---------------------------------------------------------------------------------------------------

cdef inline u64 hash_word(const u8 *lower, u32 length) noexcept nogil:
    """`hash_folded` of a plain ASCII word longer than 8 bytes, read past its end."""
    cdef u64 h = <u64> length * <u64> 0x9E3779B97F4A7C15
    cdef u64 word
    cdef u32 i = 0
    while i + 8 <= length:
        memcpy(&word, lower + i, 8)
        h = (h ^ word) * <u64> 0xD6E8FEB86659FD93
        h ^= h >> 32
        i += 8
    if i < length:
        memcpy(&word, lower + i, 8)
        word &= ((<u64> 1) << ((length - i) << 3)) - 1
        h = (h ^ word) * <u64> 0xD6E8FEB86659FD93
        h ^= h >> 32
    return h | (<u64> 1 << 63)


cdef int tokenise(const Text *text, const Lexis *lexis, TokenBuffer *buffer) except -1 nogil:
    """Fill `buffer` with the tokens of `text`, ids looked up. Lines are recorded; list items are marked by `mark_lines`."""
    cdef const u8 *shadow = text.shadow
    cdef u32 n = text.length
    cdef u32 i = 0, e, length, id_, point, cell, cls, flags = SEP_NEWLINE, newlines = 1, at, blanks
    cdef u64 key
    cdef u8 c
    cdef const u8 *lower = buffer.lower
    cdef const u32 *runs = buffer.runs
    cdef u32 n_pending = 0
    cdef u32 byte_class, next_class
    cdef bint joined = False        # the code point before `i` is WORD or IGNORE
    cdef bint dot_end = False, lead, dimension = False
    cdef u32 n_tokens = 0
    cdef Token *token
    cdef Folded f
    buffer.n_lines = 0
    while True:
        # 1. plain ASCII words: runs of letters and digits that begin with a letter and need no closer look
        if runs[0] == i:
            e = runs[1]
            length = e - i
            c = shadow[i]
            if BYTE_CLASS[c] == B_LETTER and PLAIN_AFTER[shadow[e]] and not (length == 1 and shadow[e] == 46) and length <= MAX_FOLDED:
                memcpy(&key, lower + i, 8)
                if length < 8:
                    key &= ((<u64> 1) << (length << 3)) - 1
                elif length > 8:
                    key = hash_word(lower + i, length)
                if n_tokens == buffer.capacity:
                    grow_tokens(buffer)
                token = &buffer.items[n_tokens]
                token.start = i
                token.end = e
                token.id = 0
                token.flags = flags | ((~<u32> c & 32) << 4)
                buffer.pending[n_pending].key = key
                buffer.pending[n_pending].token = n_tokens
                n_pending += 1
                if flags & SEP_NEWLINE:
                    add_line(buffer, n_tokens)
                n_tokens += 1
                newlines = 0
                joined = False
                runs += 2
                # The usual separator is one space.
                flags = SEP_SPACE if shadow[e] == 32 else 0
                i = e + (shadow[e] == 32)
                continue

        c = shadow[i]
        byte_class = BYTE_CLASS[c]

        # 2. separators
        if byte_class == B_SPACE:
            flags |= SEP_SPACE
            joined = False
            i += 1
            continue
        elif byte_class == B_NEWLINE:
            flags |= SEP_SPACE | SEP_NEWLINE
            if c == 13 and shadow[i + 1] == 10 and i + 1 < n:
                i += 1
            newlines += 1
            if newlines >= 2:
                flags |= SEP_BLANK
            joined = False
            i += 1
            continue
        elif byte_class == B_SLASH:
            flags |= SEP_SLASH
            newlines = 0
            joined = False
            i += 1
            continue
        elif byte_class == B_APOSTROPHE:
            newlines = 0
            flags &= ~<u32> TOKEN_GLUED
            joined = False
            i += 1
            continue
        elif byte_class == B_NUL:
            if i >= n:
                break
            flags |= SEP_SPACE
            joined = False
            i += 1
            continue

        # 3. plain ASCII punctuation
        elif byte_class == B_PUNCT:
            if c == 46 and is_digit(text, i + 1) and not joined and _point_starts_number(text, lexis, i):
                pass        # a number, below
            else:
                if n_tokens == buffer.capacity:
                    grow_tokens(buffer)
                token = &buffer.items[n_tokens]
                token.start = i
                token.end = i + 1
                token.id = lexis.punct_ids[c]
                token.flags = (flags & ~<u32> TOKEN_GLUED) | TOKEN_PUNCT | (<u32> c << PUNCT_SHIFT)
                if flags & SEP_NEWLINE:
                    add_line(buffer, n_tokens)
                n_tokens += 1
                newlines = 0
                flags = 0
                joined = False
                i += 1
                continue

        # 4. everything else, one code point class at a time
        point = point_at(text, i)
        cell = cell_of(lexis, point)
        cls = cell & CELL_CLASS
        if cls == CLASS_WORD or c == 46:
            if n_tokens == buffer.capacity:
                grow_tokens(buffer)
            token = &buffer.items[n_tokens]
            token.start = i
            if (byte_class == B_DIGIT or c == 46) and not joined:
                e = number_end(text, i)
                flags |= TOKEN_NUMBER
                token.end = e
                token.flags = flags
                fold_token(text, lexis, token, &f)
            else:
                e = i
                if not joined:
                    e = dotted_end(text, lexis, i, &dot_end)
                if e > i:
                    flags |= TOKEN_DOTTED
                    if dot_end:
                        flags |= TOKEN_DOT_END
                    token.end = e
                    token.flags = flags
                    fold_token(text, lexis, token, &f)
                elif flags & TOKEN_GLUED and (c == 120 or c == 88) and is_digit(text, i + 1):
                    # "3x4": the x of a dimension
                    start_folded(&f)
                    put_point(&f, 120)
                    e = i + 1
                    dimension = True
                else:
                    e = word_end(text, lexis, i, &f)
                if cell & CELL_UPPER:
                    flags |= TOKEN_CAP
                if f.length == 0 and not f.overflow:
                    flags = (flags & ~<u32> (TOKEN_CAP | TOKEN_GLUED | LEAD_HYPHEN)) | SEP_SPACE
                    joined = False
                    i = e
                    while runs[0] < i:
                        runs += 2
                    continue
            if f.overflow:
                id_ = 0
            else:
                key = folded_key(&f)
                id_ = find_token(lexis, key, f.data, f.length)
            token.end = e
            token.id = id_
            token.flags = flags
            if flags & SEP_NEWLINE:
                add_line(buffer, n_tokens)
            n_tokens += 1
            newlines = 0
            i = e
            while runs[0] < i:
                runs += 2
            flags = 0
            joined = False
            if token.flags & TOKEN_NUMBER and class_at(text, lexis, i) == CLASS_WORD:
                flags = TOKEN_GLUED
                joined = True
            elif dimension:
                flags = TOKEN_GLUED
                dimension = False
            continue
        if cls == CLASS_HYPHEN:
            e = i
            while e < n and (cell_of(lexis, point_at(text, e)) & CELL_CLASS) == CLASS_HYPHEN:
                e += 1
            next_class = class_at(text, lexis, e)
            at = class_at(text, lexis, <i64_> i - 1)
            if (e - i >= 2 or ((at == CLASS_SPACE or at == CLASS_NEWLINE)
                               and (next_class == CLASS_SPACE or next_class == CLASS_NEWLINE))):
                if n_tokens == buffer.capacity:
                    grow_tokens(buffer)
                token = &buffer.items[n_tokens]
                token.start = i
                token.end = e
                token.id = lexis.punct_ids[45]
                token.flags = (flags & ~<u32> TOKEN_GLUED) | TOKEN_PUNCT | (<u32> 45 << PUNCT_SHIFT)
                if flags & SEP_NEWLINE:
                    add_line(buffer, n_tokens)
                n_tokens += 1
                flags = 0
            else:
                lead = at == CLASS_SPACE or at == CLASS_NEWLINE or at == CLASS_PUNCT
                flags = (flags & ~<u32> TOKEN_GLUED) | SEP_HYPHEN
                if lead and (next_class == CLASS_WORD or next_class == CLASS_PUNCT):
                    flags |= LEAD_HYPHEN
            newlines = 0
            joined = False
            i = e
            continue
        if cls == CLASS_PUNCT:
            if n_tokens == buffer.capacity:
                grow_tokens(buffer)
            token = &buffer.items[n_tokens]
            token.start = i
            token.end = i + 1
            flags = (flags & ~<u32> TOKEN_GLUED) | TOKEN_PUNCT
            if cell & CELL_UPPER:
                flags |= TOKEN_CAP
            start_folded(&f)
            put_folded(&f, lexis, point, cell)
            if f.length == 1:
                token.id = lexis.punct_ids[f.data[0]]
                flags |= <u32> f.data[0] << PUNCT_SHIFT
            else:
                key = folded_key(&f)
                token.id = find_token(lexis, key, f.data, f.length)
            token.flags = flags
            if flags & SEP_NEWLINE:
                add_line(buffer, n_tokens)
            n_tokens += 1
            newlines = 0
            flags = 0
            joined = False
            i += 1
            continue
        # separators outside ASCII
        if cls == CLASS_SPACE:
            flags |= SEP_SPACE
            joined = False
        elif cls == CLASS_NEWLINE:
            flags |= SEP_SPACE | SEP_NEWLINE
            newlines += 1
            if newlines >= 2:
                flags |= SEP_BLANK
            joined = False
        elif cls == CLASS_SLASH:
            flags |= SEP_SLASH
            newlines = 0
            joined = False
        elif cls == CLASS_IGNORE:
            newlines = 0
            joined = True
        else:
            newlines = 0
            joined = False
        flags &= ~<u32> TOKEN_GLUED
        i += 1
    buffer.n = n_tokens
    buffer.n_pending = n_pending
    look_up(text, lexis, buffer)
    if n_tokens:
        buffer.items[0].flags &= ~<u32> SEP_BLANK
    return 0


cdef void look_up(const Text *text, const Lexis *lexis, TokenBuffer *buffer) noexcept nogil:
    """Ids of the plain ASCII words. Done together, so that the vocabulary's cache lines can be on their way."""
    cdef u32 i, id_, n = buffer.n_pending
    cdef u64 key
    cdef const Pending *pending = buffer.pending
    cdef const VocabSlot *slot
    cdef Token *items = buffer.items
    for i in range(n):
        if i + AHEAD < n:
            rn_prefetch(token_slot(lexis, pending[i + AHEAD].key))
        key = pending[i].key
        slot = <const VocabSlot *> token_slot(lexis, key)
        if slot.key == key and not key >> 63:
            id_ = slot.id
        elif slot.id == 0:
            continue
        elif key >> 63:
            id_ = find_long(buffer.lower, lexis, key, &items[pending[i].token])
        else:
            id_ = find_token(lexis, key, NULL, 0)
        # Only a damaged file has a larger one.
        items[pending[i].token].id = id_ if id_ < lexis.n_ids else 0


cdef u32 find_long(const u8 *lower, const Lexis *lexis, u64 key, const Token *token) noexcept nogil:
    """`find_token` for a plain ASCII word, whose folded bytes are those of `lower`."""
    cdef u64 slot = (key * <u64> 0x9E3779B97F4A7C15) >> lexis.slot_shift
    cdef u32 length = token.end - token.start, probes = 0
    cdef const VocabSlot *s
    cdef const u8 *stored
    while True:
        s = &lexis.slots[slot]
        if s.id == 0:
            return 0
        if s.key == key and <u64> s.arena_byte + length < lexis.arena_length:
            stored = lexis.arena + s.arena_byte
            if stored[0] == length and memcmp(stored + 1, lower + token.start, length) == 0:
                return s.id
        probes += 1
        if probes > MAX_PROBES:
            return 0
        slot = (slot + 1) & lexis.slot_mask


cdef bint _point_starts_number(const Text *text, const Lexis *lexis, u32 i) noexcept nogil:
    """Whether the full stop at `i`, before a digit, begins a number: ".5" yes, "noted.5" no."""
    cdef u32 cls
    cdef u8 before
    if i == 0:
        return True
    cls = class_at(text, lexis, <i64_> i - 1)
    if cls == CLASS_SPACE or cls == CLASS_NEWLINE:
        return True
    before = text.shadow[i - 1]
    return before == 40 or before == 91 or before == 60 or before == 62 or before == 61 or before == 126 \
        or before == 58 or before == 44


# --- lines and list items --------------------------------------------------------------------------------------------

cdef inline bint _is_bullet_point(u32 point) noexcept nogil:
    return (point == 0x2022 or point == 0x25CF or point == 0x25AA or point == 0x25E6 or point == 0x25A0
            or point == 0x25A1 or point == 0x2023 or point == 0xB7)


cdef u32 _mark_length(const Text *text, const TokenBuffer *buffer, u32 t, u32 end) noexcept nogil:
    """How many tokens of the line that begins at `t` are its bullet or list number (0: not a list item by its tokens)."""
    cdef const Token *items = buffer.items
    cdef const Token *a = &items[t]
    cdef u32 p
    if a.flags & TOKEN_PUNCT:
        p = token_punct(a)
        if p == 45 or p == 42 or p == 43 or p == 62 or _is_bullet_point(point_at(text, a.start)):
            return 1
        if (p == 40 and t + 2 < end and token_punct(&items[t + 2]) == 41 and _is_counter(text, &items[t + 1])
                and items[t + 1].start == a.end and items[t + 2].start == items[t + 1].end):
            return 3
        return 0
    if t + 1 >= end or items[t + 1].start != a.end:
        return 0
    p = token_punct(&items[t + 1])
    if a.flags & TOKEN_NUMBER and a.end - a.start <= 3 and text.shadow[a.start] != 46 and (p == 46 or p == 41):
        if not _plain_digits(text, a):
            return 0
        if t + 2 >= end:
            return 2 if t + 2 < buffer.n else 0
        # "1. x", or "1.No evidence" with nothing between
        if items[t + 2].flags & SEP_SPACE or (items[t + 2].start == items[t + 1].end and not items[t + 2].flags & TOKEN_PUNCT
                                              and not items[t + 2].flags & TOKEN_NUMBER):
            return 2
        return 0
    if p == 41 and _is_letter(text, a):
        return 2
    return 0


cdef inline bint _is_counter(const Text *text, const Token *token) noexcept nogil:
    """A number of one or two digits or a single letter."""
    if token.flags & TOKEN_NUMBER:
        return token.end - token.start <= 2 and _plain_digits(text, token)
    return _is_letter(text, token)


cdef inline bint _is_letter(const Text *text, const Token *token) noexcept nogil:
    """A single ASCII letter."""
    return token.end - token.start == 1 and BYTE_CLASS[text.shadow[token.start]] == B_LETTER


cdef inline bint _plain_digits(const Text *text, const Token *token) noexcept nogil:
    cdef u32 i
    for i in range(token.start, token.end):
        if BYTE_CLASS[text.shadow[i]] != B_DIGIT:
            return False
    return True


cdef int mark_lines(const Text *text, const Lexis *lexis, TokenBuffer *buffer) except -1 nogil:
    """Set ITEM, MARK and RESET (docs/design/matching.md section 4)."""
    cdef u32 k, t, end, marks, j
    cdef Token *items = buffer.items
    for k in range(buffer.n_lines):
        t = buffer.lines[k]
        end = buffer.lines[k + 1] if k + 1 < buffer.n_lines else buffer.n
        if t == 0 or items[t].flags & SEP_BLANK:
            items[t].flags |= TOKEN_RESET
        if items[t].flags & LEAD_HYPHEN:
            items[t].flags |= TOKEN_ITEM | TOKEN_RESET
            continue
        marks = _mark_length(text, buffer, t, end)
        if marks:
            items[t].flags |= TOKEN_ITEM | TOKEN_RESET
            for j in range(marks):
                items[t + j].flags |= TOKEN_MARK
            if t + marks < buffer.n:
                items[t + marks].flags |= TOKEN_RESET
    return 0


# --- case ------------------------------------------------------------------------------------------------------------

cdef bint is_all_caps(const Text *text, const Lexis *lexis, const Token *token) noexcept nogil:
    """No lower-case letter and at least one upper-case one."""
    cdef u32 i, cell
    cdef bint upper = False
    for i in range(token.start, token.end):
        cell = cell_of(lexis, point_at(text, i))
        if cell & CELL_LOWER:
            return False
        if cell & CELL_UPPER:
            upper = True
    return upper


cdef inline bint _is_possessive(const Text *text, const Lexis *lexis, u32 i) noexcept nogil:
    """Whether the s at `i` is that of "Crohn's": its word's key leaves it out."""
    cdef u32 after
    if class_at(text, lexis, <i64_> i - 1) != CLASS_APOSTROPHE or class_at(text, lexis, <i64_> i - 2) != CLASS_WORD:
        return False
    after = class_at(text, lexis, <i64_> i + 1)
    if after == CLASS_APOSTROPHE:
        return class_at(text, lexis, <i64_> i + 2) != CLASS_WORD
    return after != CLASS_WORD and after != CLASS_IGNORE


cdef u32 case_pattern(const Text *text, const Lexis *lexis, u32 start, u32 end, u8 *out) noexcept nogil:
    """One byte per folded letter of the word characters in `[start, end)`: 1 upper case, 0 not. Returns the length, at most 255."""
    cdef u32 i, k, point, cell, at, n
    cdef u32 length = 0
    cdef u8 upper
    for i in range(start, end):
        point = point_at(text, i)
        cell = cell_of(lexis, point)
        if (cell & CELL_CLASS) != CLASS_WORD:
            continue
        if (point == 115 or point == 83) and _is_possessive(text, lexis, i):
            continue
        upper = 1 if cell & CELL_UPPER else 0
        at = cell >> CELL_FOLD_SHIFT
        n = lexis.fold_text[at] if at else 1
        for k in range(n):
            if length == 255:
                return length
            out[length] = upper
            length += 1
    return length


cdef bint case_agrees(const Text *text, const Lexis *lexis, u32 start, u32 end, const u8 *cases) noexcept nogil:
    """Whether the surface has the case pattern `cases` (length byte first)."""
    cdef u8[256] found
    cdef u32 length = case_pattern(text, lexis, start, end, found)
    cdef u32 k
    if length != cases[0]:
        return False
    for k in range(length):
        if found[k] != cases[1 + k]:
            return False
    return True
