"""Dask: every partition is annotated where it is, in threads or processes, with the index of its notes."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("dask", reason="Dask is not installed (extra [dask])")
pd = pytest.importorskip("pandas", reason="pandas is not installed (extra [dask])")
pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra [dask])")

import dask.dataframe as dd  # noqa: E402

import rulener  # noqa: E402
from rulener.integrations import dask as integration  # noqa: E402
from rulener.integrations.dask import annotate  # noqa: E402
from tests.small import NOTES, write_lexicon, write_pack  # noqa: E402

TEXTS = ["Denies otalgia 🙂 and hiccups 7.", None, "", "Known otalgia.", "nothing", *NOTES] * 4

THEIRS = pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame")  # Dask's to_parquet with pandas 3.1


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> rulener.Engine:
    folder = tmp_path_factory.mktemp("dask")
    lexicon = write_lexicon(folder / "lexicon.tsv")
    return rulener.load(write_pack(folder / "small"), base=None, lexicons=[lexicon], cache_dir=folder / "cache")


@pytest.fixture(scope="module")
def frame() -> Any:
    size = len(TEXTS)
    return pd.DataFrame({"note": TEXTS, "key": range(100, 100 + size), "ward": [f"w{k}" for k in range(size)]})


def expected(engine: rulener.Engine) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for k, text in enumerate(TEXTS):
        if text is None:
            rows.append((k, str(100 + k), None, None, None, f"w{k}", "N106"))
        else:
            found = engine.annotate(text).entities
            rows += [(k, str(100 + k), e.start, e.label, e.negated, f"w{k}", None) for e in found]
    return rows


def shown(found: Any) -> list[tuple[Any, ...]]:
    columns = [found[name].tolist() for name in ("note_id", "start", "label", "negated", "ward")]
    errors = [None if error is pd.NA or error is None else error["code"] for error in found["error"]]
    rows = zip(found.index.tolist(), *columns, errors, strict=True)
    return [tuple(None if value is pd.NA else value for value in row) for row in rows]


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", "processes"])
def test_the_rows_are_those_of_the_engine(engine: rulener.Engine, frame: Any, scheduler: str) -> None:
    df = dd.from_pandas(frame, npartitions=3)
    made = annotate(df, engine, text="note", id="key", carry=["ward"])
    found = made.compute(scheduler=scheduler)
    assert shown(found) == expected(engine)
    assert found.dtypes.astype(str).tolist() == made.dtypes.astype(str).tolist()
    assert made.npartitions == df.npartitions


def test_partitions_with_and_without_errors_have_the_same_types(engine: rulener.Engine) -> None:
    df = dd.from_pandas(pd.DataFrame({"text": ["otalgia", "Denies otalgia", None, None]}), npartitions=2)
    made = annotate(df, engine.path, text="text")
    found = made.compute(scheduler="synchronous")
    assert "note_id" not in made.columns
    assert found["start"].tolist()[:2] == [0, 7]
    assert found["error"].isna().tolist() == [True, True, False, False]
    assert made["negated"].sum().compute(scheduler="synchronous") == 1


@THEIRS
def test_it_is_written_as_parquet(engine: rulener.Engine, frame: Any, tmp_path: Path) -> None:
    made = annotate(dd.from_pandas(frame, npartitions=2), engine, text="note", id="key")
    made.to_parquet(tmp_path / "entities")
    again = dd.read_parquet(tmp_path / "entities", dtype_backend="pyarrow").compute(scheduler="synchronous")
    assert len(again) == len(expected(engine))
    assert again["concepts"].iloc[0][0]["code"] == "H92.09"


def test_a_worker_keeps_its_engine_and_refuses_another_file(engine: rulener.Engine, tmp_path: Path) -> None:
    path = tmp_path / "some.rnr"
    path.write_bytes(engine.path.read_bytes())
    df = dd.from_pandas(pd.DataFrame({"text": ["otalgia"] * 4}), npartitions=4)
    made = annotate(df, path, text="text")
    integration._engine.cache_clear()
    assert len(made.compute(scheduler="synchronous")) == 4
    assert integration._engine.cache_info().misses == 1
    integration._engine.cache_clear()
    other = rulener.load(engine.path, scheme="i2b2")
    with pytest.raises(rulener.UsageError, match="U242"):
        integration._engine(pickle.dumps(other), engine.fingerprint)


def test_wrong_columns_are_said(engine: rulener.Engine, frame: Any) -> None:
    df = dd.from_pandas(frame, npartitions=1)
    with pytest.raises(rulener.UsageError, match="U213"):
        annotate(df, engine, text="absent")
    with pytest.raises(rulener.UsageError, match="U241"):
        annotate(df.rename(columns={"ward": "label"}), engine, text="note", carry=["label"])


@THEIRS
def test_the_examples_of_the_guide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import re

    page = (Path(__file__).parents[2] / "docs/guide/dataframes.md").read_text(encoding="utf-8")
    found = re.findall(r"^```python no-run=\"needs the extra \[dask\][^\n]*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert found
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path / "cache"))
    namespace: dict[str, object] = {"__name__": "example"}
    for body in found:
        exec(body, namespace)
