# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""ConText over token arrays. docs/design/assertion.md is the specification; the section numbers below are its.

After NegEx (Chapman et al., J Biomed Inform 34(5), 2001) and ConText (Harkema et al., J Biomed Inform 42(5), 2009).

What a hit does, by its direction (a live axis is one on which no longer hit covers it):

| direction | needs                             | scope                                | mention reached when          |
|-----------|-----------------------------------|--------------------------------------|-------------------------------|
| forward   | a live axis                       | its end .. first limit               | it overlaps the scope         |
| backward  | a live axis                       | last limit .. its start              | it overlaps the scope         |
| both      | a live axis                       | both of the above                    | it overlaps either            |
| field     | a mark before, segment end after  | the field's name before the mark     | it overlaps the scope         |
| pseudo    | -                                 | none: it only covers other hits      | never                         |
| stop      | a live axis                       | none: it is a limit for other hits   | never                         |
"""

from libc.stdlib cimport qsort
from libc.string cimport memset

from rulener.core.memory cimport Vec, vec_free, vec_grow, vec_init, vec_push
from rulener.core.structs cimport *
from rulener.core.text cimport FLAG_LIST, Lexis, token_punct, word_flags


cdef void init_context(Context *context) noexcept nogil:
    memset(context, 0, sizeof(Context))
    vec_init(&context.hits, sizeof(CueHit))
    vec_init(&context.blockers, sizeof(Hit))
    vec_init(&context.marks, sizeof(Mark))
    vec_init(&context.scratch, 8)


cdef void free_context(Context *context) noexcept nogil:
    vec_free(&context.hits)
    vec_free(&context.blockers)
    vec_free(&context.marks)
    vec_free(&context.scratch)


cdef int assert_mentions(Context *context) except -1 nogil:
    """Fill `context.marks`. Hits come by end token, mentions by start.

    Hits are taken sentence by sentence; those of a sentence without mentions, or without a cue that acts, are passed over.
    """
    cdef u32 i, j, s = 0, m = 0, n, longest = 0
    cdef CueHit *hits
    cdef u32 begin, end, kept
    cdef bint acts
    context.marks.n = 0
    n = <u32> context.hits.n
    if n == 0 or (context.n_mentions == 0 and not context.cover_always):
        return 0
    hits = <CueHit *> context.hits.data
    for i in range(context.n_mentions):
        if context.mentions[i].end - context.mentions[i].start > longest:
            longest = context.mentions[i].end - context.mentions[i].start
    if context.across or context.crossing or context.cover_always:
        # Scopes and cues that run over sentences see all hits at once.
        n = _drop_idle_fields(context, hits, n)
        context.hits.n = n
        _sort_hits(hits, n)
        _cover(context, hits, 0, n)
        _act_anywhere(context, hits, n, longest)
    else:
        i = 0
        while i < n:
            while s + 1 < context.n_sentences and context.sentences[s + 1] < hits[i].end:
                s += 1
            begin = context.sentences[s]
            end = context.sentences[s + 1] if s + 1 < context.n_sentences else context.n_tokens
            acts = False
            j = i
            while j < n and hits[j].end <= end:
                acts = acts or context.cues[hits[j].cue].direction < DIR_PSEUDO
                j += 1
            # A field's name may be the sentence before: a heading with its colon is one of its own.
            if acts and _has_mention(context, context.sentences[s - 1] if s else begin, end, &m, longest):
                kept = _drop_idle_fields(context, hits + i, j - i)
                _sort_hits(hits + i, kept)
                _cover(context, hits, i, i + kept)
                for j in range(i, i + kept):
                    _act(context, hits, i, i + kept, j, begin, end, m, longest)
                j = i + kept
                while j < n and hits[j].end <= end:
                    j += 1
            i = j
    if context.marks.n > 1:
        _sort_marks(context)
    return 0


cdef bint _has_mention(Context *context, u32 begin, u32 end, u32 *first, u32 longest) noexcept nogil:
    """Whether a mention overlaps `[begin, end)`. `first` only moves on: sentences come in order."""
    cdef u32 k
    while first[0] < context.n_mentions and context.mentions[first[0]].start + longest < begin:
        first[0] += 1
    k = first[0]
    while k < context.n_mentions and context.mentions[k].start < end:
        if context.mentions[k].end > begin:
            return True
        k += 1
    return False


cdef int _act_anywhere(Context *context, CueHit *hits, u32 n, u32 longest) except -1 nogil:
    """`_act` for every hit of the note, each in its sentence; that of a cue over a sentence's end goes on to its last token's end."""
    cdef u32 i, s = 0, last, end
    for i in range(n):
        while s + 1 < context.n_sentences and context.sentences[s + 1] <= hits[i].start:
            s += 1
        last = s
        while last + 1 < context.n_sentences and context.sentences[last + 1] < hits[i].end:
            last += 1
        end = context.sentences[last + 1] if last + 1 < context.n_sentences else context.n_tokens
        _act(context, hits, 0, n, i, context.sentences[s], end, _first_mention(context, context.sentences[s], longest), longest)
    return 0


cdef inline int _act(Context *context, CueHit *hits, u32 first, u32 last, u32 i, u32 begin, u32 end, u32 mention, u32 longest) except -1 nogil:
    """Let hit `i` of the sorted and covered hits `[first, last)` mark what it reaches in its sentence `[begin, end)`.

    No mention before number `mention` reaches past the sentence's start.
    """
    cdef const Cue *cue = &context.cues[hits[i].cue]
    cdef u64 marked = context.marks.n
    if hits[i].live == 0 or cue.direction >= DIR_PSEUDO:
        return 0
    if cue.direction == DIR_FIELD:
        return _field(context, hits, i, end, longest)
    if cue.direction == DIR_FORWARD or cue.direction == DIR_BOTH:
        _forward(context, hits, last, i, begin, end, mention)
    if cue.direction == DIR_BACKWARD or cue.direction == DIR_BOTH:
        _backward(context, hits, first, i, begin, end, mention, marked)
    return 0


# --- hits (section 1) ------------------------------------------------------------------------------------------------

cdef inline bint _ends_segment(Context *context, u32 t) noexcept nogil:
    """Whether a field's value may end before token `t`."""
    cdef const Token *token
    cdef u32 p
    if t >= context.n_tokens:
        return True
    token = &context.tokens[t]
    if token.flags & (SEP_NEWLINE | TOKEN_SENTENCE):
        return True
    p = token_punct(token)
    return p == 44 or p == 59 or p == 46 or p == 124 or p == 41 or p == 93 or p == 125


