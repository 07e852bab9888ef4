# SPDX-License-Identifier: Apache-2.0
"""Small tokenizer.json files of the models beside byte-pair encoding and of the components that go with them, and small SentencePiece
models and ranked vocabularies. Used by tokenizer_golden.py."""
import base64
import io
import pathlib
import subprocess
import tempfile

from tokenizer_components import DECODE, LETTERS, PAIRS, added, model, spec, through_bytes

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIGRAM_TEXTS = ["", "Hello, World!", "  and  the   LORD said ", "the▁the", "ﬁ Å ① ｶﾞ", "日本 語テスト", "é e\u0301 a\u0308", "x\ny\tz\r\n", "zzz\u200bz", "😀👍🏽 ok", "aaaaabaab"]


def text(limit: int) -> str:
    kjv = subprocess.run(["zstd", "-dc", ROOT / "examples" / "quickstart" / "kjv.txt.zst"], check=True, capture_output=True).stdout.decode()
    return kjv[:limit]


def sentencepiece_models() -> dict:
    """Name → bytes of tiny models trained on the beginning of the KJV, with a character map of their own."""
    import sentencepiece
    rules = rules_file()
    out = {}
    lines = text(200_000).splitlines()
    common = {"vocab_size": 320, "character_coverage": 0.9995, "num_threads": 1, "hard_vocab_limit": False, "minloglevel": 2}
    for name, options in {
        "unigram": {"model_type": "unigram", "normalization_rule_tsv": rules, "user_defined_symbols": ["<tok>", "said"]},
        "unigram bytes": {"model_type": "unigram", "byte_fallback": True, "remove_extra_whitespaces": False, "vocab_size": 520, "normalization_rule_name": "identity"},
        "bpe": {"model_type": "bpe", "normalization_rule_tsv": rules, "user_defined_symbols": ["<tok>"], "add_dummy_prefix": False},
        "bpe bytes": {"model_type": "bpe", "byte_fallback": True, "vocab_size": 520, "remove_extra_whitespaces": False, "normalization_rule_name": "identity", "allow_whitespace_only_pieces": True},
    }.items():
        writer = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=writer, **(common | options))
        out[name] = writer.getvalue()
    return out


def charsmap_of(model_bytes: bytes) -> bytes:
    """precompiled_charsmap: field 2 of field 3."""
    def fields(data):
        at = 0
        while at < len(data):
            tag, at = varint(data, at)
            if tag & 7 == 0:
                value, at = varint(data, at)
            else:
                size, at = varint(data, at) if tag & 7 == 2 else (4 if tag & 7 == 5 else 8, at)
                value, at = data[at:at + size], at + size
            yield tag >> 3, value

    def varint(data, at):
        value = shift = 0
        while True:
            value |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if data[at - 1] < 0x80:
                return value, at
    normalizer = next(v for n, v in fields(model_bytes) if n == 3)
    return next(v for n, v in fields(normalizer) if n == 2)


def rules_file() -> str:
    points = lambda s: " ".join(f"{ord(c):X}" for c in s)
    rules = {"ﬁ": "fi", "\u212b": "\u00c5", "①": "1", "ｶﾞ": "ガ", "e\u0301": "é", "\t": " ", "\n": " ", "\r": " ", "Ａ": "A", "…": "...", "\u3000": " "}
    path = pathlib.Path(tempfile.mkdtemp()) / "rules.tsv"
    path.write_text("".join(f"{points(a)}\t{points(b)}\n" for a, b in rules.items()))
    return str(path)


def tiny_ranks() -> dict:
    ranks = {bytes([b]): b for b in range(256)}
    for token in ("th", "the", " t", " the", "in", "ing", "an", "and", " and", "\n\n", "12", "é", "日本", "  ", "ab", "bc", "abc", "LO", "LORD", "hello"):
        ranks.setdefault(token.encode(), len(ranks))
    return ranks


