# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Sections from the occurrences of headings (docs/design/matching.md section 7)."""

from libc.stdlib cimport qsort

from rulener.core.columns cimport Rejected
from rulener.core.memory cimport Vec, vec_free, vec_init, vec_push
from rulener.core.structs cimport *
from rulener.core.text cimport MAX_FIELD_TOKENS, Lexis, TokenBuffer, is_all_caps, token_punct


cdef void init_sections(SectionFinder *f) noexcept nogil:
    vec_init(&f.spans, sizeof(SectionSpan))
    vec_init(&f.breaks, 4)
    f.damaged = False


cdef void free_sections(SectionFinder *f) noexcept nogil:
    vec_free(&f.spans)
    vec_free(&f.breaks)


cdef int find_sections(SectionFinder *f, const Text *text, const TokenBuffer *tokens, Vec *headings, Vec *rejected) except -1 nogil:
    """Fill `f.spans` and `f.breaks` from the occurrences of headings. Those that are no heading go to `rejected`, unless it is NULL."""
    cdef const Token *items = tokens.items
    cdef u32 n = tokens.n, k, line = 0, h = 0, a, b, covered = 0, colon = NONE, begin, body
    cdef Hit *hits = <Hit *> headings.data
    cdef u32 n_hits = <u32> headings.n
    cdef SectionSpan *span
    cdef bint known
    f.spans.n = 0
    f.breaks.n = 0
    _sort_hits(hits, n_hits)
    # Heading hits and line starts, merged by place.
    while h < n_hits or line < tokens.n_lines:
        if h < n_hits and (line >= tokens.n_lines or hits[h].start <= _after_marks(tokens, tokens.lines[line])):
            a, b = hits[h].start, hits[h].end
            h += 1
            if hits[h - 1].ref >= f.n_headings:
                f.damaged = True
                continue
            if a < covered:
                continue
            if not _takes_heading(f, text, tokens, a, b, &f.headings[hits[h - 1].ref], colon):
                if rejected != NULL:
                    _reject_heading(rejected, items[a].start, items[b - 1].end, hits[h - 1].ref)
                continue
            known = True
        else:
            a = tokens.lines[line]
            line += 1
            if a < covered:
                continue
            b = _unknown_heading(f, text, tokens, a)
            if b == 0:
                continue
            known = False
        body = b
        if b < n and not items[b].flags & SEP_NEWLINE and (token_punct(&items[b]) == 58 or token_punct(&items[b]) == 45):
            if token_punct(&items[b]) == 58:
                colon = b
            body = b + 1
        covered = body
        span = <SectionSpan *> vec_push(&f.spans)
        span.heading = hits[h - 1].ref if known else <u32> NONE
        span.heading_start = items[a].start
        span.heading_end = items[b - 1].end
        span.start = items[a].start
        span.body = items[body - 1].end
        span.end = text.length
        span.heading_token = a
        span.heading_end_token = b
        span.body_token = body
        span.end_token = n
        # A bullet or list number before the heading stays in its sentence.
        if a == 0 or items[a].flags & SEP_NEWLINE or not items[a - 1].flags & TOKEN_MARK:
            (<u32 *> vec_push(&f.breaks))[0] = a
        (<u32 *> vec_push(&f.breaks))[0] = body
    for k in range(1, <u32> f.spans.n):
        (<SectionSpan *> f.spans.data)[k - 1].end = (<SectionSpan *> f.spans.data)[k].start
        (<SectionSpan *> f.spans.data)[k - 1].end_token = (<SectionSpan *> f.spans.data)[k].heading_token
    return 0


cdef int _reject_heading(Vec *rejected, u32 start, u32 end, u32 heading) except -1 nogil:
    cdef Rejected *r = <Rejected *> vec_push(rejected)
    r.start = start
    r.end = end
    r.entry = heading
    r.reason = 2
    return 0


