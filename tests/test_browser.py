"""`make test` finds a browser or gets one, and says what to do when it can't.

The script runs with programs that only pretend, and with a Playwright that does nothing
but run the browser which it is given.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="make needs a Unix shell")

SCRIPT = Path(__file__).resolve().parent.parent / "_ext" / "browser.py"
FOLDER = SCRIPT.parent
PLAYWRIGHT = """
import subprocess
from contextlib import nullcontext
from types import SimpleNamespace as Namespace

class Error(Exception): pass

class Page:
    def goto(self, url): pass

def launch(executable_path, args):
    if subprocess.run([executable_path]).returncode:
        raise Error(f"{executable_path} ended\\nat once")
    return Namespace(new_page=Page, close=lambda: None)

def sync_playwright():
    chromium = Namespace(launch=launch, executable_path="PLAYWRIGHTS")
    return nullcontext(Namespace(chromium=chromium))
"""
RUNS, BROKEN = "exit 0", "exit 127"
NETWORK_IS_DOWN = "import sys; sys.exit('Error: ENOTFOUND')"


class Machine:
    """A machine with nothing but a shell, and with the programs that one puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "bin"
        self.path.mkdir()
        for tool in ("sh", "touch", "cp", "cat"):
            (self.path / tool).symlink_to(shutil.which(tool))
        fake = folder / "fakes" / "playwright"
        fake.mkdir(parents=True)
        (fake / "__init__.py").touch()
        self.playwrights = folder / "playwrights"
        text = PLAYWRIGHT.replace("PLAYWRIGHTS", str(self.playwrights))
        (fake / "sync_api.py").write_text(text)
        self.install = fake / "__main__.py"
        self.install.write_text(NETWORK_IS_DOWN)
        self.brought = folder / "environment" / "chromium" / "chrome"
        self.brought.parent.parent.mkdir()

    def has(self, name: str, script: str) -> None:
        program(self.path / name, script)

    def run(self, *, root: bool = False, **environment: str):
        """Run the script; return its exit code and what it says."""
        code = (
            "import os, sys, runpy, platform; "
            f"sys.prefix = {str(self.brought.parent.parent)!r}; "
            f"os.geteuid = lambda: {0 if root else 1000}; "
            "platform.system = lambda: 'Linux'; platform.machine = lambda: 'x86_64'; "
            f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={
                "PATH": str(self.path),
                "PYTHONPATH": os.pathsep.join(
                    [str(self.folder / "fakes"), str(FOLDER)]
                ),
                "PYTHONDONTWRITEBYTECODE": "1",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stderr


def program(file: Path, script: str) -> None:
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_a_browser_that_is_installed(machine):
    machine.has("google-chrome", RUNS)
    assert machine.run() == (0, "")


def test_one_that_does_not_run_is_passed_over(machine):
    machine.has("chromium-browser", BROKEN)  # as Ubuntu's, which only asks for a snap
    machine.has("google-chrome", RUNS)
    code, said = machine.run()
    assert code == 0
    assert "chromium-browser does not run and is passed over" in said
    assert len(said.splitlines()) == 1


def test_nothing_can_be_had(machine):
    code, said = machine.run()
    assert code == 1
    reasons = [line for line in said.splitlines() if line.startswith("It can't be had")]
    assert "ENOTFOUND" in reasons[0]
    assert reasons[1].endswith("there is no apt-get")
    assert reasons[2].endswith("there is no npm")
    last = said.splitlines()[-1]
    assert last.startswith("No browser could be had")
    assert "apt install chromium" in last
    assert "make test BROWSER=none" in last


def test_none_is_wanted(machine):
    assert machine.run(BROWSER="none") == (0, "")


def test_what_opens_links_is_not_asked_for_a_page(machine):
    machine.has("firefox", RUNS)
    code, said = machine.run(BROWSER="firefox")
    assert code == 1
    assert "firefox" not in said
    machine.has("my-chromium", RUNS)
    assert machine.run(BROWSER="my-chromium") == (0, "")
    machine.has("my-chromium", BROKEN)
    assert machine.run(BROWSER="my-chromium")[0] == 1


def test_playwrights_download(machine):
    program(machine.folder / "source", RUNS)
    machine.install.write_text(
        "import shutil, sys; assert sys.argv[1:] == "
        "['install', '--no-shell', 'chromium']; "
        f"shutil.copy({str(machine.folder / 'source')!r}, {str(machine.playwrights)!r})"
    )
    code, said = machine.run()
    assert code == 0
    assert said.splitlines()[-1] == f"The tests of the site use {machine.playwrights}"
    assert machine.run() == (0, "")  # the next time it is there


def test_a_download_that_does_not_run_is_not_the_end(machine):
    machine.install.write_text(
        f"open({str(machine.playwrights)!r}, 'w').write('#!/bin/sh\\nexit 127\\n'); "
        f"import os; os.chmod({str(machine.playwrights)!r}, 0o755)"
    )
    code, said = machine.run()
    assert code == 1
    assert "playwrights does not run" in said
    assert "trying apt's chromium" in said


@pytest.mark.parametrize("root", [True, False])
def test_apt(machine, root):
    program(machine.folder / "source", RUNS)
    machine.has(
        "apt-get",
        f'[ "$1" = update ] || cp {machine.folder}/source {machine.path}/chromium',
    )
    code, said = machine.run(root=root)
    assert (code == 0) == root
    assert ("only root may install it" in said) == (not root)


def npm(machine: Machine) -> None:
    """Put an npm there, whose package holds a browser that runs."""
    package = machine.folder / "package" / "bin"
    package.mkdir(parents=True)
    program(package / "chromium.br", RUNS)
    for name in ("fonts", "lib"):
        (machine.folder / name).mkdir()
        with tarfile.open(package / f"{name}.tar.br", "w") as tar:
            tar.add(machine.folder / name, arcname=name)
    with tarfile.open(machine.folder / "package.tgz", "w:gz") as tar:
        tar.add(machine.folder / "package", arcname="package")
    machine.has("npm", f"cp {machine.folder}/package.tgz sparticuz.tgz")
    machine.has("node", 'cp "$3" "$4"')


def test_npms_package_must_be_what_it_was(machine):
    npm(machine)
    code, said = machine.run()
    assert code == 1
    assert "its hash differs" in said
    assert not machine.brought.exists()


def test_npms_package(machine, monkeypatch, tmp_path):
    npm(machine)
    # The same script, which expects the hash of this package.
    import base64
    import hashlib

    digest = hashlib.sha512((tmp_path / "package.tgz").read_bytes()).digest()
    expected = base64.b64encode(digest).decode()
    text = SCRIPT.read_text().replace(
        "\ndef left_out", f"\nNPM_SHA512 = {expected!r}\n\n\ndef left_out"
    )
    script = tmp_path / "browser.py"
    script.write_text(text)
    monkeypatch.setitem(globals(), "SCRIPT", script)
    code, said = machine.run()
    assert code == 0, said
    assert said.splitlines()[-1] == f"The tests of the site use {machine.brought}"
    environment = machine.brought.parent.parent
    assert sorted(os.listdir(environment)) == ["browser.log", "chromium"]
    assert machine.run() == (0, "")


def test_one_line_says_why_a_program_failed(machine):
    machine.has("npm", "echo 'npm ERROR 404'; echo more; exit 1")
    machine.has("node", RUNS)
    code, said = machine.run()
    assert code == 1
    assert "It can't be had: npm ERROR 404 (all of it is in" in said
