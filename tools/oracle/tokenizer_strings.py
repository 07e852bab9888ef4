# SPDX-License-Identifier: Apache-2.0
"""Varied strings for comparing tokenizers: scripts, emoji, control characters, spaces, code, numbers, random mixtures."""
import random

FIXED = [
    "", " ", "  ", "   a", "a   ", "\n", "\n\n\n", "\r\n", "\t\t x", " \n \n x", "a\n b", "hello world", "Hello, World!", " Hello",
    "it's we're I'LL they'd he'S ſ 'ſ 'S", "don’t", "1", "12", "123", "1234567890", "3.14159", "1,000,000", "٣٤٥", "१२३", "Ⅻ ½ ②",
    "In the beginning God created the heaven and the earth.\n", "<|endoftext|>", "a<|endoftext|>b", " <|endoftext|> ", "<|endoftext|",
    "<|endoftext|><|endoftext|>", "x = [i for i in range(10)]\n\tprint(f'{x!r}')\n", "#include <vector>\nint main() { return 0; }\n",
    "SELECT * FROM t WHERE a >= 1 -- note", "https://example.org/a?b=c&d=%20#e", "naïve café résumé", "nai\u0308ve cafe\u0301",
    "Å Å Å", "ﬁ ﬂ ① Ａ", "ÀÁÂÃ", "한국어 텍스트", "\u1112\u1161\u11ab", "日本語のテキスト、テスト。", "你好，世界！", "繁體中文", "Привет, мир!",
    "Γειά σου Κόσμε", "مرحبا بالعالم", "שלום עולם", "नमस्ते दुनिया", "สวัสดีชาวโลก", "Xin chào thế giới", "გამარჯობა", "ሰላም", "ᠮᠣᠩᠭᠣᠯ",
    "a\u180eb", "a\u00a0b", "a\u2003b", "a\u200bb", "a\u200db", "a\u2028b\u2029c", "a\u0085b", "\u3000全角", "\ufeffbom", "\x00", "a\x00b",
    "\x01\x02\x1f\x7f", "😀", "👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "👍🏽", "❤️", "e\u0301\u0302\u0323", "\u0301", "Z̷̛͓a̸l̴g̶o̴", "İstanbul ISTANBUL ıi",
    "ΑΣ ΣΑΣ", "ǅ ǆ Ǆ", "ß SS ẞ", "\ufffd", "\U0001F600" * 20, "a" * 300, " " * 300, "\n" * 100, "ab" * 200, "=" * 80, "-" * 33 + ">",
    "foo_bar fooBar FooBar foo-bar", "C++ C# F# .NET", "$100 €50 £20 ¥5", "a+b=c; x²+y²=z²", "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋", "（括号）「引号」", "...!!!???",
    "'''\"\"\"```", "a'b'c", " 's", "'s's", "  's", "tab\tseparated\tvalues", "trailing space \n", " \r\n \r x", "\x0b\x0c", "mixed中文and英文123",
]
RANGES = [(0x20, 0x7e)] * 6 + [(0x09, 0x0d), (0xa0, 0x24f), (0x300, 0x36f), (0x370, 0x52f), (0x590, 0x6ff), (0x900, 0x97f), (0xe00, 0xe7f),
                               (0x1100, 0x11ff), (0x1e00, 0x1fff), (0x2000, 0x206f), (0x20a0, 0x2bff), (0x3000, 0x30ff), (0x4e00, 0x9fff),
                               (0xac00, 0xd7a3), (0xf900, 0xfaff), (0xfe00, 0xffef), (0x1f300, 0x1faff), (0x20000, 0x2a6d0)]
WORDS = ("the of And LORD shall unto said king 's it's don't 12 2024 0x1F foo_bar http :// == -> \n \n\n \t  \r\n <|endoftext|> <|endoftext|> God "
         "καὶ и 的 は 한 é e\u0301 😀 . , ; : ! ? ( ) \" ' “ ” — …").split(" ")


def strings(count: int, seed: int = 7) -> list[str]:
    """The fixed strings, then random ones up to `count`; assigned, non-surrogate code points of Unicode 9."""
    import unicodedata
    rng = random.Random(seed)
    known = lambda c: unicodedata.ucd_3_2_0.category(c) not in ("Cn", "Cs") or ord(c) >= 0x1F300
    out = list(FIXED)
    while len(out) < count:
        if rng.random() < 0.4:
            out.append("".join(rng.choice(WORDS) + rng.choice(["", " ", " ", "  "]) for _ in range(rng.randint(1, 30))))
        else:
            chars = []
            for _ in range(rng.randint(1, 8)):
                low, high = rng.choice(RANGES)
                chars += [c for c in (chr(rng.randint(low, high)) for _ in range(rng.randint(1, 8))) if known(c)]
                chars += rng.choice(["", " ", "\n", ""])
            out.append("".join(chars))
    return out[:max(count, len(FIXED))]


# Emoji of Unicode 14 to 17, and characters that only some tables know.
YOUNG = "🫠🫡🫢🩷🩵🫨🫷🫸🪭🪮🫩🪾🫜🪏🛜🪉🫆\U0001fae9\U0001fac8\U0001f6d8\u1c89\u1c8a\ua7cb\ua7da\u0897\U00010d50\U0001cc00\u1b4e"
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u3000", "\u2028", "\u0085", "\u200b", "\ufeff"]


def wild(count: int, seed: int = 11) -> list:
    """Those of `strings`, then wilder ones: any code points at all, young emoji, control characters, long white space, long words,
    lines of code; and bytes that are no UTF-8."""
    rng = random.Random(seed)
    out = strings(count * 3 // 5, seed)
    point = lambda: chr(rng.choice([rng.randint(0, 0x2FF), rng.randint(0, 0xD7FF), rng.randint(0xE000, 0x1FFFF), rng.randint(0x20000, 0x10FFFF)]))
    makers = [
        lambda: "".join(point() for _ in range(rng.randint(1, 12))),
        lambda: "".join(rng.choice([rng.choice(YOUNG), rng.choice(WORDS), "\ufe0f", "\u200d", "\U0001f3fd", " "]) for _ in range(rng.randint(1, 12))),
        lambda: "".join(rng.choice([chr(rng.randint(0, 0x9F)), rng.choice(WORDS)]) for _ in range(rng.randint(1, 20))),
        lambda: rng.choice(WORDS).join(rng.choice(SPACES) * rng.randint(1, 80) for _ in range(rng.randint(1, 4))),
        lambda: "".join(rng.choice("abcdefghijklmnopqrstuvwxyzABCDEF0123456789_-'") for _ in range(rng.randint(1, 400))),
        lambda: "".join(rng.choice(["\t", "    ", "if ", "(x)", " = ", "[i]", ";\n", "self.", "!=", "->", "0x%x" % rng.randint(0, 1 << 40)]) for _ in range(rng.randint(1, 30))),
        lambda: bytes(rng.choice([rng.randint(0, 255), rng.randint(0x20, 0x7E), rng.randint(0xC0, 0xF5)]) for _ in range(rng.randint(1, 24))),
        lambda: (rng.choice(WORDS) + "日本語é😀").encode()[:rng.randint(1, 24)],
    ]
    while len(out) < count:
        out.append(rng.choice(makers)())
    return out