cdef u32 _after_marks(const TokenBuffer *tokens, u32 t) noexcept nogil:
    """The first token of a line that is neither bullet nor list number."""
    while t + 1 < tokens.n and tokens.items[t].flags & TOKEN_MARK and not tokens.items[t + 1].flags & SEP_NEWLINE:
        t += 1
    return t


cdef bint _begins_line(const TokenBuffer *tokens, u32 a) noexcept nogil:
    """Whether `a` begins a line, a bullet or list number before it allowed."""
    cdef const Token *items = tokens.items
    cdef bint marked = False
    while True:
        if marked and not items[a].flags & TOKEN_MARK:
            return False
        if a == 0 or items[a].flags & SEP_NEWLINE:
            return True
        if not marked and items[a].flags & TOKEN_MARK:
            return False
        marked = True
        a -= 1


cdef bint _takes_heading(const SectionFinder *f, const Text *text, const TokenBuffer *tokens, u32 a, u32 b, const Heading *heading,
                         u32 colon) noexcept nogil:
    cdef const Token *items = tokens.items
    cdef u32 n = tokens.n, p = 0, before, t, words = 0
    cdef bint ends_line = b >= n or items[b].flags & SEP_NEWLINE, at_line = _begins_line(tokens, a)
    for t in range(a + 1, b):
        if items[t].flags & SEP_NEWLINE:
            return False
    if not ends_line:
        p = token_punct(&items[b])
    if not at_line:
        if p != 58 or not items[a].flags & TOKEN_CAP:
            return False
        before = token_punct(&items[a - 1])
        return (before == 46 or before == 33 or before == 63 or before == 59 or a - 1 == colon
                or items[a - 1].flags & TOKEN_DOT_END)
    if p == 58:
        return True
    if heading.flags & HEADING_NEEDS_COLON:
        return False
    if p == 45:
        return True
    if ends_line and items[a].flags & TOKEN_CAP:
        return True
    for t in range(a, b):
        if items[t].flags & (TOKEN_PUNCT | TOKEN_NUMBER):
            continue
        if not is_all_caps(text, f.lexis, &items[t]):
            return False
        words += 1
    return words >= 2 or (words == 1 and (b >= n or items[b].flags & SEP_BLANK))


cdef u32 _unknown_heading(const SectionFinder *f, const Text *text, const TokenBuffer *tokens, u32 a) noexcept nogil:
    """End of a heading no pack knows: 1 to 6 words in capitals that begin a line, and a colon. 0: none."""
    cdef const Token *items = tokens.items
    cdef u32 b = a
    if items[a].flags & TOKEN_ITEM:
        return 0
    while b < tokens.n and b - a <= MAX_FIELD_TOKENS:
        if b > a and items[b].flags & SEP_NEWLINE:
            return 0
        if b > a and token_punct(&items[b]) == 58:
            return b
        if items[b].flags & (TOKEN_PUNCT | TOKEN_NUMBER):
            return 0
        if not is_all_caps(text, f.lexis, &items[b]):
            return 0
        b += 1
    return 0


cdef int _compare_heading_hits(const void *a, const void *b) noexcept nogil:
    cdef const Hit *x = <const Hit *> a
    cdef const Hit *y = <const Hit *> b
    if x.start != y.start:
        return -1 if x.start < y.start else 1
    if x.end != y.end:
        return -1 if x.end > y.end else 1
    return -1 if x.ref < y.ref else (1 if x.ref > y.ref else 0)


cdef void _sort_hits(Hit *hits, u32 n) noexcept nogil:
    """By start, longest first, rule order."""
    cdef u32 i, j
    cdef Hit moving
    if n > 64:
        qsort(hits, n, sizeof(Hit), _compare_heading_hits)
        return
    for i in range(1, n):
        moving = hits[i]
        j = i
        while j > 0 and _compare_heading_hits(&moving, &hits[j - 1]) < 0:
            hits[j] = hits[j - 1]
            j -= 1
        hits[j] = moving
