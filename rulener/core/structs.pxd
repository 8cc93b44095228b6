# Records of the artifact (on disk, little-endian, fixed size) and of one scan (in memory). Every module of the core shares them.
# Offsets into tables count items, not bytes, unless the name ends in _byte. All intervals are half-open.

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

ctypedef uint8_t u8
ctypedef uint16_t u16
ctypedef uint32_t u32
ctypedef uint64_t u64
ctypedef int16_t i16
ctypedef int32_t i32
ctypedef int64_t i64_

cdef enum:
    NONE = 0xFFFFFFFF

# --- characters (section FOLD_PAGE: u16 page per 128 code points; FOLD_CELL: u32 per code point of a page) -----------
# cell: bits 0-3 class, bit 4 upper case, bit 5 lower case, bits 8-31 index into FOLD_TEXT (0: folds to itself).
# FOLD_TEXT holds, at that index, the number of code points and then the code points.
cdef enum CharClass:
    CLASS_PUNCT = 0
    CLASS_WORD = 1
    CLASS_IGNORE = 2
    CLASS_NEWLINE = 3
    CLASS_SPACE = 4
    CLASS_HYPHEN = 5
    CLASS_SLASH = 6
    CLASS_APOSTROPHE = 7

cdef enum:
    CELL_CLASS = 0x0F
    CELL_UPPER = 0x10
    CELL_LOWER = 0x20
    CELL_FOLD_SHIFT = 8

# --- the artifact's tables ---------------------------------------------------------------------------------------
cdef struct VocabSlot:      # open addressing, power of two, load <= 0.5; id 0 = empty
    u64 key                 # up to 8 folded ASCII bytes, or bit 63 + 63-bit hash of a longer or non-ASCII token
    u32 id                  # 1..F are tokens that begin a form and double as depth-1 states
    u32 arena_byte          # hashed keys: length byte + folded UTF-8 in ARENA, compared on a hit

cdef struct Edge:           # open addressing, power of two, load <= 0.6; state 0 = empty
    u32 state
    u32 token
    u32 child               # or, when nothing continues the child, the state its fail links lead to
    u32 out                 # first Out of the child's chain, NONE if it has none

cdef struct Root:           # per token; those that begin no form have NONE, 0
    u32 out
    u32 next                # its own state, or 0 when nothing continues it

cdef struct Out:            # one per form; the chain runs over the proper suffixes that are forms too
    u32 entry               # first Entry of the form
    u16 n_entries
    u16 n_tokens
    u32 next
    u32 kinds               # bit per EntryKind

cdef enum EntryKind:
    KIND_TERM = 0           # ref = Term
    KIND_CUE = 1            # ref = Cue
    KIND_HEADING = 2        # ref = Heading
    KIND_PATTERN = 3        # ref = PatternProgram; head = tokens between the pattern's start and the anchor;
                            # (from the end of the label the pattern begins with, if it does); tail = cheap tests: 1 a number
                            # before it, 2 a label at the pattern's beginning, SEP_HYPHEN and SEP_SLASH one of these after it
    KIND_REGEX = 4          # ref = regex number
    KIND_BLOCKER = 5        # ref = blocker number: a cue's blocked_by word

cdef struct Entry:          # 16 bytes
    u32 ref
    u32 case_byte           # into CASES: length byte + one byte per folded letter (1 = upper case); NONE: any case
    i16 priority
    u8 kind
    u8 head
    u8 tail
    u8 link_only            # KIND_TERM: 1 when it is never found by itself, only looked up for a given mention
    u16 reserved1

cdef enum TermFlag:
    TERM_LEXICON = 1        # from a lexicon; such terms with one span and label are one mention
    TERM_AMBIGUOUS = 2      # another concept is as good as the best one (docs/design/linking.md)
    TERM_UNCODED = 4        # none of its concepts has a code
    TERM_YIELDS = 8         # of a pattern with a label in it: every other rule and lexicon goes before it

cdef struct Term:           # what a mention of one rule (or lexicon), form and label is
    u32 rule
    u32 concept             # first ConceptLink
    u16 n_concepts
    u16 label
    u32 unless              # first entry in SECTION_REFS (section names the mention must not stand in)
    u16 n_unless
    i16 priority
    u32 flags               # TermFlag
    u32 surround            # in SURROUND: the words of `unless.before` and `unless.after`, 0 = none

cdef struct ConceptLink:    # 8 bytes; those of a term stand best first: as written before variants, then rank, then as they came
    u32 concept
    u16 rank                # preference of source and term type, 0 = best
    u8 variant              # number in the description's `variants`; 0: the surface as its source writes it
    u8 link_only            # 1: by this surface the concept is only linked, never found

cdef struct Concept:        # string numbers; NONE = not known
    u32 system
    u32 code
    u32 name
    u32 semantic_type
    u32 standard            # Concept: its standard concept
    u32 standard_id         # OMOP id of that, NONE = not known

cdef struct Rule:
    u32 name                # string number of "pack:id" or "lexicon:stem"
    u32 path                # string number of the source file as the author named it
    u32 line
    u32 column

cdef enum Direction:
    DIR_FORWARD = 0
    DIR_BACKWARD = 1
    DIR_BOTH = 2
    DIR_FIELD = 3
    DIR_PSEUDO = 4
    DIR_STOP = 5
    DIR_SIGN = 6            # no forms: minus signs at mentions

