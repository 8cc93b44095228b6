# Aho-Corasick over token ids, in flat arrays (Aho and Corasick, CACM 18(6), 1975).

from rulener.core.structs cimport *

cdef struct Automaton:
    const Edge *edges
    u64 edge_mask
    u32 edge_shift
    u32 n_first                 # tokens 1..n_first begin a form and are the depth-1 states
    const u64 *filter           # one bit per hash of an existing edge: most absent edges are seen here, in cache
    u32 filter_shift
    const u32 *fail             # from the first state of depth 2 on; those of depth 1 fall to the root
    const Root *roots           # per first token
    const Out *outs
    const Entry *entries
    const u8 *cases
    u64 cases_length
    u32 n_states                # and of the other tables, so that a damaged file cannot lead outside them
    u32 n_outs
    u32 n_entries

cdef inline u64 edge_hash(u32 state, u32 token) noexcept nogil:
    return ((<u64> state << 32) | token) * <u64> 0x9E3779B97F4A7C15

cdef inline u64 follow_bit(u32 token) noexcept nogil:
    return <u64> 1 << ((token * <u32> 0x9E3779B1) >> 26)

cdef inline u32 step(const Automaton *a, u32 state, u64 *follows, u32 token, u32 *out) noexcept nogil:
    """The state after `token`; `out` gets the first Out of its chain or NONE. `token` is not 0.

    `follows` is carried along with the state: a state of depth 1 has a mask of what continues it, deeper ones have all bits.
    """
    cdef u64 slot, hash_, bit
    cdef const Edge *edge
    cdef u32 falls = 0, probes = 0
    if state and follows[0] & follow_bit(token):
        while True:
            hash_ = edge_hash(state, token)
            bit = hash_ >> a.filter_shift
            if (a.filter[bit >> 6] >> (bit & 63)) & 1:
                slot = hash_ >> a.edge_shift
                while True:
                    edge = &a.edges[slot]
                    if edge.state == state and edge.token == token:
                        out[0] = edge.out
                        state = edge.child
                        if state <= a.n_first:
                            follows[0] = a.roots[state].follows
                        else:
                            follows[0] = ~<u64> 0
                        return state
                    if edge.state == 0:
                        break
                    slot = (slot + 1) & a.edge_mask
                    probes += 1
                    if probes > 100000:
                        break
            if state <= a.n_first:
                break
            falls += 1
            if state >= a.n_states or falls > 64:       # only in a damaged file
                break
            state = a.fail[state]
            if state == 0:
                break
    if token <= a.n_first:
        out[0] = a.roots[token].out
        follows[0] = a.roots[token].follows
        return a.roots[token].next
    out[0] = NONE
    return 0