cdef u32 _field_start(Context *context, u32 mark) noexcept nogil:
    """Where the name before a field's mark begins: after the segment's, line's, item's or sentence's start. The mark: no name."""
    cdef const Token *tokens = context.tokens
    cdef u32 t = mark, p
    if tokens[mark].flags & TOKEN_MARK:
        return mark
    while t > 0 and not tokens[t].flags & (SEP_NEWLINE | TOKEN_SENTENCE):
        p = token_punct(&tokens[t - 1])
        if p == 44 or p == 59 or p == 46 or p == 124 or tokens[t - 1].flags & TOKEN_MARK:
            break
        t -= 1
    return t


cdef inline bint _is_field_value(Context *context, const CueHit *hit) noexcept nogil:
    """A field mark stands directly before the hit, on its line, with a name before it, and a segment end after it."""
    cdef u32 p
    if hit.start < 2 or context.tokens[hit.start].flags & SEP_NEWLINE:
        return False
    p = token_punct(&context.tokens[hit.start - 1])
    if p != 58 and p != 45:
        return False
    return _ends_segment(context, hit.end) and _field_start(context, hit.start - 1) < hit.start - 1


cdef u32 _drop_idle_fields(Context *context, CueHit *hits, u32 n) noexcept nogil:
    """A field hit that is no field value is no hit at all (section 4). Returns how many are left."""
    cdef u32 i, kept = 0
    for i in range(n):
        if context.cues[hits[i].cue].direction == DIR_FIELD and not _is_field_value(context, &hits[i]):
            continue
        if kept != i:
            hits[kept] = hits[i]
        kept += 1
    return kept