cdef enum CueFlag:
    CUE_LISTS_STOP = 1      # lists: stop
    CUE_PAST_CLAUSE = 2     # stop_at without clause: stop cues do not end the scope
    CUE_WITHIN_LINE = 4
    CUE_WITHIN_SECTION = 8
    CUE_NOT_ON = 16         # `labels` excludes instead of limiting
    CUE_ACTS_INSIDE = 32    # acts on a mention that it lies in, too
    CUE_TAKES_OBJECT = 64   # a stop: a backward scope begins behind the first comma after it

cdef struct Cue:
    u8 axes                 # bit per axis
    u8 direction
    u8 flags
    u8 reserved
    u32 max_tokens          # NONE: no limit
    u64 labels              # bit per label; 0: every label
    u32 blocker             # first number in BLOCKER_REFS: the words of `blocked_by`, or of a stop's `after`
    u32 n_blockers
    u32 rule
    u32 reserved2

cdef enum HeadingFlag:
    HEADING_NEEDS_COLON = 1
    HEADING_PART = 2        # nested in the section above

cdef struct Heading:
    u32 rule
    u32 name                # string number of the section's name
    u32 sets                # bit per axis
    u32 flags

cdef enum PatternOp:        # arg0, arg1
    OP_TOKEN = 0            # arg0 = token id
    OP_NUMBER = 1
    OP_WORD = 2
    OP_HYPHEN = 3           # flag on the next token, or a '-' token
    OP_SLASH = 4            # flag on the next token
    OP_SPLIT = 5            # try arg0, then arg1
    OP_JUMP = 6             # arg0
    OP_SAVE = 7             # arg0 = slot (2 * capture, or 2 * capture + 1)
    OP_MATCH = 8
    OP_FILLER = 9           # one word or number of a gap, not beginning a sentence
    OP_SET = 10             # one of the token ids SETS[arg0 .. arg0 + arg1), which are sorted
    OP_GAP_END = 11         # the next token does not begin a sentence
    OP_LABEL = 12           # the tokens of a term occurrence with a label of the bits arg0 | arg1 << 32

cdef struct Instruction:
    u32 op
    u32 arg0
    u32 arg1
    u32 reserved

cdef struct PatternProgram:
    u32 start               # first Instruction
    u32 n_instructions
    u32 capture             # first in CAPTURES (string number of the name, 1 when numeric)
    u32 n_captures
    u32 term
    u32 from_number         # 1: also tried at every number
    u32 number_flags        # from_number: separators one of which must follow the number, 0 = no test
    u32 starts_with_number  # 1: the first token must be a number

cdef struct Capture:        # NONE as the name: the match's mention; numeric is then 1 when it spans the captures too
    u32 name
    u32 numeric

# --- one scan ----------------------------------------------------------------------------------------------------
cdef enum TokenFlag:
    TOKEN_NUMBER = 1        # kind: neither bit = word
    TOKEN_PUNCT = 2
    TOKEN_GLUED = 4
    SEP_SPACE = 8
    SEP_NEWLINE = 16
    SEP_BLANK = 32
    SEP_HYPHEN = 64
    SEP_SLASH = 128
    LEAD_HYPHEN = 256
    TOKEN_CAP = 512
    TOKEN_DOTTED = 1024     # dotted abbreviation
    TOKEN_DOT_END = 2048    # ... whose last full stop belongs to it
    TOKEN_RESET = 4096
    TOKEN_ITEM = 8192       # begins a list item
    TOKEN_MARK = 16384      # a bullet or list number, or the full stop or bracket that belongs to it
    TOKEN_SENTENCE = 32768  # begins a sentence
    WORD_ABBREVIATION = 65536
    WORD_CONTINUES = 131072
    WORD_LIST = 262144

cdef enum:
    PUNCT_SHIFT = 24        # bits 24-31: the folded character of an ASCII punctuation token

cdef struct Token:
    u32 start
    u32 end
    u32 id
    u32 flags

cdef struct Text:           # a view of a Python str; `shadow` has one byte per code point: ASCII as is, else >= 0x80
    const void *points
    const u8 *shadow        # readable 8 bytes past the end
    u32 length
    u32 kind                # bytes per code point: 1, 2, 4

cdef struct Candidate:      # a possible mention, in tokens
    u32 start
    u32 end
    u32 term
    i32 priority
    u32 attribute           # first Attribute, NONE
    u32 n_attributes
    u32 char_start
    u32 char_end

cdef struct Hit:            # any other accepted occurrence of an entry, in tokens
    u32 start
    u32 end
    u32 ref
    u32 extra

cdef struct Attribute:
    u32 name
    u32 start               # code points
    u32 end
    u32 numeric

cdef struct SectionSpan:
    u32 heading_start       # code points
    u32 heading_end
    u32 start
    u32 body
    u32 end
    u32 heading             # Heading number; NONE: an unknown heading
    u32 heading_token       # the heading's tokens
    u32 heading_end_token
    u32 body_token          # first token after the heading and its colon
    u32 end_token
    u32 back                # 0, or how many sections before this one the section stands in which this part is nested

cdef struct CueMark:        # why a mention has an axis
    u32 axis
    u32 start               # code points
    u32 end
    u32 rule
    u32 scope_start
    u32 scope_end
    u32 via                 # 0 direct, 1 list, 2 field, 3 section
    u32 reserved

cdef struct Loser:
    u32 doc
    u32 start               # code points
    u32 end
    u32 term
    u32 winner_start
    u32 winner_end
    u32 winner_term
    u32 reason              # 0 priority, 1 shorter, 2 later, 3 order, 4 unless
