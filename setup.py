"""Build of the compiled core. RULENER_CORE_DEBUG=1 builds with bounds checks and without optimisation."""

import os
import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

MODULES = (
    "memory", "text", "automaton", "patterns", "sections", "sentences", "spans", "context", "columns", "export",
    "json_writer", "scanner",
)  # fmt: skip
DEBUG = os.environ.get("RULENER_CORE_DEBUG") == "1"
SANITIZE = os.environ.get("RULENER_CORE_SANITIZE", "")  # e.g. "address,undefined"

if sys.platform == "win32":
    compile_args = ["/O2"]
    link_args: list[str] = []
else:
    compile_args = ["-O1", "-g"] if DEBUG or SANITIZE else ["-O3"]
    compile_args += ["-Wno-unused-function", "-Wno-unreachable-code"]
    link_args = []
    if SANITIZE:
        compile_args += [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
        link_args += [f"-fsanitize={SANITIZE}"]

extensions = [
    Extension(f"rulener.core.{name}", [f"rulener/core/{name}.pyx"], extra_compile_args=compile_args, extra_link_args=link_args)
    for name in MODULES
]

setup(
    ext_modules=cythonize(
        extensions,
        compiler_directives={"boundscheck": True, "initializedcheck": True} if DEBUG else {},
    )
)
