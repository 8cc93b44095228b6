"""Growing arrays shared by the builder and the scanner; Python sees only the buffers they become."""

class Column:
    """A read-only one-dimensional buffer over an array that the core filled (PEP 3118: `memoryview(column)`).

    Item size and format are those of the table it belongs to, `len` counts items. A writable buffer raises BufferError.
    """

    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
