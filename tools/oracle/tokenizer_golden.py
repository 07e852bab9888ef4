# SPDX-License-Identifier: Apache-2.0
"""Golden ids and decoded texts of the `tokenizers` package (pinned 0.23.3).

    tokenizer_golden.py                                   writes tests/golden/tokenizer/quickstart.jsonl and components.jsonl
    tokenizer_golden.py TOKENIZER_JSON OUT.jsonl [COUNT]   the same for any vocabulary (not to be committed: they keep their licence)

Each line: {"text", "ids" (without special tokens added), "special" (with), "decoded" (special kept), "skipped" (special dropped)}.
"""
import json
import pathlib
import sys

import tokenizers
from tokenizers import Tokenizer

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tokenizer_components  # noqa: E402
from tokenizer_strings import strings  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


def record(tokenizer: Tokenizer, text: str) -> dict:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    special = tokenizer.encode(text, add_special_tokens=True).ids
    return {"text": text, "ids": ids, "special": special, "decoded": tokenizer.decode(special, skip_special_tokens=False),
            "skipped": tokenizer.decode(special, skip_special_tokens=True)}


def write(path: pathlib.Path, records) -> None:
    path.write_text("".join(json.dumps(r, ensure_ascii=True) + "\n" for r in records))


def main() -> None:
    assert tokenizers.__version__ == "0.23.3", "needs tokenizers 0.23.3"
    if len(sys.argv) > 2:
        tokenizer = Tokenizer.from_file(sys.argv[1])
        count = int(sys.argv[3]) if len(sys.argv) > 3 else 5000
        write(pathlib.Path(sys.argv[2]), (record(tokenizer, s) for s in strings(count)))
        return
    out = ROOT / "tests" / "golden" / "tokenizer"
    out.mkdir(parents=True, exist_ok=True)
    shipped = Tokenizer.from_file(str(ROOT / "examples" / "quickstart" / "tokenizer.json"))
    write(out / "quickstart.jsonl", (record(shipped, s) for s in strings(600)))
    cases = []
    for name, spec in tokenizer_components.cases().items():
        tokenizer = Tokenizer.from_str(json.dumps(spec))
        cases.append({"name": name, "tokenizer": spec, "records": [record(tokenizer, s) for s in tokenizer_components.TEXTS]})
    write(out / "components.jsonl", cases)


if __name__ == "__main__":
    main()
