# SPDX-License-Identifier: Apache-2.0
"""Edges of the programs: help, printed configurations, overlapping weights, folders that can't be written, lost ranks."""
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

from programs import GOLDEN, LOONGFORGE, metrics, newest, run, tensors, write_npy

CONFIG = """\
defaults:
  - model: qwen3_debug
  - _self_
data: {kind: tokens, train: [ROWS]}
train: {steps: 6, micro_batch_size: 1, global_batch_size: 4}
optim: {lr: 1e-2, warmup_steps: 1}
log: {every: 1}
"""


def pack(header, body):
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def reports(stdout):
    return [line for line in stdout.splitlines() if line.startswith("step ")]


class Edges(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lf-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        draw = random.Random(2)
        self.rows = self.folder / "rows.npy"
        write_npy(self.rows, [[draw.randrange(200) for _ in range(16)] for _ in range(40)])
        self.config = self.folder / "mine.yaml"
        self.config.write_text(CONFIG.replace("ROWS", str(self.rows)))

    def train(self, name, *args, **options):
        launch = [a for a in args if a.startswith("--")]
        rest = [a for a in args if not a.startswith("--")]
        return run("train", *launch, "--config", self.config, f"run.output_dir={self.folder / name}", *rest, **options)

    def assert_error(self, result, *parts):
        self.assertEqual(len([l for l in result.stderr.splitlines() if l.startswith("error: ")]), 1, result.stderr)
        self.assertRegex(result.stderr, r"(?m)^hint: ", result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)

    # ---- the command line
    def test_help_and_no_command(self):
        self.assertIn("usage: loongforge", run("--help").stdout)
        for command in ("train", "verify", "eval", "generate", "data"):
            self.assertIn("--help", run(command, "--help").stdout, command)

    def test_a_printed_configuration_gives_the_same_run(self):
        printed = self.folder / "printed.yaml"
        printed.write_text(self.train("a", "--print-config", "train.steps=3").stdout)
        self.assertFalse((self.folder / "a").exists())
        self.train("b", "train.steps=3")
        run("train", "--config", printed)
        self.assertEqual(tensors(newest(self.folder / "a")), tensors(newest(self.folder / "b")))

    def test_ranks_that_do_not_fit(self):
        self.assert_error(self.train("a", "--nproc-per-node=2", "parallel.dp=3", expect=2), "parallel")
        self.assert_error(self.train("a", "parallel.tp=2", expect=2), "tp")

    # ---- weights
    def test_overlapping_and_oversized_weights(self):
        source = GOLDEN / "models" / "qwen3"
        whole = (source / "model.safetensors").read_bytes()
        size = struct.unpack("<Q", whole[:8])[0]
        header, body = json.loads(whole[8:8 + size]), whole[8 + size:]
        names = [n for n in header if n != "__metadata__"]
        same = {}
        for name in names:
            same.setdefault((header[name]["dtype"], tuple(header[name]["shape"])), []).append(name)
        first, second = next(group for group in same.values() if len(group) > 1)[:2]
        overlapping, oversized, negative = (json.loads(json.dumps(header)) for _ in range(3))
        overlapping[second]["data_offsets"] = header[first]["data_offsets"]
        oversized[first]["shape"] = [1 << 40, 1 << 40]
        negative[first]["data_offsets"] = header[first]["data_offsets"][::-1]
        missing = {n: e for n, e in header.items() if n != first}
        cases = {"overlapping": overlapping, "oversized": oversized, "negative": negative, "missing": missing}
        for what, changed in cases.items():
            target = self.folder / what
            shutil.copytree(source, target)
            (target / "model.safetensors").write_bytes(pack(changed, body))
            self.assert_error(self.train("run", f"model.path={target}", "~model.config", expect=4), "model.safetensors")

    # ---- output
    def test_a_disk_that_fills_up(self):
        disk = self.mounted_disk("size=1m")
        (disk / "filler").write_bytes(b"\0" * 900_000)
        self.assert_error(self.train("disk/run", "train.steps=2", expect=7))
        (disk / "filler").unlink()
        self.assertFalse([p for p in (disk / "run").glob("step_*") if p.suffix != ".tmp"])

    def mounted_disk(self, options):
        """A tmpfs in the test's folder; without the right to mount, the test is skipped and says so."""
        disk = self.folder / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
            self.skipTest("no right to mount a disk; spine_test.py has a failpoint form of the full one")
        self.addCleanup(subprocess.run, ["umount", str(disk)])
        return disk

    def test_a_read_only_disk(self):
        self.mounted_disk("size=1m,ro")
        self.assert_error(self.train("disk/run", expect=7), "Read-only", "run.output_dir")

    def test_an_output_folder_that_is_a_file(self):
        (self.folder / "file").write_text("mine")
        self.assert_error(self.train("file/run", expect=4), "file")
        self.assertEqual((self.folder / "file").read_text(), "mine")

    # ---- interruption
    def test_sigterm_and_resume_is_the_same_run(self):
        self.train("whole", "train.steps=60")
        name = f"run.output_dir={self.folder / 'a'}"
        command = [str(LOONGFORGE), "train", "--config", str(self.config), name, "train.steps=60"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if line.startswith("step 3/"):
                process.send_signal(signal.SIGTERM)
                break
        process.stdout.read()
        process.stdout.close()
        self.assertEqual(process.wait(60), 128 + signal.SIGTERM)
        saved = int(newest(self.folder / "a").name.split("_")[1])
        self.assertTrue(3 <= saved < 60, saved)
        self.train("a", "train.steps=60")
        self.assertEqual(tensors(newest(self.folder / "a")), tensors(newest(self.folder / "whole")))
        steps = [m["step"] for m in metrics(self.folder / "a")]
        self.assertEqual(steps, list(range(1, 61)))

    def test_a_killed_rank_ends_the_run_and_it_resumes(self):
        """The second rank alone is killed: a launcher of our own sets the failpoint for that rank only."""
        self.train("whole", "--nproc-per-node=2", "checkpoint.every=2")
        worker = LOONGFORGE.parent / "loongforge-worker"
        with_port = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(20000 + os.getpid() % 20000)}
        ranks, started = [], time.monotonic()
        for rank in range(2):
            env = {**os.environ, "OMP_NUM_THREADS": "1", **with_port, "RANK": str(rank), "LOCAL_RANK": str(rank),
                   "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
            if rank == 1:
                env["LF_FAILPOINT"] = "train.step:kill@4"
            ranks.append(subprocess.Popen([str(worker), "train", "--config", str(self.config), "checkpoint.every=2",
                                           f"run.output_dir={self.folder / 'a'}"], env=env, stderr=subprocess.PIPE,
                                          stdout=subprocess.DEVNULL, text=True))
            self.addCleanup(ranks[-1].kill)
        _, survivor = ranks[0].communicate(timeout=60)
        ranks[1].communicate(timeout=60)
        self.assertEqual(ranks[1].returncode, -signal.SIGKILL)
        self.assertEqual(ranks[0].returncode, 5, survivor)
        self.assertRegex(survivor, r"(?m)error: ")
        self.train("a", "--nproc-per-node=2", "checkpoint.every=2")
        self.assertEqual(tensors(newest(self.folder / "a")), tensors(newest(self.folder / "whole")))

    def test_the_launcher_ends_when_one_rank_is_killed(self):
        command = [str(LOONGFORGE), "train", "--nproc-per-node", "2", "--config", str(self.config),
                   f"run.output_dir={self.folder / 'a'}", "train.steps=100000"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        for line in process.stdout:
            if line.startswith("step 3/"):
                break
        workers = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
        pids = sorted(map(int, workers.stdout.split()))
        self.assertEqual(len(pids), 2)
        os.kill(pids[1], signal.SIGKILL)
        _, stderr = process.communicate(timeout=60)
        self.assertNotEqual(process.returncode, 0)
        self.assertRegex(stderr, r"(?m)error: ")


if __name__ == "__main__":
    unittest.main(verbosity=2)
