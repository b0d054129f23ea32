"""`make install` lays out a tree that works wherever it ends up."""

import subprocess

import pytest
from launcher import ROOT, run_green

FILES = {"bin/green", "lib/libgreen.so", "share/man/man1/green.1"}


def make(target, destination, prefix):
    command = ["make", "--no-print-directory", target, f"DESTDIR={destination}", f"PREFIX={prefix}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=600)


def files(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("prefix", ["/usr/local", "/opt/green"])
def test_installs_runs_and_uninstalls(tmp_path, prefix):
    make("install", tmp_path, prefix)
    installed = tmp_path / prefix.lstrip("/")
    assert (
        files(installed)
        == FILES
        == {name.removeprefix(f"{prefix[1:]}/") for name in files(tmp_path)}
    )

    result = run_green("env", launcher=installed / "bin/green")
    assert result.returncode == 0, result
    assert f"LD_PRELOAD={installed}/lib/libgreen.so\n" in result.stdout

    make("uninstall", tmp_path, prefix)
    assert files(tmp_path) == set()


def test_manual_page_describes_every_option():
    page = (ROOT / "docs/green.1").read_text()
    options = {word for word in run_green("--help").stdout.split() if word.startswith("--")} - {
        "--"
    }
    for option in options:
        # mdoc writes the second hyphen as the option's first character.
        assert f"Fl {option[1:]}" in page or f"| {option[1:]}" in page
    variables = {
        word.strip("()") for word in run_green("--help").stdout.split() if "GREEN_" in word
    }
    for variable in variables:
        assert f"Ev {variable}" in page
