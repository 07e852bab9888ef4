# SPDX-License-Identifier: Apache-2.0
"""The commands and configurations of README.md and docs/*.md.

Fenced blocks without a language (or sh, bash) that name `loongforge` are commands, `yaml` blocks are configurations.

- Every command line: the command and its options exist, keys are keys of the configuration.
- A block under a comment `<!-- run … -->` is run, line by line, in a scratch folder that all blocks of its page share. Lines of
  the comment: `setup: SHELL COMMAND` (before the block), `add: WORDS` (after each `loongforge train` or `verify`),
  `exit: N` (of the last line; default 0).
- Every YAML block reads as a run's configuration (the model and the number of ranks may be missing). Under `<!-- part of KEY -->`
  it is what stands below KEY, under `<!-- not a run -->` it isn't checked.
"""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

from programs import LOONGFORGE, ROOT, run

FENCE = re.compile(r"(?:<!--((?:(?!-->).)*?)-->\s*\n)?```([a-z]*)\n(.*?)^```", re.S | re.M)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


class Block:
    def __init__(self, page, comment, language, text):
        self.page, self.language, self.text = page, language, text
        self.comment = (comment or "").strip()

    def mentions(self, key):
        return [line.strip()[len(key) + 1:].strip() for line in self.comment.splitlines()
                if line.strip().startswith(key + ":")]

    @property
    def runs(self):
        return self.comment.split("\n")[0].strip() == "run"

    def lines(self):
        """Command lines, continued ones joined."""
        joined = re.sub(r"\\\n\s*", " ", self.text)
        return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]

    def commands(self):
        """Words of each call of loongforge, also behind `&&`, `|`, variables and `$(`."""
        for line in self.lines():
            for part in re.split(r"&&|\|\||[|;]", re.sub(r'\beval "\$\((.*?)\)"', r"\1", line)):
                try:
                    words = shlex.split(part, comments=True)
                except ValueError:
                    words = part.split()
                while words and re.match(r"[A-Z_]+=", words[0]):
                    words.pop(0)
                if words and words[0] == "loongforge" and len(words) > 1:
                    yield words[1:]


def blocks():
    for page in PAGES:
        for comment, language, text in FENCE.findall(page.read_text(encoding="utf-8")):
            yield Block(page, comment, language, text)


def shell_blocks():
    return [b for b in blocks() if b.language in ("", "sh", "bash") and any(b.commands())]


class Commands:
    """What the program says it takes."""

    def __init__(self):
        self.help = {}
        text = run("train", "--help-config").stdout
        self.keys = set(re.findall(r"^  ([a-z_][\w.]*) ", text, re.M))
        self.sections = {key.split(".")[0] for key in self.keys}

    def options(self, words):
        if words not in self.help:
            result = run(*words, "--help", expect=None)
            self.help[words] = result.stdout if result.returncode == 0 else None
        return self.help[words]

    def problem(self, words):
        if words[0].startswith("-"):
            return None if words[0] in ("--help", "--version") else f"unknown option {words[0]}"
        if words[0] == "help":
            return None
        below = words[0] in ("data", "config", "bench") and len(words) > 1 and words[1][0] != "-"
        path = tuple(words[:2]) if below else (words[0],)
        # Of a run's samples the worker tells the options.
        of_a_run = ("--config", "x") if path == ("data", "inspect") and "--config" in words else ()
        help_text = self.options(path + of_a_run)
        if help_text is None:
            return f"unknown command {' '.join(path)}"
        for word in words[len(path):]:
            option = re.match(r"--[\w-]+", word)
            if option and "." not in word.split("=")[0]:
                if not re.search(rf"(?m)^ .*{re.escape(option.group(0).replace('_', '-'))}\b", help_text):
                    return f"{' '.join(path)} has no option {option.group(0)}"
        return self.bad_key(words) if path[0] in ("train", "verify") else None

    def bad_key(self, words):
        for word in words:
            key = re.match(r"(?:\+\+|\+|~|--)?([a-z][\w]*(?:\.[\w\[\]]+)+)(=|$)", word)
            if not key or "=" not in word and not word.startswith("~"):
                continue
            name = re.sub(r"\[\d+\]", "", key.group(1))
            open_map = name.startswith(("model.config", "plugins."))
            if name.split(".")[0] in self.sections and name not in self.keys and not open_map:
                return f"{name} is no key"
        return None


class Docs(unittest.TestCase):
    def test_every_command_line_is_one_that_there_is(self):
        known = Commands()
        count = 0
        for block in shell_blocks():
            for words in block.commands():
                count += 1
                with self.subTest(page=block.page.name, command=" ".join(words)):
                    self.assertIsNone(known.problem(words))
        self.assertGreater(count, 10)

    def test_the_check_finds_mistakes(self):
        known = Commands()
        for words in (["trian"], ["train", "--nope", "1"], ["train", "train.setps=1"], ["data", "stat", "x"], ["--nope"]):
            self.assertIsNotNone(known.problem(words), words)

    def test_every_configuration_reads(self):
        folder = self.scratch()
        for number, block in enumerate(b for b in blocks() if b.language == "yaml" and b.comment != "not a run"):
            with self.subTest(page=block.page.name, text=block.text[:80]):
                part = re.fullmatch(r"part of (\w+)", block.comment)
                text = block.text
                if part:
                    text = part.group(1) + ":\n" + "".join("  " + line for line in text.splitlines(True))
                file = folder / f"block{number}.yaml"
                file.write_text(text)
                result = run("train", "--config", file, "--print-config", "++model.path=/m", expect=None)
                problems = [l for l in result.stderr.splitlines() if l.strip() and " fit tp " not in l and "hint:" not in l]
                self.assertEqual(problems, [], result.stderr)

    def test_marked_blocks_run(self):
        pages = {}
        for block in shell_blocks():
            if block.runs:
                pages.setdefault(block.page, []).append(block)
        self.assertIn(ROOT / "README.md", pages)
        for page, marked in pages.items():
            folder = self.scratch()
            for block in marked:
                with self.subTest(page=page.name, block=block.text[:80]):
                    self.run_block(block, folder)

    def run_block(self, block, folder):
        more = " ".join(block.mentions("add"))
        expected = int((block.mentions("exit") or ["0"])[-1])
        steps = [(line, 0) for line in block.mentions("setup")]
        lines = [f"{line} {more}" if re.search(r"loongforge (train|verify)\b", line) else line for line in block.lines()]
        steps += [(line, 0) for line in lines[:-1]] + [(lines[-1], expected)]
        for line, code in steps:
            result = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=240,
                                    env={**os.environ, "PATH": f"{LOONGFORGE.parent}:{os.environ['PATH']}",
                                         "ROOT": str(ROOT), "OMP_NUM_THREADS": "1"})
            self.assertEqual(result.returncode, code, f"{line}\n{result.stdout}\n{result.stderr}")

    def scratch(self):
        """A folder that looks like the repository to commands, and can be written to."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="lf-docs-"))
        self.addCleanup(shutil.rmtree, folder, True)
        for name in ("configs", "examples", "tools", "tests"):
            (folder / name).symlink_to(ROOT / name)
        return folder


if __name__ == "__main__":
    unittest.main(verbosity=2)
