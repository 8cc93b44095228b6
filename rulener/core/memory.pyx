# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""Growing arrays shared by the builder and the scanner."""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_WRITABLE
from libc.stdlib cimport free, realloc

from rulener.core.structs cimport u64


cdef int vec_grow(Vec *vec, u64 need) except -1 nogil:
    cdef u64 capacity = vec.capacity + vec.capacity // 2 + 16
    cdef void *data
    if capacity < need:
        capacity = need
    data = realloc(vec.data, capacity * vec.item)
    if data == NULL:
        with gil:
            raise MemoryError(f"cannot grow an array to {capacity * vec.item} bytes")
    vec.data = data
    vec.capacity = capacity
    return 0


cdef void vec_free(Vec *vec) noexcept nogil:
    free(vec.data)
    vec.data = NULL
    vec.n = 0
    vec.capacity = 0


cdef class Column:
    """A read-only buffer over an array that the core filled."""

    def __dealloc__(self):
        vec_free(&self.vec)

    def __len__(self):
        return self.vec.n

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        if flags & PyBUF_WRITABLE:
            raise BufferError("columns are read-only")
        self._shape[0] = <Py_ssize_t> self.vec.n
        self._strides[0] = <Py_ssize_t> self.vec.item
        buffer.buf = self.vec.data if self.vec.data != NULL else <void *> self._shape
        buffer.obj = self
        buffer.len = <Py_ssize_t> (self.vec.n * self.vec.item)
        buffer.readonly = 1
        buffer.itemsize = <Py_ssize_t> self.vec.item
        buffer.format = <char *> self.format if flags & PyBUF_FORMAT else NULL
        buffer.ndim = 1
        buffer.shape = self._shape
        buffer.strides = self._strides
        buffer.suboffsets = NULL
        buffer.internal = NULL


cdef Column column(u64 item, bytes format):
    cdef Column made = Column.__new__(Column)
    made.vec.data = NULL
    made.vec.n = 0
    made.vec.capacity = 0
    made.vec.item = item
    made.format = format
    return made
