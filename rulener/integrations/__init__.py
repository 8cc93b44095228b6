"""rulener inside other libraries' pipelines, one module a library, each behind an extra. Imports the public face only."""
