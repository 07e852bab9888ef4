# SPDX-License-Identifier: Apache-2.0
"""The command line as people meet it first: help, wrong words, completion, doctor, names in the Hugging Face cache, memory."""
import json
import os
import pathlib
import pty
import random
import re
import select
import shutil
import subprocess
import tempfile
import time
import unittest

from programs import GOLDEN, LOONGFORGE, ROOT, metrics, newest, run, tensors, write_npy

COMMANDS = re.findall(r"^  (\w+) ", run("--help").stdout.split("commands:")[1].split("\n\n")[0], re.M)
CONFIG = """\
defaults:
  - model: qwen3_debug
data: {kind: tokens, train: [ROWS]}
train: {steps: 3, global_batch_size: 4}
optim: {warmup_steps: 1}
"""


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lf-cli-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        draw = random.Random(2)
        self.rows = self.folder / "rows.npy"
        write_npy(self.rows, [[draw.randrange(200) for _ in range(16)] for _ in range(40)])
        self.config = self.folder / "mine.yaml"
        self.config.write_text(CONFIG.replace("ROWS", str(self.rows)))

    def fails(self, *args, code=2, says=(), env=None, cwd=None):
        result = run(*args, expect=code, env=env) if cwd is None else subprocess.run(
            [LOONGFORGE, *map(str, args)], capture_output=True, text=True, cwd=cwd, env={**os.environ, **(env or {})})
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(len(re.findall(r"(?m)^error: ", result.stderr)), 1, result.stderr)
        self.assertRegex(result.stderr, r"(?m)^hint: .", result.stderr)
        for text in says:
            self.assertIn(text, result.stderr)
        return result


class Words(Folder):
    def test_every_command_explains_itself(self):
        self.assertGreaterEqual(len(COMMANDS), 8)
        for command in COMMANDS:
            text = run(command, "--help").stdout
            for part in ("usage: loongforge " + command, "exit codes: 0 done"):
                self.assertIn(part, text, command)
            self.assertEqual(run("help", command).stdout, text)
            subcommands = re.findall(r"(?m)^  (\w+) ", text.split("\ncommands:\n")[1].split("\n\n")[0]) if "\ncommands:\n" in text else []
            for words in [[command, below] for below in subcommands] or [[command]]:
                text = run(*words, "--help").stdout
                self.assertIn("examples:", text, words)
                self.assertLessEqual(max(map(len, text.splitlines())), 120, words)

    def test_nothing_said(self):
        self.assertIn("commands:", run(expect=2).stdout)
        for command in COMMANDS:
            if command == "doctor":
                continue
            self.fails(command, says=("loongforge " + command,) if command != "train" else ("--config",))

    def test_wrong_words_are_put_right(self):
        self.fails("trian", says=("did you mean `train`?",))
        self.fails("eval", "--modle", "x", "--data", "y", says=("did you mean --model",))
        self.fails("data", "tokenise", says=("tokenize",))
        self.fails("data", "stats", "x", "--threds", "2", says=("loongforge data stats",))
        self.fails("train", "--confg", "quickstart", says=("did you mean --config?",))
        self.fails("train", "--nproc", "2", "--config", "quickstart", says=("did you mean --nproc-per-node?",))
        self.fails("train", "mine.yaml", says=("--config mine.yaml",))
        self.fails("train", "--config", "quickstrat", says=("did you mean quickstart?",))
        self.fails("train", "--config", self.config, "--learning-rate", "1e-4", says=("`learning_rate` is `optim.lr` here",))
        self.fails("train", "--config", self.config, "steps", says=("key=value",))
        self.fails("train", "--help-config", "optm", says=("did you mean optim?",))
        self.fails("config", "schema", "optm", says=("did you mean optim?",))
        self.fails("completion", "fish", says=("bash",))
        self.fails("generate", "--model", GOLDEN / "models/qwen3", says=("--prompt",))
        self.fails("eval", "--model", GOLDEN / "models/qwen3", "--data", "x", "--dtype", "int5", says=("int5",))

    def test_mistakes_of_the_launcher(self):
        config = ["train", "--config", self.config]
        self.fails(*config, "--nproc-per-node", "two", says=("`two`", "auto"))
        self.fails(*config, "--nnodes", "1:4", says=("changing number of nodes",))
        self.fails(*config, "--nnodes", "0", says=("--nnodes",))
        self.fails(*config, "--rdzv-backend", "etcd", says=("static", "c10d"))
        self.fails(*config, "--rdzv-endpoint", "host:port", says=("HOST:PORT",))
        self.fails(*config, "--tee", "7", "--nproc-per-node=2", says=("--tee",))
        self.fails(*config, "--cfg", "hydra", says=("--cfg job",))
        self.fails(*config, "--config-dir", self.folder / "none", says=("is not a folder",))

    def test_an_empty_folder(self):
        empty = self.folder / "empty"
        empty.mkdir()
        self.fails("train", "--config", "quickstart", code=3, cwd=empty, says=("examples/quickstart", "correct the path"))
        self.fails("train", "--config", "quickstart", "data.tokenizer=" + str(ROOT / "examples/quickstart"), code=3, cwd=empty,
                   says=("runs/quickstart/data",))
        self.fails("eval", "--model", "m", "--data", "d", code=4, cwd=empty, env={"HF_HUB_CACHE": str(empty)}, says=("hf download m",))
        self.fails("generate", "--model", "./m", "--prompt", "x", code=4, cwd=empty, says=("./m",))
        self.fails("data", "tokenize", "--input", "a.txt", "--tokenizer", "t.json", "--output", "o", code=3, cwd=empty, says=("a.txt",))
        (empty / "a.txt").write_text("text")
        self.fails("data", "tokenize", "--input", "a.txt", "--tokenizer", "t.json", "--output", "o", code=3, cwd=empty, says=("t.json",))
        self.fails("data", "stats", "corpus", code=3, cwd=empty, says=("corpus",))

    def test_other_spellings_of_options(self):
        plain = run("train", "--config", self.config, "--print-config").stdout
        for words in (["--config_name", self.config, "--cfg", "job"], ["--config-name", self.config, "--print_config"],
                      ["--config-dir", self.folder, "--config", "mine", "--cfg", "job"],
                      ["--config_dir", self.folder, "--config", "mine", "--print-config", "--standalone", "--max_restarts=0"]):
            self.assertEqual(run("train", *words).stdout, plain, words)
        two = run("train", "--nproc_per_node", "2", "--config", self.config, "--print-config").stdout
        self.assertEqual(two, plain)

    def test_help_config(self):
        whole, optim = run("train", "--help-config").stdout, run("train", "--help-config", "optim").stdout
        self.assertIn("train.micro_batch_size", whole)
        self.assertIn("optim.lr", optim)
        self.assertNotIn("train.steps ", optim)
        self.assertIn("model.lora.rank", run("train", "--help-config", "model.lora").stdout)

    def test_config_lists(self):
        self.assertIn("quickstart", run("config", "list").stdout)
        self.assertIn("qwen3_0_6b", run("config", "list", "model").stdout)
        (self.folder / "own").mkdir()
        (self.folder / "own" / "extra_run.yaml").write_text("{}")
        self.assertIn("extra_run", run("config", "list", env={"LOONGFORGE_CONFIG_PATH": str(self.folder / "own")}).stdout)
        self.fails("config", "list", "modell", says=("no group modell",))

    def test_backtrace_on_request(self):
        shown = run("train", "--config", "none", expect=2, env={"LOONGFORGE_BACKTRACE": "1"}).stderr
        self.assertGreater(len(shown.splitlines()), 2)


