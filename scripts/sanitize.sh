#!/bin/sh
# Run the core's tests under AddressSanitizer and UndefinedBehaviorSanitizer. See docs/design/testing.md.
#
#   scripts/sanitize.sh [PYTEST-ARGUMENTS]
#
# The checkout is copied and built there, so its own build stays as it is. Needs gcc with libasan and the test dependencies in
# the environment of $PYTHON (default: python3). $SANITIZE_DIR keeps the copy for a second run (default: a temporary folder).
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
if [ -n "${SANITIZE_DIR:-}" ]; then
    copy=$SANITIZE_DIR
    mkdir -p "$copy"
else
    copy=$(mktemp -d)
    trap 'rm -rf "$copy"' EXIT
fi

(cd "$root" && tar cf - --exclude=.git --exclude=build --exclude='*.so' --exclude='*.c' --exclude=__pycache__ .) | (cd "$copy" && tar xf -)
cd "$copy"
RULENER_CORE_SANITIZE=address,undefined "$python" setup.py -q build_ext --inplace

if [ $# -eq 0 ]; then
    set -- tests/test_engine.py tests/test_artifact.py tests/compiler
    [ ! -d tests/core ] || set -- tests/core "$@"
fi

# Python's own allocator would hide overruns; its interpreter-lifetime objects are no leaks of ours.
export PYTHONPATH="$copy" PYTHONMALLOC=malloc RULENER_CACHE_DIR="$copy/.cache" RULENER_SANITIZED=1
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" \
    "$python" -m pytest -q -p no:cacheprovider "$@"
