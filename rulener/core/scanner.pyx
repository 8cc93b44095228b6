# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""One note through all stages: tokens, matches, sections, sentences, patterns, resolution, context, rows.

A Scanner holds the scratch of one thread; the tables it reads are shared. `scan` runs without the GIL, which is taken only for
notes that hit a regex anchor.
"""

from time import monotonic

from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.stdlib cimport qsort
from libc.string cimport memcpy, memset

from rulener.core.automaton cimport DEEP, Automaton, edge_hash, edge_slot, find_edge, may_follow
from rulener.core.columns cimport ROW_AMBIGUOUS, ROW_BRACKET, Batch, DocRow, EntityRow, Rejected, SentenceRow, Tables, TracedCue
from rulener.core.context cimport (
    VIA_SECTION,
    CueHit,
    Mark,
    Mention,
    assert_mentions,
    free_context,
    init_context,
)
from rulener.core.memory cimport Vec, rn_prefetch, vec_free, vec_grow, vec_init, vec_push
from rulener.core.patterns cimport MAX_PATTERN_TOKENS, Gate, free_patterns, init_patterns, make_gate, may_match, run_pattern
from rulener.core.sections cimport find_sections, free_sections, init_sections, may_end_frame
from rulener.core.sentences cimport split_sentences
from rulener.core.spans cimport LOST_UNLESS, POLICY_ALL, Lost, free_resolver, init_resolver, resolve
from rulener.core.structs cimport *
from rulener.core.text cimport (
    Folded,
    case_agrees,
    fill_shadow,
    fold_token,
    free_tokens,
    is_all_caps,
    is_number,
    mark_lines,
    read_text,
    token_punct,
    tokenise,
    view_text,
)




cdef enum:
    REGEX_WINDOW = 256
    NO_LABEL = 0xFFFF
    UNLESS_BEFORE = 1
    ANCHOR_AFTER_NUMBER = 1
    ANCHOR_AFTER_LABEL = 2
    AHEAD = 8               # tokens, or outputs, to fetch ahead


cdef class Scanner:
    """Scratch and settings of one thread. `sections` maps names to buffers (see `rulener.artifact`)."""

    def __cinit__(self, Tables tables, dict sections, dict header, list regexes, int policy, object label_out,
                  bint trace):
        cdef u32 i
        cdef const PatternProgram *program
        self.tables = tables
        self._buffers = sections
        self.regexes = regexes
        self.unanchored = [number for number, entry in enumerate(regexes) if not entry[5]]
        self.has_unanchored = len(self.unanchored) > 0
        self.policy = policy
        self.trace = trace
        self.damaged = False
        self.links = False
        memset(&self.tokens, 0, sizeof(TokenBuffer))
        init_patterns(&self.patterns)
        init_resolver(&self.resolver)
        init_context(&self.context)
        self.resolver.keep_losers = trace
        vec_init(&self.candidates, sizeof(Candidate))
        vec_init(&self.extra, sizeof(Candidate))
        vec_init(&self.merged, sizeof(Candidate))
        vec_init(&self.outputs, 4)
        vec_init(&self.seconds, 4)
        vec_init(&self.arrivals, sizeof(Arrival))
        vec_init(&self.headings, sizeof(Hit))
        vec_init(&self.anchors, sizeof(Hit))
        vec_init(&self.regex_hits, sizeof(Hit))
        init_sections(&self.sections)
        vec_init(&self.sentences, 4)
        vec_init(&self.mentions, sizeof(Mention))
        vec_init(&self.chosen, 4)
        vec_init(&self.attributes, sizeof(Attribute))
        vec_init(&self.from_number, 4)
        vec_init(&self.gates, sizeof(Gate))
        vec_init(&self.given, 4)
        self._point(sections, header)
        for i in range(64):
            self.label_out[i] = NO_LABEL
        if len(label_out) > 64:
            raise ValueError("labels")
        for i, label in enumerate(label_out):
            self.label_out[i] = label
        self.context.cover_always = trace
        self.context.across = False
        for i in range(self.tables.n_cues):
            if self.tables.cues[i].flags & CUE_WITHIN_SECTION:
                self.context.across = True
            if self.tables.cues[i].direction == DIR_SIGN:
                self.context.signs = True
        if self.n_programs:
            vec_grow(&self.gates, self.n_programs)
        for i in range(self.n_programs):
            program = &self.programs[i]
            make_gate(self.code, self.sets, program, self.lexis.punct_ids[45], &(<Gate *> self.gates.data)[i])
            if program.from_number:
                (<u32 *> vec_push(&self.from_number))[0] = i
            if i and program.term < self.tables.n_terms and self.programs[i - 1].term < self.tables.n_terms \
                    and self.tables.terms[program.term].rule == self.tables.terms[self.programs[i - 1].term].rule:
                self.has_alternatives = True
            for k in range(program.capture, program.capture + program.n_captures):
                if self.captures[k].name == NONE:
                    self.has_mentions = True

    def __dealloc__(self):
        free_tokens(&self.tokens)
        free_patterns(&self.patterns)
        free_resolver(&self.resolver)
        free_context(&self.context)
        vec_free(&self.candidates)
        vec_free(&self.extra)
        vec_free(&self.merged)
        vec_free(&self.outputs)
        vec_free(&self.seconds)
        vec_free(&self.arrivals)
        vec_free(&self.headings)
        vec_free(&self.anchors)
        vec_free(&self.regex_hits)
        free_sections(&self.sections)
        vec_free(&self.sentences)
        vec_free(&self.mentions)
        vec_free(&self.chosen)
        vec_free(&self.attributes)
        vec_free(&self.from_number)
        vec_free(&self.gates)
        vec_free(&self.given)

    cdef int _point(self, dict sections, dict header) except -1:
        """Point the C views at the mapped sections. Sizes were checked by `rulener.artifact` and `Tables`."""
        cdef const u8[::1] b
        cdef u64 bits
        b = sections["fold_pages"]
        self.lexis.fold_pages = <const u16 *> &b[0]
        self.lexis.n_fold_pages = <u32> (b.shape[0] // 2)
        b = sections["fold_cells"]
        self.lexis.fold_cells = <const u32 *> &b[0]
        self.lexis.n_fold_cells = <u32> (b.shape[0] // 4)
        b = sections["fold_text"]
        self.lexis.fold_text = <const u32 *> &b[0]
        self.lexis.n_fold_text = <u32> (b.shape[0] // 4)
        b = sections["vocab"]
        bits = header["vocab_bits"]
        self.lexis.slots = <const VocabSlot *> &b[0]
        self.lexis.slot_mask = (<u64> 1 << bits) - 1
        self.lexis.slot_shift = <u32> (64 - bits)
        b = sections["arena"]
        self.lexis.arena = &b[0] if b.shape[0] else NULL
        self.lexis.arena_length = b.shape[0]
        b = sections["word_flags"]
        self.lexis.word_flags = &b[0]
        self.lexis.n_ids = <u32> b.shape[0]
        b = sections["punct_ids"]
        memcpy(self.lexis.punct_ids, &b[0], sizeof(self.lexis.punct_ids))
        for bits in range(128):
            if self.lexis.punct_ids[bits] >= <u32> len(sections["word_flags"]):
                raise self.tables.corrupt()
        b = sections["edges"]
        self.automaton.edges = <const Edge *> &b[0]
        self.automaton.n_edges = b.shape[0] // sizeof(Edge)
        b = sections["fail"]
        self.automaton.fail = <const u32 *> &b[0] if b.shape[0] else NULL
        self.automaton.n_states = <u32> (b.shape[0] // 4)
        b = sections["roots"]
        self.automaton.roots = <const Root *> &b[0]
        b = sections["filter"]
        bits = header["filter_bits"]
        self.automaton.filter = <const u64 *> &b[0]
        self.automaton.filter_shift = <u32> (64 - bits)
        b = sections["outs"]
        self.automaton.outs = <const Out *> &b[0] if b.shape[0] else NULL
        self.automaton.n_outs = <u32> (b.shape[0] // sizeof(Out))
        b = sections["entries"]
        self.automaton.entries = <const Entry *> &b[0] if b.shape[0] else NULL
        self.automaton.n_entries = <u32> (b.shape[0] // sizeof(Entry))
        b = sections["cases"]
        self.automaton.cases = &b[0] if b.shape[0] else NULL
        self.automaton.cases_length = b.shape[0]
        b = sections["programs"]
        self.programs = <const PatternProgram *> &b[0] if b.shape[0] else NULL
        self.n_programs = <u32> (b.shape[0] // sizeof(PatternProgram))
        b = sections["code"]
        self.code = <const Instruction *> &b[0] if b.shape[0] else NULL
        b = sections["sets"]
        self.sets = <const u32 *> &b[0] if b.shape[0] else NULL
        b = sections["captures"]
        self.captures = <const Capture *> &b[0] if b.shape[0] else NULL
        b = sections["surround"]
        self.surround = <const u32 *> &b[0] if b.shape[0] else NULL
        self.n_surround = <u32> (b.shape[0] // 4)
        b = sections["section_refs"]
        self.section_refs = <const u32 *> &b[0] if b.shape[0] else NULL
        self.n_section_refs = <u32> (b.shape[0] // 4)
        b = sections["blocker_refs"]
        self.context.blocker_refs = <const u32 *> &b[0] if b.shape[0] else NULL
        self.context.cues = self.tables.cues
        self.context.n_cues = self.tables.n_cues
        self.context.lexis = &self.lexis
        self.sections.headings = self.tables.headings
        self.sections.n_headings = self.tables.n_headings
        self.sections.lexis = &self.lexis
        return 0

    # --- what Python calls --------------------------------------------------------------------------------------------

    def annotate(self, Batch batch, str text):
        """Annotate one note into `batch`."""
        cdef Text view
        read_text(text, &self.tokens, &view)
        batch.texts.append(text)
        with nogil:
            self.scan(&view, batch)
        self.check()

    def annotate_all(self, Batch batch, texts):
        """Annotate many notes into `batch`, in order, without the GIL."""
        cdef Py_ssize_t n, i
        cdef u64 total = 0
        cdef Text *views
        cdef list held = list(texts)
        n = len(held)
        views = <Text *> PyMem_RawMalloc(n * sizeof(Text) + 1)
        if views == NULL:
            raise MemoryError()
        try:
            for i in range(n):
                if not isinstance(held[i], str):
                    raise TypeError(f"text {i} is a {type(held[i]).__name__}, not a str")
                view_text(held[i], &views[i])
            batch.texts.extend(held)
            with nogil:
                for i in range(n):
                    total += views[i].length
                # A guess that saves most of the growing; what is not used costs no memory.
                vec_grow(&batch.entities, total // 64 + 16)
                vec_grow(&batch.cues, total // 64 + 16)
                vec_grow(&batch.sentences, total // 48 + 16)
                for i in range(n):
                    fill_shadow(&self.tokens, &views[i])
                    self.scan(&views[i], batch)
        finally:
            PyMem_RawFree(views)
        self.check()

    def annotate_given(self, Batch batch, str text, list mentions):
        """Context only, for given mentions `(start, end, label number in batch.labels, label bits)`, in this order."""
        cdef Text view
        cdef Mention *m
        cdef u32 i, n = <u32> len(mentions)
        read_text(text, &self.tokens, &view)
        batch.texts.append(text)
        self.read(&view)
        self.links = True
        try:
            self.match(&view, batch)
        finally:
            self.links = False
        self._find_sections(&view, batch)
        split_sentences(&view, &self.lexis, &self.tokens, &self.sections.breaks, &self.sentences)
        self._apply_unless(&self.candidates, batch)
        self.settle_candidates(batch)
        order = sorted(range(n), key=lambda k: (self._token_range(mentions[k][0], mentions[k][1]), k))
        self.mentions.n = 0
        for k in order:
            first, last = self._token_range(mentions[k][0], mentions[k][1])
            m = <Mention *> vec_push(&self.mentions)
            m.start = first
            m.end = last
            m.labels = mentions[k][3]
        self._assert()
        self._append_given(batch, mentions, order)
        self.check()

    def count_tokens(self, texts):
        """How many tokens the texts have: the tokeniser alone, for the benchmarks."""
        cdef Text view
        cdef u64 total = 0
        for text in texts:
            read_text(text, &self.tokens, &view)
            with nogil:
                self.read(&view)
            total += self.tokens.n
        return total

    def count_occurrences(self, texts):
        """How many states with output the automaton passes: tokens and scan alone, for the benchmarks."""
        cdef Text view
        cdef u64 total = 0
        for text in texts:
            read_text(text, &self.tokens, &view)
            with nogil:
                self.read(&view)
                self._walk()
            total += self.arrivals.n
        return total

    def check(self):
        """Raise when a table led outside the file."""
        if self.damaged:
            self.damaged = False
            raise self.tables.corrupt()

    def tokenise(self, str text):
        """The tokens of a text, for tests and `explain`: `(start, end, key, kind, flags)`, flags as a set of names."""
        cdef Text view
        cdef Folded f
        cdef u32 i
        read_text(text, &self.tokens, &view)
        self.read(&view)
        out = []
        for i in range(self.tokens.n):
            fold_token(&view, &self.lexis, &self.tokens.items[i], &f)
            key = None if f.overflow else (<bytes> f.data[:f.length]).decode("utf-8", "surrogatepass")
            flags = self.tokens.items[i].flags
            kind = "number" if flags & TOKEN_NUMBER else "punct" if flags & TOKEN_PUNCT else "word"
            names = {name for bit, name in _FLAG_NAMES if flags & bit}
            if is_all_caps(&view, &self.lexis, &self.tokens.items[i]):
                names.add("ALLCAP")
            out.append((self.tokens.items[i].start, self.tokens.items[i].end, key, kind, names, self.tokens.items[i].id))
        return out

    # --- stages -------------------------------------------------------------------------------------------------------

    cdef int read(self, const Text *text) except -1 nogil:
        tokenise(text, &self.lexis, &self.tokens)
        mark_lines(text, &self.lexis, &self.tokens)
        return 0

    cdef int scan(self, const Text *text, Batch batch) except -1 nogil:
        cdef bint ok = True
        self.read(text)
        self.match(text, batch)
        self._find_sections(text, batch)
        split_sentences(text, &self.lexis, &self.tokens, &self.sections.breaks, &self.sentences)
        self._apply_unless(&self.candidates, batch)
        self.run_patterns(text)
        if (self.has_alternatives or self.has_mentions) and self.extra.n > 1:
            self._longest_of_each_start()
        if self.has_mentions:
            self._narrow_to_mentions()
        if self.regex_hits.n or self.has_unanchored:
            with gil:
                ok = self.run_regexes(text, batch) == 0
        if not ok:
            batch.drop_note()
            return 0
        self.settle_candidates(batch)
        resolve(<Candidate *> self.candidates.data, <u32> self.candidates.n, self.tables.terms, self.tokens.n, self.policy,
                &self.resolver)
        self.choose(text, batch)
        self._assert()
        if self.trace:
            self._trace_cues(batch)
        self.append(text, batch)
        return 0

    cdef int match(self, const Text *text, Batch batch) except -1 nogil:
        """One automaton pass; every accepted occurrence goes to the list of its kind."""
        self.candidates.n = 0
        self.extra.n = 0
        self.headings.n = 0
        self.anchors.n = 0
        self.regex_hits.n = 0
        self.attributes.n = 0
        self.context.hits.n = 0
        self.context.blockers.n = 0
        self._walk()
        self._collect(text, batch)
        return 0

    cdef int _look_ahead(self) except -1 nogil:
        """What every token puts out as the first of a form, and which tokens may be the second of one.

        No token waits for another here and nothing branches on what is read, so the memory's answers overlap.
        """
        cdef const Token *items = self.tokens.items
        cdef const Automaton *a = &self.automaton
        cdef u32 n = self.tokens.n, t, id_, before = 0, found = 0
        cdef u32 *outputs
        cdef u32 *seconds
        if n > self.outputs.capacity:
            vec_grow(&self.outputs, n)
            vec_grow(&self.seconds, n)
        outputs = <u32 *> self.outputs.data
        seconds = <u32 *> self.seconds.data
        for t in range(n):
            id_ = items[t].id
            outputs[t] = a.roots[id_].out
            seconds[found] = t
            found += <u32> may_follow(a, before, id_) & (items[t].flags & TOKEN_RESET == 0)
            before = a.roots[id_].next
        self.seconds.n = found
        return 0

    cdef int _walk(self) except -1 nogil:
        """The automaton over the note's tokens; what it puts out is noted for `_collect`.

        Only tokens that may continue a form are walked: between them the state is that of the last token alone.
        """
        cdef const Token *items = self.tokens.items
        cdef const Automaton *a = &self.automaton
        cdef u32 n = self.tokens.n, t, state, id_, falls, k, n_seconds
        cdef const Edge *edge
        cdef u32 *outputs
        cdef const u32 *seconds
        cdef Arrival *arrivals
        cdef u64 found = 0
        self._look_ahead()
        if n > self.arrivals.capacity:
            vec_grow(&self.arrivals, n)
        arrivals = <Arrival *> self.arrivals.data
        outputs = <u32 *> self.outputs.data
        seconds = <const u32 *> self.seconds.data
        n_seconds = <u32> self.seconds.n
        t = 0
        for k in range(n_seconds):
            if k + 4 < n_seconds:
                rn_prefetch(&a.edges[edge_slot(a, edge_hash(items[seconds[k + 4] - 1].id, items[seconds[k + 4]].id))])
            if seconds[k] < t:
                continue            # walked already
            t = seconds[k]
            state = a.roots[items[t - 1].id].next
            while t < n and items[t].id != 0 and (items[t].flags & TOKEN_RESET) == 0:
                id_ = items[t].id
                edge = NULL
                falls = 0
                while state:
                    if may_follow(a, state, id_):
                        edge = find_edge(a, state, id_)
                        if edge != NULL:
                            break
                    falls += 1
                    if state - DEEP >= a.n_states or falls > 64:
                        break           # of depth 1: below DEEP, which wraps around
                    state = a.fail[state - DEEP]
                if edge == NULL:
                    break
                outputs[t] = edge.out
                state = edge.child
                t += 1
                if state < DEEP:
                    break
        for t in range(n):
            arrivals[found].token = t
            arrivals[found].out = outputs[t]
            found += outputs[t] != NONE
        self.arrivals.n = found
        return 0

    cdef int _collect(self, const Text *text, Batch batch) except -1 nogil:
        """Every accepted occurrence goes to the list of its kind."""
        cdef const Token *items = self.tokens.items
        cdef const Automaton *a = &self.automaton
        cdef const Arrival *arrivals = <const Arrival *> self.arrivals.data
        cdef const Out *o
        cdef u64 k, n = self.arrivals.n
        cdef u32 t, out, last, n_tokens = self.tokens.n
        cdef bint glued_after
        for k in range(n):
            if k + AHEAD < n and arrivals[k + AHEAD].out < a.n_outs:
                rn_prefetch(&a.outs[arrivals[k + AHEAD].out])
            if k + AHEAD // 2 < n and arrivals[k + AHEAD // 2].out < a.n_outs:
                rn_prefetch(&a.entries[a.outs[arrivals[k + AHEAD // 2].out].entry])
            t = arrivals[k].token
            out = arrivals[k].out
            last = 0xFFFF
            glued_after = t + 1 < n_tokens and items[t + 1].flags & TOKEN_GLUED
            while out != NONE:
                if out >= a.n_outs:
                    self.damaged = True
                    break
                o = &a.outs[out]
                if o.n_tokens == 0 or o.n_tokens > t + 1 or o.n_tokens >= last:
                    self.damaged = True
                    break
                last = o.n_tokens
                self.take_entries(text, o, t + 1 - o.n_tokens, t + 1,
                                  glued_after or items[t + 1 - o.n_tokens].flags & TOKEN_GLUED, batch)
                out = o.next
        return 0

    cdef int take_entries(self, const Text *text, const Out *out, u32 start, u32 end, bint glued, Batch batch) except -1 nogil:
        cdef const Entry *entry
        cdef const Token *items = self.tokens.items
        cdef Candidate *candidate
        cdef Hit *hit
        cdef CueHit *cue
        cdef u32 k
        cdef Vec *target
        if <u64> out.entry + out.n_entries > self.automaton.n_entries:
            self.damaged = True
            return 0
        for k in range(out.entry, out.entry + out.n_entries):
            entry = &self.automaton.entries[k]
            if entry.kind == KIND_PATTERN:
                if not self._anchor_holds(start, end, entry):
                    continue
            elif entry.kind == KIND_HEADING and not self.trace and not self._may_be_heading(start, end):
                continue
            elif glued and entry.kind != KIND_REGEX:
                if self.trace:
                    self._reject(batch, items[start].start, items[end - 1].end, k, 1)
                continue
            if entry.case_byte != NONE and not self._case_holds(text, start, end, entry):
                if self.trace:
                    self._reject(batch, items[start].start, items[end - 1].end, k, 0)
                continue
            if entry.kind == KIND_TERM:
                if entry.link_only and not self.links:
                    if self.trace:
                        self._reject(batch, items[start].start, items[end - 1].end, k, 3)
                    continue
                if entry.ref >= self.tables.n_terms:
                    self.damaged = True
                    continue
                candidate = <Candidate *> vec_push(&self.candidates)
                candidate.start = start
                candidate.end = end
                candidate.term = entry.ref
                candidate.priority = entry.priority
                candidate.attribute = 0
                candidate.n_attributes = 0
                candidate.char_start = items[start].start
                candidate.char_end = items[end - 1].end
                continue
            if entry.kind == KIND_CUE:
                if entry.ref >= self.tables.n_cues:
                    self.damaged = True
                    continue
                cue = <CueHit *> vec_push(&self.context.hits)
                cue.start = start
                cue.end = end
                cue.cue = entry.ref
                cue.live = 0
                continue
            if entry.kind == KIND_HEADING:
                target = &self.headings
            elif entry.kind == KIND_PATTERN:
                target = &self.anchors
            elif entry.kind == KIND_REGEX:
                target = &self.regex_hits
            else:
                target = &self.context.blockers
            hit = <Hit *> vec_push(target)
            hit.start = start
            hit.end = end
            hit.ref = entry.ref
            hit.extra = <u32> entry.head | (<u32> entry.tail << 8)
        return 0

    cdef bint _case_holds(self, const Text *text, u32 start, u32 end, const Entry *entry) noexcept nogil:
        """Whether the surface has the case its author gave it."""
        cdef const Token *items = self.tokens.items
        if (<u64> entry.case_byte >= self.automaton.cases_length
                or <u64> entry.case_byte + 1 + self.automaton.cases[entry.case_byte] > self.automaton.cases_length):
            self.damaged = True
            return False
        return case_agrees(text, &self.lexis, items[start].start, items[end - 1].end, self.automaton.cases + entry.case_byte)

    cdef bint _anchor_holds(self, u32 start, u32 end, const Entry *entry) noexcept nogil:
        """The cheap tests on an anchor: a number before it, a separator after it, room for what the pattern has before it."""
        cdef const Token *items = self.tokens.items
        if entry.head > start:
            return False
        if entry.tail & ANCHOR_AFTER_NUMBER and not (start > 0 and items[start - 1].flags & TOKEN_NUMBER):
            return False
        if entry.tail & (SEP_HYPHEN | SEP_SLASH):
            return self._is_followed(end, entry.tail & (SEP_HYPHEN | SEP_SLASH))
        return True

    cdef bint _may_be_heading(self, u32 start, u32 end) noexcept nogil:
        """The cheap test on a heading's occurrence: a colon or dash after it, or what may frame a heading before it."""
        cdef const Token *items = self.tokens.items
        cdef u32 p
        if items[start].flags & SEP_NEWLINE or start == 0 or items[start - 1].flags & TOKEN_MARK:
            return True
        p = token_punct(&items[start - 1])
        if p and may_end_frame(p):
            return True
        if p == 46 and start >= 2 and (start == 2 or items[start - 2].flags & SEP_NEWLINE):
            return True
        if end >= self.tokens.n:
            return False
        p = token_punct(&items[end])
        return p == 58 or p == 45

    cdef int _reject(self, Batch batch, u32 start, u32 end, u32 entry, u32 reason) except -1 nogil:
        cdef Rejected *r = <Rejected *> vec_push(&batch.rejected)
        r.start = start
        r.end = end
        r.entry = entry
        r.reason = reason
        return 0

    cdef int _find_sections(self, const Text *text, Batch batch) except -1 nogil:
        find_sections(&self.sections, text, &self.tokens, &self.headings, &batch.rejected if self.trace else NULL)
        if self.sections.damaged:
            self.sections.damaged = False
            self.damaged = True
        return 0

    # --- patterns and regexes (matching.md section 8) -----------------------------------------------------------------

    cdef int run_patterns(self, const Text *text) except -1 nogil:
        cdef Hit *hits = <Hit *> self.anchors.data
        cdef const Token *items = self.tokens.items
        cdef u32 k, t, j, head, start, mask
        cdef const Candidate *places = <const Candidate *> self.candidates.data
        cdef u32 n_numeric = <u32> self.from_number.n
        cdef u32 *numeric = <u32 *> self.from_number.data
        cdef const PatternProgram *program
        self.patterns.places = places
        self.patterns.n_places = <u32> self.candidates.n
        self.patterns.terms = self.tables.terms
        self.patterns.indexed = False
        for k in range(<u32> self.anchors.n):
            head = hits[k].extra & 255
            if hits[k].ref >= self.n_programs:
                self.damaged = True
                continue
            start = hits[k].start - head
            if hits[k].extra & (ANCHOR_AFTER_LABEL << 8):
                self._try_after_label(text, hits[k].ref, start)
                continue
            for t in range(start + 1, hits[k].start + 1):
                if items[t].flags & TOKEN_RESET:
                    head = NONE
                    break
            if head != NONE:
                self.try_program(text, hits[k].ref, start)
        if n_numeric:
            for t in range(self.tokens.n):
                if not items[t].flags & TOKEN_NUMBER:
                    continue
                for j in range(n_numeric):
                    program = &self.programs[numeric[j]]
                    mask = program.number_flags
                    if mask and not self._is_followed(t + 1, mask):
                        continue
                    self.try_program(text, numeric[j], t)
        return 0

    cdef int _try_after_label(self, const Text *text, u32 program, u32 end) except -1 nogil:
        """Try a program that begins with a label from the start of every term occurrence that ends at `end`."""
        cdef const Candidate *c = <const Candidate *> self.candidates.data
        cdef u64 low = 0, high = self.candidates.n, mid
        cdef u32 before = NONE
        while low < high:
            mid = (low + high) >> 1
            if c[mid].end < end:
                low = mid + 1
            else:
                high = mid
        while low < self.candidates.n and c[low].end == end:
            if c[low].start != before:
                before = c[low].start
                self.try_program(text, program, before)
            low += 1
        return 0

    cdef bint _is_followed(self, u32 t, u32 mask) noexcept nogil:
        """Whether one of the separators `mask` (SEP_HYPHEN, SEP_SLASH) stands before token `t`."""
        if t >= self.tokens.n:
            return False
        return (self.tokens.items[t].flags & mask) != 0 or (mask & SEP_HYPHEN and token_punct(&self.tokens.items[t]) == 45)

    cdef int try_program(self, const Text *text, u32 number, u32 start) except -1 nogil:
        cdef const PatternProgram *program = &self.programs[number]
        cdef const Token *items = self.tokens.items
        cdef u32 end, k, mention
        cdef u32 *best
        cdef Candidate *candidate
        cdef Attribute *attribute
        if items[start].flags & TOKEN_GLUED or (program.starts_with_number and not items[start].flags & TOKEN_NUMBER):
            return 0
        if not may_match(&(<const Gate *> self.gates.data)[number], items, self.tokens.n, start):
            return 0
        end = run_pattern(self.code, self.sets, program, items, self.tokens.n, start, &self.patterns)
        if end == NONE or end == start:
            return 0
        candidate = <Candidate *> vec_push(&self.extra)
        candidate.start = start
        candidate.end = end
        candidate.term = program.term
        candidate.priority = self.tables.terms[program.term].priority
        candidate.char_start = items[start].start
        candidate.char_end = items[end - 1].end
        candidate.attribute = <u32> self.attributes.n
        candidate.n_attributes = 0
        best = <u32 *> self.patterns.best.data
        mention = NONE
        for k in range(program.n_captures):
            if best[2 * k] == NONE or best[2 * k + 1] == NONE or best[2 * k] >= best[2 * k + 1]:
                continue
            if self.captures[program.capture + k].name == NONE:
                mention = k
                continue
            attribute = <Attribute *> vec_push(&self.attributes)
            attribute.name = self.captures[program.capture + k].name
            attribute.start = items[best[2 * k]].start
            attribute.end = items[best[2 * k + 1] - 1].end
            attribute.numeric = is_number(text, attribute.start, attribute.end)
            candidate.n_attributes += 1
        if mention != NONE:
            candidate.char_start = items[best[2 * mention]].start
            candidate.char_end = items[best[2 * mention + 1] - 1].end
            if self.captures[program.capture + mention].numeric:
                self._reach(candidate, &candidate.char_start, &candidate.char_end)
        return 0

    cdef void _reach(self, const Candidate *c, u32 *low, u32 *high) noexcept nogil:
        """Widen `[low, high)` over the captures of a candidate."""
        cdef const Attribute *attribute
        cdef u32 k
        for k in range(c.n_attributes):
            attribute = &(<const Attribute *> self.attributes.data)[c.attribute + k]
            if attribute.start < low[0]:
                low[0] = attribute.start
            if attribute.end > high[0]:
                high[0] = attribute.end

    cdef int _narrow_to_mentions(self) except -1 nogil:
        """A candidate holds the tokens of its mention, of its captures and what lies between; the rest of the match is free."""
        cdef const Token *items = self.tokens.items
        cdef Candidate *x = <Candidate *> self.extra.data
        cdef Candidate *c
        cdef u64 k, kept = 0
        cdef u32 low, high
        for k in range(self.extra.n):
            c = &x[k]
            low, high = c.char_start, c.char_end
            self._reach(c, &low, &high)
            while items[c.start].end <= low:
                c.start += 1
            while items[c.end - 1].start >= high:
                c.end -= 1
            if not self._is_found_before(x, kept, c):
                x[kept] = c[0]
                kept += 1
        self.extra.n = kept
        return 0

    cdef bint _is_found_before(self, const Candidate *x, u64 n, const Candidate *c) noexcept nogil:
        """Whether a match of the same rule that begins earlier made the same candidate. They come by the starts of their matches."""
        cdef u64 j = n
        while j > 0:
            j -= 1
            # No match is longer than this, so none before has its mention here.
            if x[j].start + 2 * MAX_PATTERN_TOKENS < c.start:
                return False
            if x[j].start == c.start and x[j].end == c.end and self._is_same(&x[j], c):
                return True
        return False

    cdef int _longest_of_each_start(self) except -1 nogil:
        """Several `match` texts of a rule are alternatives: of their matches from one token the longest stays."""
        cdef Candidate *x = <Candidate *> self.extra.data
        cdef u64 k, j, kept = 0, group = 0
        cdef bint repeated
        qsort(x, self.extra.n, sizeof(Candidate), _by_start_longest)
        for k in range(self.extra.n):
            if kept == 0 or x[kept - 1].start != x[k].start:
                group = kept
            repeated = False
            for j in range(group, kept):
                if self.tables.terms[x[j].term].rule == self.tables.terms[x[k].term].rule:
                    repeated = True
            if not repeated:
                x[kept] = x[k]
                kept += 1
        self.extra.n = kept
        return 0

    cdef int run_regexes(self, const Text *text, Batch batch) except -1:
        """Run regexes in the windows around their anchors. Returns 1 when the note failed (a timeout)."""
        cdef Hit *hits = <Hit *> self.regex_hits.data
        cdef const Token *items = self.tokens.items
        cdef Candidate *candidate
        cdef Attribute *attribute
        cdef u32 k
        cdef str note = batch.texts[batch.docs.n - 1]
        anchors_of = {}
        for k in range(<u32> self.regex_hits.n):
            if hits[k].ref >= <u32> len(self.regexes):
                self.damaged = True
                continue
            anchors_of.setdefault(hits[k].ref, []).append((items[hits[k].start].start, items[hits[k].end - 1].end))
        windows = {number: _windows(sorted(anchors), text.length) for number, anchors in anchors_of.items()}
        windows.update({number: [(0, text.length, [(0, text.length)])] for number in self.unanchored})
        for number in sorted(windows):
            regex, term, names, timeout, rule, _ = self.regexes[number]
            has_mention = "mention" in dict(names)
            # The time counts for all windows together.
            deadline = monotonic() + timeout
            for low, high, anchors in windows[number]:
                try:
                    found = list(regex.finditer(note, low, high, timeout=max(deadline - monotonic(), 1e-6)))
                except TimeoutError:
                    batch.failures.append((batch.docs.n - 1, "N301", f"rule {rule}: its regex ran longer than {timeout:g} s"))
                    return 1
                for match in found:
                    start, end = match.span()
                    if start == end or not (anchors is None or any(start < y and x < end for x, y in anchors)):
                        continue
                    spans = _group_spans(match, names)
                    low, high = start, end
                    if has_mention and match.start("mention") < match.end("mention"):
                        start, end = match.span("mention")
                        low, high = _hull(start, end, spans)
                    first, last = self._token_range(low, high)
                    if first == last:
                        continue
                    candidate = <Candidate *> vec_push(&self.extra)
                    candidate.start = first
                    candidate.end = last
                    candidate.term = term
                    candidate.priority = self.tables.terms[candidate.term].priority
                    candidate.char_start = start
                    candidate.char_end = end
                    candidate.attribute = <u32> self.attributes.n
                    candidate.n_attributes = 0
                    for string_number, x, y in spans:
                        attribute = <Attribute *> vec_push(&self.attributes)
                        attribute.name = string_number
                        attribute.start = x
                        attribute.end = y
                        attribute.numeric = is_number(text, x, y)
                        candidate.n_attributes += 1
        return 0

    def _token_range(self, u32 start, u32 end):
        """The tokens that overlap `[start, end)`; the empty range at its place when none does, as for an empty one inside a token."""
        cdef const Token *items = self.tokens.items
        cdef u32 low = 0, high = self.tokens.n, mid, first
        while low < high:
            mid = (low + high) >> 1
            if items[mid].end <= start:
                low = mid + 1
            else:
                high = mid
        first = low
        while start < end and low < self.tokens.n and items[low].start < end:
            low += 1
        return first, low

    # --- candidates ---------------------------------------------------------------------------------------------------

    cdef int settle_candidates(self, Batch batch) except -1 nogil:
        """Merge pattern matches into the candidates by end, drop those whose `unless` holds or that stand in a heading."""
        cdef Candidate *c
        cdef Candidate *x
        cdef Candidate *m
        cdef u64 i, j, k, n = self.candidates.n, e
        self._apply_unless(&self.extra, batch)
        if self.extra.n:
            x = <Candidate *> self.extra.data
            _sort_by_end(x, self.extra.n)
            e = 0
            for i in range(self.extra.n):
                if e and x[e - 1].start == x[i].start and x[e - 1].end == x[i].end and x[e - 1].term == x[i].term \
                        and x[e - 1].char_start == x[i].char_start and x[e - 1].char_end == x[i].char_end:
                    continue
                x[e] = x[i]
                e += 1
            if n + e > self.merged.capacity:
                vec_grow(&self.merged, n + e)
            c = <Candidate *> self.candidates.data
            m = <Candidate *> self.merged.data
            i = j = k = 0
            while i < n or j < e:
                if j == e or (i < n and c[i].end <= x[j].end):
                    m[k] = c[i]
                    i += 1
                else:
                    m[k] = x[j]
                    j += 1
                k += 1
            self.merged.n = k
            self.candidates, self.merged = self.merged, self.candidates
        self._drop_in_headings(batch)
        return 0

    cdef int _drop(self, Batch batch, const Candidate *c, u32 reason) except -1 nogil:
        cdef Loser *loser
        if not self.trace:
            return 0
        loser = <Loser *> vec_push(&batch.losers)
        loser.doc = <u32> batch.docs.n - 1
        loser.start = c.char_start
        loser.end = c.char_end
        loser.term = c.term
        loser.winner_start = loser.winner_end = loser.winner_term = NONE
        loser.reason = reason
        return 0

    cdef int _apply_unless(self, Vec *candidates, Batch batch) except -1 nogil:
        """Drop candidates that stand directly before or after words their rule excludes."""
        cdef Candidate *c = <Candidate *> candidates.data
        cdef const Term *term
        cdef u64 k, kept = 0
        for k in range(candidates.n):
            term = &self.tables.terms[c[k].term]
            if term.surround and self._is_surrounded(&c[k], term):
                self._drop(batch, &c[k], LOST_UNLESS)
                continue
            if kept != k:
                c[kept] = c[k]
            kept += 1
        candidates.n = kept
        return 0

    cdef bint _is_surrounded(self, const Candidate *c, const Term *term) noexcept nogil:
        """Whether one of the rule's `unless` forms (SURROUND: count, then per form side, length, tokens) stands beside it."""
        cdef const Token *items = self.tokens.items
        cdef u32 at = term.surround, end, forms, side, length, k, begin
        cdef bint same
        if at >= self.n_surround:
            self.damaged = True
            return False
        forms = self.surround[at]
        at += 1
        for _ in range(forms):
            if <u64> at + 2 > self.n_surround or <u64> at + 2 + self.surround[at + 1] > self.n_surround:
                self.damaged = True
                return False
            side, length = self.surround[at], self.surround[at + 1]
            at += 2
            same = length <= self.tokens.n and length > 0
            if same and side == UNLESS_BEFORE:
                begin = c.end
                same = begin + length <= self.tokens.n
            elif same:
                same = c.start >= length
                begin = c.start - length if same else 0
            if same:
                for k in range(length):
                    if items[begin + k].id != self.surround[at + k]:
                        same = False
                        break
            if same:
                # Nothing matches across a RESET.
                end = begin + length if side == UNLESS_BEFORE else c.start + 1
                for k in range(begin if side == UNLESS_BEFORE else begin + 1, end):
                    if items[k].flags & TOKEN_RESET:
                        same = False
            if same:
                return True
            at += length
        return False

    cdef int _drop_in_headings(self, Batch batch) except -1 nogil:
        """Drop candidates inside a known heading, and those in a section their rule excludes."""
        cdef SectionSpan *spans = <SectionSpan *> self.sections.spans.data
        cdef Candidate *c = <Candidate *> self.candidates.data
        cdef const Term *term
        cdef u64 k, kept = 0
        cdef u32 s = 0, x, r, n_spans = <u32> self.sections.spans.n
        cdef bint dropped
        for k in range(self.candidates.n):
            dropped = False
            term = &self.tables.terms[c[k].term]
            if n_spans:
                # Candidates come by end, so the section of their last token only moves on.
                while s + 1 < n_spans and spans[s + 1].heading_token < c[k].end:
                    s += 1
                x = s
                while x > 0 and spans[x].heading_token > c[k].start:
                    x -= 1
                if spans[x].heading == NONE or spans[x].heading_token > c[k].start:
                    pass
                elif c[k].end <= spans[x].heading_end_token:
                    dropped = True
                    if self.trace:
                        self._drop(batch, &c[k], 5)
                elif term.n_unless:
                    for r in range(term.unless, term.unless + term.n_unless):
                        if r < self.n_section_refs and self.section_refs[r] == self.tables.headings[spans[x].heading].name:
                            dropped = True
                    if dropped:
                        self._drop(batch, &c[k], LOST_UNLESS)
            if not dropped:
                c[kept] = c[k]
                kept += 1
        self.candidates.n = kept
        return 0

    cdef int choose(self, const Text *text, Batch batch) except -1 nogil:
        """Mentions for the context stage, from the candidates that were kept and whose label is reported."""
        cdef const Candidate *c = <const Candidate *> self.candidates.data
        cdef u32 *kept = <u32 *> self.resolver.kept.data
        cdef const Lost *lost
        cdef Loser *loser
        cdef Mention *m
        cdef u64 k
        cdef u32 number, label
        self.mentions.n = 0
        self.chosen.n = 0
        for k in range(self.resolver.kept.n):
            number = kept[k]
            label = self.tables.terms[c[number].term].label
            if label >= 64 or self.label_out[label] == NO_LABEL:
                continue
            if self.policy == POLICY_ALL and k and self._is_repeat(c, kept, k):
                continue
            m = <Mention *> vec_push(&self.mentions)
            m.start = c[number].start
            m.end = c[number].end
            m.labels = <u64> 1 << label
            (<u32 *> vec_push(&self.chosen))[0] = number
        if self.trace:
            for k in range(self.resolver.lost.n):
                lost = &(<const Lost *> self.resolver.lost.data)[k]
                if self._joins(&c[lost.candidate], &c[lost.winner]) or self._is_same(&c[lost.candidate], &c[lost.winner]):
                    continue
                loser = <Loser *> vec_push(&batch.losers)
                loser.doc = <u32> batch.docs.n - 1
                loser.start = c[lost.candidate].char_start
                loser.end = c[lost.candidate].char_end
                loser.term = c[lost.candidate].term
                loser.winner_start = c[lost.winner].char_start
                loser.winner_end = c[lost.winner].char_end
                loser.winner_term = c[lost.winner].term
                loser.reason = lost.reason
        return 0

    cdef bint _joins(self, const Candidate *a, const Candidate *b) noexcept nogil:
        """Whether two lexicon candidates with one span and label are one mention with several concepts."""
        cdef const Term *x = &self.tables.terms[a.term]
        cdef const Term *y = &self.tables.terms[b.term]
        return (a.start == b.start and a.end == b.end and x.label == y.label and x.flags & y.flags & TERM_LEXICON)

    cdef bint _is_same(self, const Candidate *a, const Candidate *b) noexcept nogil:
        """Whether they are one candidate of a rule, found by two of its forms."""
        cdef const Term *x = &self.tables.terms[a.term]
        cdef const Term *y = &self.tables.terms[b.term]
        return x.rule == y.rule and x.label == y.label and a.char_start == b.char_start and a.char_end == b.char_end

    cdef bint _is_repeat(self, const Candidate *c, const u32 *kept, u64 k) noexcept nogil:
        """Policy `all`: the same span and label from the same rule, or from a second lexicon row, is not reported twice."""
        cdef u64 j = k
        cdef const Candidate *a = &c[kept[k]]
        cdef const Candidate *b
        while j > 0:
            j -= 1
            b = &c[kept[j]]
            if b.char_start != a.char_start or b.char_end != a.char_end:
                return False
            if self._joins(a, b):
                return True
            if self._is_same(a, b):
                return True
        return False

    # --- context ------------------------------------------------------------------------------------------------------

    cdef int _assert(self) except -1 nogil:
        cdef CueHit *hits = <CueHit *> self.context.hits.data
        cdef u64 k
        cdef u32 t
        self.context.crossing = False
        for k in range(self.context.hits.n):
            for t in range(hits[k].start + 1, hits[k].end):
                if self.tokens.items[t].flags & TOKEN_SENTENCE:
                    self.context.crossing = True
        self.context.tokens = self.tokens.items
        self.context.n_tokens = self.tokens.n
        self.context.sentences = <u32 *> self.sentences.data
        self.context.n_sentences = <u32> self.sentences.n
        self.context.mentions = <Mention *> self.mentions.data
        self.context.n_mentions = <u32> self.mentions.n
        self.context.sections = <SectionSpan *> self.sections.spans.data
        self.context.n_sections = <u32> self.sections.spans.n
        return assert_mentions(&self.context)

    cdef int _trace_cues(self, Batch batch) except -1 nogil:
        cdef const CueHit *hit
        cdef TracedCue *traced
        cdef u64 k
        for k in range(self.context.hits.n):
            hit = &(<const CueHit *> self.context.hits.data)[k]
            traced = <TracedCue *> vec_push(&batch.traced)
            traced.start = self.tokens.items[hit.start].start
            traced.end = self.tokens.items[hit.end - 1].end
            traced.cue = hit.cue
            traced.live = hit.live
        return 0

    # --- rows ---------------------------------------------------------------------------------------------------------

    cdef int append(self, const Text *text, Batch batch) except -1 nogil:
        """Write the note's rows."""
        cdef u32 first_section = self._append_structure(batch)
        cdef const Candidate *all_ = <const Candidate *> self.candidates.data
        cdef const Candidate *c
        cdef u32 *chosen = <u32 *> self.chosen.data
        cdef u32 k, sentence = 0, section = 0, mark = 0, label
        cdef u32 n_candidates = <u32> self.candidates.n, n = <u32> self.chosen.n
        cdef EntityRow *row
        for k in range(n):
            c = &all_[chosen[k]]
            if batch.entities.n == batch.entities.capacity:
                vec_grow(&batch.entities, batch.entities.n + 1)
            row = &(<EntityRow *> batch.entities.data)[batch.entities.n]
            batch.entities.n += 1
            label = self.tables.terms[c.term].label
            row.doc = <u32> batch.docs.n - 1
            row.start = c.char_start
            row.end = c.char_end
            row.term = c.term
            row.label = self.label_out[label]
            row.more = <u32> batch.more.n
            row.n_more = 0
            row.flags = ROW_AMBIGUOUS if self.tables.terms[c.term].flags & TERM_AMBIGUOUS else 0
            if c.end < self.tokens.n and token_punct(&self.tokens.items[c.end]) == 40:
                row.flags |= ROW_BRACKET
            self._append_more(batch, row, chosen[k], n_candidates)
            self._append_attributes(text, batch, row, c)
            self._place(row, c.start, &sentence, &section, first_section)
            mark = self._append_cues(batch, row, c.start, k, mark)
        batch.end_note(False)
        return 0

    cdef u32 _append_structure(self, Batch batch) except? 0xFFFFFFFE nogil:
        """Sentences and sections of the note; returns the number of its first section."""
        cdef const Token *items = self.tokens.items
        cdef u32 *starts = <u32 *> self.sentences.data
        cdef u32 k, last, n = <u32> self.sentences.n
        cdef SentenceRow *sentence
        cdef u32 first = <u32> batch.sections.n
        if batch.sentences.n + n > batch.sentences.capacity:
            vec_grow(&batch.sentences, batch.sentences.n + n)
        for k in range(n):
            last = starts[k + 1] if k + 1 < n else self.tokens.n
            sentence = &(<SentenceRow *> batch.sentences.data)[batch.sentences.n]
            batch.sentences.n += 1
            sentence.start = items[starts[k]].start
            sentence.end = items[last - 1].end
        for k in range(<u32> self.sections.spans.n):
            (<SectionSpan *> vec_push(&batch.sections))[0] = (<SectionSpan *> self.sections.spans.data)[k]
        return first

    cdef int _append_more(self, Batch batch, EntityRow *row, u32 number, u32 n) except -1 nogil:
        """Further lexicon terms with this span and label: their concepts join the mention."""
        cdef const Candidate *all_ = <const Candidate *> self.candidates.data
        cdef const Candidate *c = &all_[number]
        cdef u32 k = number
        while k > 0 and all_[k - 1].end == c.end:
            k -= 1
        while k < n and all_[k].end == c.end:
            if k != number and row.n_more < 0xFFFF and self._joins(c, &all_[k]):
                row.flags |= ROW_AMBIGUOUS      # perhaps: the linker looks
                (<u32 *> vec_push(&batch.more))[0] = all_[k].term
                row.n_more += 1
            k += 1
        return 0

    cdef int _append_attributes(self, const Text *text, Batch batch, EntityRow *row, const Candidate *c) except -1 nogil:
        cdef u32 k
        cdef Attribute *attribute
        row.attribute = <u32> batch.attributes.n
        row.n_attributes = <u16> c.n_attributes
        for k in range(c.n_attributes):
            attribute = <Attribute *> vec_push(&batch.attributes)
            attribute[0] = (<Attribute *> self.attributes.data)[c.attribute + k]
            attribute.numeric = is_number(text, attribute.start, attribute.end)
        return 0

    cdef void _place(self, EntityRow *row, u32 token, u32 *sentence, u32 *section, u32 first_section) noexcept nogil:
        """Sentence and section of a mention; mentions come by start, so both only move on."""
        cdef u32 *starts = <u32 *> self.sentences.data
        cdef SectionSpan *spans = <SectionSpan *> self.sections.spans.data
        while sentence[0] + 1 < <u32> self.sentences.n and starts[sentence[0] + 1] <= token:
            sentence[0] += 1
        row.sentence = sentence[0]
        while section[0] + 1 < <u32> self.sections.spans.n and spans[section[0] + 1].heading_token <= token:
            section[0] += 1
        if self.sections.spans.n and spans[section[0]].heading_token <= token:
            row.section = first_section + section[0]
        else:
            row.section = NONE

    cdef u32 _append_cues(self, Batch batch, EntityRow *row, u32 token, u32 mention, u32 mark) except? 0xFFFFFFFE nogil:
        """The mention's cues by axis, those of its section in their place; returns the next unread mark.

        `token` is the mention's first, NONE when it has none.
        """
        cdef const Mark *marks = <const Mark *> self.context.marks.data
        cdef const SectionSpan *span
        cdef const SectionSpan *whole       # the section that `span` is a part of; itself, when it is none
        cdef const SectionSpan *setting
        cdef CueMark cue
        cdef u32 axis, own = 0, sets = 0, n_marks = <u32> self.context.marks.n
        row.cue = <u32> batch.cues.n
        row.axes = 0
        if row.section != NONE and token != NONE:
            span = &(<const SectionSpan *> batch.sections.data)[row.section]
            whole = span - span.back
            if span.heading != NONE and token >= span.body_token:
                own = self.tables.headings[span.heading].sets
            sets = own
            # A mention may stand in a heading no pack knows: "GOUT: since 1990".
            if span.back and (token >= span.body_token or span.heading == NONE):
                sets |= self.tables.headings[whole.heading].sets
            sets &= self.tables.axes
        if sets == 0 and (mark >= n_marks or marks[mark].mention != mention):
            row.n_cues = 0
            return mark
        for axis in range(5):
            if (sets >> axis) & 1:
                setting = span if (own >> axis) & 1 else whole
                while (mark < n_marks and marks[mark].mention == mention and marks[mark].cue.axis == axis
                       and marks[mark].cue.start <= setting.heading_start):
                    self._push_cue(batch, row, &marks[mark].cue)
                    mark += 1
                cue.axis = axis
                cue.start = setting.heading_start
                cue.end = setting.heading_end
                cue.rule = self.tables.headings[setting.heading].rule
                cue.scope_start = self.tokens.items[setting.body_token].start
                cue.scope_end = self.tokens.items[span.end_token - 1].end
                cue.via = VIA_SECTION
                cue.reserved = 0
                (<CueMark *> vec_push(&batch.cues))[0] = cue
                row.axes |= <u16> (1 << axis)
            while mark < n_marks and marks[mark].mention == mention and marks[mark].cue.axis == axis:
                self._push_cue(batch, row, &marks[mark].cue)
                mark += 1
        row.n_cues = <u16> min(batch.cues.n - row.cue, <u64> 0xFFFF)
        return mark

    cdef int _push_cue(self, Batch batch, EntityRow *row, const CueMark *mark) except -1 nogil:
        """The row of a mark, when some pack assesses its axis."""
        cdef CueMark *cue
        if not (self.tables.axes >> mark.axis) & 1:
            return 0
        cue = <CueMark *> vec_push(&batch.cues)
        cue[0] = mark[0]
        cue.rule = self.tables.cues[mark.rule].rule
        row.axes |= <u16> (1 << mark.axis)
        return 0

    def _append_given(self, Batch batch, list mentions, list order):
        """Rows for given mentions, in the caller's order."""
        cdef u32 first_section = self._append_structure(batch)
        cdef const Mention *m
        cdef EntityRow row
        cdef u32 sentence = 0, section = 0, mark = 0, k
        cdef u64 base = batch.entities.n
        cdef u32 n = <u32> len(mentions)
        for k in range(n):
            vec_push(&batch.entities)
        for k in range(n):
            start, end, label, _ = mentions[order[k]]
            m = &(<const Mention *> self.mentions.data)[k]
            memset(&row, 0, sizeof(EntityRow))
            row.doc = <u32> batch.docs.n - 1
            row.start = start
            row.end = end
            row.label = label
            row.term = NONE
            row.more = <u32> batch.more.n
            self._know_given(batch, &row, m)
            self._place(&row, m.start, &sentence, &section, first_section)
            mark = self._append_cues(batch, &row, m.start if m.start < m.end else <u32> NONE, k, mark)
            (<EntityRow *> batch.entities.data)[base + <u64> <u32> order[k]] = row
        batch.end_note(False)

    cdef int _know_given(self, Batch batch, EntityRow *row, const Mention *m) except -1:
        """Terms whose span is exactly the given mention's give it their concepts, in the order of resolution."""
        cdef const Candidate *c = <const Candidate *> self.candidates.data
        cdef list found = []
        cdef u64 low = 0, high = self.candidates.n, mid
        while low < high:
            mid = (low + high) >> 1
            if c[mid].end < m.end:
                low = mid + 1
            else:
                high = mid
        while low < self.candidates.n and c[low].end == m.end:
            if c[low].char_start == row.start and c[low].char_end == row.end:
                found.append((-c[low].priority, self.tables.terms[c[low].term].rule, low, c[low].term))
            low += 1
        for _, _, _, term in sorted(found)[:0xFFFF]:
            (<u32 *> vec_push(&batch.more))[0] = term
            row.n_more += 1
        return 0