cdef inline bint _hit_before(const CueHit *a, const CueHit *b) noexcept nogil:
    if a.start != b.start:
        return a.start < b.start
    if a.end != b.end:
        return a.end > b.end
    return a.cue < b.cue


cdef int _compare_hits(const void *a, const void *b) noexcept nogil:
    if _hit_before(<const CueHit *> a, <const CueHit *> b):
        return -1
    return 1 if _hit_before(<const CueHit *> b, <const CueHit *> a) else 0


cdef void _sort_hits(CueHit *hits, u32 n) noexcept nogil:
    """By start, longest first; hits come almost in order."""
    cdef u32 i, j
    cdef u64 moves = 0
    cdef CueHit moving
    for i in range(1, n):
        moving = hits[i]
        j = i
        while j > 0 and _hit_before(&moving, &hits[j - 1]):
            hits[j] = hits[j - 1]
            j -= 1
            moves += 1
        hits[j] = moving
        if moves > <u64> n * 8 + 256:
            qsort(hits, n, sizeof(CueHit), _compare_hits)
            return


cdef inline bint _covers(Context *context, const CueHit *a, const CueHit *b) noexcept nogil:
    """Whether `a` wins over the overlapping `b`: longer, then earlier, then a field value, then rule order."""
    cdef u32 la = a.end - a.start, lb = b.end - b.start
    cdef bint fa, fb
    if la != lb:
        return la > lb
    if a.start != b.start:
        return a.start < b.start
    fa = context.cues[a.cue].direction == DIR_FIELD
    fb = context.cues[b.cue].direction == DIR_FIELD
    if fa != fb:
        return fa
    return a.cue < b.cue


cdef int _cover(Context *context, CueHit *hits, u32 first, u32 n) except -1 nogil:
    """Set `live` of every hit: its axes less those of the hits that win over it."""
    cdef u32 i = first, j, k, reach, best, left
    cdef u64 *ranks         # per hit of the group; all ones = decided
    for k in range(first, n):
        hits[k].live = context.cues[hits[k].cue].axes
    while i < n:
        reach = hits[i].end
        j = i + 1
        while j < n and hits[j].start < reach:
            if hits[j].end > reach:
                reach = hits[j].end
            j += 1
        if j - i == 2:
            if _covers(context, &hits[i], &hits[i + 1]):
                hits[i + 1].live &= ~hits[i].live
            else:
                hits[i].live &= ~hits[i + 1].live
        elif j - i > 2:
            if j - i > context.scratch.capacity:
                vec_grow(&context.scratch, j - i)
            ranks = <u64 *> context.scratch.data
            for k in range(i, j):
                ranks[k - i] = _rank(context, &hits[k], hits[i].start)
            # Take the strongest undecided hit; what it overlaps loses its live axes. Groups are small.
            for left in range(j - i):
                best = i
                for k in range(i + 1, j):
                    if ranks[k - i] < ranks[best - i]:
                        best = k
                ranks[best - i] = ~<u64> 0
                if hits[best].live == 0:
                    continue
                for k in range(i, j):
                    if ranks[k - i] != ~<u64> 0 and hits[k].start < hits[best].end and hits[best].start < hits[k].end:
                        hits[k].live &= ~hits[best].live
        i = j
    return 0


