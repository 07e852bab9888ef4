# SPDX-License-Identifier: Apache-2.0
"""The installed library, found by another CMake project: examples/custom_trainer on one and two ranks."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from programs import LOONGFORGE, ROOT


def call(*args, cwd=None, timeout=800):
    result = subprocess.run(list(map(str, args)), cwd=cwd, capture_output=True, text=True, timeout=timeout,
                            env={**os.environ, "OMP_NUM_THREADS": "1"})
    if result.returncode != 0:
        raise AssertionError(f"{args} gave {result.returncode}\n{result.stdout[-4000:]}\n{result.stderr[-4000:]}")
    return result.stdout


class Install(unittest.TestCase):
    def test_custom_trainer_on_the_installed_library(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="lf-install-"))
        self.addCleanup(shutil.rmtree, folder, True)
        build = LOONGFORGE.parent.parent
        call("cmake", "--install", build, "--prefix", folder / "prefix")
        self.assertIn("usage: loongforge", call(folder / "prefix" / "bin" / "loongforge", "--help"))
        example = ROOT / "examples" / "custom_trainer"
        self.assertLessEqual(len((example / "main.cpp").read_text().splitlines()), 155)
        call("cmake", "-S", example, "-B", folder / "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={folder / 'prefix'}",
             "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS=-O1")
        call("cmake", "--build", folder / "build")
        losses = {}
        for ranks in (1, 2):
            place = folder / f"run{ranks}"
            shutil.copytree(example, place)
            config = (place / "config.yaml").read_text().replace("steps: 200", "steps: 30")
            (place / "config.yaml").write_text(config)
            call(folder / "build" / "custom_trainer", "config.yaml", *([] if ranks == 1 else ["--ranks", ranks]), cwd=place)
            lines = (place / "runs" / "flow" / "metrics.jsonl").read_text().splitlines()
            losses[ranks] = [json.loads(line)["loss"] for line in lines]
        self.assertLess(losses[1][-1], 0.9 * losses[1][0])
        for one, two in zip(losses[1], losses[2], strict=True):
            self.assertLess(abs(one - two) / one, 1e-4)


if __name__ == "__main__":
    unittest.main(verbosity=2)
