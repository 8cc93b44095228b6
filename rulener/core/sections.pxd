# Sections: which occurrences of headings are headings, and what lies under them (docs/design/matching.md section 7).

from rulener.core.memory cimport Vec
from rulener.core.structs cimport *
from rulener.core.text cimport Lexis, TokenBuffer

cdef struct SectionFinder:      # belongs to one scanner
    const Heading *headings     # the artifact's
    u32 n_headings
    const Lexis *lexis
    Vec spans                   # SectionSpan of the note in hand, by place
    Vec breaks                  # u32: tokens that begin a sentence because of a heading
    bint damaged                # a table led outside the file

cdef void init_sections(SectionFinder *f) noexcept nogil
cdef void free_sections(SectionFinder *f) noexcept nogil
cdef int find_sections(SectionFinder *f, const Text *text, const TokenBuffer *tokens, Vec *headings, Vec *rejected) except -1 nogil

cdef inline bint is_mark(u32 c) noexcept nogil:
    return c == 35 or c == 42 or c == 95 or c == 61 or c == 126  # # * _ = ~

cdef inline bint may_end_frame(u32 c) noexcept nogil:
    """Whether this punctuation mark may stand between a line's beginning and its heading: a mark, or the end of a tag or entity."""
    return is_mark(c) or c == 62 or c == 59
