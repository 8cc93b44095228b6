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
    u16 reserved

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
    cdef u32 n_concepts
    cdef const Rule *rules
    cdef u32 n_rules
    cdef const Cue *cues
    cdef u32 n_cues
    cdef const Heading *headings
    cdef u32 n_headings
    cdef const Entry *entries
    cdef u32 n_entries
    cdef dict _strings
    cdef dict _concepts
    cdef dict _ranked
    cdef object string(self, u32 number)
    cdef tuple concept_tuple(self, u32 term)
    cdef list ranked_concepts(self, u32 term)
    cdef tuple merged_concepts(self, terms)
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
    cdef int end_note(self, bint failed) except -1 nogil
    cdef int drop_note(self) except -1 nogil

cdef class Document:
    cdef readonly Batch batch
    cdef readonly u32 number
    cdef tuple _entities

cdef class Entity:
    cdef Batch batch
    cdef u32 row
