"""The authors' workbench: a session over packs and notes in plain Python, and a page in the browser that shows it.

It may import `engine`, `explain`, `authoring`, `packs`, `formats`, `linking.decisions` and `run`'s readers; never the core, the
compiler or commands. Only `page` and `server` need the extra [workbench].
"""
