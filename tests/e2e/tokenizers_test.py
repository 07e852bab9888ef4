# SPDX-License-Identifier: Apache-2.0
"""`loongforge data tokenize` with each kind of tokenizer folder: the ids in the corpus decode to the text."""
import base64
import json
import pathlib
import shutil
import tempfile
import unittest

from programs import ROOT, run

TEXT = "And God said, Let there be light: and there was light.\n"


def golden(name: str) -> list:
    return [json.loads(line) for line in (ROOT / "tests" / "golden" / "tokenizer" / name).read_text().splitlines()]


class Tokenizers(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lf-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.text = self.folder / "text.txt"
        self.text.write_text(TEXT)
        self.tokenizer = self.folder / "tokenizer"
        self.tokenizer.mkdir()

    def tokenize(self, **options):
        return run("data", "tokenize", "--input", self.text, "--tokenizer", self.tokenizer, "--output", self.folder / "out",
                   "--no-append-eod", **options)

    def assert_round_trip(self):
        self.tokenize()
        shown = run("data", "inspect", self.folder / "out", "--tokenizer", self.tokenizer).stdout
        self.assertIn(TEXT.strip(), shown)

    def test_sentencepiece(self):
        for case in golden("sentencepiece.jsonl"):
            (self.tokenizer / "tokenizer.model").write_bytes(base64.b64decode(case["model"]))
            self.assert_round_trip()

    def test_tiktoken(self):
        case = golden("tiktoken.jsonl")[0]
        (self.tokenizer / "tiny.tiktoken").write_text(case["ranks"])
        (self.tokenizer / "tokenizer_config.json").write_text(json.dumps({"pat_str": case["pattern"]}))
        self.assert_round_trip()

    def test_bert(self):
        words = sorted(set(TEXT.lower().replace(",", " ,").replace(":", " :").replace(".", " .").split()))
        (self.tokenizer / "vocab.txt").write_text("\n".join(["[UNK]", "[CLS]", "[SEP]", *words]))
        self.tokenize()
        shown = run("data", "inspect", self.folder / "out", "--tokenizer", self.tokenizer).stdout
        self.assertIn("and god said, let there be light", shown)

    def test_what_is_none_is_told(self):
        self.assertIn("holds no tokenizer", self.tokenize(expect=3).stderr)
        (self.tokenizer / "tokenizer.model").write_bytes(b"\x0a\xff\xff")
        failed = self.tokenize(expect=3).stderr
        self.assertIn("tokenizer.model", failed)
        self.assertRegex(failed, r"(?m)^hint: ")


if __name__ == "__main__":
    unittest.main(verbosity=2)
