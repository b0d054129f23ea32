"""glibc's tests of threads, signals, processes and what blocks, built against the system's libc.

glibc's Makefiles say which tests there are and what each needs. They are written for a build of
glibc itself; two files of ours, glibc/Makeconfig and glibc/Rules, take the place of the two that
every Makefile includes and link to the system's libc instead.
"""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from conformance import HERE, JOBS, WORK, apt
from conformance.unit import Unit

SOURCE = WORK / "glibc/source"
BUILD = WORK / "glibc/build"
SUPPORT = BUILD / "support/libsupport.a"
OURS = HERE / "glibc"

DIRECTORIES = (
    "nptl rt io signal misc posix libio stdio-common dlfcn elf malloc socket sysvipc time inet"
    " resolv nss setjmp stdlib support login"
).split()

# What a build generates and these tests need nothing of.
EMPTY_HEADERS = ["libc-config.h", "socket-constants-time64.h"]

UNUSABLE_KINDS = {
    "tests-static": "linked statically, where nothing can be preloaded",
    "tests-container": "writes to /etc, for which glibc has a container of its own",
}

MALLOC_DEBUG = "libc_malloc_debug.so.0"

# Longer than the time-out of any test, which is its own alarm.
TIMEOUT_SECONDS = 400


def prepare() -> None:
    """Unpacks the source and puts our two files in place."""
    if not (BUILD / "include").is_dir():
        for directory in (SOURCE, BUILD):
            shutil.rmtree(directory, ignore_errors=True)
        apt.unpack_source("glibc", SOURCE)
        for name in ["gen-locales.mk", "libof-iterator.mk"]:
            (SOURCE / name).write_text("")
        include = BUILD / "include"
        include.mkdir(parents=True)
        for name in EMPTY_HEADERS:
            (include / name).touch()
    for name in ["Makeconfig", "Rules"]:
        shutil.copy(OURS / name, SOURCE)
    for header in OURS.glob("*.h"):
        shutil.copy(header, BUILD / "include")


def make(directory: str, targets: Iterable[str], *options: str) -> str:
    """Runs make in a directory of the source; what cannot be built is missing afterwards."""
    (BUILD / directory).mkdir(exist_ok=True)
    command = ["make", "-rR", "--no-print-directory", "CC=gcc", "CXX=g++", f"O={BUILD}"]
    command += [f"SUPPORT={SUPPORT}", *options, *targets]
    result = subprocess.run(
        command,
        cwd=SOURCE / directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return result.stdout


def build_support() -> None:
    if SUPPORT.exists():
        return
    make("support", ["libsupport"], "--keep-going", f"--jobs={JOBS}")
    objects = sorted((BUILD / "support").glob("*.o"))
    subprocess.run(["ar", "rcs", SUPPORT, *objects], check=True)


@dataclass
class Declaration:
    """A test as its Makefile names it."""

    environment: str
    arguments: str
    # Why it is not for running here, if so.
    unusable: str | None


def declared(directory: str) -> dict[str, Declaration]:
    tests: dict[str, Declaration] = {}
    for line in make(directory, ["list"]).splitlines():
        kind, name, environment, arguments = line.split("|", 3)
        # A test may be there twice, once as a static one.
        unusable = UNUSABLE_KINDS.get(kind) or (tests[name].unusable if name in tests else None)
        tests[name] = Declaration(environment, arguments, unusable)
    return dict(sorted(tests.items()))


def build(directory: str, names: Iterable[str]) -> None:
    ready = [str(BUILD / directory / f"{name}.out") for name in names]
    if ready:
        make(directory, ready, "--keep-going", f"--jobs={JOBS}")


def expand(words: str, program: Path) -> list[str]:
    text = words.replace("@PROGRAM@", str(program))
    text = re.sub(r"[^\s=:]*/libc_malloc_debug\.so", MALLOC_DEBUG, text)
    # The few words that are commands of the shell are about where the test runs.
    return shlex.split(text.replace("`pwd`", str(program.parent)))


def unit(directory: str, name: str, declaration: Declaration) -> Unit:
    program = BUILD / directory / name
    variables = dict(word.split("=", 1) for word in expand(declaration.environment, program))
    return Unit(
        suite="glibc",
        name=f"{directory}/{name}",
        command=[str(program), *expand(declaration.arguments, program)],
        directory=SOURCE / directory,
        environment={"LC_ALL": "C", "LANGUAGE": "C"} | variables,
        seconds=TIMEOUT_SECONDS,
    )


def why_not(directory: str, name: str) -> str:
    """Why a test could not be built: the first complaint of the compiler or the linker."""
    for kind in [".o.log", ".log"]:
        log = BUILD / directory / f"{name}{kind}"
        if log.exists():
            found = re.search(r"(?:error|undefined reference|cannot find).*", log.read_text())
            if found:
                return found[0]
    return "needs modules, locales or tools of a build of glibc"


def units(selected: set[str] | None) -> tuple[list[Unit], dict[str, str]]:
    """The tests that can be built, of those selected or of all; and why the others can't."""
    prepare()
    build_support()
    usable, unusable = [], {}
    for directory in DIRECTORIES:
        if selected is not None and not any(s.startswith(f"{directory}/") for s in selected):
            continue
        tests = {
            name: declaration
            for name, declaration in declared(directory).items()
            if selected is None or f"{directory}/{name}" in selected
        }
        build(directory, [name for name, test in tests.items() if not test.unusable])
        for name, declaration in tests.items():
            if declaration.unusable:
                unusable[f"{directory}/{name}"] = declaration.unusable
            elif (BUILD / directory / f"{name}.out").exists():
                usable.append(unit(directory, name, declaration))
            else:
                unusable[f"{directory}/{name}"] = why_not(directory, name)
    return usable, unusable
