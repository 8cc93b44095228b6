"""Which concept a mention is: the steps that rank candidates, what a note says about them, and the reviewer's decisions.

May import `rulener.core` (tables and batches), `rulener.artifact` and `rulener.errors`; `engine.py` is its only caller.
Specification: docs/design/linking.md.
"""
