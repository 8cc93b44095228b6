# Growing arrays. A Vec is plain C, usable without the GIL; a Column owns one and lends it to Python as a buffer.

from rulener.core.structs cimport u64

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define rn_prefetch(p) __builtin_prefetch((const void *)(p), 0, 3)
    #else
    #define rn_prefetch(p) ((void)0)
    #endif
    """
    void rn_prefetch(const void *p) noexcept nogil

cdef struct Vec:
    void *data
    u64 n                       # items
    u64 capacity                # items
    u64 item                    # bytes

cdef int vec_grow(Vec *vec, u64 need) except -1 nogil
cdef void vec_free(Vec *vec) noexcept nogil

cdef inline void vec_init(Vec *vec, u64 item) noexcept nogil:
    vec.data = NULL
    vec.n = 0
    vec.capacity = 0
    vec.item = item

cdef inline void *vec_push(Vec *vec) except NULL nogil:
    """Room for one more item; the caller fills it."""
    if vec.n == vec.capacity:
        vec_grow(vec, vec.n + 1)
    vec.n += 1
    return <char *> vec.data + (vec.n - 1) * vec.item

cdef class Column:
    cdef Vec vec
    cdef bytes format
    cdef Py_ssize_t[1] _shape
    cdef Py_ssize_t[1] _strides

cdef Column column(u64 item, bytes format)