cdef inline u64 _rank(Context *context, const CueHit *hit, u32 first) noexcept nogil:
    """The order in which overlapping hits win, as one number: longer, then earlier, then a field value, then rule order."""
    cdef u64 length = hit.end - hit.start
    cdef u64 plain = 0 if context.cues[hit.cue].direction == DIR_FIELD else 1
    return ((64 - length) << 56) | (<u64> ((hit.start - first) & 0x7FFFFF) << 33) | (plain << 32) | hit.cue


# --- scopes (section 2) ----------------------------------------------------------------------------------------------

cdef u32 _section_end(Context *context, u32 a, u32 b) noexcept nogil:
    """First token after the section that holds token `a`, at most MAX_SCOPE_TOKENS after `b`."""
    cdef u32 low = 0, high = context.n_sections, mid, end = context.n_tokens
    while low < high:
        mid = (low + high) >> 1
        if context.sections[mid].heading_token <= a:
            low = mid + 1
        else:
            high = mid
    if low < context.n_sections:
        end = context.sections[low].heading_token
    return min(end, b + MAX_SCOPE_TOKENS)


cdef inline i32 _opened(u32 p) noexcept nogil:
    """The kind of an opening bracket, -1 for anything else."""
    return 0 if p == 40 else 1 if p == 91 else 2 if p == 123 else -1


cdef inline i32 _closed(u32 p) noexcept nogil:
    """The kind of a closing bracket, -1 for anything else."""
    return 0 if p == 41 else 1 if p == 93 else 2 if p == 125 else -1


cdef void _open_brackets(Context *context, u32 begin, u32 end, u32 *open_) noexcept nogil:
    """How many brackets of each kind that opened in `[begin, end)` are still open at its end."""
    cdef u32 t, p
    cdef i32 kind
    open_[0] = open_[1] = open_[2] = 0
    for t in range(begin, end):
        p = token_punct(&context.tokens[t])
        if p == 0:
            continue
        kind = _opened(p)
        if kind >= 0:
            open_[kind] += 1
        else:
            kind = _closed(p)
            if kind >= 0 and open_[kind]:
                open_[kind] -= 1


cdef u32 _closing_brackets(Context *context, u32 begin, u32 end, i32 wanted) noexcept nogil:
    """How many brackets of a kind close in `[begin, end)`, or up to the sentence's end, that did not open there."""
    cdef u32 t, p, depth = 0, found = 0
    for t in range(begin, end):
        if t > begin and context.tokens[t].flags & TOKEN_SENTENCE:
            break
        p = token_punct(&context.tokens[t])
        if p == 0:
            continue
        if _opened(p) == wanted:
            depth += 1
        elif _closed(p) == wanted:
            if depth:
                depth -= 1
            else:
                found += 1
    return found


cdef u32 _forward_limit(Context *context, const Cue *cue, u32 begin, u32 a, u32 b, u32 end) noexcept nogil:
    """Where the forward scope of the cue `[a, b)` ends, stop hits and lists aside."""
    cdef u32 t, p
    cdef u32[3] depth
    cdef u32[3] open_
    cdef i32 kind
    cdef bint counted = False, section = cue.flags & CUE_WITHIN_SECTION
    cdef const Token *token
    if section:
        end = _section_end(context, a, b)
    if cue.max_tokens != NONE and cue.max_tokens < end - b and b < end:
        end = b + cue.max_tokens
    depth[0] = depth[1] = depth[2] = 0
    for t in range(a, end):
        token = &context.tokens[t]
        if t >= b:
            if token.flags & TOKEN_RESET and not section:
                return t
            if cue.flags & CUE_WITHIN_LINE and token.flags & SEP_NEWLINE:
                return t
        if token.flags & TOKEN_SENTENCE and t > a:
            # Brackets belong together within a sentence.
            depth[0] = depth[1] = depth[2] = 0
            open_[0] = open_[1] = open_[2] = 0
            counted = True
        p = token_punct(token)
        if p == 0:
            continue
        if p == 59 and t >= b and not section:
            return t
        kind = _opened(p)
        if kind >= 0:
            depth[kind] += 1
            continue
        kind = _closed(p)
        if kind < 0:
            continue
        if depth[kind]:
            depth[kind] -= 1
            continue
        if not counted:
            _open_brackets(context, begin, a, open_)
            counted = True
        if open_[kind]:
            if t >= b:
                return t
            open_[kind] -= 1
    return end


