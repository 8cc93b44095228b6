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
| sign      | nothing: it is no hit             | the words it is written on           | it overlaps the scope         |
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
    if context.n_mentions and context.signs:
        _signs(context)
    if n == 0 or (context.n_mentions == 0 and not context.cover_always):
        if context.marks.n > 1:
            _sort_marks(context)
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
    _reach_within(context, hits, i, begin, end, mention)
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
    if p != 58 and p != 45 and p != 61 and p != 124 and p != 63:
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


cdef u32 _opening_bracket(Context *context, u32 begin, u32 t, i32 wanted) noexcept nogil:
    """The bracket in `[begin, t)` that the closing one at `t` belongs to; `t` when it has none."""
    cdef u32 p, depth = 0, k = t
    while k > begin:
        k -= 1
        p = token_punct(&context.tokens[k])
        if p == 0:
            continue
        if _closed(p) == wanted:
            depth += 1
        elif _opened(p) == wanted:
            if depth == 0:
                return k
            depth -= 1
    return t


cdef u32 _closing_bracket(Context *context, u32 t, i32 wanted) noexcept nogil:
    """The bracket that closes the one at `t` in its sentence; `t` when none does."""
    cdef u32 p, depth = 0, k
    for k in range(t + 1, context.n_tokens):
        if context.tokens[k].flags & TOKEN_SENTENCE:
            break
        p = token_punct(&context.tokens[k])
        if p == 0:
            continue
        if _opened(p) == wanted:
            depth += 1
        elif _closed(p) == wanted:
            if depth == 0:
                return k
            depth -= 1
    return t


cdef u32 _forward_limit(Context *context, const Cue *cue, u32 begin, u32 a, u32 b, u32 end) noexcept nogil:
    """Where the forward scope of the cue `[a, b)` ends, stop hits and lists aside."""
    cdef u32 t, p
    cdef u32[3] depth
    cdef i32 kind
    cdef bint section = cue.flags & CUE_WITHIN_SECTION
    cdef const Token *token
    if section:
        end = _section_end(context, a, b)
    if cue.max_tokens != NONE and cue.max_tokens < end - b and b < end:
        end = b + cue.max_tokens
    # Brackets that open within the cue close within the scope; any other closing one ends it.
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
        elif t >= b:
            return t
    return end


cdef u32 _backward_limit(Context *context, const Cue *cue, u32 begin, u32 a, u32 b) noexcept nogil:
    """Where the backward scope of the cue `[a, b)` starts, stop hits and lists aside. `begin`: its sentence's start."""
    cdef u32 t = a, p, low = begin, closing
    cdef u32[3] opening         # per kind: brackets from here on are in pairs
    cdef bint[3] unclosed       # per kind: the last open bracket is never closed, so no earlier one is
    cdef i32 kind
    cdef const Token *token
    if cue.max_tokens != NONE and cue.max_tokens < a - low:
        low = a - cue.max_tokens
    opening[0] = opening[1] = opening[2] = NONE
    unclosed[0] = unclosed[1] = unclosed[2] = False
    while t > low:
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
            if opening[kind] == NONE or t < opening[kind]:
                opening[kind] = _opening_bracket(context, begin, t, kind)
                if opening[kind] == t:
                    return t + 1
            continue
        kind = _opened(p)
        if kind < 0 or unclosed[kind] or (opening[kind] != NONE and t >= opening[kind]):
            continue
        closing = _closing_bracket(context, t, kind)
        if closing >= b:
            return t + 1
        unclosed[kind] = closing == t
    return low


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


cdef inline bint _is_for_label(const Cue *cue, const Mention *m) noexcept nogil:
    if cue.labels == 0:
        return True
    return ((m.labels & cue.labels) == 0) == ((cue.flags & CUE_NOT_ON) != 0)


