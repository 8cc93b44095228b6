# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Sentences (docs/design/matching.md section 5)."""

from rulener.core.memory cimport Vec, vec_push
from rulener.core.structs cimport *
from rulener.core.text cimport (
    FLAG_ABBREVIATION,
    FLAG_CONTINUES,
    MAX_FIELD_TOKENS,
    Lexis,
    TokenBuffer,
    cell_of,
    is_all_caps,
    point_at,
    token_punct,
    word_flags,
)


cdef enum:
    MAX_SENTENCE_TOKENS = 1024
    MAX_FIELD_POINTS = 50
    SHORT_LINE = 60


cdef int split_sentences(const Text *text, const Lexis *lexis, TokenBuffer *tokens, const Vec *breaks, Vec *sentences) except -1 nogil:
    """Set TOKEN_SENTENCE and fill `sentences` with the tokens that begin one. At `breaks` one begins in any case."""
    cdef Token *items = tokens.items
    cdef u32 n = tokens.n, t, k, begin = 0, line = 0, flags
    cdef u32 *marks = <u32 *> breaks.data
    cdef const Token *p
    sentences.n = 0
    for k in range(<u32> breaks.n):
        if marks[k] < n:
            items[marks[k]].flags |= TOKEN_SENTENCE
    if n:
        items[0].flags |= TOKEN_SENTENCE
        (<u32 *> vec_push(sentences))[0] = 0
    for t in range(1, n):
        p = &items[t - 1]
        flags = items[t].flags
        # Most tokens have nothing to do with it.
        if not (flags & (SEP_NEWLINE | TOKEN_ITEM | TOKEN_SENTENCE) or p.flags & (TOKEN_PUNCT | TOKEN_DOT_END)
                or t - begin >= MAX_SENTENCE_TOKENS):
            continue
        if (flags & (TOKEN_SENTENCE | SEP_BLANK | TOKEN_ITEM) or t - begin >= MAX_SENTENCE_TOKENS
                or (p.flags & (TOKEN_PUNCT | TOKEN_DOT_END) and _stops(text, lexis, items, t))
                or (flags & SEP_NEWLINE and _line_breaks(lexis, tokens, t, line))):
            items[t].flags = flags | TOKEN_SENTENCE
            begin = t
            (<u32 *> vec_push(sentences))[0] = t
        if flags & SEP_NEWLINE:
            line = t
    return 0


cdef bint _stops(const Text *text, const Lexis *lexis, const Token *items, u32 t) noexcept nogil:
    """Rules 2 and 3: whether the punctuation before `t` ends a sentence."""
    cdef const Token *token = &items[t]
    cdef u32 q = t - 1, c = token_punct(&items[t - 1]), k
    cdef const Token *stop
    cdef const Token *word
    if c == 33 or c == 63:
        # A run of these is one stop.
        if (token_punct(token) == 33 or token_punct(token) == 63) and token.start == items[t - 1].end:
            return False
        return token.flags & SEP_NEWLINE or not _is_doubt(items, t - 1)
    if c == 59:
        return token.flags & SEP_NEWLINE
    # Closing quotes and brackets directly after the stop belong to it.
    while q > 0 and (c == 34 or c == 41 or c == 93 or (c == 0 and _is_closing_quote(text, &items[q]))) \
            and items[q].start == items[q - 1].end:
        q -= 1
        c = token_punct(&items[q])
    stop = &items[q]
    if stop.flags & TOKEN_DOT_END:
        if token.start == items[t - 1].end:
            return False
        if not token.flags & TOKEN_CAP and not (token.flags & TOKEN_NUMBER and token.flags & SEP_NEWLINE):
            return False
        return token.flags & SEP_NEWLINE or not is_all_caps(text, lexis, stop)
    if c != 46 or stop.flags & TOKEN_MARK:
        return False
    word = &items[q - 1] if q > 0 else NULL
    if word != NULL and word.end == stop.start:
        if word_flags(lexis, word) & FLAG_ABBREVIATION and not token.flags & SEP_NEWLINE:
            return False
        if token.flags & TOKEN_CAP and _is_initial(items, q - 1):
            return False
    if token.start == items[t - 1].end:
        # Nothing between: only "noted.The" splits.
        return (token.flags & TOKEN_CAP and not token.flags & TOKEN_PUNCT and word != NULL and _is_lower_word(text, lexis, word))
    return True


cdef bint _is_doubt(const Token *items, u32 t) noexcept nogil:
    """Whether the run of `!` and `?` that ends with token `t` begins with a `?` after a space ("?pneumonia")."""
    cdef u32 c
    while t > 0 and items[t - 1].end == items[t].start:
        c = token_punct(&items[t - 1])
        if c != 33 and c != 63:
            break
        t -= 1
    return token_punct(&items[t]) == 63 and (t == 0 or items[t].flags & SEP_SPACE)


cdef bint _is_lower_word(const Text *text, const Lexis *lexis, const Token *word) noexcept nogil:
    """A word with two or more lower-case code points and no upper-case one."""
    cdef u32 i, cell, lower = 0
    if word.flags & (TOKEN_PUNCT | TOKEN_NUMBER):
        return False
    for i in range(word.start, word.end):
        cell = cell_of(lexis, point_at(text, i))
        if cell & CELL_UPPER:
            return False
        if cell & CELL_LOWER:
            lower += 1
    return lower >= 2


cdef bint _is_initial(const Token *items, u32 k) noexcept nogil:
    """A single capital letter at `k`, its stop directly after it, with nothing, space or, directly, another initial before it."""
    while True:
        if items[k].end - items[k].start != 1 or items[k].flags & (TOKEN_PUNCT | TOKEN_NUMBER) or not items[k].flags & TOKEN_CAP:
            return False
        if k == 0 or items[k].flags & SEP_SPACE:
            return True
        if k < 2 or token_punct(&items[k - 1]) != 46 or items[k - 1].end != items[k].start or items[k - 2].end != items[k - 1].start:
            return False
        k -= 2


cdef bint _line_breaks(const Lexis *lexis, const TokenBuffer *tokens, u32 t, u32 line) noexcept nogil:
    """Rule 4: whether the newline before `t` ends a sentence. `line` began the line before."""
    cdef const Token *items = tokens.items
    cdef const Token *p = &items[t - 1]
    cdef u32 k
    if token_punct(p) == 58:
        return True
    if items[t].flags & (TOKEN_CAP | TOKEN_NUMBER | TOKEN_PUNCT) and p.end - items[line].start < SHORT_LINE \
            and token_punct(p) != 44 and not word_flags(lexis, p) & FLAG_CONTINUES:
        return True
    # a `field:` line
    k = t
    while k < tokens.n and k - t <= MAX_FIELD_TOKENS:
        if k > t and items[k].flags & SEP_NEWLINE:
            return False
        if token_punct(&items[k]) == 58:
            return k > t and items[k - 1].end - items[t].start <= MAX_FIELD_POINTS
        if items[k].flags & (TOKEN_PUNCT | TOKEN_NUMBER):
            return False
        k += 1
    return False


cdef bint _is_closing_quote(const Text *text, const Token *token) noexcept nogil:
    """The curly closing quote; the straight one is ASCII."""
    cdef u32 point = 0
    if token.end - token.start != 1 or not token.flags & TOKEN_PUNCT:
        return False
    if text.kind == 2:
        point = (<const u16 *> text.points)[token.start]
    elif text.kind == 4:
        point = (<const u32 *> text.points)[token.start]
    return point == 0x201D
