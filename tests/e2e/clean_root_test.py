# SPDX-License-Identifier: Apache-2.0
"""tools/setup.sh and tools/quickstart.sh in a bare Debian 12 made by debootstrap, then once more when all is done."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUITE = "bookworm"
# What a network behind a proxy or with certificates of its own needs.
PASSED_ON = re.compile(r"(?i)(https?|ftp|no|all)_proxy|SSL_CERT_FILE|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|PIP_(?!FIND_LINKS).*")


def archive():
    """URI of the suite in this machine's own apt sources; None without one."""
    lists = pathlib.Path("/etc/apt")
    for file in sorted(lists.glob("sources.list.d/*.sources")):
        for stanza in file.read_text().split("\n\n"):
            fields = dict(re.findall(r"(?m)^(\w+):[ \t]*(.*)$", stanza))
            if SUITE in fields.get("Suites", "").split():
                return fields["URIs"].split()[0]
    for file in [lists / "sources.list", *sorted(lists.glob("sources.list.d/*.list"))]:
        found = file.exists() and re.search(rf"(?m)^deb\s+(?:\[.*?\]\s+)?(\S+)\s+{SUITE}\s", file.read_text())
        if found:
            return found.group(1)
    return None


def reason_to_skip():
    if os.geteuid() != 0:
        return "only root can make a root folder and enter it"
    if not shutil.which("debootstrap"):
        return "debootstrap is not installed"
    if not archive():
        return f"this machine's apt knows no archive of {SUITE}"
    return None


class CleanRoot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = reason_to_skip()
        if reason:
            raise unittest.SkipTest(reason)
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="lf-clean-root-"))
        cls.addClassCleanup(shutil.rmtree, cls.root, True)
        cls.timed("debootstrap", "debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, cls.root, archive())
        cls.copy_network_settings()
        cls.copy_repository()
        for kind, source, target in (("proc", "proc", "proc"), (None, "/dev", "dev")):
            where = cls.root / target
            subprocess.run(["mount", *(["-t", kind] if kind else ["--bind"]), source, where], check=True)
            cls.addClassCleanup(subprocess.run, ["umount", "-l", where], check=True)

    @classmethod
    def copy_network_settings(cls):
        for name in ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt", "etc/pip.conf"):
            if pathlib.Path("/", name).exists():
                shutil.copy(pathlib.Path("/", name), cls.root / name)
        settings = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
        proxies = [line for line in settings.splitlines() if re.match(r"Acquire::https?::(Proxy|Verify|CaInfo)", line)]
        (cls.root / "etc/apt/apt.conf.d/90network").write_text("\n".join(proxies) + "\n")

    @classmethod
    def copy_repository(cls):
        target = cls.root / "root" / "loongforge"
        files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
        for name in filter(None, map(os.fsdecode, files)):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)

    @staticmethod
    def timed(what, *command):
        started = time.monotonic()
        result = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(f"{what}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        if result.returncode != 0:
            raise AssertionError(f"{what} gave {result.returncode}\n{result.stdout[-6000:]}")
        return result.stdout

    def inside(self, what, command):
        passed = {k: v for k, v in os.environ.items() if PASSED_ON.fullmatch(k)}
        env = {"HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **passed}
        return self.timed(what, "chroot", self.root, "env", "-i", *(f"{k}={v}" for k, v in env.items()), "bash", "-c",
                          f"cd ~/loongforge && {command} 2>&1")

    def test_setup_and_quickstart(self):
        torch = self.inside("setup", "bash tools/setup.sh").splitlines()[-1]
        self.assertTrue((self.root / torch.lstrip("/") / "lib" / "libtorch_cpu.so").exists(), torch)
        first = self.inside("quickstart", "bash tools/quickstart.sh")
        ending = first[first.index("held-out text"):]
        print(ending, file=sys.stderr)
        print(re.search(r"quickstart: built in .*", first).group(), file=sys.stderr)
        bigram, model = (float(re.search(rf"{who}: +(\d+\.\d+)", ending).group(1)) for who in ("bigram", "this model"))
        self.assertLess(model, bigram)
        self.assertIn("the model writes:\nAnd it came to pass", ending)
        for what in ("model directory", "metrics", "log"):
            place = re.search(rf"(?m)^{what}[^:]*:\s+(\S+)$", ending).group(1)
            self.assertTrue((self.root / "root" / "loongforge" / place).exists(), place)
        again = self.inside("quickstart once more", "bash tools/quickstart.sh")
        for work in ("installing", "Building", "step 1"):
            self.assertNotIn(work, again)
        self.assertIn("finished already", again)
        next_command = re.search(r"(?m)^next:\s+(\S.*)$", ending).group(1)
        self.assertIn("In the beginning", self.inside("the next command", shlex.join(shlex.split(next_command))))


if __name__ == "__main__":
    unittest.main(verbosity=2)