class Doctor(Folder):
    def findings(self, *args, code=0, **options):
        result = run("doctor", "--json", *args, expect=code, **options)
        said = json.loads(result.stdout)
        self.assertEqual(said["ok"], code == 0)
        return {finding["name"]: finding for finding in said["findings"]}

    def test_it_knows_this_machine(self):
        found = self.findings()
        for name in ("system", "cores", "instructions", "memory", "shared memory", "open files", "locale", "runs", "LibTorch", "plug-ins"):
            self.assertIn(name, found)
        self.assertRegex(found["LibTorch"]["value"], r"^\d+\.\d+")
        self.assertIn("runs can start here", run("doctor").stdout)
        self.assertNotIn("LibTorch", self.findings("--no-worker"))

    def test_what_is_in_the_way_has_a_fix(self):
        program = self.folder / "bin" / "loongforge"
        program.parent.mkdir()
        shutil.copy(LOONGFORGE, program)  # without a worker beside it
        result = subprocess.run([program, "doctor", "--json"], capture_output=True, text=True)
        self.assertEqual(result.returncode, 7, result.stdout + result.stderr)
        bad = [f for f in json.loads(result.stdout)["findings"] if f["health"] == "problem"]
        self.assertEqual([f["name"] for f in bad], ["worker"])
        self.assertIn("build or install", bad[0]["fix"])

    def test_a_worker_that_cannot_start_or_hangs(self):
        program, worker = self.folder / "loongforge", self.folder / "loongforge-worker"
        shutil.copy(LOONGFORGE, program)
        for script, says in (("echo libtorch_cpu.so: cannot open shared object file >&2; exit 127", "libtorch_cpu.so"),
                             ("exec sleep 600", "no answer"), ("echo nonsense", "ended with code 0")):
            worker.write_text("#!/bin/sh\n" + script + "\n")
            worker.chmod(0o755)
            result = subprocess.run([program, "doctor", "--timeout", "0.5"], capture_output=True, text=True)
            self.assertEqual(result.returncode, 7, script)
            self.assertRegex(result.stdout, rf"BAD +LibTorch +.*{re.escape(says)}.*\n +-> ", script)

    def test_limits_are_noted(self):
        text = subprocess.run(["bash", "-c", f"ulimit -n 200; LC_ALL=C '{LOONGFORGE}' doctor --no-worker"], capture_output=True, text=True).stdout
        self.assertRegex(text, r"note +open files +200\n +-> .*ulimit -n")
        self.assertRegex(text, r"note +locale ")


