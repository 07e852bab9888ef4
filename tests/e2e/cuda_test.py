# SPDX-License-Identifier: Apache-2.0
"""The CUDA plug-in: it is built where a toolkit is, every symbol is there, and it says why there is no device."""
import ctypes
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from programs import LOONGFORGE, run, write_npy

PLUGIN = LOONGFORGE.resolve().parents[1] / "lib" / "liblf_cuda.so"
CONFIG = """\
defaults:
  - model: qwen3_debug
  - _self_
data: {kind: tokens, train: [ROWS]}
train: {steps: 1, micro_batch_size: 1, global_batch_size: 2}
platform: {device: cuda}
"""


def has_driver():
    try:
        ctypes.CDLL("libcuda.so.1")
        return True
    except OSError:
        return False


def loader_report():
    """What the loader finds wrong with the plug-in and all it needs, symbols included."""
    return subprocess.run(["ldd", "-r", str(PLUGIN)], capture_output=True, text=True, check=False)


class Cuda(unittest.TestCase):
    def setUp(self):
        if reason := os.environ.get("LF_CUDA_MISSING"):
            print(f"skipped: no liblf_cuda.so in this build: {reason}")
            self.skipTest(reason)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lf-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        write_npy(self.folder / "rows.npy", [[i % 50 for i in range(16)]] * 4)
        self.config = self.folder / "mine.yaml"
        self.config.write_text(CONFIG.replace("ROWS", str(self.folder / "rows.npy")))

    def train(self, *args, **options):
        launch = [a for a in args if a.startswith("--")]
        rest = [a for a in args if not a.startswith("--")]
        return run("train", *launch, "--config", self.config, f"run.output_dir={self.folder / 'run'}", *rest, **options)

    def assert_refused(self, result, *parts):
        errors = [line for line in result.stderr.splitlines() if "error: " in line]
        self.assertTrue(errors, result.stderr)
        for part in parts:
            self.assertIn(part, errors[0])
        self.assertRegex(result.stderr, r"hint: .*platform\.device=cpu")
        self.assertFalse((self.folder / "run" / "metrics.jsonl").exists())

    def test_exports_its_entries_and_lacks_no_symbol(self):
        listed = subprocess.run(["nm", "-D", "--defined-only", str(PLUGIN)], capture_output=True, text=True, check=True)
        for entry in ("lf_device_register", "lf_comm_register"):
            self.assertRegex(listed.stdout, rf"(?m) T {entry}$")
        report = loader_report()
        self.assertNotIn("not found", report.stdout)
        self.assertNotIn("undefined symbol", report.stdout + report.stderr)

    def test_trains_or_says_why_there_is_no_device(self):
        if has_driver():
            self.skipTest("there is an NVIDIA driver")
        self.assert_refused(self.train(expect=7), "platform.device=cuda", "no NVIDIA driver", "libcuda.so.1")

    def test_every_rank_of_a_launch_says_why(self):
        if has_driver():
            self.skipTest("there is an NVIDIA driver")
        result = self.train("--nproc-per-node=2", expect=7)
        self.assert_refused(result, "platform.device=cuda", "no NVIDIA driver")

    def test_a_plugin_that_cannot_be_loaded_is_named(self):
        broken = self.folder / "plugins"
        broken.mkdir()
        (broken / "liblf_cuda.so").write_text("no library")
        result = self.train(expect=7, env={"LOONGFORGE_PLUGIN_PATH": str(broken)})
        self.assertIn("cannot load", result.stderr)
        self.assertIn(str(broken / "liblf_cuda.so"), result.stderr)

    def test_a_backend_that_does_not_fit_the_device_is_refused(self):
        result = self.train("--nproc-per-node=2", "platform.device=cpu", "parallel.backend=nccl", expect=2)
        self.assertIn("parallel.backend nccl needs platform.device cuda", result.stderr)
        result = self.train("--nproc-per-node=2", "platform.device=fake", expect=2)
        self.assertIn("platform.device=fake has no communication between processes", result.stderr)


if __name__ == "__main__":
    unittest.main()
