# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""Tables (the artifact as the core sees it), Batch (rows of results) and the lazy views Document and Entity."""

from libc.string cimport memset

from rulener.core.memory cimport Vec, vec_free, vec_init, vec_push
from rulener.core.structs cimport *

from rulener.core.views import Attribute as AttributeView
from rulener.core.views import Concept as ConceptView
from rulener.core.views import Cue as CueView
from rulener.core.views import Section as SectionView
from rulener.core.views import StandardConcept
from rulener.core.views import Sentence as SentenceView
from rulener.core.views import distinct, number_of

AXES = ("negated", "uncertain", "historical", "hypothetical", "family")
DIRECTIONS = ("forward", "backward", "both", "field", "pseudo", "stop", "sign")
VIA = ("direct", "list", "field", "section")
LOSS_REASONS = ("priority", "shorter", "later", "order", "unless", "heading")
REJECTIONS = ("case", "glued", "no heading here", "link only")
SCHEMA = "rulener.document/1"
LINKINGS = (None, "resolved", "ambiguous", "unresolved")
STEPS = ("exact", "variant", "cause", "abbreviation", "word_order", "word_form", "synonym", "spelling", "partial", "composite",
         "decision")
AS_WRITTEN_SCORE = 1.0
VARIANT_SCORE = 0.95

cdef enum:
    MAX_LABELS = 64
    MAX_FOLDED_POINTS = 32      # of one code point; Unicode's longest is 18
    MAX_CUE_TOKENS = 1 << 20


cdef inline bint _is_capital(Py_UCS4 char) noexcept:
    """An ASCII capital or digit."""
    return 65 <= char <= 90 or 48 <= char <= 57


cdef bint is_better(const ConceptLink *a, const ConceptLink *b) noexcept nogil:
    """As its source writes it before a variant, then by rank."""
    if (a.variant != 0) != (b.variant != 0):
        return a.variant == 0
    return a.rank < b.rank


cdef void sort_links(ConceptLink *links, u64 n) noexcept nogil:
    """Best first, equals as they came."""
    cdef u64 i, j
    cdef ConceptLink moving
    for i in range(1, n):
        moving = links[i]
        j = i
        while j > 0 and is_better(&moving, &links[j - 1]):
            links[j] = links[j - 1]
            j -= 1
        links[j] = moving


def _by_rank(ranked):
    return ranked[0]