class Completion(Folder):
    def bash(self, line, cwd=None):
        script = f"""
eval "$(loongforge completion bash)"
COMP_LINE={json.dumps(line)}; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=($COMP_LINE); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_loongforge; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
        result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=cwd or self.folder,
                                env={**os.environ, "PATH": f"{LOONGFORGE.parent}:{os.environ['PATH']}"})
        self.assertEqual(result.stderr, "")
        return result.stdout.split()

    def test_bash(self):
        self.assertEqual(self.bash("loongforge tr"), ["train"])
        self.assertIn("tokenize", self.bash("loongforge data "))
        self.assertIn("--prompt", self.bash("loongforge generate --pro"))
        self.assertIn("--nproc-per-node", self.bash("loongforge train --n"))
        self.assertEqual(self.bash("loongforge train --nproc-per-node a"), ["auto"])
        self.assertIn("quickstart", self.bash("loongforge train --config qui", cwd=ROOT))
        self.assertIn("optim.lr=", self.bash("loongforge train --config quickstart optim.l"))
        self.assertEqual(self.bash("loongforge train optim.schedule=cos"), ["cosine"])  # bash splits at `=`
        self.assertIn("qwen3_8b", self.bash("loongforge train model=qwen3_", cwd=ROOT))
        self.assertEqual(self.bash("loongforge train ~optim.cl"), ["~optim.clip_grad"])
        self.assertIn("optim", self.bash("loongforge train --help-config op"))
        self.assertIn("optim", self.bash("loongforge config schema o"))
        self.assertEqual(self.bash("loongforge train --config ./"), [])  # files: the shell's own
        self.assertEqual(self.bash("loongforge nonsense x"), [])

    def test_zsh(self):
        zsh = shutil.which("zsh")
        if not zsh:
            self.skipTest("there is no zsh")
        # compadd outside a completion is replaced by one that prints what it would offer.
        script = """
