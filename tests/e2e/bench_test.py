# SPDX-License-Identifier: Apache-2.0
"""`loongforge bench`: its tables, and what it refuses."""
import unittest

from programs import run

SMALL = ["--rows", "8", "--hidden", "16", "--ffn", "24", "--classes", "32", "--heads", "2", "--head-dim", "8",
         "--elements", "1000", "--rounds", "1", "--threads", "1"]


class Bench(unittest.TestCase):
    def assert_error(self, args, *parts, env=None):
        result = run("bench", *args, expect=2, env=env)
        self.assertRegex(result.stderr, r"(?m)^hint: ", result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)

    def test_every_operation_has_a_row_for_each_type(self):
        names = [line.split()[0] for line in run("bench", "op", "--list").stdout.splitlines()]
        self.assertIn("add_rms_norm", names)
        self.assertIn("adamw", names)
        result = run("bench", "op", *SMALL)
        rows = [line.split() for line in result.stdout.splitlines()[2:]]
        self.assertEqual([row[:2] for row in rows], [[name, dtype] for dtype in ("fp32", "bf16") for name in names])
        for row in rows:
            self.assertGreater(float(row[4]), 0, row)

    def test_chosen_operations_and_set(self):
        result = run("bench", "op", "swiglu", "rope", "--dtype", "fp16", *SMALL, env={"LOONGFORGE_CPU_ISA": "portable"})
        self.assertIn("portable", result.stdout.splitlines()[0])
        self.assertEqual([line.split()[:2] for line in result.stdout.splitlines()[2:]], [["swiglu", "fp16"], ["rope", "fp16"]])

    def test_refusals(self):
        self.assert_error(["op", "swigul"], "swigul", "did you mean `swiglu`")
        self.assert_error(["op", "--dtype", "int8"], "int8")
        self.assert_error(["op", "--rows", "0"], "--rows")
        self.assert_error(["op", "--rounds", "none"], "--help")
        self.assert_error(["op", "swiglu", *SMALL], "mmx", env={"LOONGFORGE_CPU_ISA": "mmx"})
        self.assert_error(["oops"], "oops")

    def test_help(self):
        self.assertIn("op", run("bench", "--help").stdout)
        for option in ("--dtype", "--rows", "--rounds", "--threads", "LOONGFORGE_CPU_ISA"):
            self.assertIn(option, run("bench", "op", "--help").stdout)


if __name__ == "__main__":
    unittest.main()