cdef u32 _backward_limit(Context *context, const Cue *cue, u32 begin, u32 a, u32 b) noexcept nogil:
    """Where the backward scope of the cue `[a, b)` starts, stop hits and lists aside."""
    cdef u32 t = a, p
    cdef u32[3] depth
    cdef u32[3] opened
    cdef i32 kind
    cdef const Token *token
    if cue.max_tokens != NONE and cue.max_tokens < a - begin:
        begin = a - cue.max_tokens
    depth[0] = depth[1] = depth[2] = 0
    opened[0] = opened[1] = opened[2] = 0
    while t > begin:
        # Moving from token t to t - 1: a reset or line start at t bars the way.
        token = &context.tokens[t]
        if token.flags & TOKEN_RESET or (cue.flags & CUE_WITHIN_LINE and token.flags & SEP_NEWLINE):
            return t
        t -= 1
        p = token_punct(&context.tokens[t])
        if p == 0:
            continue
        if p == 59:
            return t + 1
        kind = _closed(p)
        if kind >= 0:
            depth[kind] += 1
            continue
        kind = _opened(p)
        if kind < 0:
            continue
        if depth[kind]:
            depth[kind] -= 1
            continue
        # The n-th bracket open at the cue is closed by the n-th that closes after its start: does that stand after its end?
        opened[kind] += 1
        if (_closing_brackets(context, a, b, kind) < opened[kind]
                and opened[kind] <= _closing_brackets(context, a, context.n_tokens, kind)):
            return t + 1
    return begin


cdef inline bint _is_separator(Context *context, u32 t) noexcept nogil:
    """Token `t` carries a list on."""
    cdef const Token *token = &context.tokens[t]
    return token_punct(token) == 44 or (word_flags(context.lexis, token) & FLAG_LIST) != 0


cdef u32 _first_mention(Context *context, u32 start, u32 longest) noexcept nogil:
    """Number of the first mention that could reach past token `start`."""
    cdef u32 low = 0, high = context.n_mentions, mid
    cdef u32 wanted = start - longest if start > longest else 0
    while low < high:
        mid = (low + high) >> 1
        if context.mentions[mid].start < wanted:
            low = mid + 1
        else:
            high = mid
    return low


cdef inline bint _acts_on(Context *context, const CueHit *hit, const Mention *m, u32 begin, u32 sentence_end) noexcept nogil:
    """Labels, blocking words and cues inside the mention (sections 1 and 3)."""
    cdef const Cue *cue = &context.cues[hit.cue]
    if cue.labels:
        if cue.flags & CUE_NOT_ON:
            if m.labels & cue.labels:
                return False
        elif not m.labels & cue.labels:
            return False
    if m.start <= hit.start and hit.end <= m.end and not cue.flags & CUE_ACTS_INSIDE:
        return False
    if cue.n_blockers and context.blockers.n and _blocked(context, hit, cue, m, begin, sentence_end):
        return False
    return True


