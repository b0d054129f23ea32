"""Programs that libgreen cannot be loaded into: one clear line instead of silence."""

import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from launcher import GREEN, LIBRARY, assert_refused, run_green

HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'
GLIBC_LOADER = "ld-linux-x86-64.so.2"

# Offsets in an ELF header.
EI_CLASS, EI_DATA, E_MACHINE, E_PHENTSIZE, E_PHNUM = 4, 5, 18, 54, 56
ELFCLASS32, ELFDATA2MSB = 1, 2
EM_386, EM_S390, EM_X86_64, EM_AARCH64 = 3, 22, 62, 183
ELF_HEADER_SIZE = 64
PROGRAM_HEADER_SIZE = 56

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes files of other users: needs root")


@pytest.fixture(scope="session")
def directory():
    """A directory that other users can reach, unlike tmp_path and what TMPDIR may name."""
    with tempfile.TemporaryDirectory(prefix="green-test-", dir="/tmp") as path:
        os.chmod(path, 0o755)
        yield Path(path)


@pytest.fixture(scope="session")
def compiled(directory):
    """Compiles hello.c with the given options, once for each name."""

    def compile_hello(name, *options):
        program = directory / name
        if not program.exists():
            command = ["gcc", "-x", "c", "-", "-o", program, *options]
            subprocess.run(command, input=HELLO, text=True, check=True)
        return program

    return compile_hello


@pytest.fixture(scope="session")
def hello(compiled):
    return compiled("hello")


@pytest.fixture(scope="session")
def static(compiled):
    return compiled("static", "-static")


@pytest.fixture(scope="session")
def public_launcher(directory):
    """A launcher and a library that other users can reach."""
    for file in (GREEN, LIBRARY):
        (directory / file.name).write_bytes(file.read_bytes())
        (directory / file.name).chmod(0o755)
    return directory / GREEN.name


@pytest.fixture
def script(tmp_path):
    """Writes an executable file with the given text."""

    def write(text, name="script"):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def patched(hello, tmp_path):
    """A copy of a working program with the given bytes changed."""

    def patch(changes, length=None):
        image = bytearray(hello.read_bytes()[:length])
        for offset, value in changes.items():
            image[offset : offset + len(value)] = value
        path = tmp_path / "patched"
        path.write_bytes(image)
        path.chmod(0o755)
        return path

    return patch


def test_a_program_fit_to_run_runs(hello, compiled):
    assert run_green(hello).stdout == "hello\n"
    assert run_green(compiled("no-pie", "-no-pie")).stdout == "hello\n"


# Files that are no program.


def test_missing_file():
    assert_refused(run_green("green-test-missing"), 127, "green-test-missing", "not found in PATH")
    assert_refused(run_green("./green-test-missing"), 127, "No such file or directory")
    assert_refused(run_green(""), 127, "not found")


def test_path_through_a_file():
    assert_refused(run_green("/etc/passwd/program"), 126, "Not a directory")


def test_directory(tmp_path):
    assert_refused(run_green(tmp_path), 126, tmp_path, "is a directory")


def test_fifo_and_device(tmp_path):
    os.mkfifo(tmp_path / "fifo", 0o755)
    assert_refused(run_green(tmp_path / "fifo"), 126, "not a regular file")
    assert_refused(run_green("/dev/zero"), 126, "not a regular file")


