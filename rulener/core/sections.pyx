# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Sections from the occurrences of headings (docs/design/matching.md section 7)."""

from libc.stdlib cimport qsort

from rulener.core.columns cimport Rejected
from rulener.core.memory cimport Vec, vec_free, vec_init, vec_push
from rulener.core.structs cimport *
from rulener.core.text cimport (
    FLAG_CONTINUES,
    MAX_FIELD_TOKENS,
    Lexis,
    TokenBuffer,
    is_all_caps,
    point_at,
    token_punct,
    word_flags,
)


cdef enum:
    MAX_FRAME_TOKENS = 16       # of the marks, tags and numbers before a heading, and of those after it
    MIN_UNDERLINE = 3

cdef enum:                      # what stands before a heading on its line
    FRAME_BEGINS_LINE = 1
    FRAME_MARKED = 2            # marks, tags or entities: more than bullets and numbers
    FRAME_HASH = 4

cdef struct Spot:               # a heading that is taken
    u32 first                   # its first token, or that of what stands before it on its line
    u32 body
    bint colon


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
    cdef u32 n = tokens.n, k, line = 0, h = 0, a, b, covered = 0
    cdef Hit *hits = <Hit *> headings.data
    cdef u32 n_hits = <u32> headings.n
    cdef SectionSpan *span
    cdef Spot spot
    cdef bint known
    spot.colon = False
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
            if not _takes_heading(f, text, tokens, a, b, f.headings[hits[h - 1].ref].flags, covered, &spot):
                if rejected != NULL:
                    _reject_heading(rejected, items[a].start, items[b - 1].end, hits[h - 1].ref)
                continue
            known = True
        else:
            a = tokens.lines[line]
            line += 1
            if a < covered:
                continue
            spot.first = a
            if not _unknown_heading(f, text, tokens, &a, &b, &spot):
                continue
            known = False
        covered = spot.body
        span = <SectionSpan *> vec_push(&f.spans)
        span.heading = hits[h - 1].ref if known else <u32> NONE
        span.heading_start = items[a].start
        span.heading_end = items[b - 1].end
        span.start = items[a].start
        span.body = items[spot.body - 1].end
        span.end = text.length
        span.heading_token = a
        span.heading_end_token = b
        span.body_token = spot.body
        span.end_token = n
        span.back = _nesting(f, tokens, &spot) if not known or f.headings[span.heading].flags & HEADING_PART else 0
        # A bullet or list number before the heading stays in its sentence.
        if spot.first == 0 or items[spot.first].flags & SEP_NEWLINE or not items[spot.first - 1].flags & TOKEN_MARK:
            (<u32 *> vec_push(&f.breaks))[0] = spot.first
        (<u32 *> vec_push(&f.breaks))[0] = spot.body
    for k in range(1, <u32> f.spans.n):
        (<SectionSpan *> f.spans.data)[k - 1].end = (<SectionSpan *> f.spans.data)[k].start
        (<SectionSpan *> f.spans.data)[k - 1].end_token = (<SectionSpan *> f.spans.data)[k].heading_token
    return 0


cdef u32 _nesting(const SectionFinder *f, const TokenBuffer *tokens, const Spot *spot) noexcept nogil:
    """How many sections back the one is in which this part, or unknown heading, is nested; 0: in none. It is the last of `f.spans`."""
    cdef const SectionSpan *before
    cdef u32 first = spot.first
    if f.spans.n < 2:
        return 0
    while first > 0 and not tokens.items[first].flags & SEP_NEWLINE and tokens.items[first - 1].flags & TOKEN_MARK:
        first -= 1
    if tokens.items[first].flags & SEP_BLANK:
        return 0
    before = &(<const SectionSpan *> f.spans.data)[f.spans.n - 2]
    if before.back:
        return before.back + 1
    return 1 if first <= before.body_token and before.heading != NONE else 0


cdef int _reject_heading(Vec *rejected, u32 start, u32 end, u32 heading) except -1 nogil:
    cdef Rejected *r = <Rejected *> vec_push(rejected)
    r.start = start
    r.end = end
    r.entry = heading
    r.reason = 2
    return 0


cdef u32 _after_marks(const TokenBuffer *tokens, u32 t) noexcept nogil:
    """The first token of a line that is neither bullet nor list number nor a `#`."""
    while (t + 1 < tokens.n and (tokens.items[t].flags & TOKEN_MARK or token_punct(&tokens.items[t]) == 35)
           and not tokens.items[t + 1].flags & SEP_NEWLINE):
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


