# SPDX-License-Identifier: Apache-2.0
"""Small tokenizer.json files, one for each component and option that the C++ reader supports."""

TEXTS = ["", "Hello, World! 123", "  leading and trailing  ", "a_b-c d'e", "İSTANBUL Straße ﬁ Å", "12ab34 ⅫⅣ", "x\n\ny\t z", "<s> hi <tok> x<tok>y  <tok>  z",
         "日本 語テスト", "e\u0301a\u0308 \u1e69", "caf\u00e9 résumé", "a\u180eb\u2003c", "don't WE'LL", "👍🏽 ok", "--a--b-", "zzz ▁ z", "Hello\u0000there", "<N>x <n>y"]

LETTERS = [chr(c) for c in range(0x21, 0x7f)]


def byte_alphabet():
    codes = list(range(0x21, 0x7F)) + list(range(0xA1, 0xAD)) + list(range(0xAE, 0x100))
    extra, chars = 256, []
    for b in range(256):
        if b in codes:
            chars.append(chr(b))
        else:
            chars.append(chr(extra))
            extra += 1
    return chars


def model(tokens, merges, **options):
    vocab = {}
    for token in list(tokens) + ["".join(m) for m in merges]:
        vocab.setdefault(token, len(vocab))
    base = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": [list(m) for m in merges]}
    return base | options


def added(id, content, **options):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} | options


def spec(model, **parts):
    base = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
            "post_processor": None, "decoder": None, "model": model}
    return base | parts


PAIRS = [("H", "e"), ("l", "l"), ("He", "ll"), ("Hell", "o"), ("a", "b"), ("1", "2"), ("z", "z"), ("o", "r"), ("-", "-")]
BYTES = model(byte_alphabet(), PAIRS + [("Ġ", "a"), ("Ġ", "Ġ"), ("Ã", "©")])
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
DECODE = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}


def through_bytes(*pre, **parts):
    return spec(BYTES, pre_tokenizer={"type": "Sequence", "pretokenizers": list(pre) + [BYTE_LEVEL]}, decoder=DECODE, **parts)


def split(behavior, pattern, invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def cases():
    out = {}
    for form in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents"):
        out[form] = through_bytes(normalizer={"type": form})
    out["strip"] = through_bytes(normalizer={"type": "Strip", "strip_left": True, "strip_right": True})
    out["strip left"] = through_bytes(normalizer={"type": "Strip", "strip_left": True, "strip_right": False})
    out["sequence"] = through_bytes(normalizer={"type": "Sequence", "normalizers": [
        {"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}, {"type": "Replace", "pattern": {"Regex": "z+"}, "content": "Z"}]})
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        out["split " + behavior] = through_bytes(split(behavior, {"Regex": "[-\\s]"}))
        out["split inverted " + behavior] = through_bytes(split(behavior, {"Regex": "[a-z]+"}, True))
        out["split string " + behavior] = through_bytes(split(behavior, {"String": "--"}))
        out["punctuation " + behavior] = through_bytes({"type": "Punctuation", "behavior": behavior})
    for name, pattern in {"classes": "\\w+|\\d|\\s", "posix": "[[:alpha:]]+", "empty": "(?=[a-z])", "possessive": "\\p{N}{1,2}+|\\p{L}++", "anchors": "^.|.$",
                          "intersection": "[\\p{L}&&[^a-m]]+|\\p{Han}", "nested": "[a[bc]\\d]+", "unicode": "\\u0041|\\x{65e5}|[^\\s\\p{L}]",
                          "dotall": "(?m:.+)", "caseless": "(?i:'s|'LL|straße|we)", "hex": "\\h+", "property": "\\p{^L}+|\\p{Lu}"}.items():
        out["pattern " + name] = through_bytes(split("Isolated", {"Regex": pattern}))
    out["digits"] = through_bytes({"type": "Digits", "individual_digits": False})
    out["individual digits"] = through_bytes({"type": "Digits", "individual_digits": True})
    out["whitespace"] = through_bytes({"type": "Whitespace"})
    out["whitespace split"] = through_bytes({"type": "WhitespaceSplit"})
    out["gpt2"] = spec(BYTES, pre_tokenizer={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}, decoder=DECODE)
    out["bytes then digits"] = spec(BYTES, pre_tokenizer={"type": "Sequence", "pretokenizers": [BYTE_LEVEL, {"type": "Digits", "individual_digits": True}]}, decoder=DECODE)
    for scheme in ("always", "never", "first"):
        space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": scheme != "first"}
        out["metaspace " + scheme] = spec(model(["<unk>", "▁"] + LETTERS, PAIRS, unk_token="<unk>"), pre_tokenizer=space, decoder=space,
                                          added_tokens=[added(0, "<unk>"), added(300, "<tok>")])
    tokens = ["<unk>", "<s>", "</s>", "▁"] + [f"<0x{b:02X}>" for b in range(256)] + LETTERS
    llama = {"normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
             "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
                                                          {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}}
    template = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}
    out["llama"] = spec(model(tokens, PAIRS, unk_token="<unk>", fuse_unk=True, byte_fallback=True), added_tokens=[added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")],
                        post_processor={"type": "Sequence", "processors": [{"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}, template]}, **llama)
    for fuse in (False, True):
        out[f"unknown fuse={fuse}"] = spec(model(["<unk>"] + LETTERS, PAIRS, unk_token="<unk>", fuse_unk=fuse))
        out[f"partial bytes fuse={fuse}"] = spec(model(["<unk>"] + LETTERS + ["<0x20>", "<0x0A>"], PAIRS, unk_token="<unk>", fuse_unk=fuse, byte_fallback=True))
    out["no unknown"] = spec(model(LETTERS, PAIRS))
    out["ignore merges"] = spec(model(byte_alphabet() + ["Hello", "World", "don"], PAIRS, ignore_merges=True), decoder=DECODE,
                                pre_tokenizer={"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True})
    out["suffix"] = spec(model(LETTERS + [c + "</w>" for c in LETTERS], [("H", "e"), ("l", "o</w>"), ("a", "b</w>")], end_of_word_suffix="</w>"), pre_tokenizer={"type": "WhitespaceSplit"})
    out["prefix"] = spec(model(LETTERS + ["##" + c for c in LETTERS] + ["He", "##ll", "Hell"], [], continuing_subword_prefix="##"), pre_tokenizer={"type": "WhitespaceSplit"})
    for options in ({"lstrip": True}, {"rstrip": True}, {"single_word": True}, {"lstrip": True, "rstrip": True, "special": False}, {"normalized": True, "special": False}):
        parts = {"normalizer": {"type": "Lowercase"}, "added_tokens": [added(400, "<tok>", **options), added(401, "<N>", **options), added(402, "<s>")]}
        out["added " + " ".join(options)] = through_bytes(**parts)
    return out