cdef inline bint _acts_on(Context *context, const CueHit *hit, const Mention *m, u32 begin, u32 sentence_end) noexcept nogil:
    """Labels, blocking words and cues inside the mention (sections 1 and 3)."""
    cdef const Cue *cue = &context.cues[hit.cue]
    if not _is_for_label(cue, m):
        return False
    if m.start <= hit.start and hit.end <= m.end and not cue.flags & CUE_ACTS_INSIDE:
        return False
    return not _is_blocked(context, hit, m, begin, sentence_end)


cdef inline bint _is_blocked(Context *context, const CueHit *hit, const Mention *m, u32 begin, u32 sentence_end) noexcept nogil:
    cdef const Cue *cue = &context.cues[hit.cue]
    return cue.n_blockers and context.blockers.n and _blocked(context, hit, cue, m, begin, sentence_end)


cdef bint _blocked(Context *context, const CueHit *hit, const Cue *cue, const Mention *m, u32 begin, u32 sentence_end) noexcept nogil:
    cdef const Hit *blockers = <const Hit *> context.blockers.data
    cdef u32 low = m.start if m.start < hit.start else hit.start
    cdef u32 high = m.end if m.end > hit.end else hit.end
    cdef u32 k, r
    low = low - BLOCK_WINDOW if low > begin + BLOCK_WINDOW else begin
    if high > sentence_end:
        high = sentence_end
    for k in range(_first_blocker(context, low), <u32> context.blockers.n):
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


cdef u32 _first_blocker(Context *context, u32 low) noexcept nogil:
    """Number of the first blocking word that ends after token `low`. They come by end."""
    cdef const Hit *blockers = <const Hit *> context.blockers.data
    cdef u32 first = 0, last = <u32> context.blockers.n, k
    while first < last:
        k = (first + last) >> 1
        if blockers[k].end <= low:
            first = k + 1
        else:
            last = k
    return first


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
    """Number of the first stop hit from number `j` on that stops this mention's forward scope, `[from_, limit)` at most, else `n`."""
    cdef const Cue *stop
    while j < n and hits[j].start < limit:
        stop = &context.cues[hits[j].cue]
        if (hits[j].start >= from_ and (hits[j].live >> axis) & 1 and stop.direction == DIR_STOP
                and not (m != NULL and _inside(&hits[j], m))
                and (stop.n_blockers == 0 or _has_word(context, stop, from_, hits[j].start))):
            return j
        j += 1
    return n


cdef bint _has_word(Context *context, const Cue *stop, u32 begin, u32 end) noexcept nogil:
    """Whether a word of the stop's `after` stands in the scope `[begin, end)` before it."""
    cdef const Hit *words = <const Hit *> context.blockers.data
    cdef u32 k, r
    for k in range(_first_blocker(context, begin), <u32> context.blockers.n):
        if words[k].end > end:
            break
        if words[k].start < begin:
            continue
        for r in range(stop.n_blockers):
            if context.blocker_refs[stop.blocker + r] == words[k].ref:
                return True
    return False


cdef inline u32 _forward_end(Context *context, const CueHit *hits, u32 n, u32 stop, u32 axis, u32 b, u32 limit, const Mention *m) noexcept nogil:
    """Where the forward scope from `b` on ends for a mention; `stop` is the first stop hit of all, `n` when there is none."""
    if stop < n and _inside(&hits[stop], m):
        stop = _stop_after(context, hits, n, stop + 1, axis, b, limit, m)
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
                scope = _forward_end(context, hits, n, stop, axis, hit.end, limit, m)
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
            scope = _forward_end(context, hits, n, stop, axis, hit.end, limit, m)
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


