# SPDX-License-Identifier: Apache-2.0
"""The installed library, found by other CMake projects: examples/custom_trainer on one and two ranks, and a project
that finds PyTorch by PyTorch's own package too."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from programs import LOONGFORGE, ROOT

BUILD = LOONGFORGE.parent.parent


def attempt(*args, cwd=None, timeout=800):
    return subprocess.run(list(map(str, args)), cwd=cwd, capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})


def checked(result):
    if result.returncode != 0:
        raise AssertionError(f"{result.args} gave {result.returncode}\n{result.stdout[-4000:]}\n{result.stderr[-4000:]}")
    return result.stdout


def call(*args, cwd=None):
    return checked(attempt(*args, cwd=cwd))


def torch_dir():
    """The LibTorch folder that the build was configured with."""
    line = next(l for l in (BUILD / "CMakeCache.txt").read_text().splitlines() if l.startswith("TORCH_DIR:"))
    return pathlib.Path(line.split("=", 1)[1])


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="lf-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.prefix = cls.folder / "prefix"
        call("cmake", "--install", BUILD, "--prefix", cls.prefix)

    def configure(self, source, build, *options):
        return attempt("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}",
                       "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS=-O1", *options)

    def test_installed_programs(self):
        self.assertIn("usage: loongforge", call(self.prefix / "bin" / "loongforge", "--help"))

    def test_custom_trainer_on_the_installed_library(self):
        example = ROOT / "examples" / "custom_trainer"
        build = self.folder / "custom"
        self.assertLessEqual(len((example / "main.cpp").read_text().splitlines()), 150)
        checked(self.configure(example, build))
        call("cmake", "--build", build)
        losses = {}
        for ranks in (1, 2):
            place = self.folder / f"run{ranks}"
            shutil.copytree(example, place)
            config = (place / "config.yaml").read_text().replace("steps: 200", "steps: 30")
            (place / "config.yaml").write_text(config)
            call(build / "custom_trainer", "config.yaml", *([] if ranks == 1 else ["--ranks", ranks]), cwd=place)
            lines = (place / "runs" / "flow" / "metrics.jsonl").read_text().splitlines()
            losses[ranks] = [json.loads(line)["loss"] for line in lines]
        self.assertLess(losses[1][-1], 0.9 * losses[1][0])
        for one, two in zip(losses[1], losses[2], strict=True):
            self.assertLess(abs(one - two) / one, 1e-4)

    def test_a_project_beside_find_package_torch(self):
        source = ROOT / "tests" / "e2e" / "projects" / "beside_torch"
        package = torch_dir() / "share" / "cmake" / "Torch"
        if not (package / "TorchConfig.cmake").exists():
            self.skipTest(f"{package} holds no CMake package of PyTorch")
        for order in ("OFF", "ON"):
            build = self.folder / f"beside_{order}"
            result = self.configure(source, build, f"-DTorch_DIR={package}", f"-DTORCH_LAST={order}")
            if "uses CUDA but I cannot find" in result.stderr:
                self.skipTest("this PyTorch's own CMake package wants a CUDA toolkit, which this machine lacks")
            checked(result)
            call("cmake", "--build", build)
            self.assertIn("trained 1 kept 1 thrown 1", call(build / "beside_torch", cwd=build))
            libraries = {l.split()[0] for l in call("ldd", build / "beside_torch").splitlines()}
            self.assertEqual({l for l in libraries if l.startswith("libtorch")}, {"libtorch_cpu.so"})

    # ---- plug-in libraries
    def built_plugin(self):
        build = self.folder / "plugin"
        if not (build / "liblab.so").exists():
            checked(self.configure(ROOT / "tests" / "e2e" / "projects" / "plugin", build))
            call("cmake", "--build", build)
        return build / "liblab.so"

    def train(self, name, *overrides, launch=()):
        return attempt(self.prefix / "bin" / "loongforge", "train", *launch, "--config", self.folder / "lab.yaml",
                       f"run.output_dir={self.folder / name}", *overrides, cwd=self.folder)

    def write_config(self, library, plugins):
        (self.folder / "lab.yaml").write_text(
            f"defaults: [model: qwen3_debug, _self_]\nrun: {{plugins: [{library}]}}\n{plugins}\n"
            "data: {kind: counting}\noptim: {name: signum, lr: 1e-3, schedule: constant}\n"
            "train: {steps: 12, micro_batch_size: 2, global_batch_size: 4}\n")

    def refused(self, *parts, overrides=()):
        result = self.train("refused", *overrides)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(sum(l.startswith("error: ") for l in result.stderr.splitlines()), 1, result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)

    def test_a_plugin_adds_data_loss_block_and_optimizer(self):
        library = self.built_plugin()
        self.write_config(library, "plugins: {lab: {stride: 7, length: 20}}")
        checked(self.train("one"))
        records = [json.loads(l) for l in (self.folder / "one" / "metrics.jsonl").read_text().splitlines()]
        self.assertEqual(records[0]["toks"], 4 * 20)
        self.assertLess(records[-1]["loss"], 0.9 * records[0]["loss"])
        for record in records:
            parts = record["loss_lm"] + 0.01 * record["loss_size"]
            self.assertLess(abs(record["loss"] - parts), 1e-5 * parts)
        self.assertTrue(list((self.folder / "one").glob("step_*/optimizer/mean*.safetensors")))
        checked(self.train("two", launch=["--nproc-per-node=2"]))
        two = [json.loads(l) for l in (self.folder / "two" / "metrics.jsonl").read_text().splitlines()]
        for a, b in zip(records, two, strict=True):
            self.assertLess(abs(a["loss"] - b["loss"]), 1e-4 * a["loss"])
        checked(self.train("parts", "train.exit_at_step=5"))
        checked(self.train("parts"))
        parts = [json.loads(l) for l in (self.folder / "parts" / "metrics.jsonl").read_text().splitlines()]
        self.assertEqual([r["loss"] for r in parts], [r["loss"] for r in records])

    def test_what_is_wrong_with_a_plugin_is_told(self):
        library = self.built_plugin()
        self.write_config(library, "plugins:\n  lab:\n    strid: 7\n    length: many")
        self.refused("lab.yaml:5", "plugins.lab.strid; did you mean plugins.lab.stride?", "lab.yaml:6", "plugins.lab.length")
        self.write_config(library, "plugins: {lba: {}}")
        self.refused("did you mean plugins.lab?")
        self.write_config(library, "")
        self.refused("did you mean `signum`?", overrides=["optim.name=signun"])
        self.refused("did you mean `counting`?", overrides=["data.kind=countin"])
        text = self.folder / "text.so"
        text.write_text("not a library")
        foreign = self.prefix / "lib" / "libloongforge_base.so"
        for wrong, what in ((self.folder / "none.so", "none.so"), (text, "text.so"), (self.folder, "cannot load"),
                            (foreign, "exports no loongforge_register")):
            self.write_config(wrong, "")
            self.refused("run.plugins", what)


if __name__ == "__main__":
    unittest.main(verbosity=2)
