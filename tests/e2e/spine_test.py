# SPDX-License-Identifier: Apache-2.0
"""The programs as a user runs them: train, kill, resume, export, evaluate, generate, bad input, damaged files."""
import json
import shutil
import signal
import struct
import time
import unittest

from programs import GOLDEN, ROOT, TINY, TinyRuns, metrics, newest, run, tensors, write_npy


class Spine(TinyRuns):
    def assert_error(self, result, *parts):
        self.assertRegex(result.stderr, r"(?m)^error: ", result.stderr)
        self.assertRegex(result.stderr, r"(?m)^hint: ", result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)
        self.assertNotIn("Exception raised from", result.stderr)

    # ---- resume
    def test_killed_anywhere_and_resumed_is_the_same_run(self):
        self.train("whole", "checkpoint.every=2")
        whole = tensors(newest(self.folder / "whole"))
        whole_metrics = [(m["step"], m["loss"]) for m in metrics(self.folder / "whole")]
        for site in ("train.step:kill@4", "ckpt.writing:kill@2", "ckpt.before_manifest:kill", "ckpt.before_rename:kill@2",
                     "ckpt.after_rename:kill"):
            name = site.replace(":", "_").replace("@", "_")
            killed = self.train(name, "checkpoint.every=2", expect=None, env={"LF_FAILPOINT": site})
            self.assertEqual(killed.returncode, -signal.SIGKILL, site)
            self.train(name, "checkpoint.every=2")
            self.assertEqual(tensors(newest(self.folder / name)), whole, site)
            self.assertEqual([(m["step"], m["loss"]) for m in metrics(self.folder / name)], whole_metrics, site)
            self.assertFalse(list((self.folder / name).glob("*.tmp")), site)

    def test_a_finished_run_says_so(self):
        self.train("a")
        self.assertIn("finished already", self.train("a").stdout)

    def test_changed_configuration_is_refused(self):
        self.train("a", "checkpoint.every=2", "train.exit_at_step=2")
        self.assert_error(self.train("a", "checkpoint.every=2", "optim.lr=0.5", expect=2), "optim.lr")

    def test_a_longer_run_needs_a_schedule_that_allows_it(self):
        self.train("cosine", "train.steps=4")
        self.assert_error(self.train("cosine", expect=2), "4 steps into a learning rate schedule of 4", "optim.decay_steps=4",
                          "run.allow_changes=[train.steps]")
        shutil.copytree(self.folder / "cosine", self.folder / "jump")
        self.train("cosine", "optim.decay_steps=4")
        self.assertEqual([m["lr"] for m in metrics(self.folder / "cosine")][4:], [2e-4, 2e-4])
        self.train("jump", "run.allow_changes=[train.steps]")
        self.assertGreater(metrics(self.folder / "jump")[4]["lr"], 2e-4)
        self.assertIn("finished already", self.train("cosine", "train.steps=3").stdout)

    def test_a_longer_run_is_the_run_that_was_longer_from_the_start(self):
        for name, keys in (("constant", ["optim.schedule=constant"]), ("wsd", ["optim.schedule=wsd", "optim.wsd_decay_steps=2"])):
            self.train(f"{name}_whole", *keys)
            self.train(name, *keys, "train.steps=4", "train.exit_at_step=2")
            self.train(name, *keys)
            self.assertEqual(tensors(newest(self.folder / name)), tensors(newest(self.folder / f"{name}_whole")), name)

    def test_changes_that_are_allowed(self):
        self.train("a", "train.exit_at_step=2")
        self.assert_error(self.train("a", "optim.lr=1e-3", "run.allow_changes=[optim.eps]", expect=2), "optim.lr")
        self.train("a", "optim.lr=1e-3", "run.allow_changes=[optim.lr]")
        self.assertEqual(len(metrics(self.folder / "a")), 6)

    # ---- ranks
    def assert_close(self, a, b, bar, files="*.safetensors"):
        """Every tensor of two folders, by the greatest difference over the greatest value."""
        one, two = tensors(a, files), tensors(b, files)
        self.assertEqual(one.keys(), two.keys())
        for name in one:
            width, code = {"F32": (4, "f"), "F64": (8, "d")}[one[name][0]]
            x, y = (struct.unpack(f"<{len(t[name][2]) // width}{code}", t[name][2]) for t in (one, two))
            self.assertLessEqual(max(abs(u - v) for u, v in zip(x, y)), bar * max(map(abs, x)), name)

    def assert_same_run(self, one, two, bar):
        """Losses, gradient norms and first moments of two runs."""
        for a, b in zip(metrics(self.folder / one), metrics(self.folder / two), strict=True):
            for key in ("loss", "grad_norm"):
                self.assertLess(abs(a[key] - b[key]), bar * a[key], f"{two}: {key} of step {a['step']}")
        self.assert_close(*(newest(self.folder / name) / "optimizer" for name in (one, two)), bar, "exp_avg[.-]*safetensors")

    def test_two_processes_equal_one(self):
        layouts = {"dp": [], "zero3": ["parallel.zero=3"], "tp": ["parallel.tp=2"],
                   "tp_sp": ["parallel.tp=2", "parallel.sequence_parallel=true"], "pp": ["parallel.pp=2"]}
        # Moments then hold the gradients; at a usual rate Adam's division of noise by noise comes between.
        keys = ["train.steps=3", "optim.warmup_steps=0", "optim.schedule=constant", "optim.lr=1e-7", "optim.min_lr=0"]
        for dtype, bar in (("fp32", 1e-5), ("fp64", 1e-10)):
            one = f"one_{dtype}"
            self.train(one, *keys, f"precision.dtype={dtype}")
            for name, layout in layouts.items():
                two = f"{name}_{dtype}"
                self.train(two, "--nproc-per-node=2", *keys, *layout, f"precision.dtype={dtype}")
                self.assert_same_run(one, two, bar)
                if dtype == "fp64":
                    self.assert_close(newest(self.folder / one), newest(self.folder / two), bar)

    def test_two_processes_equal_one_on_awkward_batches(self):
        """Documents of many lengths, a last batch of two of four samples, a second step where one rank has no loss."""
        words = "in the beginning god created the heaven and the earth and the earth was without form".split()
        texts = [" ".join(words[i % 5:i % 5 + 2 + i * 7 % 11]) for i in range(10)]
        texts[1] = texts[5] = texts[7] = "a"  # one id: nothing to predict
        data = self.folder / "documents.jsonl"
        data.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        keys = ["data.kind=jsonl", f"data.train=[{data}]", f"data.tokenizer={ROOT / 'examples' / 'quickstart'}", "data.packing=false",
                "data.append_eod=false", "data.shuffle=false", "data.seq_length=32", "model.config.vocab_size=2048",
                "train.steps=auto", "train.epochs=1", "optim.warmup_steps=0", "optim.schedule=constant",
                # Moments then hold the gradients; at a usual rate Adam's division of noise by noise comes between.
                "optim.lr=1e-7", "optim.min_lr=0"]
        for dtype, bar in (("fp32", 1e-5), ("fp64", 1e-10)):
            one, two = f"one_{dtype}", f"two_{dtype}"
            self.train(one, *keys, f"precision.dtype={dtype}")
            self.train(two, "--nproc-per-node=2", *keys, f"precision.dtype={dtype}")
            self.assertEqual([m["consumed_samples"] for m in metrics(self.folder / one)], [4, 8, 10])
            self.assertEqual([m["toks"] for m in metrics(self.folder / one)], [m["toks"] for m in metrics(self.folder / two)])
            self.assert_same_run(one, two, bar)

    def test_zero_steps_on_two_ranks_give_back_the_same_directory(self):
        for case in ("qwen2", "qwen3", "llama_v4_bf16", "qwen2_untied", "llama_yarn"):
            source = GOLDEN / "models" / case
            self.train(case, "--nproc-per-node=2", f"model.path={source}", "model.config={}", "train.steps=0")
            self.assertEqual(tensors(newest(self.folder / case)), tensors(source), case)

    def test_a_saved_directory_generates_what_transformers_generates(self):
        for case in ("llama", "qwen3"):
            self.train(case, "--nproc-per-node=2", f"model.path={GOLDEN / 'models' / case}", "model.config={}", "train.steps=0")
            self.assert_golden_text(newest(self.folder / case), case)

    def test_frozen_weights_keep_every_bit_whatever_it_computes_in(self):
        lora = "model.lora={rank: 2, targets: [all-linear]}"
        write_npy(self.rows, [[i * 7 % 73] * 16 for i in range(40)])
        for case, keys in (("qwen3_untied", [lora]), ("qwen3", [lora]), ("qwen2", ["model.freeze=['*mlp*', '*embed*', 'lm_head*']"])):
            source = tensors(GOLDEN / "models" / case)
            args = [case, "--nproc-per-node=2", f"model.path={GOLDEN / 'models' / case}", "model.config={}",
                    "precision.dtype=bf16", "checkpoint.every=1", *keys]
            frozen = lambda name: keys == [lora] or "mlp" in name or "embed" in name
            self.train(*args, "train.steps=2", "train.exit_at_step=1")
            self.train(*args, "train.steps=2")
            for step in ("step_00000001", "step_00000002"):
                saved = tensors(self.folder / case / step)
                self.assertEqual([n for n in source if frozen(n) and saved[n] != source[n]], [], (case, step))
                self.assertTrue(all(n.startswith("base_model.") for n in saved.keys() - source.keys()))
            self.assertTrue(any(saved[n] != source[n] for n in source) or keys == [lora], "what isn't frozen learns")
            self.train(f"{case}_0", *args[1:], "train.steps=0")
            saved = tensors(newest(self.folder / f"{case}_0"))
            self.assertEqual({n: saved[n] for n in source}, source, case)

    def test_adapters_on_a_part_of_a_fused_linear(self):
        write_npy(self.rows, [[(i + j * j) % 73 for j in range(16)] for i in range(40)])
        for name, more in (("scratch", []), ("loaded", [f"model.path={GOLDEN / 'models' / 'qwen3_untied'}", "model.config={}"])):
            keys = [*more, "model.lora={rank: 2, targets: [q_proj, v_proj]}", "checkpoint.every=2", "train.steps=4"]
            self.train(f"{name}_whole", *keys)
            self.train(name, *keys, "train.exit_at_step=2")
            self.train(name, *keys)
            whole, parts = newest(self.folder / f"{name}_whole"), newest(self.folder / name)
            self.assertEqual(tensors(parts), tensors(whole), name)
            self.assertEqual(tensors(parts / "optimizer"), tensors(whole / "optimizer"), name)
            adapted = {n.split(".")[-3] for n in tensors(parts) if n.startswith("base_model.")}
            self.assertEqual(adapted, {"q_proj", "v_proj"})

    def test_a_dead_rank_ends_the_run(self):
        started = time.monotonic()
        result = self.train("a", "--nproc-per-node=2", "train.steps=4000", expect=None, env={"LF_FAILPOINT": "train.step:throw@3"})
        self.assertNotEqual(result.returncode, 0)
        self.assertLess(time.monotonic() - started, 60)

    # ---- device
    def test_simulated_accelerator_gives_the_cpus_numbers(self):
        for name, device, streams in (("cpu", "cpu", ""), ("eager", "fake", "eager"), ("lazy", "fake", "lazy")):
            args = (name, f"platform.device={device}", "precision.dtype=fp64", "checkpoint.every=2")
            self.train(*args, "train.exit_at_step=4", expect=0, env={"LF_FAKE_DEVICE": streams})
            self.train(*args, env={"LF_FAKE_DEVICE": streams})
        cpu, eager, lazy = (tensors(newest(self.folder / name)) for name in ("cpu", "eager", "lazy"))
        self.assertEqual(eager, lazy)
        self.assertEqual(cpu.keys(), eager.keys())
        for name in cpu:
            x, y = (struct.unpack(f"<{len(t[name][2]) // 8}d", t[name][2]) for t in (cpu, eager))
            scale = max(map(abs, x))
            self.assertLessEqual(max(abs(u - v) for u, v in zip(x, y)), 1e-12 * max(scale, 1e-30), name)

    def test_a_step_waits_for_the_device_once(self):
        rows = f"data.valid=[{self.rows}]"
        self.train("a", "platform.device=fake", "checkpoint.every=3", "train.eval_every=3", rows)
        self.assertEqual([m["host_syncs"] for m in metrics(self.folder / "a") if "loss" in m and m["step"] not in (1, 4)], [1] * 4)
        evaluated = next(m for m in metrics(self.folder / "a") if m.get("step") == 4 and "loss" in m)
        self.assertGreater(evaluated["host_syncs"], 1)  # the counter sees the evaluation between two reports

    def test_bf16_training_with_gradients_of_every_type(self):
        losses = {}
        for grad in ("float32", "float64", "bfloat16"):
            self.train(grad, "precision.dtype=bf16", f"precision.grad={grad}", "train.steps=3")
            losses[grad] = [m["loss"] for m in metrics(self.folder / grad)]
        for grad in losses:
            for a, b in zip(losses["float32"], losses[grad], strict=True):
                self.assertLess(abs(a - b), 1e-2 * a, grad)

    # ---- inference
    def assert_golden_text(self, model, case):
        for one in json.loads((GOLDEN / "generate" / f"{case}.json").read_text())["runs"]:
            prompt = ",".join(map(str, one["prompt_ids"]))
            result = run("generate", "--model", model, "--prompt-ids", prompt, "--max-new-tokens", len(one["greedy_ids"]), "--dtype", "fp32")
            self.assertEqual(list(map(int, result.stdout.split())), one["greedy_ids"], case)

    def test_generates_what_transformers_generates(self):
        for case in ("llama", "qwen3"):
            self.assert_golden_text(GOLDEN / "models" / case, case)

    def test_eval_gives_the_golden_loss(self):
        for case in ("llama", "qwen3", "qwen2"):
            golden = tensors(GOLDEN / "parity" / f"{case}.safetensors")
            _, (samples, length), data = golden["input_ids"]
            ids = struct.unpack(f"<{samples * length}q", data)
            write_npy(self.folder / "ids.npy", [ids[i * length:(i + 1) * length] for i in range(samples)])
            dtype, _, raw = golden["loss"]
            loss = struct.unpack("<d" if dtype == "F64" else "<f", raw)[0]
            grads = self.folder / "grads.safetensors"
            out = run("eval", "--model", GOLDEN / "models" / case, "--data", self.folder / "ids.npy", "--dtype", "fp32",
                      "--save-grads", grads, "--save-logits", self.folder / "logits.safetensors").stdout
            self.assertLess(abs(float(out.split("loss ")[1].split()[0]) - loss) / loss, 1e-5, case)
            self.assertEqual({f"grad.{n}" for n in tensors(grads)}, {n for n in golden if n.startswith("grad.")}, case)

    # ---- bad input
    def test_bad_configurations(self):
        result = run("train", *TINY, "optim.lrr=1", "train.micro_batch_size=x", expect=2)
        self.assert_error(result, "did you mean optim.lr", "train.micro_batch_size")
        self.assert_error(run("train", "--config", "nowhere.yaml", expect=2), "nowhere.yaml")
        self.assert_error(run("trian", expect=2), "train")
        self.assert_error(self.train("a", "data.train=[none.npy]", expect=3), "none.npy")
        self.assert_error(self.train("a", "model.path=/nonexistent", expect=4), "/nonexistent")

    def test_damaged_weights(self):
        source = GOLDEN / "models" / "qwen3"
        whole = (source / "model.safetensors").read_bytes()
        size = struct.unpack("<Q", whole[:8])[0]
        header = json.loads(whole[8:8 + size])
        wrong = {n: dict(e) for n, e in header.items()}
        name = next(n for n, e in wrong.items() if len(e.get("shape", [])) == 2)
        wrong[name]["shape"] = wrong[name]["shape"][::-1] if wrong[name]["shape"][0] != wrong[name]["shape"][1] else [1, -1]
        text = json.dumps(wrong).encode()
        text += b" " * (-len(text) % 8)
        cases = {"truncated": whole[:-100], "header": whole[:40], "huge header": struct.pack("<Q", 1 << 60) + whole[8:],
                 "extra": whole + b"\0" * 8, "shape": struct.pack("<Q", len(text)) + text + whole[8 + size:], "empty": b""}
        for what, data in cases.items():
            target = self.folder / what.replace(" ", "_")
            shutil.copytree(source, target)
            (target / "model.safetensors").write_bytes(data)
            self.assert_error(self.train("run", f"model.path={target}", "model.config={}", expect=4), "model.safetensors" if what != "shape" else "shape")

    def test_damaged_data(self):
        out = self.folder / "c"
        text = self.folder / "t.txt"
        text.write_text("In the beginning God created the heaven and the earth.\n" * 50)
        run("data", "tokenize", "--input", text, "--tokenizer", ROOT / "examples" / "quickstart", "--output", out)
        self.assert_error(self.train("a", "data.kind=indexed", f"data.train=[{out}]", "data.seq_length=16", expect=3), "vocabulary")
        index = out.with_suffix(".idx")
        index.write_bytes(index.read_bytes()[:-5])
        self.assert_error(self.train("a", "data.kind=indexed", f"data.train=[{out}]", "data.seq_length=16", expect=3), "c.idx")
        (self.folder / "tokenizer.json").write_text('{"model": {"type": "BPE", "vocab": 3}}')
        self.assert_error(run("data", "tokenize", "--input", text, "--tokenizer", self.folder / "tokenizer.json", "--output", out, expect=3))

    def test_a_full_disk_damages_nothing(self):
        self.train("a", "checkpoint.every=2", "train.exit_at_step=2")
        before = newest(self.folder / "a")
        self.assert_error(self.train("a", expect=7, env={"LF_FAILPOINT": "ckpt.writing:enospc"}))
        self.assertEqual(newest(self.folder / "a"), before)
        self.train("a", "checkpoint.every=2")


if __name__ == "__main__":
    unittest.main(verbosity=2)
