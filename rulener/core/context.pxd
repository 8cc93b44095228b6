# Cue scopes and assertion axes (docs/design/assertion.md).

from rulener.core.memory cimport Vec
from rulener.core.structs cimport *
from rulener.core.text cimport Lexis

cdef enum:
    N_AXES = 5
    MAX_SCOPE_TOKENS = 1024
    BLOCK_WINDOW = 4
    MAX_CUE_TOKENS = 64
    SIGN_TOKENS = 3             # words that a sign is written on
    VIA_DIRECT = 0
    VIA_LIST = 1
    VIA_FIELD = 2
    VIA_SECTION = 3

cdef struct CueHit:             # an occurrence of a cue form, in tokens
    u32 start
    u32 end
    u32 cue
    u32 live                    # axes on which no longer cue covers it

cdef struct Mention:            # in tokens; sorted by start
    u32 start
    u32 end
    u64 labels                  # bit per label it counts as

cdef struct Mark:               # one cue on one mention
    u32 mention
    CueMark cue

cdef struct Context:
    # set by the scanner
    const Cue *cues
    u32 n_cues
    const u32 *blocker_refs
    const Lexis *lexis
    bint across                 # some cue's scope runs over sentences (within: section)
    bint signs                  # some rule reads minus signs
    bint cover_always           # work out which cues live even without mentions (tracing)
    # per note
    bint crossing               # some cue runs over a sentence's end
    const Token *tokens
    u32 n_tokens
    const u32 *sentences        # first tokens
    u32 n_sentences
    const Mention *mentions
    u32 n_mentions
    const SectionSpan *sections
    u32 n_sections
    Vec hits                    # CueHit, filled by the scanner
    Vec blockers                # Hit, filled by the scanner; ref = blocker number
    Vec marks                   # Mark: the result, by mention, axis, start, rule
    Vec scratch

cdef void init_context(Context *context) noexcept nogil
cdef void free_context(Context *context) noexcept nogil
cdef int assert_mentions(Context *context) except -1 nogil
