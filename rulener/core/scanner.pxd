# One note through all stages into rows. The only module Python calls per batch.

from rulener.core.automaton cimport Automaton
from rulener.core.columns cimport Batch, EntityRow, Tables
from rulener.core.context cimport Context, Mention
from rulener.core.memory cimport Vec
from rulener.core.patterns cimport PatternScratch
from rulener.core.sections cimport SectionFinder
from rulener.core.spans cimport Resolver
from rulener.core.structs cimport *
from rulener.core.text cimport Lexis, TokenBuffer

cdef struct Arrival:
    u32 token                           # the last one
    u32 out

cdef class Scanner:
    cdef readonly Tables tables
    cdef object _buffers                # keeps the mapped sections alive
    cdef Lexis lexis
    cdef Automaton automaton
    cdef const PatternProgram *programs
    cdef u32 n_programs
    cdef const Instruction *code
    cdef const u32 *sets
    cdef const Capture *captures
    cdef const u32 *surround
    cdef u32 n_surround
    cdef const u32 *section_refs
    cdef u32 n_section_refs
    cdef list regexes                   # compiled, with what Python needs to run them
    cdef list unanchored                # numbers of the regexes that run over the whole note
    cdef bint has_unanchored
    cdef bint has_alternatives          # some rule has several programs
    cdef bint has_mentions              # some program's mention is a part of its match
    cdef int policy
    cdef bint trace                     # keep losers and rejected occurrences
    cdef bint damaged                   # a table led outside the file
    cdef bint links                     # terms that are only linked count, too
    cdef u16[64] label_out              # artifact label -> reported label, 0xFFFF = left out
    # scratch of the note in hand
    cdef TokenBuffer tokens
    cdef PatternScratch patterns
    cdef Resolver resolver
    cdef SectionFinder sections
    cdef Context context
    cdef Vec candidates                 # Candidate, by end
    cdef Vec extra                      # Candidate: patterns and regexes
    cdef Vec merged                     # Candidate
    cdef Vec outputs                    # u32 per token: first Out of the state after it, NONE
    cdef Vec seconds                    # u32: tokens that probably continue a form begun by the token before
    cdef Vec arrivals                   # Arrival: the automaton's outputs
    cdef Vec headings                   # Hit: start, end, heading
    cdef Vec anchors                    # Hit: start, end, program, head
    cdef Vec regex_hits                 # Hit: start, end, regex
    cdef Vec sentences                  # u32 tokens
    cdef Vec mentions                   # Mention
    cdef Vec chosen                     # u32: candidate numbers behind the mentions
    cdef Vec attributes                 # Attribute of the note's candidates
    cdef Vec from_number                # u32: programs tried at every number
    cdef Vec gates                      # Gate per program
    cdef Vec given                      # u32: order of given mentions by start

    cdef int scan(self, const Text *text, Batch batch) except -1 nogil
    cdef int read(self, const Text *text) except -1 nogil
    cdef int match(self, const Text *text, Batch batch) except -1 nogil
    cdef int take_entries(self, const Text *text, const Out *out, u32 start, u32 end, bint glued, Batch batch) except -1 nogil
    cdef int _find_sections(self, const Text *text, Batch batch) except -1 nogil
    cdef int run_patterns(self, const Text *text) except -1 nogil
    cdef int try_program(self, const Text *text, u32 program, u32 start) except -1 nogil
    cdef int _try_after_label(self, const Text *text, u32 program, u32 end) except -1 nogil
    cdef void _reach(self, const Candidate *c, u32 *low, u32 *high) noexcept nogil
    cdef int _narrow_to_mentions(self) except -1 nogil
    cdef bint _is_found_before(self, const Candidate *x, u64 n, const Candidate *c) noexcept nogil
    cdef int _longest_of_each_start(self) except -1 nogil
    cdef int run_regexes(self, const Text *text, Batch batch) except -1
    cdef int settle_candidates(self, Batch batch) except -1 nogil
    cdef int choose(self, const Text *text, Batch batch) except -1 nogil
    cdef int append(self, const Text *text, Batch batch) except -1 nogil
    cdef int _point(self, dict sections, dict header) except -1
    cdef int _reject(self, Batch batch, u32 start, u32 end, u32 entry, u32 reason) except -1 nogil
    cdef int _drop(self, Batch batch, const Candidate *c, u32 reason) except -1 nogil
    cdef int _apply_unless(self, Vec *candidates, Batch batch) except -1 nogil
    cdef int _drop_in_headings(self, Batch batch) except -1 nogil
    cdef bint _joins(self, const Candidate *a, const Candidate *b) noexcept nogil
    cdef bint _is_same(self, const Candidate *a, const Candidate *b) noexcept nogil
    cdef bint _is_repeat(self, const Candidate *c, const u32 *kept, u64 k) noexcept nogil
    cdef int _assert(self) except -1 nogil
    cdef u32 _append_structure(self, Batch batch) except? 0xFFFFFFFE nogil
    cdef int _append_more(self, Batch batch, EntityRow *row, u32 number, u32 n) except -1 nogil
    cdef int _append_attributes(self, const Text *text, Batch batch, EntityRow *row, const Candidate *c) except -1 nogil
    cdef void _place(self, EntityRow *row, u32 token, u32 *sentence, u32 *section, u32 first_section) noexcept nogil
    cdef u32 _append_cues(self, Batch batch, EntityRow *row, u32 token, u32 mention, u32 mark) except? 0xFFFFFFFE nogil
    cdef int _push_cue(self, Batch batch, EntityRow *row, const CueMark *cue) except -1 nogil
    cdef int _know_given(self, Batch batch, EntityRow *row, const Mention *m) except -1
    cdef bint _is_followed(self, u32 t, u32 mask) noexcept nogil
    cdef int _walk(self) except -1 nogil
    cdef int _collect(self, const Text *text, Batch batch) except -1 nogil
    cdef bint _is_surrounded(self, const Candidate *c, const Term *term) noexcept nogil
    cdef bint _anchor_holds(self, u32 start, u32 end, const Entry *entry) noexcept nogil
    cdef int _trace_cues(self, Batch batch) except -1 nogil
    cdef int _look_ahead(self) except -1 nogil
    cdef bint _may_be_heading(self, u32 start, u32 end) noexcept nogil
    cdef bint _case_holds(self, const Text *text, u32 start, u32 end, const Entry *entry) noexcept nogil
