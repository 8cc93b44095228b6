# Where sentences begin (docs/design/matching.md section 5).

from rulener.core.memory cimport Vec
from rulener.core.structs cimport *
from rulener.core.text cimport Lexis, TokenBuffer

cdef int split_sentences(const Text *text, const Lexis *lexis, TokenBuffer *tokens, const Vec *breaks, Vec *sentences) except -1 nogil
