# Overlap resolution (docs/design/matching.md section 9).

from rulener.core.memory cimport Vec
from rulener.core.structs cimport *

cdef enum Policy:
    POLICY_LONGEST = 0
    POLICY_LONGEST_PER_LABEL = 1
    POLICY_ALL = 2

cdef enum LossReason:
    LOST_PRIORITY = 0
    LOST_SHORTER = 1
    LOST_LATER = 2
    LOST_ORDER = 3
    LOST_UNLESS = 4

cdef struct Resolver:
    Vec kept                # u32: candidate numbers, by start
    Vec order               # u32: scratch
    Vec occupied            # u64 per token: bit per label that holds it
    Vec lost                # Lost, when asked
    bint keep_losers

cdef struct Lost:
    u32 candidate
    u32 winner              # candidate number
    u32 reason

cdef void init_resolver(Resolver *resolver) noexcept nogil
cdef void free_resolver(Resolver *resolver) noexcept nogil
cdef int resolve(const Candidate *candidates, u32 n, const Term *terms, u32 n_tokens, int policy, Resolver *resolver) except -1 nogil
