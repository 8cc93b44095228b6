#!/usr/bin/env bash
# Does every extra install alone? Each gets an empty environment with rulener and that extra, and its module is imported there.
#
#   scripts/extras.sh [EXTRA...]      all of them, or those named
#
# Needs pip's index, a C compiler and some minutes; not part of .ci/run. Environments are made in $TMPDIR and removed.
set -uo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1 RULENER_CACHE_DIR="$work/cache"
unset PYTHONPATH
failed=()

# check STATEMENT: install rulener[$extra] into an empty environment, run the statement there.
check() {
    local started=$SECONDS
    if python3 -m venv "$work/$extra" &&
        "$work/$extra/bin/pip" install --quiet "$wheel[$extra]" &&
        "$work/$extra/bin/pip" check >/dev/null &&
        (cd "$work" && "$work/$extra/bin/python" -W error::ImportWarning -c "$1"); then
        printf '%-10s fine  %4ss  %s\n' "$extra" $((SECONDS - started)) "$(du -sh "$work/$extra" | cut -f1)"
    else
        printf '%-10s FAILED\n' "$extra"
        failed+=("$extra")
    fi
    rm -rf "${work:?}/$extra"
}

python3 -m venv "$work/build" && "$work/build/bin/pip" wheel --quiet --no-deps -w "$work/wheels" "$here" || exit 1
wheel=$(ls "$work"/wheels/rulener-*.whl)

load='import rulener; assert rulener.load().annotate("Denies fever.").entities[0].negated'
known=(link parquet duckdb postgres fhir pandas polars dask spark spacy serve workbench)
for extra in "${@:-${known[@]}}"; do
    case $extra in
        link)      check "import rulener; rulener.load(linking={'steps': ['spelling']}).annotate('fevr', mentions=[(0, 4, 'symptom')])" ;;
        parquet)   check "import rulener; assert rulener.load().annotate_batch(['Denies fever.']).num_rows == 1" ;;
        duckdb)    check "$load; from rulener.formats.database import parse_url; parse_url('duckdb:new.duckdb').needed()" ;;
        postgres)  check "$load; from rulener.formats.database import parse_url; parse_url('postgresql://localhost/x').needed()" ;;
        fhir)      check "$load; import fhir.resources.R4B.bundle" ;;
        pandas)    check "import pandas; from rulener.integrations.pandas import annotate; assert len(annotate(pandas.Series(['Denies fever.'])).entities) == 1" ;;
        polars)    check "import polars; from rulener.integrations.polars import annotate; assert len(annotate(polars.Series(['Denies fever.'])).entities) == 1" ;;
        dask)      check "import pandas, dask.dataframe as dd; from rulener.integrations.dask import annotate; assert len(annotate(dd.from_pandas(pandas.DataFrame({'t': ['Denies fever.']})), text='t').compute(scheduler='synchronous')) == 1" ;;
        spark)     check "$load; import rulener.integrations.spark" ;;
        spacy)     check "import spacy; nlp = spacy.blank('en'); nlp.add_pipe('rulener'); assert nlp('Denies fever.').ents[0]._.negated" ;;
        serve)     check "$load; import rulener.service.app, rulener.service.server" ;;
        workbench) check "$load; import uvicorn, rulener.workbench.page" ;;
        *)         echo "no such extra: $extra"; failed+=("$extra") ;;
    esac
done

if [ "${#failed[@]}" -gt 0 ]; then
    echo "FAILED: ${failed[*]}"
    exit 1
fi
