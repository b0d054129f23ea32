"""What `green [options] program args…` passes on to the program it starts."""

import os
import shutil
import signal
import subprocess

import pytest
from launcher import GREEN, LIBRARY, assert_refused, run_green


def variables(result):
    """What `env` printed."""
    assert result.returncode == 0, result
    return dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)


def test_preloads_the_library_beside_the_launcher():
    assert variables(run_green("env"))["LD_PRELOAD"] == str(LIBRARY)


def test_keeps_what_is_preloaded_already_before_the_library():
    preload = variables(run_green("env", environment={"LD_PRELOAD": "libdl.so.2 libm.so.6"}))
    assert preload["LD_PRELOAD"] == f"libdl.so.2:libm.so.6:{LIBRARY}"


def test_preloads_the_library_once_however_it_is_named():
    other_name = f"{LIBRARY.parent}/../release/{LIBRARY.name}"
    listed = {"LD_PRELOAD": f"{other_name}:libm.so.6:{LIBRARY}"}
    preload = variables(run_green("env", environment=listed))
    assert preload["LD_PRELOAD"] == f"libm.so.6:{LIBRARY}"


def test_leaves_the_settings_alone_without_options():
    inherited = variables(run_green("env", environment={"GREEN_WORKERS": "7"}))
    assert inherited["GREEN_WORKERS"] == "7"
    assert "GREEN_STACK_SIZE" not in inherited


@pytest.mark.parametrize("workers", [["--workers", "2"], ["--workers=2"]])
def test_options_become_variables(workers):
    passed = variables(run_green(*workers, "--stack-size", "64K", "--", "env"))
    assert passed["GREEN_WORKERS"] == "2"
    assert passed["GREEN_STACK_SIZE"] == "65536"


@pytest.mark.parametrize("resolver", ["libc", "hub"])
def test_resolver_becomes_a_variable(resolver):
    assert variables(run_green("--resolver", resolver, "env"))["GREEN_RESOLVER"] == resolver
    assert "GREEN_RESOLVER" not in variables(run_green("env"))


@pytest.mark.parametrize(
    ("size", "stack_bytes"),
    [("16384", 16384), ("64K", 1 << 16), ("64k", 1 << 16), ("1M", 1 << 20), ("1G", 1 << 30)],
)
def test_stack_size_takes_a_suffix(size, stack_bytes):
    passed = variables(run_green(f"--stack-size={size}", "env"))
    assert passed["GREEN_STACK_SIZE"] == str(stack_bytes)


def test_arguments_and_argv0_arrive_as_typed():
    script = 'printf "%s\\n" "$0" "$@"'
    result = run_green("sh", "-c", script, "zero", "--workers", "", "two words", "--")
    assert result.stdout == "zero\n--workers\n\ntwo words\n--\n"
    assert run_green("cat", "/proc/self/cmdline").stdout == "cat\0/proc/self/cmdline\0"


def test_exit_status_is_the_programs():
    assert run_green("sh", "-c", "exit 42").returncode == 42
    assert run_green("sh", "-c", "kill -TERM $$").returncode == -signal.SIGTERM


def test_replaces_itself_with_the_program():
    with subprocess.Popen([GREEN, "sh", "-c", "echo $$"], stdout=subprocess.PIPE) as process:
        assert int(process.stdout.read()) == process.pid


def test_signal_dispositions_and_mask_are_inherited_unchanged():
    def ignored_and_blocked():
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGUSR2})

    status = ["cat", "/proc/self/status"]
    options = {"preexec_fn": ignored_and_blocked, "restore_signals": False}
    native = subprocess.run(status, capture_output=True, text=True, check=True, **options)
    green = run_green(*status, **options)

    def signals(text):
        return [line for line in text.splitlines() if line.startswith(("SigBlk", "SigIgn"))]

    assert signals(green.stdout) == signals(native.stdout)
    assert len(signals(native.stdout)) == 2


def test_descriptors_are_inherited_unchanged():
    read_end, write_end = os.pipe()
    report = f"for fd in 0 {write_end}; do test -e /proc/$$/fd/$fd && echo $fd; done; true"
    try:
        result = run_green("sh", "-c", report, pass_fds=[write_end], preexec_fn=lambda: os.close(0))
    finally:
        os.close(read_end)
        os.close(write_end)
    assert result.stdout == f"{write_end}\n"


