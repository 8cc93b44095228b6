# Token patterns: small programs run over tokens (docs/design/matching.md section 8).

from rulener.core.memory cimport Vec
from rulener.core.structs cimport *

cdef enum:
    MAX_PATTERN_TOKENS = 64
    GATE_TOKENS = 3         # how many tokens from a program's start its gate looks at

cdef struct Job:
    u32 pc                  # or slot + RESTORE to put `value` back into a capture slot
    u32 value

# What may stand at the first tokens of a match: a test that spares most runs. Token ids are kept as bits of a hash.
cdef struct Gate:
    u64 words[3][4]         # per token: bit per hash of an id; GATE_TOKENS x 256 bits
    u32 numbers             # bit per token: any number may stand there
    u32 open                # bit per token: anything may, or the match may be over before it

cdef struct PatternScratch:
    Vec visited             # u64 per instruction: bit per token offset; all zero between runs
    Vec touched             # u32: the instructions to set back to zero
    Vec jobs                # Job
    Vec slots               # u32: captures of the path being tried
    Vec best                # u32: captures of the best match
    # what OP_LABEL looks at: the note's term occurrences by their first token
    const Candidate *places # in order of their ends
    u32 n_places
    const Term *terms
    bint indexed            # whether the lists below are made for this note
    Vec first               # u32 per token: the longest occurrence that begins here, NONE
    Vec following           # u32 per occurrence: the next shorter one that begins there, NONE

cdef void init_patterns(PatternScratch *scratch) noexcept nogil
cdef void free_patterns(PatternScratch *scratch) noexcept nogil
cdef int make_gate(const Instruction *code, const u32 *sets, const PatternProgram *program, u32 hyphen, Gate *gate) except -1

cdef inline u32 gate_bit(u32 token_id) noexcept nogil:
    return (token_id * <u32> 0x9E3779B1) >> 24

cdef inline bint may_match(const Gate *gate, const Token *tokens, u32 n_tokens, u32 start) noexcept nogil:
    """Whether the tokens from `start` can begin a match: False is certain, True is not."""
    cdef u32 k, bit
    for k in range(GATE_TOKENS):
        if (gate.open >> k) & 1:
            continue
        if start + k >= n_tokens:
            return False
        if (gate.numbers >> k) & 1 and tokens[start + k].flags & TOKEN_NUMBER:
            continue
        bit = gate_bit(tokens[start + k].id)
        if not (gate.words[k][bit >> 6] >> (bit & 63)) & 1:
            return False
    return True

cdef u32 run_pattern(const Instruction *code, const u32 *sets, const PatternProgram *program, const Token *tokens, u32 n_tokens, u32 start,
                     PatternScratch *scratch) except? 0xFFFFFFFE nogil
