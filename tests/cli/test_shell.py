"""Completions and the manual page, read by the programs they are for."""

from __future__ import annotations

import shutil
import subprocess

import pytest

ASK = {
    "bash": 'source "$1"; COMP_WORDS=(katydid --headl); COMP_CWORD=1; _katydid katydid --headl katydid; '
    'printf "%s\\n" "${COMPREPLY[@]}"',
    "fish": 'source $argv[1]; complete --do-complete "katydid --headl"',
    # zsh completes only at a terminal, see below: here it has to read the script without complaint.
    "zsh": 'autoload -U compinit && compinit -u -D; source "$1" && whence -w _katydid && echo --headless',
}


AT_A_TERMINAL = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "fpath=($1 \\$fpath); autoload -U compinit; compinit -u -D"
zpty -w shell "katydid() { print -r -- ran \\$* }; print rea''dy"
zpty -r -m shell said "*ready*"
zpty -w -n shell $'katydid --headl\\t\\t\\n'
zpty -r -m shell said "*ran --*[[:space:]]*" && print -r -- $said
"""


def test_zsh_completes_an_option_at_a_terminal(katydid, tmp_path):
    (tmp_path / "_katydid").write_text(katydid("completions", "zsh").stdout)
    done = subprocess.run(
        ["zsh", "-f", "-c", AT_A_TERMINAL, "zsh", tmp_path], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    assert "ran --headless" in done.stdout, done


@pytest.mark.parametrize("shell", ASK)
def test_a_shell_completes_an_option(shell, katydid, tmp_path):
    program = shutil.which(shell)
    assert program, f"{shell} is missing: apt-get install {shell}"
    script = tmp_path / f"katydid.{shell}"
    script.write_text(katydid("completions", shell).stdout)
    arguments = [script] if shell == "fish" else ["complete", script]
    done = subprocess.run([program, "-c", ASK[shell], *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert "--headless" in done.stdout
    assert done.stderr == ""


def test_an_unknown_shell_is_refused(katydid):
    done = katydid("completions", "tcsh")
    assert (done.returncode, done.stdout) == (2, "")
    assert "bash, zsh or fish" in done.stderr


def test_the_manual_page_is_read_without_a_warning(katydid, tmp_path):
    page = tmp_path / "katydid.1"
    page.write_text(katydid("man").stdout)
    assert shutil.which("man"), "man is missing: apt-get install man-db"
    done = subprocess.run(
        ["man", "--warnings", "-l", page], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}
    )
    assert "--fail-if" in done.stdout
    assert done.stderr == ""
