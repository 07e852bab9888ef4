# SPDX-License-Identifier: Apache-2.0
"""What a resumed run keeps, what it refuses, and what it starts from."""
import json
import shutil
import struct
import unittest

from programs import GOLDEN, ROOT, TinyRuns, metrics, newest, run, tensors

SAVES = ["checkpoint.every=2"]


def flip(path):
    """Damage that keeps a file's size."""
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


class Resume(TinyRuns):
    def refused(self, result, *parts):
        self.assertRegex(result.stderr, r"(?m)^error: .*\nhint: .", result.stderr)
        self.assertNotIn("defect", result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)

    def consumed(self, name):
        return [m["consumed_samples"] for m in metrics(self.folder / name)]

    # ---- the batch
    def test_an_unset_batch_is_kept_on_other_ranks(self):
        unset = "train.global_batch_size=0"
        self.train("a", "--nproc-per-node=2", unset, "train.exit_at_step=2")
        self.train("a", unset)
        self.assertEqual(self.consumed("a"), [2, 4, 6, 8, 10, 12])

    def test_a_batch_that_other_ranks_cannot_keep_is_refused(self):
        unset, two = "train.global_batch_size=0", "--nproc-per-node=2"
        self.train("a", unset, "train.exit_at_step=2")
        self.refused(self.train("a", two, unset, expect=2), "batches of 1 sample", "run.allow_changes=[train.global_batch_size]")
        self.refused(self.train("a", two, "train.global_batch_size=4", expect=2), "train.global_batch_size of 1, this run has 4")
        self.train("a", "train.global_batch_size=1", "train.exit_at_step=3")  # the same, said aloud
        self.train("a", two, "train.global_batch_size=4", "run.allow_changes=[train.global_batch_size]")
        self.assertEqual(self.consumed("a"), [1, 2, 3, 7, 11, 15])

    def test_a_batch_no_longer_set_is_kept_with_its_epochs(self):
        keys = ["train.steps=auto", "train.epochs=0.5", "optim.schedule=constant"]
        self.train("a", *keys, "train.exit_at_step=2")
        self.train("a", *keys, "train.global_batch_size=0")
        self.assertEqual(self.consumed("a"), [4, 8, 12, 16, 20])

    # ---- damage
    def test_a_damaged_checkpoint_is_passed_over(self):
        self.train("whole")
        for ranks, file in ((1, "optimizer/exp_avg.safetensors"), (2, "optimizer/master.safetensors")):
            name = f"damaged{ranks}"
            self.train(name, *SAVES, "train.exit_at_step=4")
            flip(self.folder / name / "step_00000004" / file)
            result = self.train(name, f"--nproc-per-node={ranks}", *SAVES)
            self.assertRegex(result.stderr, rf"warning.*step_00000004/{file}")
            self.assertEqual([m["step"] for m in metrics(self.folder / name)], [1, 2, 3, 4, 5, 6])
            if ranks == 1:
                self.assertEqual(tensors(newest(self.folder / name)), tensors(newest(self.folder / "whole")))

    def test_nothing_whole_is_refused(self):
        self.train("a", "train.exit_at_step=2")
        flip(newest(self.folder / "a") / "model.safetensors")
        self.refused(self.train("a", expect=4), "step_00000002/model.safetensors", "run.resume=never")
        self.refused(self.train("b", f"run.resume={newest(self.folder / 'a')}", expect=4), "model.safetensors")
        self.train("a", "run.resume=never")
        self.assertEqual(newest(self.folder / "a").name, "step_00000006.g1")

    # ---- run.resume=PATH
    def steps(self, name):
        return sorted(p.name for p in (self.folder / name).glob("step_*"))

    def test_the_same_command_with_a_path_goes_on(self):
        self.train("a", *SAVES, "train.exit_at_step=4")
        path = f"run.resume={self.folder / 'a' / 'step_00000002'}"
        self.train("a", path, "train.exit_at_step=3")
        self.assertEqual(self.steps("a")[-1], "step_00000004")
        self.assertIn("step_00000003.g1", self.steps("a"))
        self.train("a", path, "train.exit_at_step=4")
        self.train("a", path, "train.exit_at_step=5")
        self.train("a", path)
        self.assertEqual(self.steps("a")[-4:], ["step_00000004", "step_00000004.g1", "step_00000005.g1", "step_00000006.g1"])
        self.assertIn("finished already", self.train("a", path).stdout)

    def test_a_runs_folder_is_a_place_to_resume_from(self):
        self.train("whole")
        self.train("a", *SAVES, "train.exit_at_step=4")
        left = self.folder / "a" / "step_00000005.tmp"  # of a save under way, were that run alive
        left.mkdir()
        self.train("b", f"run.resume={self.folder / 'a'}", "train.exit_at_step=5")
        self.assertEqual(self.steps("b"), ["step_00000005"])
        self.assertTrue(left.exists())
        self.train("b", f"run.resume={self.folder / 'a'}")
        self.assertEqual(self.steps("b"), ["step_00000005", "step_00000006"])
        self.assertEqual(tensors(newest(self.folder / "b")), tensors(newest(self.folder / "whole")))
        self.train("a", f"run.resume={self.folder / 'a'}")
        self.assertEqual(tensors(newest(self.folder / "a")), tensors(newest(self.folder / "whole")))
        (self.folder / "empty").mkdir()
        for nothing in ("empty", "nowhere", "rows.npy"):
            self.refused(self.train("c", f"run.resume={self.folder / nothing}", expect=4), nothing)

    # ---- saving
    def test_a_periodic_save_that_fails_is_counted_and_the_run_goes_on(self):
        self.train("whole", "--nproc-per-node=2")
        result = self.train("a", "--nproc-per-node=2", *SAVES, env={"LF_FAILPOINT": "ckpt.writing:enospc"})
        self.assertIn("step 2 is not saved", result.stderr)
        records = metrics(self.folder / "a")
        self.assertEqual([m["failed_saves"] for m in records if "failed_saves" in m], [1])
        self.assertEqual(self.steps("a"), ["step_00000004", "step_00000006"])
        self.assertEqual(tensors(newest(self.folder / "a")), tensors(newest(self.folder / "whole")))
        for last in (["checkpoint.every=0"], ["checkpoint.every=4", "checkpoint.save_last=false"], ["train.exit_at_step=4", *SAVES]):
            visit = "@2" if last[0].startswith("train.") else ""
            site = "ckpt.begin:enospc" + visit
            self.refused(self.train(last[0], *last, expect=7, env={"LF_FAILPOINT": site}), "no space left")

    def test_a_tokenizer_file_beside_the_command_is_saved_with_the_model(self):
        shutil.copy(ROOT / "examples" / "quickstart" / "tokenizer.json", self.folder)
        (self.folder / "t.txt").write_text("In the beginning God created the heaven and the earth.\n" * 50)
        self.train("a", "data.kind=text", "data.train=[t.txt]", "data.tokenizer=tokenizer.json", "data.seq_length=16",
                   "model.config.vocab_size=2048", "train.steps=1", cwd=self.folder)
        self.assertEqual((newest(self.folder / "a") / "tokenizer.json").read_bytes(), (self.folder / "tokenizer.json").read_bytes())

    # ---- numbers
    def test_an_infinite_loss_with_a_finite_gradient_changes_nothing(self):
        """Logits near the end of fp32: the loss of a row fits, the sum over the rows does not, and the gradient does."""
        source = self.folder / "source"
        shutil.copytree(GOLDEN / "models" / "llama", source)
        data = bytearray((source / "model.safetensors").read_bytes())
        size = struct.unpack("<Q", data[:8])[0]
        entry = json.loads(data[8:8 + size])["lm_head.weight"]
        first, last = (8 + size + at for at in entry["data_offsets"])
        count = (last - first) // 4
        values = struct.unpack(f"<{count}f", data[first:last])
        data[first:last] = struct.pack(f"<{count}f", *(v * HUGE for v in values))
        (source / "model.safetensors").write_bytes(data)
        keys = [f"model.path={source}", "model.config={}", "train.steps=2"]
        self.refused(self.train("halt", *keys, expect=6), "its update was not applied")
        self.train("skip", *keys, "fault.nan=skip")
        for record in metrics(self.folder / "skip"):
            self.assertEqual((record["loss"], record["skipped"]), ("inf", True))
            self.assertIsInstance(record["grad_norm"], float)
        self.assertEqual(tensors(newest(self.folder / "skip")), tensors(source))


HUGE = 3e36

if __name__ == "__main__":
    unittest.main(verbosity=2)
