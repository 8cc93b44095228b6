# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Which of the overlapping candidates become mentions.

Truth table for `longest`, for two overlapping candidates a and b (first row that applies):

| a against b                      | winner | reason the loser gets |
|----------------------------------|--------|-----------------------|
| higher priority                  | a      | priority              |
| more tokens                      | a      | shorter               |
| starts earlier                   | a      | later                 |
| rule stands earlier              | a      | order                 |

`longest_per_label` applies it within one label only; `all` keeps everything. The order is total, so candidates are taken
greedily in it, and one that overlaps nothing taken is kept.
"""

from libc.stdlib cimport qsort
from libc.string cimport memset

from rulener.core.memory cimport Vec, vec_free, vec_grow, vec_init, vec_push
from rulener.core.structs cimport *


cdef void init_resolver(Resolver *resolver) noexcept nogil:
    vec_init(&resolver.kept, 4)
    vec_init(&resolver.order, sizeof(Ranked))
    vec_init(&resolver.occupied, 8)
    vec_init(&resolver.lost, sizeof(Lost))
    resolver.keep_losers = False


cdef void free_resolver(Resolver *resolver) noexcept nogil:
    vec_free(&resolver.kept)
    vec_free(&resolver.order)
    vec_free(&resolver.occupied)
    vec_free(&resolver.lost)


cdef struct Ranked:
    i32 priority
    u32 length
    u32 start
    u32 rule
    u32 char_start
    u32 char_end
    u32 number


cdef int _by_rank(const void *a, const void *b) noexcept nogil:
    cdef const Ranked *x = <const Ranked *> a
    cdef const Ranked *y = <const Ranked *> b
    if x.priority != y.priority:
        return -1 if x.priority > y.priority else 1
    if x.length != y.length:
        return -1 if x.length > y.length else 1
    if x.start != y.start:
        return -1 if x.start < y.start else 1
    if x.rule != y.rule:
        return -1 if x.rule < y.rule else 1
    # Two matches of one regex in one token.
    if x.char_start != y.char_start:
        return -1 if x.char_start < y.char_start else 1
    if x.char_end != y.char_end:
        return -1 if x.char_end > y.char_end else 1
    return -1 if x.number < y.number else (1 if x.number > y.number else 0)


cdef int _by_place(const void *a, const void *b) noexcept nogil:
    """Kept candidates by start, then end, then rule: the order mentions are reported in."""
    cdef const Ranked *x = <const Ranked *> a
    cdef const Ranked *y = <const Ranked *> b
    if x.char_start != y.char_start:
        return -1 if x.char_start < y.char_start else 1
    if x.char_end != y.char_end:
        return -1 if x.char_end < y.char_end else 1
    if x.rule != y.rule:
        return -1 if x.rule < y.rule else 1
    return -1 if x.number < y.number else (1 if x.number > y.number else 0)


cdef inline void _rank(const Candidate *c, const Term *terms, u32 number, Ranked *out) noexcept nogil:
    out.priority = c.priority
    out.length = c.end - c.start
    out.start = c.start
    out.rule = terms[c.term].rule | (<u32> 0x80000000 if terms[c.term].flags & TERM_YIELDS else 0)
    out.char_start = c.char_start
    out.char_end = c.char_end
    out.number = number


cdef void _sort(Ranked *items, u64 n) noexcept nogil:
    cdef u64 i, j
    cdef Ranked moving
    if n > 24:
        qsort(items, n, sizeof(Ranked), _by_rank)
        return
    for i in range(1, n):
        moving = items[i]
        j = i
        while j > 0 and _by_rank(&moving, &items[j - 1]) < 0:
            items[j] = items[j - 1]
            j -= 1
        items[j] = moving


cdef int _lose(const Candidate *candidates, const Term *terms, Resolver *resolver, u32 number, u64 first_kept, int policy) except -1 nogil:
    """Record why candidate `number` lost: against the first kept candidate it overlaps, in the order they were taken."""
    cdef const Candidate *c = &candidates[number]
    cdef const Candidate *w
    cdef u32 *kept = <u32 *> resolver.kept.data
    cdef u64 k
    cdef Lost *lost
    for k in range(first_kept, resolver.kept.n):
        w = &candidates[kept[k]]
        if w.start >= c.end or c.start >= w.end:
            continue
        if policy == POLICY_LONGEST_PER_LABEL and terms[w.term].label != terms[c.term].label:
            continue
        lost = <Lost *> vec_push(&resolver.lost)
        lost.candidate = number
        lost.winner = kept[k]
        if w.priority != c.priority:
            lost.reason = LOST_PRIORITY
        elif w.end - w.start != c.end - c.start:
            lost.reason = LOST_SHORTER
        elif w.start != c.start:
            lost.reason = LOST_LATER
        elif terms[w.term].rule == terms[c.term].rule and w.char_start != c.char_start:
            lost.reason = LOST_LATER
        else:
            lost.reason = LOST_ORDER
        return 0
    return 0


cdef int _resolve_group(const Candidate *candidates, u32 begin, u32 end, const Term *terms, int policy, Resolver *resolver) except -1 nogil:
    """Resolve candidates `[begin, end)`, which overlap each other and nothing else; kept ones are appended in rank order."""
    cdef Ranked *ranked
    cdef u64 *occupied = <u64 *> resolver.occupied.data
    cdef u64 bit, first_kept = resolver.kept.n
    cdef u32 i, k, number
    cdef bint free_
    cdef const Candidate *c
    if end - begin > resolver.order.capacity:
        vec_grow(&resolver.order, end - begin)
    ranked = <Ranked *> resolver.order.data
    for i in range(end - begin):
        _rank(&candidates[begin + i], terms, begin + i, &ranked[i])
    _sort(ranked, end - begin)
    for i in range(end - begin):
        number = ranked[i].number
        c = &candidates[number]
        bit = <u64> 1 << (terms[c.term].label & 63) if policy == POLICY_LONGEST_PER_LABEL else <u64> 1
        free_ = True
        for k in range(c.start, c.end):
            if occupied[k] & bit:
                free_ = False
                break
        if free_:
            for k in range(c.start, c.end):
                occupied[k] |= bit
            (<u32 *> vec_push(&resolver.kept))[0] = number
        elif resolver.keep_losers:
            _lose(candidates, terms, resolver, number, first_kept, policy)
    return 0


cdef int resolve(const Candidate *candidates, u32 n, const Term *terms, u32 n_tokens, int policy, Resolver *resolver) except -1 nogil:
    """Fill `resolver.kept` with the numbers of the candidates that become mentions, in text order.

    `candidates` are ordered by end token. Groups of overlapping candidates are neighbours in that order and are resolved alone.
    """
    cdef u32 i, end, reach
    cdef u32 *kept
    cdef Ranked *ranked
    cdef u64 k
    cdef bint ordered = True
    resolver.kept.n = 0
    resolver.lost.n = 0
    if n == 0:
        return 0
    if policy == POLICY_ALL:
        for i in range(n):
            (<u32 *> vec_push(&resolver.kept))[0] = i
    else:
        if n_tokens > resolver.occupied.capacity:
            vec_grow(&resolver.occupied, n_tokens)
        memset(resolver.occupied.data, 0, <u64> n_tokens * 8)
        # Walk back from the last candidate: a group ends where everything later starts at or after this one's end.
        i = n
        while i > 0:
            end = i
            reach = candidates[i - 1].start
            i -= 1
            while i > 0 and candidates[i - 1].end > reach:
                i -= 1
                if candidates[i].start < reach:
                    reach = candidates[i].start
            if end - i == 1:
                (<u32 *> vec_push(&resolver.kept))[0] = i
            else:
                _resolve_group(candidates, i, end, terms, policy, resolver)
    # Into text order.
    if resolver.kept.n > resolver.order.capacity:
        vec_grow(&resolver.order, resolver.kept.n)
    kept = <u32 *> resolver.kept.data
    ranked = <Ranked *> resolver.order.data
    for k in range(resolver.kept.n):
        _rank(&candidates[kept[resolver.kept.n - 1 - k]], terms, kept[resolver.kept.n - 1 - k], &ranked[k])
        if k and _by_place(&ranked[k - 1], &ranked[k]) > 0:
            ordered = False
    if not ordered:
        _place_sort(ranked, resolver.kept.n)
    for k in range(resolver.kept.n):
        kept[k] = ranked[k].number
    return 0


cdef void _place_sort(Ranked *items, u64 n) noexcept nogil:
    """Insertion sort for the nearly ordered usual case, qsort when it is not."""
    cdef u64 i, j, moves = 0
    cdef Ranked moving
    for i in range(1, n):
        moving = items[i]
        j = i
        while j > 0 and _by_place(&moving, &items[j - 1]) < 0:
            items[j] = items[j - 1]
            j -= 1
            moves += 1
        items[j] = moving
        if moves > n * 8 + 256:
            qsort(items, n, sizeof(Ranked), _by_place)
            return
