#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/data/sft_masks.json: ids and assistant masks that transformers 5.23 gives for examples/sft/kjv_valid.jsonl with
the quickstart's tokenizer and chat template. A mask is written as [begin, count] of its runs of ones."""
import itertools
import json
import pathlib

from transformers import PreTrainedTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "quickstart"


def runs(mask):
    found, at = [], 0
    for value, group in itertools.groupby(mask):
        count = len(list(group))
        if value:
            found.append([at, count])
        at += count
    return found


def main():
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(FOLDER / "tokenizer.json"), eos_token="<|endoftext|>")
    tokenizer.chat_template = (FOLDER / "chat_template.jinja").read_text(encoding="utf-8")
    made = []
    for line in (ROOT / "examples" / "sft" / "kjv_valid.jsonl").read_text(encoding="utf-8").splitlines():
        encoded = tokenizer.apply_chat_template(json.loads(line)["messages"], tokenize=True, return_dict=True,
                                                return_assistant_tokens_mask=True)
        made.append({"ids": list(encoded["input_ids"]), "trained": runs(encoded["assistant_masks"])})
    out = ROOT / "tests" / "golden" / "data" / "sft_masks.json"
    out.write_text("[" + ",\n".join(json.dumps(one, separators=(",", ":")) for one in made) + "]\n", encoding="utf-8")
    print(f"{len(made)} conversations, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
