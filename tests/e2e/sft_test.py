# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning on conversations as a user does it: from a pretrained directory, with the example configurations."""
import gzip
import json
import pathlib
import re
import shutil
import tempfile
import unittest

from programs import ROOT, metrics, newest, run, tensors

SMALL = ["model.config.hidden_size=64", "model.config.intermediate_size=128", "model.config.num_hidden_layers=2",
         "model.config.head_dim=16", "log.every=10"]
QUESTIONS = ROOT / "examples" / "sft" / "kjv_train.jsonl"
HELD_OUT = ROOT / "examples" / "sft" / "kjv_valid.jsonl"
LORA = ROOT / "examples" / "sft_lora_qwen3.yaml"


def conversations(path):
    return [json.loads(line)["messages"] for line in path.read_text(encoding="utf-8").splitlines()]


def evaluations(run_dir):
    return [m["eval_loss"] for m in metrics(run_dir) if "eval_loss" in m]


class Sft(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="lf-sft-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        run("train", "--config", "quickstart", *SMALL, f"run.output_dir={cls.folder / 'base'}", "data.kind=text",
            "data.train=[examples/quickstart/kjv.txt.zst]", "data.valid=[]", "train.steps=120", "optim.warmup_steps=10")
        cls.base = newest(cls.folder / "base")

    def example(self, config, name, *args, expect=0):
        return run("train", "--config", config, f"run.output_dir={self.folder / name}", *args, expect=expect)

    def assert_error(self, result, *parts):
        self.assertRegex(result.stderr, r"(?m)^error: ", result.stderr)
        self.assertRegex(result.stderr, r"(?m)^hint: ", result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)

    def tune(self, name, *args, config=LORA, expect=0):
        return self.example(config, name, f"model.path={self.base}", f"data.train=[{QUESTIONS}]", "precision.dtype=fp32",
                            "data.seq_length=256", "train.global_batch_size=4", "optim.warmup_steps=1", *args,
                            expect=expect)

    def test_held_out_answers_get_likelier(self):
        self.assertTrue((self.base / "chat_template.jinja").exists(), "the template travels with the model")
        valid = [f"data.valid=[{HELD_OUT}]", "model.lora=null", "optim.lr=2e-3", "optim.warmup_steps=3", "log.every=1"]
        self.tune("before", *valid, "train.steps=0")
        self.tune("full", *valid, "train.epochs=2")
        before, after = evaluations(self.folder / "before")[-1], evaluations(self.folder / "full")[-1]
        self.assertLess(after, before - 0.8)  # nats a token of the answers
        self.tune("lora", *[v for v in valid if "lora" not in v], "train.epochs=2", "optim.lr=1e-2")
        self.assertLess(evaluations(self.folder / "lora")[-1], before - 0.4)

    def test_inspect_shows_exactly_the_answers_as_learned(self):
        shown = run("data", "inspect", "--config", LORA, f"model.path={self.base}", f"data.train=[{QUESTIONS}]",
                    f"run.output_dir={self.folder / 'inspect'}", "data.packing=false", "data.shuffle=false",
                    "data.valid_fraction=0", "--samples", "320").stdout
        learned = re.findall("⟦(.*?)⟧", shown, re.S)
        answers = [m["content"] + "<|endoftext|>" for c in conversations(QUESTIONS) for m in c if m["role"] == "assistant"]
        self.assertEqual(learned, answers)
        packed = run("data", "inspect", "--config", LORA, f"model.path={self.base}", f"data.train=[{QUESTIONS}]",
                     f"run.output_dir={self.folder / 'inspect'}", "data.seq_length=300", "--samples", "2", "--color",
                     "always").stdout
        self.assertIn("- - document 2", packed)
        self.assertIn("\033[1;32m", packed)

    def test_resumed_in_the_middle_on_other_workers_is_the_same_run(self):
        common = ["train.steps=8", "checkpoint.every=4", "data.workers=2"]
        self.tune("whole", *common)
        self.tune("parts", *common, "train.exit_at_step=4")
        self.tune("parts", "train.steps=8", "checkpoint.every=4", "data.workers=5", "data.prefetch=7")
        self.assertEqual(tensors(newest(self.folder / "parts")), tensors(newest(self.folder / "whole")))

    def test_bad_data_is_named(self):
        bad = self.folder / "bad.jsonl"
        good = QUESTIONS.read_text(encoding="utf-8")
        bad.write_text(good + '{"messages": [{"role": "wizard", "content": "x"}]}\n')
        refused = self.tune("bad", f"data.train=[{bad}]", "train.steps=1", expect=3)
        self.assert_error(refused, "bad.jsonl:321: unknown role `wizard` in turn 1", "data.bad_records=skip")
        passed = self.tune("bad", f"data.train=[{bad}]", "train.steps=1", "data.bad_records=skip")
        self.assertIn("1 bad records passed over", passed.stderr)
        self.assert_error(self.tune("none", "data.train=[nowhere/*.jsonl]", expect=3), "nowhere/*.jsonl: no such file")
        cut = self.folder / "cut.jsonl.gz"
        cut.write_bytes(gzip.compress(good.encode())[:-20])
        self.assert_error(self.tune("cut", f"data.train=[{cut}]", expect=3), "cut.jsonl.gz", "ends too early")
        self.assert_error(self.tune("w", "data.weights=[1, 2]", expect=2), "data.weights has 2 numbers for the 1 entries")
        self.assert_error(self.tune("c", "+data.columns.mesages=x", expect=2), "data.columns", "messages")
        self.assert_error(self.tune("k", "data.kind=sfd", expect=2), "sft")
        self.assert_error(self.tune("f", "data.template=qwen", expect=2), "data.chat_template")


if __name__ == "__main__":
    unittest.main()