cdef bint _takes_heading(const SectionFinder *f, const Text *text, const TokenBuffer *tokens, u32 a, u32 b, u32 heading_flags,
                         u32 covered, Spot *spot) noexcept nogil:
    """Whether the form at [a, b) is a heading; then `spot` says where it begins and its body. `covered`: end of the last one taken."""
    cdef const Token *items = tokens.items
    cdef u32 n = tokens.n, p = 0, t, words = 0, after = b, frame = 0, line = a, end = 0
    cdef bint ends_line, closed
    cdef Spot unknown
    for t in range(a + 1, b):
        if items[t].flags & SEP_NEWLINE:
            return False
    spot.first = a
    if _begins_line(tokens, a):
        frame = FRAME_BEGINS_LINE
        # a bullet that is a star may be half of an emphasis
        if a > 0 and not items[a].flags & SEP_NEWLINE and token_punct(&items[a - 1]) == 42:
            frame |= FRAME_MARKED
    elif token_punct(&items[a - 1]):
        frame = _frame_before(text, tokens, a, covered, spot)
    if frame & FRAME_MARKED:
        after = _frame_after(tokens, b)
    closed = after > b
    ends_line = after >= n or items[after].flags & SEP_NEWLINE
    if not ends_line:
        p = token_punct(&items[after])
    if p == 58 and (frame & FRAME_BEGINS_LINE or (items[a].flags & TOKEN_CAP and _follows_stop(tokens, spot.first, covered, spot.colon))):
        spot.colon = True
        spot.body = _frame_after(tokens, after + 1) if frame & FRAME_MARKED else after + 1
        return True
    if not frame & FRAME_BEGINS_LINE:
        return False
    if ends_line and ((closed or frame & FRAME_HASH) or _underlined(tokens, after)):
        spot.colon = False
        spot.body = after
        return True
    if heading_flags & HEADING_NEEDS_COLON:
        return False
    if p == 45:
        spot.colon = False
        spot.body = after + 1
        return True
    if items[a].flags & TOKEN_CAP and (closed or (ends_line and not _line_goes_on(f, tokens, a))):
        spot.colon = False
        spot.body = after
        return True
    for t in range(a, b):
        if items[t].flags & (TOKEN_PUNCT | TOKEN_NUMBER):
            continue
        if not is_all_caps(text, f.lexis, &items[t]):
            return False
        words += 1
    if words >= 2 or (words == 1 and (b >= n or items[b].flags & SEP_BLANK)):
        # "PAST HISTORY OF THE FAMILY:" is another heading than "past history".
        if items[a].flags & SEP_NEWLINE or a == 0:
            unknown = spot[0]
            if _unknown_heading(f, text, tokens, &line, &end, &unknown):
                return False
        spot.colon = False
        spot.body = b
        return True
    return False


cdef bint _follows_stop(const TokenBuffer *tokens, u32 first, u32 covered, bint colon) noexcept nogil:
    """Whether a sentence may end before `first`, or the colon of the last heading stands there."""
    cdef const Token *items = tokens.items
    cdef u32 q = first, c
    if first == 0:
        return False
    if first == covered:
        return colon
    q -= 1
    c = token_punct(&items[q])
    if c == 59:
        return True
    # closing brackets and quotes directly after the stop
    while q > 0 and (c == 34 or c == 41 or c == 93) and items[q].start == items[q - 1].end:
        q -= 1
        c = token_punct(&items[q])
    return c == 46 or c == 33 or c == 63 or (items[q].flags & TOKEN_DOT_END) != 0


cdef bint _line_goes_on(const SectionFinder *f, const TokenBuffer *tokens, u32 a) noexcept nogil:
    """Whether the line before the one that begins with `a` ends in a comma or a word that goes on."""
    cdef const Token *items = tokens.items
    while a > 0 and not items[a].flags & SEP_NEWLINE:
        a -= 1
    if a == 0 or items[a].flags & SEP_BLANK:
        return False
    return token_punct(&items[a - 1]) == 44 or (word_flags(f.lexis, &items[a - 1]) & FLAG_CONTINUES) != 0


# --- what may stand around a heading on its line ----------------------------------------------------------------------------

cdef u32 _frame_before(const Text *text, const TokenBuffer *tokens, u32 a, u32 covered, Spot *spot) noexcept nogil:
    """Set `spot.first` to the first of the marks, tags, entities, bullets and numbers before `a`, none before `covered`."""
    cdef const Token *items = tokens.items
    cdef u32 first = a, c, found = 0
    while first > covered and a - first < MAX_FRAME_TOKENS and not items[first].flags & SEP_NEWLINE:
        c = token_punct(&items[first - 1])
        if items[first - 1].flags & TOKEN_MARK:
            first -= 1
        elif is_mark(c):
            found |= FRAME_MARKED | (FRAME_HASH if c == 35 else 0)
            first -= 1
        elif c == 62 and _is_short(tokens, first, covered, 60):
            if _is_block_tag(text, &items[first - 2]):
                found |= FRAME_BEGINS_LINE
            found |= FRAME_MARKED
            first -= 3
        elif c == 59 and _is_short(tokens, first, covered, 38):
            found |= FRAME_MARKED
            first -= 3
        elif c == 46 and first >= covered + 2 and _is_enumerator(text, tokens, first - 2):
            first -= 2
        else:
            break
    spot.first = first
    if first == 0 or items[first].flags & SEP_NEWLINE:
        found |= FRAME_BEGINS_LINE
    return found


