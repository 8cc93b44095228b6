# Token patterns: small programs run over tokens (docs/design/matching.md section 8).

from rulener.core.memory cimport Vec
from rulener.core.structs cimport *

cdef enum:
    MAX_PATTERN_TOKENS = 64

cdef struct Job:
    u32 pc                  # or slot + RESTORE to put `value` back into a capture slot
    u32 value

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
cdef u32 run_pattern(const Instruction *code, const u32 *sets, const PatternProgram *program, const Token *tokens, u32 n_tokens, u32 start,
                     PatternScratch *scratch) except? 0xFFFFFFFE nogil
