# SPDX-License-Identifier: Apache-2.0
"""Trains examples/quickstart/tokenizer.json (byte-level BPE, Qwen's pre-tokenizer) on the training part of kjv.txt.zst.

Pinned: tokenizers 0.23.3. The held-out part is the same as `loongforge data tokenize` makes: documents of 20 lines, document
i held out when word 0 of Philox4x32-10(key = seed, counter = i) is below fraction * 2^32 (include/loongforge/corpus/holdout.h).
"""
import json
import pathlib
import subprocess

import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

VERSION = "0.23.3"
LINES_PER_DOCUMENT, FRACTION, SEED = 20, 0.05, 1234
VOCAB_SIZE = 2048
END = "<|endoftext|>"
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
           r"|\s+(?!\S)|\s+")
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples" / "quickstart"
MASK = 0xFFFFFFFF


def philox_word(key: int, counter: int) -> int:
    """Word 0 of Philox4x32-10 (Salmon et al. 2011)."""
    c = [counter & MASK, counter >> 32, 0, 0]
    k0, k1 = key & MASK, key >> 32
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & MASK, (p0 >> 32) ^ c[3] ^ k1, p0 & MASK]
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return c[0]


def held_out(document: int) -> bool:
    return philox_word(SEED, document) < int(FRACTION * 2**32)


def documents() -> list[str]:
    text = subprocess.run(["zstd", "-dcq", FOLDER / "kjv.txt.zst"], check=True, capture_output=True).stdout.decode()
    lines = text.splitlines(keepends=True)
    return ["".join(lines[i:i + LINES_PER_DOCUMENT]) for i in range(0, len(lines), LINES_PER_DOCUMENT)]


def main() -> None:
    assert tokenizers.__version__ == VERSION, f"needs tokenizers {VERSION}"
    train = [d for i, d in enumerate(documents()) if not held_out(i)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, use_regex=False, trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCAB_SIZE, special_tokens=[END], show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(train, trainer)
    assert tokenizer.get_vocab_size() == VOCAB_SIZE
    tokenizer.save(str(FOLDER / "tokenizer.json"))
    write = lambda name, value: (FOLDER / name).write_text(json.dumps(value, indent=2) + "\n")
    write("tokenizer_config.json", {
        "add_prefix_space": False, "bos_token": None, "clean_up_tokenization_spaces": False, "eos_token": END,
        "model_max_length": 131072, "pad_token": END, "tokenizer_class": "PreTrainedTokenizerFast", "unk_token": None})
    end = tokenizer.token_to_id(END)
    write("generation_config.json", {"do_sample": True, "temperature": 0.8, "top_k": 50, "top_p": 0.95,
                                     "eos_token_id": end, "pad_token_id": end})
    held = [d for i, d in enumerate(documents()) if held_out(i)]
    count = lambda docs: sum(len(e.ids) + 1 for e in tokenizer.encode_batch(docs))
    print(f"train: {len(train)} documents, {count(train)} tokens; held out: {len(held)} documents, {count(held)} tokens; "
          f"vocabulary {VOCAB_SIZE}, {END} = {end}")


if __name__ == "__main__":
    main()