cdef bint _blocked(Context *context, const CueHit *hit, const Cue *cue, const Mention *m, u32 begin, u32 sentence_end) noexcept nogil:
    cdef const Hit *blockers = <const Hit *> context.blockers.data
    cdef u32 low = m.start if m.start < hit.start else hit.start
    cdef u32 high = m.end if m.end > hit.end else hit.end
    cdef u32 k, r, first, last
    low = low - BLOCK_WINDOW if low > begin + BLOCK_WINDOW else begin
    if high > sentence_end:
        high = sentence_end
    # Blockers come by end; skip those before the window by bisection.
    first = 0
    last = <u32> context.blockers.n
    while first < last:
        k = (first + last) >> 1
        if blockers[k].end <= low:
            first = k + 1
        else:
            last = k
    for k in range(first, <u32> context.blockers.n):
        if blockers[k].start >= high + 64:
            break
        if blockers[k].start < low or blockers[k].end > high:
            continue
        if blockers[k].start < m.end and m.start < blockers[k].end:
            continue
        if blockers[k].start < hit.end and hit.start < blockers[k].end:
            continue
        for r in range(cue.n_blockers):
            if context.blocker_refs[cue.blocker + r] == blockers[k].ref:
                return True
    return False


cdef int _mark(Context *context, const CueHit *hit, u32 mention, u32 axes, u32 begin, u32 end, u32 via) except -1 nogil:
    """Note that `hit` reaches the mention on `axes`, through the scope of tokens `[begin, end)`."""
    cdef u32 axis
    cdef Mark *mark
    cdef const Token *tokens = context.tokens
    for axis in range(N_AXES):
        if not (axes >> axis) & 1:
            continue
        mark = <Mark *> vec_push(&context.marks)
        mark.mention = mention
        mark.cue.axis = axis
        mark.cue.start = tokens[hit.start].start
        mark.cue.end = tokens[hit.end - 1].end
        mark.cue.rule = hit.cue             # the cue; the scanner puts its rule here
        mark.cue.via = via
        mark.cue.reserved = 0
        if begin < end:
            mark.cue.scope_start = tokens[begin].start
            mark.cue.scope_end = tokens[end - 1].end
        else:
            mark.cue.scope_start = mark.cue.scope_end = mark.cue.end
    return 0


cdef inline bint _inside(const CueHit *stop, const Mention *m) noexcept nogil:
    return m.start <= stop.start and stop.end <= m.end


cdef inline u32 _stop_after(Context *context, const CueHit *hits, u32 n, u32 j, u32 axis, u32 from_, u32 limit, const Mention *m) noexcept nogil:
    """Number of the first stop hit from number `j` on that stops this mention's forward scope before `limit`, else `n`."""
    while j < n and hits[j].start < limit:
        if (hits[j].start >= from_ and (hits[j].live >> axis) & 1 and context.cues[hits[j].cue].direction == DIR_STOP
                and not (m != NULL and _inside(&hits[j], m))):
            return j
        j += 1
    return n


cdef inline u32 _forward_end(Context *context, const CueHit *hits, u32 n, u32 stop, u32 axis, u32 limit, const Mention *m) noexcept nogil:
    """Where the forward scope ends for a mention; `stop` is the first stop hit of all, `n` when there is none."""
    if stop < n and _inside(&hits[stop], m):
        stop = _stop_after(context, hits, n, stop + 1, axis, hits[stop].end, limit, m)
    return hits[stop].start if stop < n else limit