cdef int _reach_within(Context *context, const CueHit *hits, u32 i, u32 begin, u32 end, u32 mention) except -1 nogil:
    """Mentions among the cue's own words, behind the first: the cue says of them what it says of its scope (section 1)."""
    cdef const CueHit *hit = &hits[i]
    cdef const Mention *m
    if hit.end - hit.start == 1:
        return 0
    while mention < context.n_mentions and context.mentions[mention].start < hit.end:
        m = &context.mentions[mention]
        if m.start > hit.start and m.start < m.end <= hit.end and (not context.cues[hit.cue].flags & CUE_NOT_ON
                or _is_for_label(&context.cues[hit.cue], m)) and not _is_blocked(context, hit, m, begin, end):
            _mark(context, hit, mention, hit.live, hit.start + 1, hit.end, VIA_DIRECT)
        mention += 1
    return 0


cdef inline u32 _stop_before(Context *context, const CueHit *hits, u32 first, u32 j, u32 axis, u32 begin, u32 until, const Mention *m) noexcept nogil:
    """Number + 1 of the last stop hit before number `j` that stops this mention's backward scope, 0 when there is none."""
    while j > first and hits[j - 1].start + MAX_CUE_TOKENS > begin:
        j -= 1
        if (hits[j].end <= until and hits[j].end > begin and (hits[j].live >> axis) & 1
                and context.cues[hits[j].cue].direction == DIR_STOP and context.cues[hits[j].cue].n_blockers == 0
                and not (m != NULL and _inside(&hits[j], m))):
            return j + 1
    return 0


cdef inline u32 _backward_start(Context *context, const CueHit *hits, u32 first, u32 stop, u32 axis, u32 limit, u32 until, const Mention *m) noexcept nogil:
    """Where the backward scope that ends at `until` starts for a mention; `stop`: number + 1 of the last stop hit of all, or 0."""
    cdef u32 t
    if stop and _inside(&hits[stop - 1], m):
        stop = _stop_before(context, hits, first, stop - 1, axis, limit, hits[stop - 1].start, m)
    if stop == 0:
        return limit
    if not context.cues[hits[stop - 1].cue].flags & CUE_TAKES_OBJECT:
        return hits[stop - 1].end
    for t in range(hits[stop - 1].end, until):
        if token_punct(&context.tokens[t]) == 44:
            return t + 1
    return hits[stop - 1].end


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
            scope = _backward_start(context, hits, first_hit, stop, axis, limit, hit.start, m)
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
            scope = _backward_start(context, hits, first_hit, stop, axis, limit, hit.start, m)
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


# --- signs (section 5) -----------------------------------------------------------------------------------------------

cdef inline bint _is_after_gap(Context *context, u32 t, u32 gap) noexcept nogil:
    """Whether exactly `gap` code points stand between token `t` and the one before it."""
    return t > 0 and context.tokens[t].start - context.tokens[t - 1].end == gap


cdef inline bint _is_bracketed_minus(Context *context, u32 t) noexcept nogil:
    """Whether tokens `t` and `t + 1` are "(-)" or "[-]"."""
    cdef u32 p
    if t + 1 >= context.n_tokens or not context.tokens[t + 1].flags & SEP_HYPHEN or not _is_after_gap(context, t + 1, 1):
        return False
    p = token_punct(&context.tokens[t + 1])
    return (p == 41 and token_punct(&context.tokens[t]) == 40) or (p == 93 and token_punct(&context.tokens[t]) == 91)


cdef inline bint _is_inline_minus(Context *context, u32 t) noexcept nogil:
    """ "-t" or "/-t" within a line."""
    cdef u32 flags = context.tokens[t].flags
    if flags & (TOKEN_NUMBER | TOKEN_PUNCT | TOKEN_ITEM):
        return False
    if flags & LEAD_HYPHEN:
        return True
    return flags & SEP_SLASH and flags & SEP_HYPHEN and _is_after_gap(context, t, 2) and not context.tokens[t - 1].flags & TOKEN_PUNCT


