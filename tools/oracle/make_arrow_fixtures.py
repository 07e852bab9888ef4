#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/data: the first 200 conversations of one question and one answer of examples/sft/kjv_train.jsonl as
Parquet, as an Arrow file, and as a saved Hugging Face dataset. Needs pyarrow 26.0.1 and datasets 5.2.0."""
import json
import pathlib
import shutil

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests" / "golden" / "data"


def main():
    lines = (ROOT / "examples" / "sft" / "kjv_train.jsonl").read_text(encoding="utf-8").splitlines()
    records = [r for r in map(json.loads, lines) if [m["role"] for m in r["messages"]] == ["user", "assistant"]][:200]
    assert len(records) == 200
    pairs = [[m["content"] for m in r["messages"]] for r in records]
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(records), OUT / "messages.parquet", compression="zstd", row_group_size=64)
    # Fields that no row fills stand in every row of a table.
    sharegpt = [{"conversations": [{"from": "human", "value": q, "weight": None}, {"from": "gpt", "value": a}], "tools": None}
                for q, a in pairs]
    table = pa.Table.from_pylist(sharegpt)
    with pa.OSFile(str(OUT / "sharegpt.arrow"), "wb") as sink, \
            pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table, max_chunksize=77)
    alpaca = datasets.Dataset.from_list([{"instruction": q, "input": "", "output": a} for q, a in pairs])
    datasets.DatasetDict({"train": alpaca}).save_to_disk(str(OUT / "saved"), num_shards={"train": 2})
    for path in sorted(OUT.rglob("*")):
        print(path.relative_to(OUT), path.stat().st_size if path.is_file() else "")


if __name__ == "__main__":
    main()
