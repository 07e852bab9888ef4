# SPDX-License-Identifier: Apache-2.0
"""Input that no one means to give: the documented exit code, one error with a hint, nothing damaged, and no hang."""
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

from programs import GOLDEN, LOONGFORGE, ROOT, newest, run, tensors, write_npy

MODEL = GOLDEN / "models" / "qwen3"
TOKENIZER = ROOT / "examples" / "quickstart" / "tokenizer.json"


class Garbage(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lf-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        draw = random.Random(3)
        self.rows = self.folder / "rows.npy"
        write_npy(self.rows, [[draw.randrange(200) for _ in range(16)] for _ in range(40)])
        self.text = (f"defaults:\n  - model: qwen3_debug\n  - _self_\ndata: {{kind: tokens, train: [{self.rows}]}}\n"
                     "train: {steps: 2, micro_batch_size: 1, global_batch_size: 2}\noptim: {lr: 1e-2}\n")
        (self.folder / "good.yaml").write_text(self.text)

    def train(self, *args, config="good.yaml", **options):
        output = [] if any(str(a).startswith("run.output_dir=") for a in args) else [f"run.output_dir={self.folder / 'out'}"]
        return run("train", "--config", self.folder / config, *output, *args, **options)

    def refused(self, result, *parts):
        lines = result.stderr.splitlines()
        self.assertEqual(sum(l.startswith("error: ") for l in lines), 1, result.stderr)
        self.assertEqual(sum(l.startswith("hint: ") and len(l) > 8 for l in lines), 1, result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)
        self.assertNotIn("defect of LoongForge", result.stderr)

    # ---- configurations
    def test_odd_but_good_configurations(self):
        self.train()
        whole = tensors(newest(self.folder / "out"))
        for name, data in (("bom", b"\xef\xbb\xbf" + self.text.encode()), ("crlf", self.text.replace("\n", "\r\n").encode()),
                           ("large", self.text.encode() + b"# " + b"x" * 20_000_000 + b"\n"), ("a b ünï 中", self.text.encode())):
            (self.folder / f"{name}.yaml").write_bytes(data)
            self.train(f"run.output_dir={self.folder / name} out", config=f"{name}.yaml")
            self.assertEqual(tensors(newest(self.folder / f"{name} out")), whole, name)

    def test_garbled_configurations(self):
        cases = {"empty": "", "cr": self.text.replace("\n", "\r"), "twice": self.text + "train: {steps: 3}\n",
                 "nul": self.text + "\0", "tabs": self.text + "log:\n\tevery: 1\n", "deep": "a: " + "[" * 100_000,
                 "deep maps": "a: " + "{a: " * 5000, "list": "- a\n", "scalar": "hello", "two": self.text + "---\n" + self.text,
                 "itself": "defaults: [itself]\n", "circle": self.text + "run: {name: '${run.name}'}\n",
                 "not a number": self.text.replace("1e-2", ".nan"), "infinite": self.text.replace("1e-2", ".inf"),
                 "huge integer": self.text.replace("steps: 2", "steps: 99999999999999999999"),
                 "half a step": self.text.replace("steps: 2", "steps: 2.5"),
                 "huge batch": self.text.replace("global_batch_size: 2", "global_batch_size: 100000000000"),
                 "many keys": self.text + "".join(f"k{i}: {i}\n" for i in range(200_000)),
                 "bomb": "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
                     f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(8))}
        for name, text in cases.items():
            (self.folder / f"{name}.yaml").write_text(text)
            self.refused(self.train(config=f"{name}.yaml", expect=2, timeout=20))
        (self.folder / "folder.yaml").mkdir()
        (self.folder / "loop.yaml").symlink_to("loop.yaml")
        os.mkfifo(self.folder / "pipe.yaml")
        for name in ("folder.yaml", "loop.yaml", "pipe.yaml", "gone.yaml"):
            self.refused(self.train(config=name, expect=2, timeout=20), name)

    def test_garbled_overrides(self):
        for one in ("=", "..=1", "~", "--", "steps", "data.train[99999999999]=x", "train.steps=\n", "=1", "+", "a b=1"):
            self.refused(self.train(one, expect=2, timeout=20))

    # ---- model folders
    def model(self, name, **files):
        target = self.folder / name
        shutil.copytree(MODEL, target)
        for file, data in files.items():
            (target / {"weights": "model.safetensors", "config": "config.json"}[file]).write_bytes(data)
        return target

    def test_garbled_weights(self):
        whole = (MODEL / "model.safetensors").read_bytes()
        size = struct.unpack("<Q", whole[:8])[0]
        header, body = whole[8:8 + size].rstrip(), whole[8 + size:]
        first = next(n for n in json.loads(header) if n != "__metadata__")

        def packed(text):
            text += b" " * (-len(text) % 8)
            return struct.pack("<Q", len(text)) + text + body

        def changed(**what):
            entries = json.loads(header)
            entries[first].update(what)
            return packed(json.dumps(entries).encode())

        cases = {"2^63": struct.pack("<Q", 1 << 63) + whole[8:], "2^64-1": b"\xff" * 8 + whole[8:], "seven bytes": b"1234567",
                 "no header": bytes(8), "NaN": packed(header.replace(b'"F32"', b"NaN", 1)), "list": packed(b"[]"),
                 "BOM": packed(b"\xef\xbb\xbf" + header), "bad UTF-8": packed(header.replace(b"model.norm", b"model.\xffnorm")),
                 "twice": packed(header[:-1] + b"," + json.dumps({first: json.loads(header)[first]}).encode()[1:]),
                 "real offsets": changed(data_offsets=[0, 1e300]), "negative shape": changed(shape=[-1, -1]),
                 "overflow": changed(shape=[1 << 62, 4]), "dtype": changed(dtype="F13"), "integers": changed(dtype="I64"),
                 "nesting": packed(b'{"a":' + b"[" * 100_000)}
        for name, data in cases.items():
            self.refused(self.train(f"model.path={self.model(name, weights=data)}", "~model.config", expect=4, timeout=20))
        for name, make in (("a folder", lambda p: p.mkdir()), ("a circle", lambda p: p.symlink_to(p.name)), ("gone", lambda p: None),
                           ("leads nowhere", lambda p: p.symlink_to("nowhere"))):
            target = self.model(name)
            (target / "model.safetensors").unlink()
            make(target / "model.safetensors")
            self.refused(self.train(f"model.path={target}", "~model.config", expect=4, timeout=20))

    def test_garbled_model_configurations(self):
        good = json.loads((MODEL / "config.json").read_text())
        cases = {"empty": (4, ""), "cut": (4, json.dumps(good)[:-5]), "NaN": (4, json.dumps({**good, "rope_theta": float("nan")})),
                 "list": (4, "[]"), "text": (2, json.dumps({**good, "num_attention_heads": "4"})),
                 "huge": (2, json.dumps({**good, "hidden_size": 1 << 40})), "huger": (2, json.dumps({**good, "vocab_size": (1 << 63) - 1})),
                 "layers": (2, json.dumps({**good, "num_hidden_layers": 10**9})), "eps": (2, json.dumps({**good, "rms_norm_eps": -1})),
                 "family": (2, json.dumps({**good, "model_type": "qwen33"})), "no head": (2, json.dumps({**good, "head_dim": 0})),
                 "other": (4, json.dumps({**good, "hidden_size": good["hidden_size"] * 2}))}
        for name, (code, text) in cases.items():
            target = self.model(name, config=text.encode())
            self.refused(self.train(f"model.path={target}", "~model.config", expect=code, timeout=20))

    def test_more_memory_than_there_is(self):
        limited = ["bash", "-c", 'ulimit -v 3000000; exec "$@"', "bash", str(LOONGFORGE), "train", "--config",
                   str(self.folder / "good.yaml"), f"run.output_dir={self.folder / 'out'}", "model.config.hidden_size=262144"]
        result = subprocess.run(limited, capture_output=True, text=True, timeout=60, env={**os.environ, "OMP_NUM_THREADS": "1"})
        self.assertEqual(result.returncode, 7, result.stderr)
        self.refused(result, "memory")

    # ---- corpora and prompts
    def test_garbled_rows(self):
        good = self.rows.read_bytes()
        cases = {"empty": b"", "cut": good[:-3], "header": good[:20], "real": good.replace(b"<i4", b"<f4"),
                 "fortran": good.replace(b"False", b"True "), "more": good.replace(b"(40, 16)", b"(99, 16)"),
                 "negative": good.replace(b"(40, 16)", b"(-1, 16)"), "big endian": good.replace(b"<i4", b">i4")}
        for name, data in cases.items():
            path = self.folder / f"{name}.npy"
            path.write_bytes(data)
            self.refused(self.train(f"data.train=[{path}]", expect=3, timeout=20), path.name)
        write_npy(self.folder / "negative id.npy", [[-1, 2, 3]])
        self.refused(self.train(f"data.train=[{self.folder / 'negative id.npy'}]", expect=3), "-1")
        self.refused(self.train(f"data.train=[{self.folder}]", expect=3))

    def test_garbled_index(self):
        text = self.folder / "t.txt"
        text.write_text("In the beginning God created the heaven and the earth.\n" * 50)
        run("data", "tokenize", "--input", text, "--tokenizer", TOKENIZER, "--output", self.folder / "c")
        index, ids = ((self.folder / f"c.{kind}").read_bytes() for kind in ("idx", "bin"))

        def patched(at, data):
            return index[:at] + data + index[at + len(data):]

        cases = {"empty": (b"", ids), "magic": (b"X" + index[1:], ids), "more": (index + b"abcd", ids), "no ids": (index, b""),
                 "ids cut": (index, ids[:-2]), "version": (patched(9, b"\x63"), ids), "element": (patched(17, b"\x63"), ids),
                 "count": (patched(18, struct.pack("<q", 1 << 62)), ids), "negative": (patched(18, struct.pack("<q", -1)), ids),
                 "length": (patched(34, struct.pack("<i", -7)), ids), "document": (index[:-8] + struct.pack("<q", 1 << 50), ids)}
        for name, (idx, data) in cases.items():
            prefix = self.folder / name
            prefix.with_suffix(".idx").write_bytes(idx)
            prefix.with_suffix(".bin").write_bytes(data)
            self.refused(self.train("data.kind=indexed", f"data.train=[{prefix}]", "data.seq_length=16", "model.config.vocab_size=2048",
                                    expect=3, timeout=20))

    def test_prompts_and_numbers_out_of_range(self):
        for ids in ("99999999", "-1"):
            self.refused(run("generate", "--model", MODEL, "--prompt-ids", ids, expect=3), "vocabulary")
        for option in (("--max-new-tokens", "-5"), ("--temperature", "-1"), ("--top-p", "nan"), ("--top-p", "2"), ("--top-k", "-1")):
            self.refused(run("generate", "--model", MODEL, "--prompt-ids", "1", *option, expect=2), option[0])
        for option in (("--seq-length", "0"), ("--batch-size", "0"), ("--dtype", "fp8")):
            self.refused(run("eval", "--model", MODEL, "--data", self.rows, *option, expect=2), option[0])

    # ---- what is there stays
    def test_a_killed_tokenization_leaves_nothing_that_passes_for_a_corpus(self):
        text = self.folder / "t.txt"
        text.write_text("In the beginning God created the heaven and the earth.\n" * 400_000)
        command = [str(LOONGFORGE), "data", "tokenize", "--input", str(text), "--tokenizer", str(TOKENIZER), "--output", str(self.folder / "c"),
                   "--lines-per-document", "1"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while process.poll() is None and not list(self.folder.glob("c*.bin*")):
            pass
        process.send_signal(signal.SIGKILL)
        self.assertEqual(process.wait(), -signal.SIGKILL, "it was done before it could be killed")
        self.assertFalse((self.folder / "c.idx").exists())
        self.refused(self.train("data.kind=indexed", f"data.train=[{self.folder / 'c'}]", expect=3))
        text.write_text("In the beginning.\n")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(sorted(p.name for p in self.folder.glob("c*")), ["c.bin", "c.idx"])

    def test_two_runs_in_one_folder(self):
        command = [str(LOONGFORGE), "train", "--config", str(self.folder / "good.yaml"), f"run.output_dir={self.folder / 'out'}",
                   "train.steps=100000", "checkpoint.every=1", "checkpoint.keep=2"]
        first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                 env={**os.environ, "OMP_NUM_THREADS": "1"})
        self.addCleanup(first.stdout.close)
        self.addCleanup(first.kill)
        for line in first.stdout:
            if line.startswith("step 2/"):
                break
        self.refused(self.train("train.steps=100000", expect=7), "out is in use by process", str(first.pid))
        first.send_signal(signal.SIGTERM)
        first.stdout.read()
        self.assertEqual(first.wait(60), 128 + signal.SIGTERM)
        self.train("train.steps=100000", "run.resume=auto", f"train.exit_at_step={int(newest(self.folder / 'out').name[5:]) + 1}")

    def test_a_folder_without_the_right_to_write(self):
        # Root passes over rights by a capability, which is dropped here.
        plain = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
        secret, closed = self.folder / "secret.npy", self.folder / "closed"
        secret.write_bytes(self.rows.read_bytes())
        secret.chmod(0)
        closed.mkdir(mode=0o500)
        for output, rows, code, part in (("closed/out", self.rows, 4, "closed"), ("out", secret, 3, "secret.npy")):
            command = [*plain, str(LOONGFORGE), "train", "--config", str(self.folder / "good.yaml"),
                       f"run.output_dir={self.folder / output}", f"data.train=[{rows}]"]
            result = subprocess.run(command, capture_output=True, text=True, timeout=60,
                                    env={**os.environ, "OMP_NUM_THREADS": "1"})
            self.assertEqual(result.returncode, code, result.stderr)
            self.refused(result, part, "Permission denied")


if __name__ == "__main__":
    unittest.main(verbosity=2)
