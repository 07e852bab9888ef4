# SPDX-License-Identifier: Apache-2.0
"""Golden ids and decoded texts of the `tokenizers` package (pinned 0.23.3).

Writes quickstart.jsonl, components.jsonl, sentencepiece.jsonl (ids of the `sentencepiece` package) and tiktoken.jsonl to
tests/golden/tokenizer. A record: {"text", "ids" (without special tokens added), "special" (with), "decoded" (special kept), "skipped"
(special dropped), in components "pair" (ids of the text and "second")}. Published vocabularies: tokenizer_real.py.
"""
import base64
import json
import pathlib
import sys

import sentencepiece
import tiktoken
import tokenizers
from tokenizers import Tokenizer

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tokenizer_components  # noqa: E402
import tokenizer_model_cases  # noqa: E402
from tokenizer_strings import strings  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


def record(tokenizer: Tokenizer, text: str) -> dict:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    special = tokenizer.encode(text, add_special_tokens=True).ids
    return {"text": text, "ids": ids, "special": special, "decoded": tokenizer.decode(special, skip_special_tokens=False),
            "skipped": tokenizer.decode(special, skip_special_tokens=True)}


def write(path: pathlib.Path, records) -> None:
    path.write_text("".join(json.dumps(r, ensure_ascii=True) + "\n" for r in records))


def component(name: str, spec: dict, texts: list) -> dict:
    tokenizer = Tokenizer.from_str(json.dumps(spec))
    records = [record(tokenizer, s) for s in texts]
    for first, second in zip(records[1:6], records[2:7]):
        first |= {"second": second["text"], "pair": tokenizer.encode(first["text"], second["text"]).ids}
    return {"name": name, "tokenizer": spec, "records": records}


def sentencepiece_case(name: str, data: bytes, texts: list) -> dict:
    processor = sentencepiece.SentencePieceProcessor(model_proto=data)
    encoded = [(t, processor.encode(t)) for t in texts]
    return {"name": name, "model": base64.b64encode(data).decode(),
            "records": [{"text": t, "ids": ids, "special": ids, "decoded": processor.decode(ids), "skipped": processor.decode(ids)} for t, ids in encoded]}


# The second isn't covered by the reader's own automaton, possessive repeats and the end of the text are.
PATTERNS = {"o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+|.",
            "lookbehind": r"(?<=a)b|\p{L}+|\s+|.", "possessive": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"}


def tiktoken_case(name: str, pattern: str, texts: list) -> dict:
    ranks = tokenizer_model_cases.tiny_ranks()
    encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={"<s>": 300})
    encoded = [(t, encoding.encode(t, allowed_special="all")) for t in texts]
    lines = "".join(f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks.items())
    return {"name": name, "pattern": pattern, "ranks": lines, "specials": {"300": {"content": "<s>", "special": True}},
            "records": [{"text": t, "ids": ids, "special": ids, "decoded": encoding.decode(ids), "skipped": encoding.decode([i for i in ids if i != 300])} for t, ids in encoded]}


def main() -> None:
    assert tokenizers.__version__ == "0.23.3", "needs tokenizers 0.23.3"
    out = ROOT / "tests" / "golden" / "tokenizer"
    out.mkdir(parents=True, exist_ok=True)
    shipped = Tokenizer.from_file(str(ROOT / "examples" / "quickstart" / "tokenizer.json"))
    write(out / "quickstart.jsonl", (record(shipped, s) for s in strings(600)))
    models = tokenizer_model_cases.sentencepiece_models()
    cases, charsmap = [], tokenizer_model_cases.charsmap_of(models["unigram"])
    for name, spec in (tokenizer_components.cases() | tokenizer_model_cases.word_models(charsmap)).items():
        cases.append(component(name, spec, tokenizer_components.TEXTS))
    for name, spec in tokenizer_model_cases.unigrams().items():
        cases.append(component(name, spec, tokenizer_model_cases.UNIGRAM_TEXTS))
    write(out / "components.jsonl", cases)
    texts = tokenizer_components.TEXTS + tokenizer_model_cases.UNIGRAM_TEXTS + strings(200)
    write(out / "sentencepiece.jsonl", (sentencepiece_case(name, data, texts) for name, data in models.items()))
    write(out / "tiktoken.jsonl", [tiktoken_case(name, pattern, texts) for name, pattern in PATTERNS.items()])


if __name__ == "__main__":
    main()
