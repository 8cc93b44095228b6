# Aho-Corasick over token ids, in flat arrays (Aho and Corasick, CACM 18(6), 1975).

from rulener.core.structs cimport *

cdef struct Automaton:
    const Edge *edges
    u64 edge_mask
    u32 edge_shift
    u32 n_first                 # tokens 1..n_first begin a form and are the depth-1 states
    const u32 *fail
    const u32 *root_out         # per first token
    const Out *outs
    const Entry *entries
    const u8 *cases
    u64 cases_length
    u32 n_states                # and of the other tables, so that a damaged file cannot lead outside them
    u32 n_outs
    u32 n_entries

cdef inline u64 edge_slot(u32 state, u32 token, u32 shift) noexcept nogil:
    return (((<u64> state << 32) | token) * <u64> 0x9E3779B97F4A7C15) >> shift

cdef inline u32 step(const Automaton *a, u32 state, u32 token, u32 *out) noexcept nogil:
    """The state after `token`; `out` gets the first Out of its chain or NONE. `token` is not 0."""
    cdef u64 slot
    cdef const Edge *edge
    cdef u32 falls = 0, probes = 0
    while state:
        slot = edge_slot(state, token, a.edge_shift)
        while True:
            edge = &a.edges[slot]
            if edge.state == state and edge.token == token:
                out[0] = edge.out
                return edge.child
            if edge.state == 0:
                break
            slot = (slot + 1) & a.edge_mask
            probes += 1
            if probes > 100000:
                break
        falls += 1
        if state >= a.n_states or falls > 64:       # only in a damaged file
            break
        state = a.fail[state]
    if token <= a.n_first:
        out[0] = a.root_out[token]
        return token
    out[0] = NONE
    return 0