cdef class Tables:
    """The artifact's tables as mapped. Small tables are checked whole here; the big ones are checked where they are used."""

    def __cinit__(self, object owner, dict sections, dict meta):
        cdef const u8[::1] b
        self._owner = (owner, sections)
        self.meta = meta
        self._strings = {}
        self._concepts = {}
        self._ranked = {}
        b = sections["string_bytes"]
        self.string_bytes = &b[0] if b.shape[0] else NULL
        self.string_length = b.shape[0]
        b = sections["string_offsets"]
        self.string_offsets = <const u32 *> &b[0]
        self.n_strings = b.shape[0] // 4 - 1
        b = sections["terms"]
        self.terms = <const Term *> &b[0] if b.shape[0] else NULL
        self.n_terms = <u32> (b.shape[0] // sizeof(Term))
        b = sections["concept_links"]
        self.concept_links = <const ConceptLink *> &b[0] if b.shape[0] else NULL
        self.n_concept_links = <u32> (b.shape[0] // sizeof(ConceptLink))
        b = sections["concepts"]
        self.concepts = <const Concept *> &b[0] if b.shape[0] else NULL
        self.n_concepts = <u32> (b.shape[0] // sizeof(Concept))
        b = sections["rules"]
        self.rules = <const Rule *> &b[0] if b.shape[0] else NULL
        self.n_rules = <u32> (b.shape[0] // sizeof(Rule))
        b = sections["cues"]
        self.cues = <const Cue *> &b[0] if b.shape[0] else NULL
        self.n_cues = <u32> (b.shape[0] // sizeof(Cue))
        b = sections["headings"]
        self.headings = <const Heading *> &b[0] if b.shape[0] else NULL
        self.n_headings = <u32> (b.shape[0] // sizeof(Heading))
        b = sections["entries"]
        self.entries = <const Entry *> &b[0] if b.shape[0] else NULL
        self.n_entries = <u32> (b.shape[0] // sizeof(Entry))
        self.labels = tuple(meta["labels"])
        if len(self.labels) > MAX_LABELS:
            raise ValueError("labels")
        self.axes = 0
        for k, axis in enumerate(AXES):
            if axis in meta["axes"]:
                self.axes |= 1 << k
        self.coded_labels = 0
        for k, label in enumerate(self.labels):
            if label in meta["coded_labels"]:
                self.coded_labels |= <u64> 1 << k
        self._check(sections)

    cdef int _check(self, dict sections) except -1:
        """Every index of the small tables, and the fold tables, leads to something. Raises ValueError."""
        cdef const u16[::1] pages = sections["fold_pages"].cast("B").cast("H")
        cdef const u32[::1] cells = sections["fold_cells"].cast("B").cast("I")
        cdef const u32[::1] text = sections["fold_text"].cast("B").cast("I")
        cdef const u8[::1] code_bytes = sections["code"]
        cdef const u8[::1] program_bytes = sections["programs"]
        cdef const u8[::1] capture_bytes = sections["captures"]
        cdef const u8[::1] ref_bytes = sections["blocker_refs"]
        cdef const Instruction *op
        cdef const PatternProgram *program
        cdef u64 i, k, n, n_sets = len(sections["sets"]) // 4
        if pages.shape[0] != 0x110000 // 128:
            raise ValueError("fold pages")
        for i in range(<u64> pages.shape[0]):
            if (<u64> pages[i] + 1) * 128 > <u64> cells.shape[0]:
                raise ValueError("fold pages")
        for i in range(<u64> cells.shape[0]):
            k = cells[i] >> CELL_FOLD_SHIFT
            if (cells[i] & CELL_CLASS) > CLASS_APOSTROPHE or k >= <u64> text.shape[0] or text[k] > MAX_FOLDED_POINTS \
                    or k + text[k] >= <u64> text.shape[0]:
                raise ValueError("fold cells")
        for i in range(self.n_rules):
            if self.rules[i].name >= self.n_strings or self.rules[i].path >= self.n_strings:
                raise ValueError("rules")
        n = ref_bytes.shape[0] // 4
        for i in range(self.n_cues):
            if (self.cues[i].direction > DIR_SIGN or self.cues[i].rule >= self.n_rules
                    or (self.cues[i].max_tokens != NONE and self.cues[i].max_tokens > MAX_CUE_TOKENS)
                    or <u64> self.cues[i].blocker + self.cues[i].n_blockers > n):
                raise ValueError("cues")
        for i in range(self.n_headings):
            if self.headings[i].rule >= self.n_rules or self.headings[i].name >= self.n_strings:
                raise ValueError("headings")
        n = code_bytes.shape[0] // sizeof(Instruction)
        for i in range(program_bytes.shape[0] // sizeof(PatternProgram)):
            program = &(<const PatternProgram *> &program_bytes[0])[i]
            if (program.n_instructions == 0 or <u64> program.start + program.n_instructions > n
                    or program.term >= self.n_terms or program.n_captures > 255
                    or <u64> program.capture + program.n_captures > <u64> capture_bytes.shape[0] // sizeof(Capture)):
                raise ValueError("programs")
            for k in range(program.n_instructions):
                op = &(<const Instruction *> &code_bytes[0])[program.start + k]
                if op.op == OP_SPLIT:
                    if op.arg0 >= program.n_instructions or op.arg1 >= program.n_instructions:
                        raise ValueError("code")
                elif op.op == OP_JUMP:
                    if op.arg0 >= program.n_instructions:
                        raise ValueError("code")
                elif op.op == OP_SAVE:
                    if op.arg0 >= 2 * program.n_captures or k + 1 >= program.n_instructions:
                        raise ValueError("code")
                elif op.op == OP_SET and <u64> op.arg0 + op.arg1 > n_sets:
                    raise ValueError("code")
                elif op.op > OP_LABEL:
                    raise ValueError("code")
                elif op.op != OP_MATCH and k + 1 >= program.n_instructions:
                    raise ValueError("code")
        for i in range(capture_bytes.shape[0] // sizeof(Capture)):
            if (<const Capture *> &capture_bytes[0])[i].name != NONE and (<const Capture *> &capture_bytes[0])[i].name >= self.n_strings:
                raise ValueError("captures")
        return 0

    cdef object string(self, u32 number):
        """A string of the table; None for NONE."""
        cdef u64 begin, end
        known = self._strings.get(number)
        if known is not None:
            return known
        if number == NONE:
            return None
        if number >= self.n_strings:
            raise self.corrupt()
        begin, end = self.string_offsets[number], self.string_offsets[number + 1]
        if begin > end or end > self.string_length:
            raise self.corrupt()
        try:
            known = (<bytes> self.string_bytes[begin:end]).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise self.corrupt() from None
        self._strings[number] = known
        return known

    cdef tuple concept_tuple(self, u32 term):
        """The concepts of a term, best first, each system and code once."""
        known = self._concepts.get(term)
        if known is None:
            known = self._concepts[term] = distinct([concept for _, concept in self.ranked_concepts(term)])
        return known

    cdef tuple merged_concepts(self, terms):
        """The concepts of several terms of one mention, given in the order of resolution: best first."""
        found = []
        for term in terms:
            found.extend(self.ranked_concepts(term))
        found.sort(key=_by_rank)
        return distinct([concept for _, concept in found])

    cdef list ranked_concepts(self, u32 term):
        """`((is a variant, rank), concept)` of a term."""
        cdef const Term *t
        cdef const ConceptLink *link
        cdef u32 k
        known = self._ranked.get(term)
        if known is not None:
            return known
        if term >= self.n_terms:
            raise self.corrupt()
        t = &self.terms[term]
        if <u64> t.concept + t.n_concepts > self.n_concept_links:
            raise self.corrupt()
        found = []
        for k in range(t.n_concepts):
            link = &self.concept_links[t.concept + k]
            step = 1 if link.variant else 0
            found.append(((link.variant != 0, link.rank),
                          self.concept_view(link.concept, VARIANT_SCORE if step else AS_WRITTEN_SCORE, STEPS[step], None)))
        self._ranked[term] = found
        return found

    cdef object concept_view(self, u32 number, double score, object step, object matched):
        cdef const Concept *c
        cdef const Concept *s
        standard = None
        if number >= self.n_concepts:
            raise self.corrupt()
        c = &self.concepts[number]
        if c.standard != NONE:
            if c.standard >= self.n_concepts:
                raise self.corrupt()
            s = &self.concepts[c.standard]
            standard = StandardConcept(self.string(s.system), self.string(s.code), self.string(s.name),
                                       None if c.standard_id == NONE else c.standard_id)
        return ConceptView(self.string(c.system), self.string(c.code), self.string(c.name), score, self.string(c.semantic_type),
                           step, standard, matched)

    cdef u32 linking_of(self, u32 label, const ConceptLink *links, u64 n) noexcept nogil:
        """What a term's links, best first, say of its mention: resolved, ambiguous (the best code has an equal of its system),
        unresolved (no code, though terms of its label have some) or none."""
        cdef const ConceptLink *best = NULL
        cdef u64 k
        for k in range(n):
            if links[k].concept >= self.n_concepts or self.concepts[links[k].concept].code == NONE:
                continue
            if best == NULL:
                best = &links[k]
            elif (best.variant != 0) != (links[k].variant != 0) or best.rank != links[k].rank:
                break
            elif (self.concepts[links[k].concept].system == self.concepts[best.concept].system
                    and self.concepts[links[k].concept].code != self.concepts[best.concept].code):
                return LINKING_AMBIGUOUS
        if best != NULL:
            return LINKING_RESOLVED
        return LINKING_UNRESOLVED if label < MAX_LABELS and (self.coded_labels >> label) & 1 else LINKING_NONE

    # --- for the linker -----------------------------------------------------------------------------------------------

    def term_links(self, u32 term):
        """`(concept number, is a variant, rank)` of a term's links, best first."""
        cdef const Term *t
        cdef u32 k
        if term >= self.n_terms:
            raise self.corrupt()
        t = &self.terms[term]
        if <u64> t.concept + t.n_concepts > self.n_concept_links:
            raise self.corrupt()
        return [(self.concept_links[t.concept + k].concept, self.concept_links[t.concept + k].variant != 0,
                 self.concept_links[t.concept + k].rank) for k in range(t.n_concepts)]

    def concept(self, u32 number):
        """A concept by its number."""
        return self.concept_view(number, AS_WRITTEN_SCORE, STEPS[0], None)

    def concept_key(self, u32 number):
        """`(system, code)` of a concept as string numbers; the code is None when it has none."""
        cdef const Concept *c
        if number >= self.n_concepts:
            raise self.corrupt()
        c = &self.concepts[number]
        return c.system, None if c.code == NONE else c.code

    def find_concepts(self, wanted):
        """The first concept number of each `(system, code)` in the set `wanted`; those not there are left out."""
        cdef u32 number
        cdef const Concept *c
        codes = {code for _, code in wanted}
        found = {}
        for number in range(self.n_concepts):
            c = &self.concepts[number]
            if c.code == NONE or self.string(c.code) not in codes:
                continue
            key = (self.string(c.system) or "", self.string(c.code))
            if key in wanted:
                found.setdefault(key, number)
        return found

    def term_label(self, u32 term):
        """The label of a term, as its number."""
        if term >= self.n_terms:
            raise self.corrupt()
        return self.terms[term].label

    def rule_name(self, u32 rule):
        if rule >= self.n_rules:
            raise self.corrupt()
        return self.string(self.rules[rule].name)

    def rule_place(self, u32 rule):
        """`path:line:column` of a rule, or the path alone for a lexicon."""
        if rule >= self.n_rules:
            raise self.corrupt()
        path = self.string(self.rules[rule].path)
        if self.rules[rule].line:
            return f"{path}:{self.rules[rule].line}:{self.rules[rule].column}"
        return path

    def term_view(self, u32 term):
        """`(rule name, rule place, label, concepts)` of a term."""
        if term >= self.n_terms or self.terms[term].label >= len(self.labels):
            raise self.corrupt()
        rule = self.terms[term].rule
        return self.rule_name(rule), self.rule_place(rule), self.labels[self.terms[term].label], self.concept_tuple(term)

    def entry_view(self, u32 entry):
        """`(kind, rule name or None, rule place or None)` of an entry, for `explain`."""
        cdef const Entry *e
        if entry >= self.n_entries:
            raise self.corrupt()
        e = &self.entries[entry]
        if e.kind == KIND_TERM:
            name, place, _, _ = self.term_view(e.ref)
            return "term", name, place
        if e.kind == KIND_CUE and e.ref < self.n_cues:
            rule = self.cues[e.ref].rule
            return "cue", self.rule_name(rule), self.rule_place(rule)
        if e.kind == KIND_HEADING and e.ref < self.n_headings:
            rule = self.headings[e.ref].rule
            return "heading", self.rule_name(rule), self.rule_place(rule)
        return "other", None, None

    def heading_view(self, u32 heading):
        """`(section name, rule name, rule place)`."""
        if heading >= self.n_headings:
            raise self.corrupt()
        rule = self.headings[heading].rule
        return self.string(self.headings[heading].name), self.rule_name(rule), self.rule_place(rule)

    def corrupt(self):
        """The error to raise where a table leads to nothing."""
        from rulener.errors import ArtifactCorrupt

        return ArtifactCorrupt("A104", "the artifact contradicts itself", place=self.meta.get("path", ""),
                               hint="compile it again; `rulener info --verify` checks a file")


cdef class Batch:
    """Results of one or many notes as rows of integers; texts are kept, nothing is copied out of them."""

    def __cinit__(self, Tables tables, list ids, list labels, list metadata=None):
        self.tables = tables
        self.texts = []
        self.ids = ids
        self.metadata = metadata or []
        self.labels = labels
        self.failures = []
        vec_init(&self.entities, sizeof(EntityRow))
        vec_init(&self.cues, sizeof(CueMark))
        vec_init(&self.attributes, sizeof(Attribute))
        vec_init(&self.more, 4)
        vec_init(&self.sentences, sizeof(SentenceRow))
        vec_init(&self.sections, sizeof(SectionSpan))
        vec_init(&self.losers, sizeof(Loser))
        vec_init(&self.rejected, sizeof(Rejected))
        vec_init(&self.traced, sizeof(TracedCue))
        vec_init(&self.docs, sizeof(DocRow))
        vec_init(&self.linked, sizeof(LinkedRow))
        vec_init(&self.linked_concepts, sizeof(LinkedConcept))
        self.matched = []
        memset(vec_push(&self.docs), 0, sizeof(DocRow))

    def __dealloc__(self):
        vec_free(&self.entities)
        vec_free(&self.cues)
        vec_free(&self.attributes)
        vec_free(&self.more)
        vec_free(&self.sentences)
        vec_free(&self.sections)
        vec_free(&self.losers)
        vec_free(&self.rejected)
        vec_free(&self.traced)
        vec_free(&self.docs)
        vec_free(&self.linked)
        vec_free(&self.linked_concepts)

    cdef int end_note(self, bint failed) except -1 nogil:
        """Close the note in hand; the next one begins."""
        cdef DocRow *doc
        (<DocRow *> self.docs.data)[self.docs.n - 1].failed = failed
        doc = <DocRow *> vec_push(&self.docs)
        doc.entity = <u32> self.entities.n
        doc.sentence = <u32> self.sentences.n
        doc.section = <u32> self.sections.n
        doc.loser = <u32> self.losers.n
        doc.rejected = <u32> self.rejected.n
        doc.traced = <u32> self.traced.n
        doc.failed = 0
        return 0

    cdef int drop_note(self) except -1 nogil:
        """The note in hand failed: take back what it has written."""
        cdef DocRow *doc = &(<DocRow *> self.docs.data)[self.docs.n - 1]
        self.entities.n = doc.entity
        self.sentences.n = doc.sentence
        self.sections.n = doc.section
        self.losers.n = doc.loser
        self.rejected.n = doc.rejected
        self.traced.n = doc.traced
        return self.end_note(True)

    def __len__(self):
        return self.docs.n - 1

    @property
    def n_entities(self):
        return self.entities.n

    # --- linking ------------------------------------------------------------------------------------------------------

    def relink(self, u32 row, u32 linking, list concepts):
        """What the linker says of an entity: `concepts` are `(number, score, step number, matched name or None)`, best first.

        Rows come in ascending order, each once.
        """
        cdef LinkedRow *linked
        cdef LinkedConcept *concept
        if row >= self.entities.n or linking > LINKING_UNRESOLVED:
            raise IndexError(f"row {row}")
        if self.linked.n and (<LinkedRow *> self.linked.data)[self.linked.n - 1].row >= row:
            raise ValueError("rows are not in order")
        for number, _, step, _ in concepts:
            if number >= self.tables.n_concepts or not 0 <= step < len(STEPS):
                raise self.tables.corrupt()
        linked = <LinkedRow *> vec_push(&self.linked)
        linked.row = row
        linked.first = <u32> self.linked_concepts.n
        linked.n = <u32> len(concepts)
        linked.linking = linking
        for number, score, step, matched in concepts:
            concept = <LinkedConcept *> vec_push(&self.linked_concepts)
            concept.concept = number
            concept.score = score
            concept.step = step
            concept.reserved = 0
            concept.matched = NONE
            if matched is not None:
                concept.matched = <u32> len(self.matched)
                self.matched.append(matched)
        (<EntityRow *> self.entities.data)[row].flags |= ROW_LINKED

    def flagged_rows(self, u32 flags):
        """Rows with one of the flags (1: ambiguous, 2: a bracket follows), in order, and the note of each."""
        cdef const EntityRow *rows = <const EntityRow *> self.entities.data
        cdef u64 k
        cdef list found = []
        for k in range(self.entities.n):
            if rows[k].flags & flags:
                found.append((k, rows[k].doc))
        return found

    def short_rows(self, frozenset wanted):
        """Rows of a lexicon's terms whose surface, of two to six characters, the first two capitals or digits, is wanted: row,
        note and surface."""
        cdef const EntityRow *rows = <const EntityRow *> self.entities.data
        cdef u64 k
        cdef u32 length
        cdef str text, surface
        cdef list found = []
        for k in range(self.entities.n):
            length = rows[k].end - rows[k].start
            if length < 2 or length > 6 or rows[k].term >= self.tables.n_terms:
                continue
            if not self.tables.terms[rows[k].term].flags & TERM_LEXICON:
                continue
            text = self.texts[rows[k].doc]
            if rows[k].end <= <u64> len(text) and _is_capital(text[rows[k].start]) and _is_capital(text[rows[k].start + 1]):
                surface = text[rows[k].start : rows[k].end]
                if surface in wanted:
                    found.append((k, rows[k].doc, surface))
        return found

    def uncoded_rows(self):
        """Rows of rules, not of lexicons, that have no code though other terms of their label have some: row and note."""
        cdef const EntityRow *rows = <const EntityRow *> self.entities.data
        cdef const Term *term
        cdef u64 k
        cdef list found = []
        for k in range(self.entities.n):
            if rows[k].term >= self.tables.n_terms or rows[k].n_more:
                continue
            term = &self.tables.terms[rows[k].term]
            if term.flags & TERM_UNCODED and not term.flags & TERM_LEXICON and (self.tables.coded_labels >> (term.label & 63)) & 1:
                found.append((k, rows[k].doc))
        return found

    def row_range(self, u32 number):
        """First and last row (exclusive) of a note."""
        cdef const DocRow *doc = &(<const DocRow *> self.docs.data)[number]
        if number + 1 >= self.docs.n:
            raise IndexError(number)
        return doc.entity, doc[1].entity

    def row(self, u32 row):
        """`(start, end, label number, section name, terms)` of a row; the terms in the order of resolution."""
        cdef const EntityRow *r
        cdef u32 k
        if row >= self.entities.n:
            raise IndexError(row)
        r = &(<const EntityRow *> self.entities.data)[row]
        terms = [] if r.term == NONE else [r.term]
        for k in range(r.n_more):
            terms.append((<const u32 *> self.more.data)[r.more + k])
        section = None if r.section == NONE else _section(self, r.section).name
        return r.start, r.end, r.label, section, terms

    def terms(self, u32 row):
        """The terms of a row, in the order of resolution."""
        cdef const EntityRow *r
        cdef u32 k
        if row >= self.entities.n:
            raise IndexError(row)
        r = &(<const EntityRow *> self.entities.data)[row]
        if r.n_more == 0:
            return () if r.term == NONE else (r.term,)
        terms = [] if r.term == NONE else [r.term]
        for k in range(r.n_more):
            terms.append((<const u32 *> self.more.data)[r.more + k])
        return tuple(terms)

    def span(self, u32 row):
        """`(start, end)` of a row."""
        if row >= self.entities.n:
            raise IndexError(row)
        return (<const EntityRow *> self.entities.data)[row].start, (<const EntityRow *> self.entities.data)[row].end

    cdef const LinkedRow *linked_row(self, u32 row) noexcept nogil:
        """What the linker said of a row, NULL when nothing."""
        cdef const LinkedRow *all_ = <const LinkedRow *> self.linked.data
        cdef u64 low = 0, high = self.linked.n, mid
        while low < high:
            mid = (low + high) >> 1
            if all_[mid].row < row:
                low = mid + 1
            else:
                high = mid
        return &all_[low] if low < self.linked.n and all_[low].row == row else NULL

    cdef tuple concepts_of(self, u32 number):
        """The concepts of an entity, best first."""
        cdef const EntityRow *row = &(<const EntityRow *> self.entities.data)[number]
        cdef const LinkedRow *linked
        cdef const LinkedConcept *c
        cdef u32 k
        if row.flags & ROW_LINKED:
            linked = self.linked_row(number)
            found = []
            for k in range(linked.n):
                c = &(<const LinkedConcept *> self.linked_concepts.data)[linked.first + k]
                found.append(self.tables.concept_view(c.concept, c.score, STEPS[c.step],
                                                      None if c.matched == NONE else self.matched[c.matched]))
            return distinct(found)
        if row.n_more == 0:
            return () if row.term == NONE else self.tables.concept_tuple(row.term)
        terms = [] if row.term == NONE else [row.term]
        for k in range(row.n_more):
            terms.append((<const u32 *> self.more.data)[row.more + k])
        return self.tables.merged_concepts(terms)

    cdef u32 linking_of(self, u32 number):
        """Whether an entity's concept is known (Linking)."""
        cdef const EntityRow *row = &(<const EntityRow *> self.entities.data)[number]
        cdef const Term *t
        cdef Vec links
        cdef u32 k, term, label = NONE, found
        if row.flags & ROW_LINKED:
            return self.linked_row(number).linking
        vec_init(&links, sizeof(ConceptLink))
        try:
            for k in range(<u32> row.n_more + 1):
                term = row.term if k == 0 else (<const u32 *> self.more.data)[row.more + k - 1]
                if term == NONE:
                    continue
                if term >= self.tables.n_terms:
                    raise self.tables.corrupt()
                t = &self.tables.terms[term]
                label = t.label
                if <u64> t.concept + t.n_concepts > self.tables.n_concept_links:
                    raise self.tables.corrupt()
                for link in range(t.n_concepts):
                    (<ConceptLink *> vec_push(&links))[0] = self.tables.concept_links[t.concept + link]
            sort_links(<ConceptLink *> links.data, links.n)
            found = self.tables.linking_of(label, <ConceptLink *> links.data, links.n)
        finally:
            vec_free(&links)
        return found

    def document(self, u32 number):
        """The view of one note."""
        cdef Document doc
        if number + 1 >= self.docs.n:
            raise IndexError(f"the batch has {self.docs.n - 1} notes")
        doc = Document.__new__(Document)
        doc.batch = self
        doc.number = number
        return doc


cdef class Document:
    """One annotated note. A read-only view: it holds the batch it came from."""

    def __init__(self):
        raise TypeError("documents come from Engine.annotate")

    @property
    def text(self):
        return self.batch.texts[self.number]

    @property
    def note_id(self):
        return self.batch.ids[self.number] if self.batch.ids else None

    @property
    def engine(self):
        """Fingerprint of the engine that made this document."""
        return self.batch.tables.meta["fingerprint"]

    @property
    def entities(self):
        """The mentions as a tuple of Entity, by start."""
        cdef const DocRow *doc
        cdef u32 row
        cdef Entity entity
        cdef list found
        if self._entities is None:
            doc = &(<const DocRow *> self.batch.docs.data)[self.number]
            found = []
            for row in range(doc.entity, doc[1].entity):
                entity = Entity.__new__(Entity)
                entity.batch = self.batch
                entity.row = row
                found.append(entity)
            self._entities = tuple(found)
        return self._entities

    @property
    def sentences(self):
        """The sentences as a tuple of Sentence."""
        cdef const DocRow *doc = &(<const DocRow *> self.batch.docs.data)[self.number]
        cdef const SentenceRow *rows = <const SentenceRow *> self.batch.sentences.data
        cdef u32 k
        return tuple([SentenceView(rows[k].start, rows[k].end) for k in range(doc.sentence, doc[1].sentence)])

    @property
    def sections(self):
        """The sections as a tuple of Section."""
        cdef const DocRow *doc = &(<const DocRow *> self.batch.docs.data)[self.number]
        cdef u32 k
        return tuple([_section(self.batch, k) for k in range(doc.section, doc[1].section)])

    @property
    def relations(self):
        """Relations between mentions; no pack of this version makes any."""
        return ()

    def losers(self):
        """Candidates that did not become mentions, when the scan kept them (see Engine.explain)."""
        cdef const DocRow *doc = &(<const DocRow *> self.batch.docs.data)[self.number]
        cdef const Loser *l
        cdef u32 k
        found = []
        for k in range(doc.loser, doc[1].loser):
            l = &(<const Loser *> self.batch.losers.data)[k]
            winner = None if l.winner_term == NONE else (l.winner_start, l.winner_end, l.winner_term)
            found.append((l.start, l.end, l.term, winner, LOSS_REASONS[l.reason]))
        return found

    def rejected(self):
        """Occurrences that did not count, when the scan kept them: `(start, end, entry or heading number, reason)`."""
        cdef const DocRow *doc = &(<const DocRow *> self.batch.docs.data)[self.number]
        cdef const Rejected *r
        cdef u32 k
        found = []
        for k in range(doc.rejected, doc[1].rejected):
            r = &(<const Rejected *> self.batch.rejected.data)[k]
            found.append((r.start, r.end, r.entry, REJECTIONS[r.reason]))
        return found

    def cue_hits(self):
        """Every cue that occurs, when the scan kept them: `(start, end, rule, place, direction, axes, live axes)`.

        A cue acts only on its live axes: on the others a longer cue or a pseudo cue covers it.
        """
        cdef const DocRow *doc = &(<const DocRow *> self.batch.docs.data)[self.number]
        cdef const TracedCue *hit
        cdef const Cue *cue
        cdef u32 k
        found = []
        for k in range(doc.traced, doc[1].traced):
            hit = &(<const TracedCue *> self.batch.traced.data)[k]
            cue = &self.batch.tables.cues[hit.cue]
            axes = tuple([axis for n, axis in enumerate(AXES) if (cue.axes >> n) & 1])
            live = tuple([axis for n, axis in enumerate(AXES) if (hit.live >> n) & 1])
            found.append((hit.start, hit.end, self.batch.tables.rule_name(cue.rule), self.batch.tables.rule_place(cue.rule),
                          DIRECTIONS[cue.direction], axes, live))
        return found

    def to_dict(self):
        """The document as plain data: schema `rulener.document/1`."""
        made = {
            "schema": SCHEMA,
            "note_id": self.note_id,
            "engine": self.engine,
            "length": len(self.text),
            "sections": [
                {"name": s.name, "rule": s.rule, "start": s.start, "end": s.end, "heading_start": s.heading_start,
                 "heading_end": s.heading_end, "body": s.body}
                for s in self.sections
            ],
            "entities": [e.to_dict() for e in self.entities],
            "relations": [],
        }
        if self.metadata:
            made["metadata"] = self.metadata
        return made

    @property
    def metadata(self):
        """What the input carried beside id and text; empty when nothing did."""
        return dict(self.batch.metadata[self.number] or {}) if self.batch.metadata else {}

    def to_json(self):
        """One line of JSON, as `rulener run` writes it (without the newline)."""
        from rulener.core.json_writer import JsonWriter

        return JsonWriter(self.batch.tables).document(self).decode("utf-8")

    def __len__(self):
        return len(self.entities)

    def __repr__(self):
        return f"<Document {self.note_id!r}: {len(self.text)} code points, {len(self.entities)} entities>"

    def __reduce__(self):
        raise TypeError("a Document is a view and cannot be pickled; pickle document.to_dict()")


cdef object _section(Batch batch, u32 number):
    cdef const SectionSpan *s = &(<const SectionSpan *> batch.sections.data)[number]
    cdef object name = None, rule = None
    if s.heading != NONE:
        name = batch.tables.string(batch.tables.headings[s.heading].name)
        rule = batch.tables.rule_name(batch.tables.headings[s.heading].rule)
    return SectionView(name, s.start, s.end, s.heading_start, s.heading_end, s.body, rule)


cdef inline const EntityRow *_row(Entity entity) noexcept:
    return &(<const EntityRow *> entity.batch.entities.data)[entity.row]


cdef inline object _axis(Entity entity, u32 axis):
    if not (entity.batch.tables.axes >> axis) & 1:
        return None
    return True if (_row(entity).axes >> axis) & 1 else False


cdef class Entity:
    """One mention: a read-only view. Offsets are indices into the note's text, end exclusive."""

    def __init__(self):
        raise TypeError("entities come from Document.entities")

    @property
    def start(self):
        return _row(self).start

    @property
    def end(self):
        return _row(self).end

    @property
    def text(self):
        cdef const EntityRow *row = _row(self)
        return self.batch.texts[row.doc][row.start:row.end]

    @property
    def label(self):
        return self.batch.labels[_row(self).label]

    @property
    def concepts(self):
        """The candidate concepts as a tuple of Concept."""
        return self.batch.concepts_of(self.row)

    @property
    def linking(self):
        """`resolved`, `ambiguous` or `unresolved`; None when nothing of its label has a code here."""
        return LINKINGS[self.batch.linking_of(self.row)]

    @property
    def section(self):
        """Name of the section the mention stands in; None outside any, or under a heading no pack knows."""
        cdef const EntityRow *row = _row(self)
        if row.section == NONE:
            return None
        return _section(self.batch, row.section).name

    @property
    def sentence(self):
        """Number of the sentence, from 0: an index into Document.sentences."""
        return _row(self).sentence

    @property
    def attributes(self):
        """Captured parts by name, as a dict of Attribute."""
        cdef const EntityRow *row = _row(self)
        cdef const Attribute *a
        cdef u32 k
        found = {}
        text = self.batch.texts[row.doc]
        for k in range(row.n_attributes):
            a = &(<const Attribute *> self.batch.attributes.data)[row.attribute + k]
            surface = text[a.start:a.end]
            found[self.batch.tables.string(a.name)] = AttributeView(surface, a.start, a.end, number_of(surface) if a.numeric else None)
        return found

    @property
    def rule(self):
        """`pack:rule` or `lexicon:name`; None for a given mention."""
        cdef const EntityRow *row = _row(self)
        if row.term == NONE:
            return None
        if row.term >= self.batch.tables.n_terms:
            raise self.batch.tables.corrupt()
        return self.batch.tables.rule_name(self.batch.tables.terms[row.term].rule)

    @property
    def rule_place(self):
        """Where the rule stands: `path:line:column`, or a lexicon's path; None for a given mention."""
        cdef const EntityRow *row = _row(self)
        if row.term == NONE:
            return None
        if row.term >= self.batch.tables.n_terms:
            raise self.batch.tables.corrupt()
        return self.batch.tables.rule_place(self.batch.tables.terms[row.term].rule)

    @property
    def negated(self):
        return _axis(self, 0)

    @property
    def uncertain(self):
        return _axis(self, 1)

    @property
    def historical(self):
        return _axis(self, 2)

    @property
    def hypothetical(self):
        return _axis(self, 3)

    @property
    def family(self):
        return _axis(self, 4)

    @property
    def cues(self):
        """Why: a tuple of Cue, by axis, then place."""
        cdef const EntityRow *row = _row(self)
        cdef const CueMark *c
        cdef u32 k
        found = []
        for k in range(row.n_cues):
            c = &(<const CueMark *> self.batch.cues.data)[row.cue + k]
            found.append(CueView(AXES[c.axis], c.start, c.end, self.batch.tables.rule_name(c.rule), c.scope_start, c.scope_end, VIA[c.via]))
        return tuple(found)

    @property
    def cue_places(self):
        """Where the rules of `cues` stand, in the same order."""
        cdef const EntityRow *row = _row(self)
        cdef u32 k
        return tuple([self.batch.tables.rule_place((<const CueMark *> self.batch.cues.data)[row.cue + k].rule) for k in range(row.n_cues)])

    @property
    def id(self):
        """T1, T2, … within the note."""
        cdef const EntityRow *row = _row(self)
        return f"T{self.row - (<const DocRow *> self.batch.docs.data)[row.doc].entity + 1}"

    def to_dict(self):
        """The entity as plain data, as in `rulener.document/1`."""
        return {
            "id": self.id,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "label": self.label,
            "concepts": [c.to_dict() for c in self.concepts],
            "linking": self.linking,
            "rule": self.rule,
            "negated": self.negated,
            "uncertain": self.uncertain,
            "historical": self.historical,
            "hypothetical": self.hypothetical,
            "family": self.family,
            "section": self.section,
            "sentence": self.sentence,
            "attributes": {name: a._asdict() for name, a in self.attributes.items()},
            "cues": [c._asdict() for c in self.cues],
        }

    def __repr__(self):
        marks = "".join(f" {axis}" for k, axis in enumerate(AXES) if (_row(self).axes >> k) & 1)
        return f"<Entity {self.start}:{self.end} {self.label} {self.text!r}{marks}>"

    def __eq__(self, other):
        return isinstance(other, Entity) and (<Entity> other).batch is self.batch and (<Entity> other).row == self.row

    def __hash__(self):
        return hash((id(self.batch), self.row))

    def __reduce__(self):
        raise TypeError("an Entity is a view and cannot be pickled; pickle entity.to_dict()")
