# What a scan leaves behind: rows of plain integers per batch, and the Python views over them.

from rulener.core.memory cimport Vec
from rulener.core.structs cimport *

cdef struct EntityRow:
    u32 doc
    u32 start               # code points
    u32 end
    u32 sentence            # number within the note
    u32 section             # number within the batch, NONE
    u32 term                # NONE for a given mention
    u16 label               # number in Batch.labels
    u16 axes                # bit per axis
    u32 cue                 # first in Batch.cues
    u32 attribute           # first in Batch.attributes
    u32 more                # first in Batch.more: further terms with the same span and label (a given mention: all terms)
    u16 n_cues
    u16 n_attributes
    u16 n_more
    u16 flags               # RowFlag

cdef enum RowFlag:
    ROW_AMBIGUOUS = 1       # its term's best concept has an equal
    ROW_BRACKET = 2         # an opening bracket follows: it may be an abbreviation's long form
    ROW_LINKED = 4          # the linker has spoken: see Batch.linked

cdef enum Linking:
    LINKING_NONE = 0        # nothing of its label has a code here
    LINKING_RESOLVED = 1
    LINKING_AMBIGUOUS = 2
    LINKING_UNRESOLVED = 3

cdef struct LinkedRow:      # what the linker says of an entity; by row
    u32 row
    u32 first               # in Batch.linked_concepts
    u32 n
    u32 linking

cdef struct LinkedConcept:
    u32 concept
    u32 step
    u32 matched             # number in Batch.matched, NONE
    u32 reserved
    double score

cdef struct SentenceRow:
    u32 start
    u32 end

cdef struct DocRow:         # where a note's rows begin; the next DocRow says where they end
    u32 entity
    u32 sentence
    u32 section
    u32 loser
    u32 rejected
    u32 traced
    u32 failed              # 1: no rows, see Batch.failures

cdef struct Rejected:       # an occurrence that did not count, kept when asked
    u32 start               # code points
    u32 end
    u32 entry
    u32 reason              # 0 case, 1 glued to a number, 2 heading not taken, 3 a term that is only linked

cdef struct TracedCue:      # an occurrence of a cue, kept when asked
    u32 start               # code points
    u32 end
    u32 cue
    u32 live                # axes on which no longer cue covers it

cdef bint is_better(const ConceptLink *a, const ConceptLink *b) noexcept nogil
cdef void sort_links(ConceptLink *links, u64 n) noexcept nogil

cdef class Tables:
    # The artifact's tables, mapped read-only. Shared by scanners of all threads.
    cdef object _owner              # keeps the mapping alive
    cdef readonly dict meta
    cdef readonly tuple labels      # of the artifact
    cdef readonly tuple section_names
    cdef u32 axes                   # axes that some pack assesses
    cdef const u8 *string_bytes
    cdef const u32 *string_offsets
    cdef readonly u64 n_strings
    cdef u64 string_length
    cdef const Term *terms
    cdef readonly u32 n_terms
    cdef const ConceptLink *concept_links
    cdef u32 n_concept_links
    cdef const Concept *concepts
    cdef readonly u32 n_concepts
    cdef const Rule *rules
    cdef u32 n_rules
    cdef const Cue *cues
    cdef u32 n_cues
    cdef const Heading *headings
    cdef u32 n_headings
    cdef const Entry *entries
    cdef u32 n_entries
    cdef u64 coded_labels           # bit per label some of whose terms have codes
    cdef dict _strings
    cdef dict _concepts
    cdef dict _ranked
    cdef object string(self, u32 number)
    cdef tuple concept_tuple(self, u32 term)
    cdef list ranked_concepts(self, u32 term)
    cdef tuple merged_concepts(self, terms)
    cdef object concept_view(self, u32 number, double score, object step, object matched)
    cdef u32 linking_of(self, u32 label, const ConceptLink *links, u64 n) noexcept nogil
    cdef int _check(self, dict sections) except -1

cdef class Batch:
    cdef readonly Tables tables
    cdef readonly list texts
    cdef readonly list ids
    cdef readonly list labels       # label names as reported
    cdef readonly list failures     # (note number, code, reason)
    cdef readonly list metadata     # per note a dict of what the input carries beside id and text; empty when nothing does
    cdef Vec entities               # EntityRow
    cdef Vec cues                   # CueMark
    cdef Vec attributes             # Attribute
    cdef Vec more                   # u32
    cdef Vec sentences              # SentenceRow
    cdef Vec sections               # SectionSpan
    cdef Vec losers                 # Loser
    cdef Vec rejected               # Rejected
    cdef Vec traced                 # TracedCue
    cdef Vec docs                   # DocRow, one more than notes
    cdef Vec linked                 # LinkedRow, by row
    cdef Vec linked_concepts        # LinkedConcept
    cdef readonly list matched      # names that the linker's deeper steps matched
    cdef const LinkedRow *linked_row(self, u32 row) noexcept nogil
    cdef tuple concepts_of(self, u32 row)
    cdef u32 linking_of(self, u32 row)
    cdef int end_note(self, bint failed) except -1 nogil
    cdef int drop_note(self) except -1 nogil

cdef class Document:
    cdef readonly Batch batch
    cdef readonly u32 number
    cdef tuple _entities

cdef class Entity:
    cdef Batch batch
    cdef u32 row