def test_not_executable(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    assert_refused(run_green(plain), 126, plain, "no permission to execute")


def test_link_loop(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    assert_refused(run_green(tmp_path / "loop"), 126, "symbolic links")


@as_root
def test_unreadable(directory, hello, public_launcher):
    unreadable = directory / "unreadable"
    shutil.copy(hello, unreadable)
    unreadable.chmod(0o711)
    result = run_green(unreadable, launcher=public_launcher, user="nobody")
    assert_refused(result, 126, unreadable, "cannot be read", "Permission denied")


# Binaries that ld.so does not load, or not here.


def test_static_binary(static):
    assert_refused(run_green(static), 126, static, "statically linked", "LD_PRELOAD")


def test_static_pie_binary(compiled):
    assert_refused(run_green(compiled("static-pie", "-static-pie")), 126, "statically linked")


@pytest.mark.parametrize("machine", [EM_386, EM_X86_64], ids=["i386", "x32"])
def test_32_bit_binary(patched, machine):
    changes = {EI_CLASS: bytes([ELFCLASS32]), E_MACHINE: machine.to_bytes(2, "little")}
    assert_refused(run_green(patched(changes)), 126, "32-bit")


def test_32_bit_binary_shorter_than_a_64_bit_header(patched):
    changes = {EI_CLASS: bytes([ELFCLASS32]), E_MACHINE: EM_386.to_bytes(2, "little")}
    assert_refused(run_green(patched(changes, length=52)), 126, "32-bit")


def test_binary_for_another_processor(patched):
    changes = {E_MACHINE: EM_AARCH64.to_bytes(2, "little")}
    assert_refused(run_green(patched(changes)), 126, "another processor", EM_AARCH64)
    big_endian = {EI_DATA: bytes([ELFDATA2MSB]), E_MACHINE: EM_S390.to_bytes(2, "big")}
    assert_refused(run_green(patched(big_endian)), 126, "another processor", EM_S390)


def test_musl_binary(compiled):
    musl = compiled("musl", "-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1")
    assert_refused(run_green(musl), 126, musl, "musl")


def test_binary_with_an_unknown_loader(compiled):
    other = compiled("other-loader", "-Wl,--dynamic-linker=/lib/ld-other.so")
    assert_refused(run_green(other), 126, "/lib/ld-other.so")


def test_binary_with_a_missing_loader(compiled):
    missing = compiled("no-loader", f"-Wl,--dynamic-linker=/missing/{GLIBC_LOADER}")
    assert_refused(run_green(missing), 126, f"/missing/{GLIBC_LOADER} is missing")


def test_object_file(compiled):
    assert_refused(run_green(_executable(compiled("hello.o", "-c"))), 126, "object file")


def _executable(path):
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("length", [4, 16, 19, 63, 64, ELF_HEADER_SIZE + PROGRAM_HEADER_SIZE + 1])
def test_truncated_binary(patched, length):
    assert_refused(run_green(patched({}, length=length)), 126, "truncated")


@pytest.mark.parametrize(
    "changes",
    [{EI_DATA: b"\0"}, {EI_CLASS: b"\0"}, {E_PHENTSIZE: b"\0\0"}],
    ids=["encoding", "class", "entry size"],
)
def test_malformed_binary(patched, changes):
    assert_refused(run_green(patched(changes)), 126, "malformed")


def test_binary_without_program_headers(patched):
    assert_refused(run_green(patched({E_PHNUM: b"\0\0"})), 126, "statically linked")


# Binaries with privileges of their own.


def _secure_execution_possible(path):
    no_new_privileges = "NoNewPrivs:\t1" in Path("/proc/self/status").read_text()
    return not no_new_privileges and not os.statvfs(path).f_flag & os.ST_NOSUID


@as_root
@pytest.mark.parametrize("bits", [stat.S_ISUID, stat.S_ISGID], ids=["setuid", "setgid"])
def test_set_id_binary_of_somebody_else(directory, hello, public_launcher, bits):
    if not _secure_execution_possible(directory):
        pytest.skip("set-ID bits count for nothing here")
    program = directory / f"set-id-{bits:o}"
    shutil.copy(hello, program)
    program.chmod(0o755 | bits)

    # Root's file makes no difference to root.
    assert run_green(program).stdout == "hello\n"
    nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    result = run_green(program, launcher=public_launcher, **nobody)
    assert_refused(result, 126, program, "set-user-ID or set-group-ID", "LD_PRELOAD")


@as_root
def test_set_id_binary_of_another_user_for_root(directory, hello):
    if not _secure_execution_possible(directory):
        pytest.skip("set-ID bits count for nothing here")
    program = directory / "setuid-nobody"
    shutil.copy(hello, program)
    shutil.chown(program, "nobody", "nogroup")
    program.chmod(0o4755)
    assert_refused(run_green(program), 126, "set-user-ID")


@as_root
def test_binary_with_file_capabilities(directory, hello, public_launcher):
    program = directory / "capable"
    shutil.copy(hello, program)
    capable = subprocess.run(["setcap", "cap_net_raw=ep", program], capture_output=True)
    if capable.returncode != 0:
        pytest.skip("no file capabilities on this file system")
    assert run_green(program).stdout == "hello\n"
    result = run_green(program, launcher=public_launcher, user="nobody")
    assert_refused(result, 126, program, "capabilities", "LD_PRELOAD")


@as_root
def test_set_id_bit_of_a_script_counts_for_nothing(directory, public_launcher):
    program = directory / "set-id-script"
    program.write_text("#!/bin/sh\necho script\n")
    program.chmod(0o4755)
    result = run_green(program, launcher=public_launcher, user="nobody")
    assert result.stdout == "script\n"


# Scripts.


def test_script_runs(script):
    assert run_green(script('#!/bin/sh -e\necho "$@"\n'), "a", "b c").stdout == "a b c\n"
    assert run_green(script("#!/usr/bin/env sh\necho env\n")).stdout == "env\n"
    assert run_green(script("#! \t/usr/bin/env -S A=b sh -e\necho $A\n")).stdout == "b\n"


def test_script_with_a_static_interpreter(script, static):
    result = run_green(script(f"#!{static} argument\n"))
    assert_refused(result, 126, "script: its interpreter", static, "statically linked")


def test_script_with_a_script_with_a_static_interpreter(script, static):
    inner = script(f"#!{static}\n", "inner")
    result = run_green(script(f"#!{inner}\n", "outer"))
    assert_refused(result, 126, "outer: its interpreter", static, "statically linked")


@pytest.mark.parametrize("line", ["env static", "env -S static -x", "env -S A=b  static"])
def test_script_with_a_static_interpreter_behind_env(script, static, line):
    path = {"PATH": f"{static.parent}:{os.environ['PATH']}"}
    result = run_green(script(f"#!/usr/bin/{line}\n"), environment=path)
    assert_refused(result, 126, "its interpreter", static, "statically linked")


def test_script_whose_interpreter_env_does_not_find(script):
    result = run_green(script("#!/usr/bin/env green-test-missing\n"))
    assert result.returncode == 127
    assert "green-test-missing" in result.stderr


def test_script_with_a_missing_interpreter(script):
    result = run_green(script("#!/missing/interpreter -x\n"))
    assert_refused(result, 126, "its interpreter /missing/interpreter", "No such file")


def test_script_with_a_directory_for_an_interpreter(script, tmp_path):
    assert_refused(run_green(script(f"#!{tmp_path}\n")), 126, tmp_path, "is a directory")


def test_script_that_is_its_own_interpreter(script, tmp_path):
    result = run_green(script(f"#!{tmp_path}/script\n"))
    assert_refused(result, 126, "script", "symbolic links")


@pytest.mark.parametrize(
    "text",
    ['echo "$0" "$@"\n', '#!\necho "$0" "$@"\n', "#!/" + "x" * 300 + '\necho "$0" "$@"\n'],
    ids=["no #! line", "nobody named", "name longer than the kernel reads"],
)
def test_file_that_the_kernel_does_not_know_runs_in_the_shell(script, text):
    path = script(text)
    assert run_green(path, "a", "b c").stdout == f"{path} a b c\n"


def test_empty_file_runs_in_the_shell(script):
    result = run_green(script(""))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
