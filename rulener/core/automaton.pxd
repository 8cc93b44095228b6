# Aho-Corasick over token ids, in flat arrays (Aho and Corasick, CACM 18(6), 1975).

from rulener.core.structs cimport *

cdef struct Automaton:
    const Edge *edges
    u64 n_edges                 # slots of the table, any number
    const u64 *filter           # one bit per hash of an existing edge: most absent edges are seen here, in cache
    u32 filter_shift
    const u32 *fail             # per deep state; those of depth 1 fall to the root
    const Root *roots           # per token
    const Out *outs
    const Entry *entries
    const u8 *cases
    u64 cases_length
    u32 n_states                # deep ones; and of the other tables, so that a damaged file cannot lead outside them
    u32 n_outs
    u32 n_entries

cdef enum:
    DEEP = 0x80000000           # state 0 is the root; a token's number is the state it leads to from there; deeper ones count from here

cdef inline u64 edge_hash(u32 state, u32 token) noexcept nogil:
    return ((<u64> state << 32) | token) * <u64> 0x9E3779B97F4A7C15

cdef inline bint may_follow(const Automaton *a, u32 state, u32 token) noexcept nogil:
    """False when no edge leads from `state` with `token`; True when one probably does."""
    cdef u64 bit = edge_hash(state, token) >> a.filter_shift
    return (a.filter[bit >> 6] >> (bit & 63)) & 1

cdef inline u64 edge_slot(const Automaton *a, u64 hash_) noexcept nogil:
    """Where the search for an edge begins: the hash's upper half, scaled to the size of the table (D. Lemire, 2018)."""
    return ((hash_ >> 32) * a.n_edges) >> 32

cdef inline const Edge *find_edge(const Automaton *a, u32 state, u32 token) noexcept nogil:
    """The edge from `state` with `token`, NULL when there is none."""
    cdef u64 slot = edge_slot(a, edge_hash(state, token))
    cdef const Edge *edge
    cdef u32 probes = 0
    while True:
        edge = &a.edges[slot]
        if edge.state == state and edge.token == token:
            return edge
        if edge.state == 0:
            return NULL
        slot += 1
        if slot == a.n_edges:
            slot = 0
        probes += 1
        if probes > 100000:         # only in a damaged file
            return NULL
