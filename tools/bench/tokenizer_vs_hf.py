# SPDX-License-Identifier: Apache-2.0
"""Encode throughput on one thread against the `tokenizers` package, in alternation, on real text. Writes docs/bench/tokenizer.md.

    python tools/bench/tokenizer_vs_hf.py --program build/release/bin/bench_tokenizer [--rounds 3] [--write]

Needs the vocabularies that tools/oracle/tokenizer_real.py fetched. Texts: the KJV of examples/quickstart; the rst sources of
python3.11-doc; the Debian handbook in ten languages (both packages are downloaded, not installed). The package is timed at its fastest:
encode_batch_fast (no offsets) of all documents at once, one thread, ids not turned into Python objects.
"""
import argparse
import html
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("LOONGFORGE_TOKENIZER_CACHE", pathlib.Path.home() / ".cache" / "loongforge" / "tokenizers"))
NAMES = ["deepseek", "qwen", "minilm", "nomic-bert-moe"]
KINDS = {"deepseek": "byte-level BPE", "qwen": "byte-level BPE, NFC", "minilm": "WordPiece", "nomic-bert-moe": "Unigram, character map"}
LIMIT = 600_000  # bytes a text
LANGUAGES = ["ar-MA", "de-DE", "el-GR", "fa-IR", "fr-FR", "ja-JP", "ko-KR", "ru-RU", "vi-VN", "zh-CN"]


def debian_files(package: str, pattern: str):
    folder = CACHE / "texts" / package
    if not folder.exists():
        folder.mkdir(parents=True)
        subprocess.run(["apt-get", "download", "-qq", package], cwd=folder, check=True)
        subprocess.run(["dpkg", "-x", next(folder.glob("*.deb")), folder], check=True)
    return sorted(folder.rglob(pattern))


def spread(files: list, read) -> str:
    """The same share of every file, LIMIT bytes in all."""
    texts = [read(f) for f in files]
    share = LIMIT / max(1, sum(len(t.encode()) for t in texts))
    return "\n".join(t[:int(len(t) * min(1, share))] for t in texts)


def texts() -> dict:
    kjv = subprocess.run(["zstd", "-dc", ROOT / "examples" / "quickstart" / "kjv.txt.zst"], check=True, capture_output=True).stdout.decode()
    plain = lambda f: re.sub(r"\s*\n\s*", "\n", html.unescape(re.sub(r"<[^>]+>", "", f.read_text(errors="replace"))))
    return {"KJV": kjv[:LIMIT],
            "Python documentation": spread(debian_files("python3.11-doc", "*.rst.txt"), lambda f: f.read_text(errors="replace")),
            "handbook, 10 languages": spread([f for f in debian_files("debian-handbook", "sect.*.html") if f.parent.name in LANGUAGES], plain)}


def documents(text: str) -> list:
    """Pieces of whole lines of about 4 KB."""
    out, current = [], ""
    for line in text.splitlines(keepends=True):
        current += line
        if len(current) > 4000:
            out.append(current)
            current = ""
    return out + [current]


class Ours:
    def __init__(self, program, folder, path):
        self.process = subprocess.Popen([program, folder, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def round(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        seconds, count, _ = self.process.stdout.readline().split()
        return float(seconds), int(count)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def theirs(tokenizer, docs):
    begin = time.perf_counter()
    encoded = tokenizer.encode_batch_fast(docs, add_special_tokens=False)
    seconds = time.perf_counter() - begin
    return seconds, sum(len(e) for e in encoded)


def measure(program: str, name: str, docs: list, rounds: int) -> dict:
    from tokenizers import Tokenizer
    folder = CACHE / "vocabularies" / name
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    path = CACHE / "documents.jsonl"
    path.write_text("".join(json.dumps(d) + "\n" for d in docs))
    ours = Ours(program, folder, path)
    pairs = []
    for _ in range(rounds + 1):  # the first warms the caches of both
        pairs.append((theirs(tokenizer, docs), ours.round()))
    ours.close()
    size = sum(len(d.encode()) for d in docs) / 1e6
    assert all(a[1] == b[1] for a, b in pairs), (name, pairs)
    ratios = [a[0] / b[0] for a, b in pairs[1:]]
    return {"theirs": size / statistics.median(a[0] for a, _ in pairs[1:]), "ours": size / statistics.median(b[0] for _, b in pairs[1:]),
            "ratio": statistics.median(ratios), "low": min(ratios), "high": max(ratios), "first": pairs[0][0][0] / pairs[0][1][0], "ids": pairs[0][0][1]}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", default=str(ROOT / "build" / "release" / "bin" / "bench_tokenizer"))
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--write", action="store_true")
    arguments.add_argument("--note", default="", help="a sentence about the machine at the time")
    given = arguments.parse_args()
    rows = []
    for title, text in texts().items():
        docs = documents(text)
        for name in NAMES:
            r = measure(given.program, name, docs, given.rounds)
            rows.append(f"| {title} | {name} ({KINDS[name]}) | {r['ids']:,} | {r['theirs']:.1f} | {r['ours']:.1f} | **{r['ratio']:.1f}×** ({r['low']:.1f}–{r['high']:.1f}) | {r['first']:.1f}× |")
            print(rows[-1], flush=True)
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    page = f"""# Encoding text to ids

One thread each, in alternation, against `tokenizers` 0.23.3 at its fastest (`encode_batch_fast`, no offsets); documents of about 4 KB, 0.6 MB a
text; median of {given.rounds} rounds, the same number of ids checked in each. {cpu.group(1) if cpu else platform.machine()}.
{given.note}

| text | vocabulary | ids | tokenizers MB/s | LoongForge MB/s | ratio (range) | first, cold round |
|---|---|---|---|---|---|---|
""" + "\n".join(rows) + """

    python=$(tools/oracle/setup.sh | tail -1)
    $python tools/oracle/tokenizer_real.py --only deepseek,qwen,minilm,nomic-bert-moe
    ninja -C build/release bench_tokenizer
    $python tools/bench/tokenizer_vs_hf.py --write
"""
    if given.write:
        (ROOT / "docs" / "bench").mkdir(exist_ok=True)
        (ROOT / "docs" / "bench" / "tokenizer.md").write_text(page)


if __name__ == "__main__":
    main()
