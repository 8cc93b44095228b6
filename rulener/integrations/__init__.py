"""rulener inside other libraries' pipelines, one module a library, each behind an extra; `rows` and `arrow` are what they share.

Imports the public face, what makes Arrow tables of batches (`formats`) and the limits of a run.
"""