cdef bint _is_minus(Context *context, u32 t, u32 *start, u32 *end) noexcept nogil:
    """Whether a minus sign stands before token `t`, and where."""
    cdef u32 flags = context.tokens[t].flags, k = t + 1
    if flags & (TOKEN_NUMBER | TOKEN_PUNCT):
        return False
    start[0] = context.tokens[t].start - 1
    end[0] = context.tokens[t].start
    if _is_inline_minus(context, t):
        return True
    if flags & LEAD_HYPHEN:
        # It begins its line: a bullet, unless another sign stands on that line.
        while k < context.n_tokens and not context.tokens[k].flags & SEP_NEWLINE:
            if _is_inline_minus(context, k) or (token_punct(&context.tokens[k - 1]) == 43 and _is_after_gap(context, k, 0)):
                return True
            k += 1
        return False
    if t < 2 or flags & (SEP_NEWLINE | TOKEN_SENTENCE) or not _is_bracketed_minus(context, t - 2):
        return False
    start[0] = context.tokens[t - 2].start
    end[0] = context.tokens[t - 1].end
    return True


cdef inline bint _is_sign_end(Context *context, u32 t) noexcept nogil:
    """Whether the words that a sign is written on end before token `t`."""
    cdef u32 start, end
    if t >= context.n_tokens or context.tokens[t].flags & (SEP_NEWLINE | TOKEN_SENTENCE | TOKEN_RESET | TOKEN_PUNCT):
        return True
    return word_flags(context.lexis, &context.tokens[t]) & FLAG_LIST or _is_minus(context, t, &start, &end)


cdef int _signs(Context *context) except -1 nogil:
    """Let the minus sign before or after each mention mark it."""
    cdef u32 i
    for i in range(context.n_mentions):
        if context.mentions[i].start < context.mentions[i].end and not _sign_before(context, i):
            _sign_after(context, i)
    return 0


cdef bint _sign_before(Context *context, u32 mention) except -1 nogil:
    cdef u32 t = context.mentions[mention].start, k, start, end, last
    for k in range(SIGN_TOKENS):
        if _is_minus(context, t, &start, &end):
            if k and end - start == 1:
                return False                # "-dependent fever"
            last = t + 1
            while last < t + SIGN_TOKENS and not _is_sign_end(context, last):
                last += 1
            _mark_signed(context, mention, start, end, t, last)
            return True
        if t == 0 or _is_sign_end(context, t):
            return False
        t -= 1
    return False


cdef int _sign_after(Context *context, u32 mention) except -1 nogil:
    """ "fever (-)," and "HIV-,"."""
    cdef const Mention *m = &context.mentions[mention]
    cdef const Token *after = &context.tokens[m.end]
    if m.end >= context.n_tokens or after.flags & SEP_NEWLINE:
        return 0
    if _is_bracketed_minus(context, m.end) and _ends_segment(context, m.end + 2):
        _mark_signed(context, mention, after.start, after[1].end, m.start, m.end)
    elif after.flags & SEP_HYPHEN and _is_after_gap(context, m.end, 1) and token_punct(after) and _ends_segment(context, m.end):
        _mark_signed(context, mention, after.start - 1, after.start, m.start, m.end)
    return 0


cdef int _mark_signed(Context *context, u32 mention, u32 start, u32 end, u32 first, u32 last) except -1 nogil:
    """Mark the mention by every rule for signs. The sign is `[start, end)` in code points, its scope the tokens `[first, last)`."""
    cdef const Cue *cue
    cdef Mark *mark
    cdef u32 k, axis
    for k in range(context.n_cues):
        cue = &context.cues[k]
        if cue.direction != DIR_SIGN or not _is_for_label(cue, &context.mentions[mention]):
            continue
        for axis in range(N_AXES):
            if not (cue.axes >> axis) & 1:
                continue
            mark = <Mark *> vec_push(&context.marks)
            mark.mention = mention
            mark.cue.axis = axis
            mark.cue.start = start
            mark.cue.end = end
            mark.cue.rule = k
            mark.cue.via = VIA_DIRECT
            mark.cue.reserved = 0
            mark.cue.scope_start = context.tokens[first].start
            mark.cue.scope_end = context.tokens[last - 1].end
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