def test_help_and_version_go_to_standard_output():
    shown = run_green("--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith("Usage: green [options] [--] program")
    for option in ("--workers", "--stack-size", "--version", "--help"):
        assert option in shown.stdout

    version = run_green("--version")
    assert version.returncode == 0
    assert version.stdout.startswith("green ")


def test_help_that_cannot_be_written_is_an_error():
    with open("/dev/full", "w") as full:
        result = subprocess.run([GREEN, "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 125
    assert result.stderr == "green: standard output: No space left on device (os error 28)\n"


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ([], "no program"),
        (["--"], "no program"),
        (["--workers", "2"], "no program"),
        (["--bogus", "true"], "--bogus"),
        (["-w", "true"], "-w"),
        (["--help=yes"], "--help=yes"),
        (["--workers"], "--workers needs a value"),
        (["--stack-size"], "--stack-size needs a value"),
        *(
            (["--workers", workers, "true"], f"'{workers}'")
            for workers in ("", "0", "-1", "+2", "two", "2x", "1.5", " 2", "65", "9" * 30)
        ),
        *(
            (["--stack-size", size, "true"], f"'{size}'")
            for size in (
                "",
                "0",
                "K",
                "-64K",
                "64KB",
                "64 K",
                "1T",
                "16383",
                "2G",
                "9" * 30,
                "9" * 12 + "G",
            )
        ),
    ],
)
def test_bad_usage_is_one_line_and_125(arguments, fragment):
    assert_refused(run_green(*arguments), 125, fragment, "green --help")


def installed(prefix, library):
    """A copy of the launcher in PREFIX/bin, and of the library where `library` says."""
    launcher = prefix / "bin/green"
    launcher.parent.mkdir(parents=True)
    shutil.copy(GREEN, launcher)
    if library:
        (prefix / library).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(LIBRARY, prefix / library)
    return launcher


@pytest.mark.parametrize("place", ["bin", "lib", "lib/green"])
def test_finds_the_library_in_each_place(tmp_path, place):
    launcher = installed(tmp_path, f"{place}/libgreen.so")
    preload = variables(run_green("env", launcher=launcher))["LD_PRELOAD"]
    assert preload == f"{tmp_path}/{place}/libgreen.so"


def test_finds_the_library_through_a_link_to_the_launcher(tmp_path):
    launcher = installed(tmp_path / "prefix", "lib/libgreen.so")
    link = tmp_path / "green"
    link.symlink_to(launcher)
    preload = variables(run_green("env", launcher=link))["LD_PRELOAD"]
    assert preload == f"{tmp_path}/prefix/lib/libgreen.so"


def test_green_lib_overrides_the_installed_library(tmp_path):
    named = tmp_path / "named.so"
    shutil.copy(LIBRARY, named)
    result = run_green("env", environment={"GREEN_LIB": "named.so"}, cwd=tmp_path)
    assert variables(result)["LD_PRELOAD"] == str(named)


def test_no_library_is_one_line_and_125(tmp_path):
    launcher = installed(tmp_path, None)
    assert_refused(run_green("true", launcher=launcher), 125, "no libgreen.so", tmp_path)


def test_green_lib_must_name_a_library(tmp_path):
    text = tmp_path / "text"
    text.write_text("not a library, but long enough to hold the header of one " * 4)
    named = {"GREEN_LIB": str(text)}
    assert_refused(run_green("true", environment=named), 125, "GREEN_LIB", text)
    named = {"GREEN_LIB": f"{tmp_path}/missing.so"}
    assert_refused(run_green("true", environment=named), 125, "GREEN_LIB", "missing.so")


@pytest.mark.parametrize("name", ["with space", "with:colon"])
def test_a_path_that_ld_preload_cannot_hold_is_refused(tmp_path, name):
    launcher = installed(tmp_path / name, "lib/libgreen.so")
    assert_refused(run_green("true", launcher=launcher), 125, "LD_PRELOAD cannot hold", name)


def test_searches_path_like_execvp(tmp_path):
    script = "#!/bin/sh\necho {}\n"
    for directory, mode in (("first", 0o644), ("second", 0o755), ("third", 0o755)):
        (tmp_path / directory).mkdir()
        tool = tmp_path / directory / "green-test-tool"
        tool.write_text(script.format(directory))
        tool.chmod(mode)
    directories = [
        tmp_path / "missing",
        *(tmp_path / name for name in ("first", "second", "third")),
    ]
    path = {"PATH": ":".join(map(str, directories))}
    assert run_green("green-test-tool", environment=path).stdout == "second\n"

    # An empty element is the working directory.
    path = {"PATH": f":{tmp_path}/third"}
    result = run_green("green-test-tool", environment=path, cwd=tmp_path / "second")
    assert result.stdout == "second\n"

    # A file that may not be executed is a better explanation than none at all.
    path = {"PATH": str(tmp_path / "first")}
    assert_refused(run_green("green-test-tool", environment=path), 126, "green-test-tool")