cdef bint _is_short(const TokenBuffer *tokens, u32 end, u32 covered, u32 opening) noexcept nogil:
    """Whether the three tokens before `end` are `opening`, a word, and a mark, on one line: `<b>`, `&nbsp;`."""
    cdef const Token *items = tokens.items
    return (end >= covered + 3 and token_punct(&items[end - 3]) == opening and not items[end - 2].flags & (TOKEN_PUNCT | TOKEN_NUMBER)
            and not (items[end - 2].flags | items[end - 1].flags) & SEP_NEWLINE)


cdef bint _is_enumerator(const Text *text, const TokenBuffer *tokens, u32 t) noexcept nogil:
    """A capital letter or a Roman number of I, V and X, up to four of them, that begins its line; its stop follows directly."""
    cdef const Token *token = &tokens.items[t]
    cdef u32 i, c
    if (t > 0 and not token.flags & SEP_NEWLINE) or token.end - token.start > 4 or tokens.items[t + 1].start != token.end:
        return False
    if token.flags & (TOKEN_PUNCT | TOKEN_NUMBER):
        return False
    for i in range(token.start, token.end):
        c = point_at(text, i)
        if not (c == 73 or c == 86 or c == 88 or (token.end - token.start == 1 and 65 <= c <= 90)):
            return False
    return True


cdef bint _is_block_tag(const Text *text, const Token *token) noexcept nogil:
    """br, div, h1 to h6, hr, li, ol, p, td, th, tr, ul, in any case."""
    cdef u32 length = token.end - token.start, x, y, z
    x = point_at(text, token.start) | 32
    y = point_at(text, token.start + 1) | 32 if length > 1 else 0
    z = point_at(text, token.start + 2) | 32 if length > 2 else 0
    if length == 1:
        return x == 112
    if length == 3:
        return x == 100 and y == 105 and z == 118
    if length != 2:
        return False
    if x == 104:
        return y == 114 or 49 <= y <= 54
    if x == 116:
        return y == 100 or y == 104 or y == 114
    return (x == 98 and y == 114) or (x == 108 and y == 105) or ((x == 111 or x == 117) and y == 108)


cdef u32 _frame_after(const TokenBuffer *tokens, u32 b) noexcept nogil:
    """The token after the marks, closing tags and entities that begin at `b`, on the line of the token before."""
    cdef const Token *items = tokens.items
    cdef u32 end = b, c
    while end < tokens.n and end - b < MAX_FRAME_TOKENS and not items[end].flags & SEP_NEWLINE:
        c = token_punct(&items[end])
        if is_mark(c):
            end += 1
        elif c == 60 and end + 2 < tokens.n and items[end + 1].flags & SEP_SLASH and token_punct(&items[end + 2]) == 62 \
                and _is_short(tokens, end + 3, 0, 60):
            end += 3
        elif c == 38 and end + 2 < tokens.n and token_punct(&items[end + 2]) == 59 and _is_short(tokens, end + 3, 0, 38):
            end += 3
        else:
            break
    return end


cdef bint _underlined(const TokenBuffer *tokens, u32 t) noexcept nogil:
    """Whether the line that begins with `t`, the next one, is a row of at least MIN_UNDERLINE hyphens or equal marks."""
    cdef const Token *items = tokens.items
    cdef u32 c, end = t
    if t >= tokens.n or items[t].flags & SEP_BLANK:
        return False
    c = token_punct(&items[t])
    if c != 45 and not is_mark(c):
        return False
    while end < tokens.n and (end == t or not items[end].flags & SEP_NEWLINE):
        if token_punct(&items[end]) != c:
            return False
        end += 1
    return items[end - 1].end - items[t].start >= MIN_UNDERLINE


cdef bint _unknown_heading(const SectionFinder *f, const Text *text, const TokenBuffer *tokens, u32 *start, u32 *end,
                           Spot *spot) noexcept nogil:
    """A heading no pack knows at the line that begins with `start`: 1 to 6 words in capitals and a colon; or, after `#`, alone on its
    line with a capital first. Sets its tokens [start, end) and `spot`."""
    cdef const Token *items = tokens.items
    cdef u32 a = start[0], b
    cdef bint hash = False
    if items[a].flags & TOKEN_ITEM:
        return False
    while token_punct(&items[a]) == 35 and a + 1 < tokens.n and not items[a + 1].flags & SEP_NEWLINE:
        hash = True
        a += 1
    b = a
    if hash and not items[a].flags & TOKEN_CAP:
        return False
    while b - a <= MAX_FIELD_TOKENS:
        if b > a and (b >= tokens.n or items[b].flags & SEP_NEWLINE):
            if not hash:
                return False
            spot.body = b
            spot.colon = False
            break
        if b >= tokens.n:
            return False
        if b > a and token_punct(&items[b]) == 58:
            spot.body = b + 1
            spot.colon = True
            break
        if items[b].flags & (TOKEN_PUNCT | TOKEN_NUMBER):
            return False
        if not hash and not is_all_caps(text, f.lexis, &items[b]):
            return False
        b += 1
    else:
        return False
    start[0] = a
    end[0] = b
    return True


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
