"""CPython's own tests of Debian's Python, each file of them in a process of its own."""

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from conformance import WORK, apt
from conformance.unit import FAIL, PASS, SKIP, TIMEOUT, Unit

VERSION = "3.11"
PACKAGES = [
    f"python{VERSION}",
    f"python{VERSION}-minimal",
    f"libpython{VERSION}-minimal",
    f"libpython{VERSION}-stdlib",
    f"libpython{VERSION}-testsuite",
]
INSTALLED = WORK / "cpython/root"
PYTHON = INSTALLED / f"usr/bin/python{VERSION}"
SCRATCH = WORK / "cpython/scratch"

TIMEOUT_SECONDS = 900
NO_TEST_RAN = 4
# Nothing of the network outside, of sound or of the screen.
RESOURCES = "subprocess"
# Between a machine and its host, who may never answer: it would take the time of all of test_socket.
IGNORED = "*VSOCK*"


def prepare() -> None:
    if not (INSTALLED.parent / "unpacked").exists():
        shutil.rmtree(INSTALLED, ignore_errors=True)
        apt.unpack_packages(PACKAGES, INSTALLED)
        (INSTALLED.parent / "unpacked").touch()
    SCRATCH.mkdir(exist_ok=True)


def files() -> list[str]:
    command = [PYTHON, "-m", "test", "--list-tests"]
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return listed.split()


def of_report(unit: Unit, status: int | None, log: Path) -> dict[str, str]:
    """The verdict of each test of a file, and of the file itself: it may crash, or hang."""
    verdicts = {unit.name: {None: TIMEOUT, 0: PASS, NO_TEST_RAN: SKIP}.get(status, FAIL)}
    report = log.with_suffix(".xml")
    if report.exists():
        for case in ElementTree.parse(report).iter("testcase"):
            kinds = {child.tag for child in case}
            verdict = FAIL if kinds & {"failure", "error"} else SKIP if "skipped" in kinds else PASS
            name = f"{unit.name}:{case.get('name').removeprefix(f'test.{unit.name}.')}"
            # A test of which only a part fails is there twice.
            if verdicts.get(name) != FAIL:
                verdicts[name] = verdict
        report.unlink()
    return verdicts


def unit(name: str, patterns: list[str]) -> Unit:
    """A file of tests, or only those that match one of the patterns."""
    command = [PYTHON, "-m", "test", "-v", "--tempdir", SCRATCH, "--junit-xml", "@LOG@.xml"]
    command += [f"--timeout={TIMEOUT_SECONDS}", f"--use={RESOURCES}"]
    command += ["--ignore", IGNORED]
    for pattern in patterns:
        command += ["-m", pattern]
    return Unit(
        suite="cpython",
        name=name,
        command=[*map(str, command), name],
        directory=SCRATCH,
        environment={},
        seconds=TIMEOUT_SECONDS + 60,
        read=of_report,
        narrowed=lambda failing: unit(
            name, [f"*{t.partition(':')[2]}" for t in failing if ":" in t]
        ),
    )


def units(selected: set[str] | None) -> tuple[list[Unit], dict[str, str]]:
    """All files of tests, or those selected, as `file` or `file:pattern`."""
    prepare()
    if selected is None:
        return [unit(name, []) for name in files()], {}
    patterns: dict[str, list[str]] = {}
    for choice in sorted(selected):
        name, _, pattern = choice.partition(":")
        patterns.setdefault(name, []).extend([pattern] if pattern else [])
    return [unit(name, patterns[name]) for name in files() if name in patterns], {}
