# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The pattern matcher: bounded backtracking that visits each (instruction, token) once.

The bit-state method of RE2 (Russ Cox, "Regular Expression Matching in the Wild", 2010), with leftmost-longest ends: all paths
are tried in priority order, the longest end wins, and of equal ends the first path found.
"""

from libc.string cimport memcpy, memset

from rulener.core.memory cimport Vec, vec_free, vec_grow, vec_init, vec_push
from rulener.core.structs cimport *
from rulener.core.text cimport token_punct

cdef enum:
    RESTORE = 0x80000000


cdef void init_patterns(PatternScratch *scratch) noexcept nogil:
    vec_init(&scratch.visited, 8)
    vec_init(&scratch.touched, 4)
    vec_init(&scratch.jobs, sizeof(Job))
    vec_init(&scratch.slots, 4)
    vec_init(&scratch.best, 4)
    vec_init(&scratch.first, 4)
    vec_init(&scratch.following, 4)
    scratch.n_places = 0
    scratch.indexed = False


cdef void free_patterns(PatternScratch *scratch) noexcept nogil:
    vec_free(&scratch.visited)
    vec_free(&scratch.touched)
    vec_free(&scratch.jobs)
    vec_free(&scratch.slots)
    vec_free(&scratch.best)
    vec_free(&scratch.first)
    vec_free(&scratch.following)


cdef int make_gate(const Instruction *code, const u32 *sets, const PatternProgram *program, u32 hyphen, Gate *gate) except -1:
    """Work out what may stand at the first tokens of a match; `hyphen` is the id of a hyphen that is a token of its own.

    | instruction                     | at token k                          | goes on at              |
    |---------------------------------|-------------------------------------|-------------------------|
    | token, set, number              | its ids, or numbers                 | k + 1                   |
    | word, filler                    | anything                            | k + 1                   |
    | label                           | anything, and from k on             | -                       |
    | match                           | anything, and from k on             | -                       |
    | hyphen                          | the hyphen token; or nothing        | k + 1; or k             |
    | slash, gap's end, save          | nothing                             | k                       |
    | split, jump                     | nothing                             | k, at its targets       |
    """
    cdef u32 k, pc, i, n = program.n_instructions
    cdef const Instruction *op
    cdef set here = {0}, following, seen
    cdef list work
    memset(gate, 0, sizeof(Gate))
    for k in range(GATE_TOKENS):
        following = set()
        seen = set()
        work = sorted(here)
        while work:
            pc = work.pop()
            if pc in seen or pc >= n:
                continue
            seen.add(pc)
            op = &code[program.start + pc]
            if op.op == OP_MATCH or op.op == OP_LABEL:
                for i in range(k, GATE_TOKENS):
                    gate.open |= 1 << i
            elif op.op == OP_SPLIT:
                work += [op.arg0, op.arg1]
            elif op.op == OP_JUMP:
                work.append(op.arg0)
            elif op.op == OP_SAVE or op.op == OP_GAP_END or op.op == OP_SLASH:
                work.append(pc + 1)
            else:
                following.add(pc + 1)
                if op.op == OP_TOKEN:
                    _let_through(gate, k, op.arg0)
                elif op.op == OP_SET:
                    for i in range(op.arg1):
                        _let_through(gate, k, sets[op.arg0 + i])
                elif op.op == OP_NUMBER:
                    gate.numbers |= 1 << k
                elif op.op == OP_HYPHEN:
                    _let_through(gate, k, hyphen)
                    work.append(pc + 1)
                else:
                    gate.open |= 1 << k
        here = following
    return 0


cdef void _let_through(Gate *gate, u32 k, u32 token_id) noexcept:
    cdef u32 bit = gate_bit(token_id)
    gate.words[k][bit >> 6] |= <u64> 1 << (bit & 63)


cdef inline int _push(PatternScratch *scratch, u32 pc, u32 value) except -1 nogil:
    cdef Job *job = <Job *> vec_push(&scratch.jobs)
    job.pc = pc
    job.value = value
    return 0


cdef inline bint _is_barred(const Instruction *op, const Token *token) noexcept nogil:
    """Whether an instruction is a plain word that is not the token."""
    return op.op == OP_TOKEN and op.arg0 != token.id


cdef inline bint _in_set(const u32 *sorted_, u32 n, u32 wanted) noexcept nogil:
    cdef u32 low = 0, mid
    while low < n:
        mid = (low + n) >> 1
        if sorted_[mid] < wanted:
            low = mid + 1
        elif sorted_[mid] > wanted:
            n = mid
        else:
            return True
    return False


cdef int _index_places(PatternScratch *scratch, u32 n_tokens) except -1 nogil:
    """Lists of the term occurrences by first token, longest first. Made when the first label of a note is asked for."""
    cdef u32 k, start
    cdef u32 *first
    cdef u32 *following
    if n_tokens > scratch.first.capacity:
        vec_grow(&scratch.first, n_tokens)
    if scratch.n_places > scratch.following.capacity:
        vec_grow(&scratch.following, scratch.n_places)
    first = <u32 *> scratch.first.data
    following = <u32 *> scratch.following.data
    memset(first, 0xFF, <u64> n_tokens * 4)
    for k in range(scratch.n_places):
        start = scratch.places[k].start
        following[k] = first[start]
        first[start] = k
    scratch.indexed = True
    return 0


cdef int _push_labelled(PatternScratch *scratch, u64 labels, u32 pc, u32 pos, u32 limit, u32 n_tokens) except -1 nogil:
    """A job after each occurrence that begins at `pos` and has one of the labels, so that the longest is tried first."""
    cdef u32 k, first_job = <u32> scratch.jobs.n, end = 0, low, high
    cdef Job *jobs
    cdef Job moving
    if not scratch.indexed:
        _index_places(scratch, n_tokens)
    k = (<u32 *> scratch.first.data)[pos]
    while k != NONE:
        if (labels >> (scratch.terms[scratch.places[k].term].label & 63)) & 1 and scratch.places[k].end <= limit \
                and scratch.places[k].end != end:
            end = scratch.places[k].end
            _push(scratch, pc, end)
        k = (<u32 *> scratch.following.data)[k]
    # They came longest first; the last one pushed is tried first.
    jobs = <Job *> scratch.jobs.data
    low, high = first_job, <u32> scratch.jobs.n
    while low + 1 < high:
        high -= 1
        moving = jobs[low]
        jobs[low] = jobs[high]
        jobs[high] = moving
        low += 1
    return 0


cdef u32 run_pattern(const Instruction *code, const u32 *sets, const PatternProgram *program, const Token *tokens, u32 n_tokens, u32 start,
                     PatternScratch *scratch) except? 0xFFFFFFFE nogil:
    """End token of the longest match from `start`, NONE when there is none. Captures (token pairs) are left in `scratch.best`."""
    cdef u32 limit = start + MAX_PATTERN_TOKENS, n_slots = program.n_captures * 2, best = NONE, pc, pos
    cdef u64 *visited
    cdef u32 *slots
    cdef u64 bit
    cdef const Instruction *op
    cdef const Token *token
    cdef Job job
    if limit > n_tokens:
        limit = n_tokens
    if program.n_instructions > scratch.visited.capacity:
        vec_grow(&scratch.visited, program.n_instructions)
        memset(scratch.visited.data, 0, scratch.visited.capacity * 8)
    if n_slots > scratch.slots.capacity:
        vec_grow(&scratch.slots, n_slots)
    if n_slots > scratch.best.capacity:
        vec_grow(&scratch.best, n_slots)
    visited = <u64 *> scratch.visited.data
    slots = <u32 *> scratch.slots.data
    scratch.touched.n = 0
    if n_slots:
        memset(slots, 0xFF, <u64> n_slots * 4)
    scratch.jobs.n = 0
    _push(scratch, 0, start)
    while scratch.jobs.n:
        scratch.jobs.n -= 1
        job = (<Job *> scratch.jobs.data)[scratch.jobs.n]
        if job.pc & RESTORE:
            slots[job.pc & ~<u32> RESTORE] = job.value
            continue
        pc = job.pc
        pos = job.value
        # Follow one path as far as it goes.
        while True:
            # At the limit nothing is read any more, so nothing needs to be remembered there.
            if pos - start < MAX_PATTERN_TOKENS:
                bit = <u64> 1 << (pos - start)
                if visited[pc] & bit:
                    break
                if visited[pc] == 0:
                    (<u32 *> vec_push(&scratch.touched))[0] = pc
                visited[pc] |= bit
            op = &code[program.start + pc]
            if op.op == OP_MATCH:
                # The letters glued to a number are not cut off it.
                if (best == NONE or pos > best) and not (pos < n_tokens and tokens[pos].flags & TOKEN_GLUED):
                    best = pos
                    if n_slots:
                        memcpy(scratch.best.data, slots, <u64> n_slots * 4)
                break
            if op.op == OP_SPLIT:
                # An alternative that begins with another word than the one here is not worth a job.
                if pos < limit and _is_barred(&code[program.start + op.arg0], &tokens[pos]):
                    pc = op.arg1
                    continue
                if not (pos < limit and _is_barred(&code[program.start + op.arg1], &tokens[pos])):
                    _push(scratch, op.arg1, pos)
                pc = op.arg0
                continue
            if op.op == OP_JUMP:
                pc = op.arg0
                continue
            if op.op == OP_SAVE:
                _push(scratch, op.arg0 | RESTORE, slots[op.arg0])
                slots[op.arg0] = pos
                pc += 1
                continue
            if op.op == OP_GAP_END:
                if pos < n_tokens and pos > start and tokens[pos].flags & TOKEN_SENTENCE:
                    break
                pc += 1
                continue
            if pos >= limit:
                break
            token = &tokens[pos]
            if token.flags & TOKEN_RESET and pos > start:
                break
            if op.op == OP_TOKEN:
                if token.id != op.arg0:
                    break
                pos += 1
            elif op.op == OP_LABEL:
                _push_labelled(scratch, <u64> op.arg0 | <u64> op.arg1 << 32, pc + 1, pos, limit, n_tokens)
                break
            elif op.op == OP_NUMBER:
                if not token.flags & TOKEN_NUMBER:
                    break
                pos += 1
            elif op.op == OP_SET:
                if not _in_set(sets + op.arg0, op.arg1, token.id):
                    break
                pos += 1
            elif op.op == OP_WORD:
                if token.flags & (TOKEN_NUMBER | TOKEN_PUNCT):
                    break
                pos += 1
            elif op.op == OP_FILLER:
                if token.flags & TOKEN_PUNCT or (token.flags & TOKEN_SENTENCE and pos > start):
                    break
                pos += 1
            elif op.op == OP_HYPHEN:
                if token_punct(token) == 45:
                    pos += 1
                elif not token.flags & SEP_HYPHEN:
                    break
            elif not token.flags & SEP_SLASH:
                break
            pc += 1
    for pc in range(<u32> scratch.touched.n):
        visited[(<u32 *> scratch.touched.data)[pc]] = 0
    return best