def _group_spans(match, names):
    """Number of the name, start and end of each group that took something; `mention` is no attribute."""
    spans = [(number, match.start(name), match.end(name)) for name, number in names if name != "mention"]
    return [(number, x, y) for number, x, y in spans if 0 <= x < y]


def _hull(start, end, spans):
    """The span of a mention and its captures."""
    return min([start] + [x for _, x, _ in spans]), max([end] + [y for _, _, y in spans])


def _windows(anchors, length):
    """The windows around sorted anchors, those that touch merged: `[low, high, the anchors in it]`."""
    found = []
    last = None
    for start, end in anchors:
        low, high = max(0, start - REGEX_WINDOW), min(length, end + REGEX_WINDOW)
        if last is not None and low <= last[1]:
            last[1] = max(high, last[1])
            last[2].append((start, end))
        else:
            last = [low, high, [(start, end)]]
            found.append(last)
    return found




cdef int _by_start_longest(const void *a, const void *b) noexcept nogil:
    """By start, longest first, then the first program."""
    cdef const Candidate *x = <const Candidate *> a
    cdef const Candidate *y = <const Candidate *> b
    if x.start != y.start:
        return -1 if x.start < y.start else 1
    if x.end != y.end:
        return -1 if x.end > y.end else 1
    return -1 if x.term < y.term else (1 if x.term > y.term else 0)


