# SPDX-License-Identifier: Apache-2.0
"""Data as users bring it: the example configurations on their own files, mixtures, looking at samples, bad files."""
import gzip
import json
import pathlib
import shutil
import tempfile
import unittest

from programs import ROOT, metrics, newest, run, tensors

PRETRAIN = ROOT / "examples" / "pretrain_own_text.yaml"
CONTINUE = ROOT / "examples" / "continue_pretrain.yaml"
SMALL = ["model.config.hidden_size=32", "model.config.intermediate_size=64", "model.config.num_hidden_layers=1",
         "model.config.head_dim=16", "model.config.num_attention_heads=2", "model.config.num_key_value_heads=1",
         "optim.warmup_steps=1", "log.every=1"]


class Data(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lf-data-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.text = self.folder / "own.txt"
        self.text.write_text("\n".join(f"Line {i} tells of {i * i}." for i in range(2000)))

    def train(self, config, name, *args, expect=0):
        return run("train", "--config", config, f"run.output_dir={self.folder / name}", *args, expect=expect)

    def pretrain(self, name, *args, expect=0):
        return self.train(PRETRAIN, name, f"data.train=[{self.text}]", *SMALL, *args, expect=expect)

    def assert_error(self, result, *parts):
        self.assertRegex(result.stderr, r"(?m)^error: ", result.stderr)
        self.assertRegex(result.stderr, r"(?m)^hint: ", result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)

    def test_own_text_then_a_mixture(self):
        self.pretrain("base", "train.steps=2")
        self.assertTrue([m for m in metrics(self.folder / "base") if "eval_loss" in m], "a part is held out")
        lines = "".join(json.dumps({"text": f"Record {i} " * 20}) + "\n" for i in range(200))
        mine, general = self.folder / "mine.jsonl.gz", self.folder / "part-0.jsonl"
        mine.write_bytes(gzip.compress(lines.encode()))
        general.write_text(lines)
        self.train(CONTINUE, "more", f"model.path={newest(self.folder / 'base')}",
                   f"data.train=[{mine},'{self.folder}/part-*.jsonl']", "data.seq_length=64", "train.steps=2",
                   "optim.warmup_steps=1", "train.global_batch_size=2")
        self.assertTrue((newest(self.folder / "more") / "manifest.json").exists())

    def test_resumed_on_other_workers_is_the_same_run(self):
        common = ["train.steps=6", "checkpoint.every=3", "train.global_batch_size=4"]
        self.pretrain("whole", *common, "data.workers=3")
        self.pretrain("parts", *common, "train.exit_at_step=3")
        self.pretrain("parts", *common, "data.workers=5", "data.prefetch=7")
        self.assertEqual(tensors(newest(self.folder / "parts")), tensors(newest(self.folder / "whole")))

    def test_inspect_shows_what_the_model_gets(self):
        shown = run("data", "inspect", "--config", PRETRAIN, f"data.train=[{self.text}]", "data.shuffle=false",
                    f"run.output_dir={self.folder / 'look'}", "data.seq_length=64", "--samples", "2").stdout
        self.assertEqual(shown.count("--- sample"), 2)
        self.assertIn("64 tokens, 63 of them learned", shown)
        self.assertIn("L⟦ine 0 tells of 0.\nLine 1", shown)  # nothing tells the first token

    def test_bad_files_and_settings_are_named(self):
        bad = self.folder / "bad.jsonl"
        bad.write_text('{"text": "fine"}\n' * 50 + '{"txt": 1}\n' + '{"text": "fine"}\n' * 50)
        small = ["data.valid_fraction=0", "data.seq_length=16", "train.steps=1"]
        self.assert_error(self.pretrain("bad", f"data.train=[{bad}]", *small, expect=3), "bad.jsonl:51: no field `text`",
                          "data.bad_records=skip")
        passed = self.pretrain("bad", f"data.train=[{bad}]", *small, "data.bad_records=skip")
        self.assertIn("1 bad records passed over", passed.stderr)
        self.assertIn("bad.jsonl:51", passed.stderr)
        self.assert_error(self.pretrain("none", "data.train=[nowhere/*.jsonl]", expect=3), "nowhere/*.jsonl: no such file")
        cut = self.folder / "cut.txt.gz"
        cut.write_bytes(gzip.compress(self.text.read_bytes())[:-20])
        self.assert_error(self.pretrain("cut", f"data.train=[{cut}]", expect=3), "cut.txt.gz", "ends too early")
        self.assert_error(self.pretrain("w", "data.weights=[1, 2]", expect=2),
                          "data.weights has 2 numbers for the 1 entries")


if __name__ == "__main__":
    unittest.main()
