"""Programs built with ThreadSanitizer do as they do natively: it sees the races that there are."""

import re
import subprocess

import pytest
from launcher import ROOT
from servers.process import environment

SOURCE = ROOT / "tests/programs/races.c"


@pytest.fixture(scope="module", params=["shared", "static"])
def program(request, tmp_path_factory):
    built = tmp_path_factory.mktemp("tsan") / "races"
    command = ["gcc", "-g", "-pthread", "-fsanitize=thread", "-o", built, SOURCE]
    if request.param == "static":
        command.append("-static-libtsan")
    if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no ThreadSanitizer")
    return built


def run(program, workers):
    return subprocess.run(
        # It wants the address space laid out as it was years ago.
        ["setarch", "-R", program],
        env=environment(workers),
        capture_output=True,
        text=True,
        timeout=60,
    )


def races(result):
    return set(re.findall(r"SUMMARY: .* (\S+)", result.stderr))


@pytest.mark.parametrize("workers", [1, 4])
def test_the_same_race_is_found(program, workers):
    native, green = run(program, None), run(program, workers)
    assert green.stdout == native.stdout == "400 turns\n"
    assert races(green) == races(native) == {"take_turns"}
    assert green.returncode == native.returncode == 66