autoload -U compinit; compinit -u -D
eval "$(loongforge completion zsh)"
compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -l -- "$@" }
_files() { print -- FILES }
ask() { words=("$@"); CURRENT=$#; _loongforge }
ask loongforge tr; ask loongforge train optim.schedule=cos; ask loongforge train optim.l; ask loongforge nonsense x
"""
        result = subprocess.run([zsh, "-f", "-c", script], capture_output=True, text=True, cwd=self.folder,
                                env={**os.environ, "PATH": f"{LOONGFORGE.parent}:{os.environ['PATH']}"})
        self.assertEqual(result.stdout.split(), ["train", "optim.schedule=cosine", "optim.lr=", "FILES"], result.stderr)


class HubAndMemory(Folder):
    def cache(self, name="some/qwen3-tiny"):
        repository = self.folder / "hub" / ("models--" + name.replace("/", "--"))
        shutil.copytree(GOLDEN / "models" / "qwen3", repository / "snapshots" / "abc1234")
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("abc1234")
        return {"HF_HUB_CACHE": str(self.folder / "hub")}

    def test_a_model_by_its_name_in_the_cache(self):
        env = self.cache()
        output = self.folder / "out"
        run("train", "--config", self.config, "model.path=some/qwen3-tiny", "~model.config", "train.steps=0", f"run.output_dir={output}", env=env)
        saved, source = tensors(newest(output)), tensors(GOLDEN / "models" / "qwen3")
        self.assertEqual(saved, source)
        self.assertIn("path: some/qwen3-tiny", (output / "config.yaml").read_text())
        run("eval", "--model", "some/qwen3-tiny@main", "--data", self.rows, env=env)
        self.fails("train", "--config", self.config, "model.path=some/qwen3-tina", code=4, env=env,
                   says=("did you mean some/qwen3-tiny", "hf download some/qwen3-tina"))
        self.fails("generate", "--model", "some/other", "--prompt-ids", "1", code=4, env=env, says=("hf download some/other",))

    def test_memory_is_compared_before_anything_is_allocated(self):
        big = ["train", "--config", self.config, "model=llama3_1_405b", f"run.output_dir={self.folder / 'big'}"]
        self.fails(*big, code=7, says=("local rank need", "are free", "precision.dtype=bf16", "memory.check=warn"))
        self.assertFalse((self.folder / "big").exists())
        table = run(*big, "--print-memory").stdout
        self.assertIn("it does not fit", table)
        self.assertIn("405853388800", table)  # elements
        staged = run(*big, "--print-memory", "--nproc-per-node", "4", "parallel.pp=2", "parallel.tp=2").stdout
        self.assertIn("stage 1", staged)
        fits = run("train", "--config", self.config, f"run.output_dir={self.folder / 'fits'}")
        self.assertRegex(fits.stdout, r"(?m)^memory: .* a rank \(weights .*, gradients .*, masters .*, optimizer .*\), .* free$")
        off = run("train", "--config", self.config, f"run.output_dir={self.folder / 'off'}", "memory.check=off")
        self.assertNotIn("memory: ", off.stdout)


class Runs(Folder):
    def test_folders_resume_and_the_finished(self):
        first = subprocess.run([LOONGFORGE, "train", "--config", "mine"], capture_output=True, text=True, cwd=self.folder,
                               env={**os.environ, "LOONGFORGE_CONFIG_PATH": str(self.folder)})
        self.assertEqual(first.returncode, 0, first.stderr)
        output = self.folder / "runs" / "mine"
        self.assertEqual(newest(output).name, "step_00000003")
        again = run("train", "--config", self.config, f"run.output_dir={output}")
        self.assertIn("this run has finished already (3 steps)", again.stdout)
        self.fails("train", "--config", self.config, f"run.output_dir={output}", "optim.lr=1e-2", "data.seq_length=8",
                   says=("optim.lr", "data.seq_length", "run.resume=never"))
        self.fails("train", "--config", self.config, "run.resume=nevr", says=("did you mean never?",))
        self.fails("train", "--config", self.config, f"run.output_dir={output}", f"run.resume={self.folder / 'none'}", code=4)
        run("train", "--config", self.config, f"run.output_dir={output}", "run.resume=never")
        self.assertTrue((output / "step_00000003.g1").exists())
        other = self.folder / "other"
        self.assertIn("finished already", run("train", "--config", self.config, f"run.output_dir={other}", f"run.resume={output / 'step_00000003'}").stdout)

    def test_versions(self):
        self.config.write_text("config_version: 1\n" + self.config.read_text())
        run("train", "--config", self.config, "--print-config")
        self.fails("train", "--config", self.config, "config_version=9", says=("newer", "config_version 9"))

    def test_lines_in_files_and_on_a_terminal(self):
        in_file = run("train", "--config", self.config, f"run.output_dir={self.folder / 'a'}")
        steps = [line for line in in_file.stdout.splitlines() if line.startswith("step ")]
        self.assertEqual(len(steps), 3)
        self.assertNotIn("\r", in_file.stdout)
        self.assertRegex(steps[-1], r"^step 3/3 \| loss \d+\.\d{4} \| grad_norm \d+\.\d{3} \| lr \d\.\d\de-\d\d \| [\d.]+k? \w+/s \| [\d.]+ s \| "
                                    r"\d+% of GEMM limit \| data \d+% \| mem [\d.]+ [KMG]iB \| eta \S+$")
        shown = self.on_a_terminal("train", "--config", self.config, f"run.output_dir={self.folder / 'b'}", "log.every=3")
        self.assertRegex(shown, r"\r\x1b\[Kstep 1/3 ")  # kept on one line, and wiped before what stays
        self.assertEqual(len([l for l in shown.replace("\r\n", "\n").splitlines() if re.match(r"(.*\x1b\[K)?step 3/3 ", l)]), 1)
        megatron = run("train", "--config", self.config, f"run.output_dir={self.folder / 'c'}", "log.format=megatron").stdout
        self.assertRegex(megatron, r"iteration +1/ +3 \| consumed samples: +4 \| elapsed time per iteration \(ms\): ")

    def on_a_terminal(self, *args):
        primary, secondary = pty.openpty()
        child = subprocess.Popen([LOONGFORGE, *map(str, args)], stdout=secondary, stderr=subprocess.STDOUT,
                                 env={**os.environ, "OMP_NUM_THREADS": "1", "TERM": "xterm"})
        os.close(secondary)
        shown = b""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if select.select([primary], [], [], 1)[0]:
                try:
                    part = os.read(primary, 65536)
                except OSError:
                    break
                if not part:
                    break
                shown += part
        os.close(primary)
        self.assertEqual(child.wait(timeout=30), 0, shown)
        return shown.decode()


if __name__ == "__main__":
    unittest.main(verbosity=2)