def word_models(charsmap: bytes) -> dict:
    out = {}
    words = ["[UNK]", "[CLS]", "[SEP]", "hello", "world", "!", ",", "123", "a", "##b", "un", "##a", "##ff", "##able", "d", "'", "e", "日", "本", "is", "##tanbul", "strasse", "x", "y", "z",
             "don", "t", "we", "ll", "-", "and", "trailing", "leading", "##z", "i", "##̇"]
    pieces = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {w: i for i, w in enumerate(words)}}
    for name, options in {"bert": {}, "bert cased": {"lowercase": False}, "bert accents": {"strip_accents": False}, "bert plain": {"clean_text": False, "handle_chinese_chars": False},
                          "bert strip": {"lowercase": False, "strip_accents": True}}.items():
        normalizer = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True} | options
        out[name] = spec(pieces, normalizer=normalizer, pre_tokenizer={"type": "BertPreTokenizer"}, decoder={"type": "WordPiece", "prefix": "##", "cleanup": name == "bert"},
                         post_processor={"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]}, added_tokens=[added(i, words[i]) for i in range(3)])
    out["short words"] = spec(pieces | {"max_input_chars_per_word": 4}, pre_tokenizer={"type": "Whitespace"})
    out["roberta"] = spec(pieces, pre_tokenizer={"type": "Whitespace"}, post_processor={"type": "RobertaProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1], "trim_offsets": True, "add_prefix_space": False})
    template = {"type": "TemplateProcessing", "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]}, "S": {"id": "S", "ids": [2, 0], "tokens": ["[SEP]", "[UNK]"]}},
                "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "S", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "B", "type_id": 0}}, {"SpecialToken": {"id": "S", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]}
    out["template"] = spec(pieces, pre_tokenizer={"type": "WhitespaceSplit"}, post_processor=template)
    level = {"type": "WordLevel", "unk_token": "<unk>", "vocab": {w: i for i, w in enumerate(["<unk>", "Hello", ",", "World", "a", "b", "-", "12", "34", "--", "WE", "'"])}}
    out["words"] = spec(level, pre_tokenizer={"type": "Whitespace"})
    out["delimiter"] = spec(level, pre_tokenizer={"type": "CharDelimiterSplit", "delimiter": "-"})
    out["fixed length"] = spec(level, pre_tokenizer={"type": "FixedLength", "length": 2})
    for name, mark in {"nmt": {"type": "Nmt"}, "charsmap": {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()}}.items():
        out[name] = through_bytes(normalizer=mark)
    letters = spec(model(["<unk>", "|", "<pad>", "▁"] + LETTERS, PAIRS, unk_token="<unk>"))
    out["ctc"] = letters | {"decoder": {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": True}}
    out["ctc plain"] = letters | {"decoder": {"type": "CTC", "pad_token": "l", "word_delimiter_token": "-", "cleanup": False}}
    out["bpe decoder"] = spec(model(LETTERS + [c + "</w>" for c in LETTERS], [("l", "o</w>")], end_of_word_suffix="</w>"), pre_tokenizer={"type": "WhitespaceSplit"},
                              decoder={"type": "BPEDecoder", "suffix": "</w>"})
    out["strip decoder"] = letters | {"decoder": {"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Strip", "content": "l", "start": 1, "stop": 0},
                                                                                      {"type": "Replace", "pattern": {"Regex": "[a-e]+"}, "content": "*"}]}}
    return out


def unigrams() -> dict:
    out = {}
    pieces = [["<unk>", 0.0], ["▁", -2.0], ["▁the", -3.5], ["▁LORD", -4.0], ["a", -3.0], ["aa", -4.5], ["ab", -4.6], ["aab", -7.0], ["b", -3.1], ["e", -2.9], ["l", -3.0], ["lo", -4.1],
              ["H", -5.0], ["o", -3.2], ["▁said", -4.4], ["▁and", -3.9], ["語", -8.0], ["x", -6.0], ["z", -6.5], ["zz", -9.0], ["é", -7.7]]
    bytes_pieces = [[f"<0x{b:02X}>", -12.0] for b in range(256)]
    space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    for name, unigram in {"unigram": {"unk_id": 0, "vocab": pieces}, "unigram bytes": {"unk_id": 0, "vocab": pieces + bytes_pieces, "byte_fallback": True},
                          "unigram part bytes": {"unk_id": 0, "vocab": pieces + bytes_pieces[:200], "byte_fallback": True}}.items():
        out[name] = spec({"type": "Unigram"} | unigram, pre_tokenizer=space, decoder=space, added_tokens=[added(0, "<unk>")])
    out["unigram whole"] = spec({"type": "Unigram", "unk_id": 0, "vocab": pieces}, decoder=DECODE)
    return out
