# SPDX-License-Identifier: Apache-2.0
"""Writes src/tokenizer/unicode_data.inc: character properties as the `tokenizers` package (0.23.3) has them.

Every property is asked of the package itself, over all code points at once: Split with a pattern shows Oniguruma's tables, the
other components show those of the Rust crates. The tables of the C++ libraries on a machine are older or newer than those.
With --report, prints what else of the package differs from Python's unicodedata (of the Unicode version that utf8proc has).
"""
import pathlib
import sys
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CATEGORIES = "Cn Cc Cf Co Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs".split()
BITS = ["numeric", "punctuation", "accent", "word", "cleaned", "composing", "han", "hiragana", "katakana", "bert_accent", "rust_word"]
ROOT = pathlib.Path(__file__).resolve().parents[2]
POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
TEXT = "".join(map(chr, POINTS))


def kept(pre_tokenizer) -> set:
    return {ord(c) for word, _ in pre_tokenizer.pre_tokenize_str(TEXT) for c in word}


def matched(pattern: str) -> set:
    return kept(pre_tokenizers.Split(Regex(pattern + "+"), "removed", invert=True))


def removed(pre_tokenizer) -> set:
    return set(POINTS) - kept(pre_tokenizer)


def composing() -> set:
    """Code points that NFC may change or join to what is before them."""
    out = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
    for c in POINTS:
        char = chr(c)
        if unicodedata.combining(char) or unicodedata.normalize("NFC", char) != char:
            out.add(c)
        parts = unicodedata.decomposition(char).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            out.add(int(parts[1], 16))
    return out


def report_differences() -> None:
    for form, package in (("NFC", normalizers.NFC()), ("NFD", normalizers.NFD()), ("NFKC", normalizers.NFKC()), ("NFKD", normalizers.NFKD())):
        wrong = [c for c in POINTS if c > 0x7F and package.normalize_str(chr(c)) != unicodedata.normalize(form, chr(c))]
        print(form, "differs for", [hex(c) for c in wrong])
    lower = normalizers.Lowercase()
    wrong = [(hex(c), [hex(ord(x)) for x in lower.normalize_str(chr(c))]) for c in POINTS if lower.normalize_str(chr(c)) != chr(c).lower()]
    print("Lowercase differs for", wrong)
    nmt = normalizers.Nmt()
    print("Nmt removes", [hex(c) for c in POINTS if nmt.normalize_str(chr(c)) == ""])
    print("Nmt makes space of", [hex(c) for c in POINTS if nmt.normalize_str(chr(c)) == " "])
    bert = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    print("Bert makes space of", [hex(c) for c in POINTS if bert.normalize_str(chr(c)) == " "])
    bert = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=False)
    spaced = [c for c in POINTS if bert.normalize_str(chr(c)) == f" {chr(c)} "]
    print("Bert spaces", [(hex(c), c - 1 not in spaced and "first" or "last") for c in spaced if c - 1 not in spaced or c + 1 not in spaced])
    print("white space", [hex(c) for c in sorted(removed(pre_tokenizers.WhitespaceSplit()))])
    print("\\s", [hex(c) for c in sorted(matched("\\s"))])
    print("bert pre", len(removed(pre_tokenizers.BertPreTokenizer())))


def main() -> None:
    assert tokenizers.__version__ == "0.23.3", "needs tokenizers 0.23.3"
    values = {c: 0 for c in POINTS}
    for number, category in enumerate(CATEGORIES):
        for c in matched(f"\\p{{{category}}}"):
            values[c] = number
    bert = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    bert_accents = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    accents = normalizers.StripAccents()
    properties = {
        # Between letters each number stands alone.
        "numeric": {ord(w) for w, _ in pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str("a".join(TEXT)) if len(w) == 1 and w != "a"},
        "punctuation": removed(pre_tokenizers.Punctuation("removed")),
        "accent": set(POINTS) - {ord(c) for c in accents.normalize_str(TEXT)},
        "word": matched("\\w"),
        "cleaned": set(POINTS) - {ord(c) for c in bert.normalize_str(TEXT)} - {c for c in POINTS if bert.normalize_str(chr(c)) == " "},
        "composing": composing(),
        # A word character joins the letter before it.
        "rust_word": {ord(w[1]) for w, _ in pre_tokenizers.Whitespace().pre_tokenize_str(" ".join("a" + c for c in TEXT)) if len(w) == 2 and w[0] == "a"},
        "bert_accent": {c for c in POINTS if bert_accents.normalize_str(chr(c)) == ""},
        "han": matched("\\p{Han}"), "hiragana": matched("\\p{Hiragana}"), "katakana": matched("\\p{Katakana}"),
    }
    for bit, name in enumerate(BITS):
        print(name, len(properties[name]), flush=True)
        for c in properties[name]:
            values[c] |= 32 << bit
    ranges, last = [], None
    for c in range(0x110000):
        value = values.get(c, 0)
        if value != last:
            ranges.append((c, value))
            last = value
    items = [f"{c:x}:{v:x}" for c, v in ranges]
    lines, line = [], ""
    for item in items:
        if len(line) + len(item) + 1 > 112:
            lines.append(line)
            line = ""
        line += item + " "
    lines.append(line)
    body = "\n".join(f'    "{x}"' for x in lines)
    (ROOT / "src" / "tokenizer" / "unicode_data.inc").write_text(
        "// SPDX-License-Identifier: Apache-2.0\n// Made by tools/oracle/tokenizer_unicode.py: \"first code point:value\" in hexadecimal, up to the next.\n" + body + "\n")
    print(len(ranges), "ranges,", len(lines), "lines")
    if "--report" in sys.argv:
        report_differences()


if __name__ == "__main__":
    main()