cdef int _forward(Context *context, const CueHit *hits, u32 n, u32 i, u32 begin, u32 end, u32 mention) except -1 nogil:
    cdef const CueHit *hit = &hits[i]
    cdef const Cue *cue = &context.cues[hit.cue]
    cdef const Mention *m
    cdef u32 limit, scope, first = mention, k, stop, axis, nearest, list_cut
    cdef bint listed = cue.flags & CUE_LISTS_STOP, cut_known
    # The first mention that ends after the cue; without one there is nothing to limit.
    while first < context.n_mentions and context.mentions[first].end <= hit.end:
        first += 1
    if first == context.n_mentions or (context.mentions[first].start >= end and not cue.flags & CUE_WITHIN_SECTION):
        return 0
    limit = _forward_limit(context, cue, begin, hit.start, hit.end, end)
    if limit <= hit.end or context.mentions[first].start >= limit:
        return 0
    for axis in range(N_AXES):
        if not (hit.live >> axis) & 1:
            continue
        stop = n if cue.flags & CUE_PAST_CLAUSE else _stop_after(context, hits, n, i + 1, axis, hit.end, limit, NULL)
        # Where the nearest reached mention ends: lists are cut after it.
        nearest = NONE
        k = first
        while k < context.n_mentions and context.mentions[k].start < limit and context.mentions[k].start < nearest:
            m = &context.mentions[k]
            if hit.end < m.end < nearest and m.start < m.end:
                scope = _forward_end(context, hits, n, stop, axis, limit, m)
                if m.start < scope and hit.end < scope:
                    nearest = m.end
            k += 1
        if nearest == NONE:
            continue
        cut_known = False
        list_cut = NONE
        k = first
        while k < context.n_mentions and context.mentions[k].start < limit:
            m = &context.mentions[k]
            k += 1
            if m.end <= hit.end or m.start == m.end:
                continue
            scope = _forward_end(context, hits, n, stop, axis, limit, m)
            if not cut_known and (listed or m.start >= nearest):
                cut_known = True
                list_cut = nearest
                while list_cut < limit and not (_is_separator(context, list_cut) or context.tokens[list_cut].flags & SEP_SLASH):
                    list_cut += 1
                if list_cut >= limit:
                    list_cut = NONE
            if listed and list_cut < scope:
                scope = list_cut
            if m.start >= scope or hit.end >= scope or not _acts_on(context, hit, m, begin, end):
                continue
            _mark(context, hit, k - 1, <u32> 1 << axis, hit.end, scope, VIA_LIST if m.start >= list_cut else VIA_DIRECT)
    return 0


cdef inline u32 _stop_before(Context *context, const CueHit *hits, u32 first, u32 j, u32 axis, u32 begin, u32 until, const Mention *m) noexcept nogil:
    """Number + 1 of the last stop hit before number `j` that stops this mention's backward scope, 0 when there is none."""
    while j > first and hits[j - 1].start + MAX_CUE_TOKENS > begin:
        j -= 1
        if (hits[j].end <= until and hits[j].end > begin and (hits[j].live >> axis) & 1
                and context.cues[hits[j].cue].direction == DIR_STOP and not (m != NULL and _inside(&hits[j], m))):
            return j + 1
    return 0


cdef inline u32 _backward_start(Context *context, const CueHit *hits, u32 first, u32 stop, u32 axis, u32 limit, const Mention *m) noexcept nogil:
    """Where the backward scope starts for a mention; `stop` is the number + 1 of the last stop hit of all, 0 when there is none."""
    if stop and _inside(&hits[stop - 1], m):
        stop = _stop_before(context, hits, first, stop - 1, axis, limit, hits[stop - 1].start, m)
    return hits[stop - 1].end if stop else limit