cdef int _by_end(const void *a, const void *b) noexcept nogil:
    cdef const Candidate *x = <const Candidate *> a
    cdef const Candidate *y = <const Candidate *> b
    if x.end != y.end:
        return -1 if x.end < y.end else 1
    if x.start != y.start:
        return -1 if x.start < y.start else 1
    if x.term != y.term:
        return -1 if x.term < y.term else 1
    if x.char_start != y.char_start:
        return -1 if x.char_start < y.char_start else 1
    if x.char_end != y.char_end:
        return -1 if x.char_end > y.char_end else 1
    return -1 if x.attribute < y.attribute else (1 if x.attribute > y.attribute else 0)


cdef void _sort_by_end(Candidate *items, u64 n) noexcept nogil:
    """Insertion sort for the few a note usually has, qsort for many."""
    cdef u64 i, j
    cdef Candidate moving
    if n > 32:
        qsort(items, n, sizeof(Candidate), _by_end)
        return
    for i in range(1, n):
        moving = items[i]
        j = i
        while j > 0 and _by_end(&moving, &items[j - 1]) < 0:
            items[j] = items[j - 1]
            j -= 1
        items[j] = moving




_FLAG_NAMES = (
    (TOKEN_GLUED, "GLUED"),
    (SEP_SPACE, "SEP_SPACE"),
    (SEP_NEWLINE, "SEP_NEWLINE"),
    (SEP_BLANK, "SEP_BLANK"),
    (SEP_HYPHEN, "SEP_HYPHEN"),
    (SEP_SLASH, "SEP_SLASH"),
    (LEAD_HYPHEN, "LEAD_HYPHEN"),
    (TOKEN_CAP, "CAP"),
    (TOKEN_RESET, "RESET"),
    (TOKEN_ITEM, "ITEM"),
    (TOKEN_DOTTED, "DOTTED"),
)