cdef int _backward(Context *context, const CueHit *hits, u32 first_hit, u32 i, u32 begin, u32 end, u32 mention, u64 marked) except -1 nogil:
    """`marked` is where the marks of this hit begin: what a cue of both directions has reached forward it does not reach again."""
    cdef const CueHit *hit = &hits[i]
    cdef const Cue *cue = &context.cues[hit.cue]
    cdef const Mention *m
    cdef u32 limit, scope, k, last = mention, stop, axis, nearest, list_cut
    cdef bint listed = cue.flags & CUE_LISTS_STOP, cut_known
    while last < context.n_mentions and context.mentions[last].start < hit.start:
        last += 1
    if last == mention:
        return 0
    limit = _backward_limit(context, cue, begin, hit.start, hit.end)
    if limit >= hit.start:
        return 0
    for axis in range(N_AXES):
        if not (hit.live >> axis) & 1:
            continue
        stop = 0 if cue.flags & CUE_PAST_CLAUSE else _stop_before(context, hits, first_hit, i, axis, limit, hit.start, NULL)
        # Where the nearest reached mention starts: lists are cut before it.
        nearest = NONE
        k = last
        while k > mention and nearest == NONE:
            k -= 1
            m = &context.mentions[k]
            if m.end <= limit or m.start == m.end:
                continue
            scope = _backward_start(context, hits, first_hit, stop, axis, limit, m)
            if m.end > scope and scope < hit.start:
                nearest = m.start
        if nearest == NONE:
            continue
        cut_known = False
        list_cut = 0
        k = last
        while k > mention:
            k -= 1
            m = &context.mentions[k]
            if m.end <= limit or m.start == m.end:
                continue
            scope = _backward_start(context, hits, first_hit, stop, axis, limit, m)
            if not cut_known and (listed or m.end <= nearest):
                cut_known = True
                list_cut = nearest
                while list_cut > limit and not (_is_separator(context, list_cut - 1) or context.tokens[list_cut].flags & SEP_SLASH):
                    list_cut -= 1
                if list_cut <= limit:
                    list_cut = 0
            if listed and list_cut > scope:
                scope = list_cut
            if m.end <= scope or scope >= hit.start or not _acts_on(context, hit, m, begin, end):
                continue
            if m.end > hit.end and _is_marked(context, marked, k, axis):
                continue
            _mark(context, hit, k, <u32> 1 << axis, scope, hit.start, VIA_LIST if m.end <= list_cut else VIA_DIRECT)
    return 0


cdef bint _is_marked(Context *context, u64 first, u32 mention, u32 axis) noexcept nogil:
    """Whether one of the marks from number `first` on is on this mention and axis."""
    cdef const Mark *marks = <const Mark *> context.marks.data
    cdef u64 k
    for k in range(first, context.marks.n):
        if marks[k].mention == mention and marks[k].cue.axis == axis:
            return True
    return False


# --- field: value (section 4) ----------------------------------------------------------------------------------------

cdef int _field(Context *context, const CueHit *hits, u32 i, u32 end, u32 longest) except -1 nogil:
    cdef const CueHit *hit = &hits[i]
    cdef u32 mark = hit.start - 1, begin = mark, k
    cdef u32 t = _field_start(context, mark)
    cdef const Mention *m
    k = _first_mention(context, t, longest)
    while k < context.n_mentions and context.mentions[k].start < mark:
        m = &context.mentions[k]
        if m.end > t and m.start < m.end:
            while begin > 0 and not context.tokens[begin].flags & TOKEN_SENTENCE:
                begin -= 1
            if _acts_on(context, hit, m, begin, end):
                _mark(context, hit, k, hit.live, t, mark, VIA_FIELD)
        k += 1
    return 0


# --- the result ------------------------------------------------------------------------------------------------------

cdef inline bint _mark_before(const Mark *a, const Mark *b) noexcept nogil:
    if a.mention != b.mention:
        return a.mention < b.mention
    if a.cue.axis != b.cue.axis:
        return a.cue.axis < b.cue.axis
    if a.cue.start != b.cue.start:
        return a.cue.start < b.cue.start
    if a.cue.rule != b.cue.rule:
        return a.cue.rule < b.cue.rule
    return a.cue.scope_start < b.cue.scope_start


cdef int _compare_marks(const void *a, const void *b) noexcept nogil:
    if _mark_before(<const Mark *> a, <const Mark *> b):
        return -1
    return 1 if _mark_before(<const Mark *> b, <const Mark *> a) else 0


cdef void _sort_marks(Context *context) noexcept nogil:
    cdef Mark *marks = <Mark *> context.marks.data
    cdef u64 i, j, n = context.marks.n, moves = 0
    cdef Mark moving
    for i in range(1, n):
        moving = marks[i]
        j = i
        while j > 0 and _mark_before(&moving, &marks[j - 1]):
            marks[j] = marks[j - 1]
            j -= 1
            moves += 1
        marks[j] = moving
        if moves > n * 8 + 256:
            qsort(marks, n, sizeof(Mark), _compare_marks)
            return
