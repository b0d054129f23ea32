"""docs/hooks.md says of each function of libc that can block what it does, and says the truth."""

import json
import os
import re
import subprocess
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest
from launcher import LIBRARY, ROOT

# Functions that are cancellation points because they block, or may (POSIX.1-2017, 2.9.5.2), as far
# as glibc has them and they are no aliases.
CANCELLATION_POINTS = """
    accept aio_suspend clock_nanosleep close connect creat fcntl fdatasync fsync lockf mq_receive
    mq_send mq_timedreceive mq_timedsend msgrcv msgsnd msync nanosleep open openat pause poll pread
    pselect pthread_cond_timedwait pthread_cond_wait pthread_join pwrite read readv recv recvfrom
    recvmsg select sem_timedwait sem_wait send sendmsg sendto sigsuspend sigtimedwait sigwait
    sigwaitinfo sleep system tcdrain wait waitid waitpid write writev
    closelog dprintf fclose fflush fgetc fgetpos fgets fgetwc fgetws fopen fprintf fputc fputs fputwc
    fputws fread freopen fscanf fseek fseeko fsetpos ftell ftello fwprintf fwrite fwscanf getaddrinfo
    getc getchar getdelim getgrgid getgrgid_r getgrnam getgrnam_r gethostent getline getnameinfo
    getnetbyaddr getnetbyname getprotobyname getpwnam getpwnam_r getpwuid getpwuid_r getservbyname
    getservbyport getwc getwchar ioctl link lio_listio mkdir openlog pclose perror popen
    posix_fallocate posix_spawn posix_spawnp printf psignal pthread_rwlock_rdlock
    pthread_rwlock_timedrdlock pthread_rwlock_timedwrlock pthread_rwlock_wrlock putc putchar puts
    putwc putwchar readdir rename scanf sem_open stat sync syslog ungetc unlink vdprintf vfprintf
    vprintf wprintf wscanf
""".split()

# What the libc crate declares and says not to use.
UNCHECKED = {"vfork"}
# Where the libc crate declares what glibc has on x86-64, below its src/.
DECLARATIONS = """
    unix/mod.rs unix/linux_like/mod.rs unix/linux_like/linux_l4re_shared.rs
    unix/linux_like/linux/mod.rs unix/linux_like/linux/gnu/mod.rs
    unix/linux_like/linux/gnu/b64/mod.rs unix/linux_like/linux/gnu/b64/x86_64/*.rs
    new/common/**/*.rs new/glibc/**/*.rs new/linux_uapi/**/*.rs
""".split()


def load_script():
    loader = SourceFileLoader("hooks_table", str(ROOT / "scripts/hooks-table"))
    module = module_from_spec(spec_from_loader("hooks_table", loader))
    loader.exec_module(module)
    return module


TABLE = load_script()
ROWS = list(TABLE.rows())
LISTED = {symbol for row in ROWS for symbol in row.symbols}


def exported_by(library):
    """The functions that it defines."""
    lines = subprocess.run(
        ["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return {line.split()[-1].partition("@")[0] for line in lines}


def test_it_is_up_to_date():
    text = (ROOT / "docs/hooks.md").read_text()
    assert text == TABLE.table(), "run scripts/hooks-table > docs/hooks.md"


def test_it_has_each_function_that_the_library_defines():
    assert set(TABLE.hooks()) == exported_by(LIBRARY)


def test_what_parks_and_what_gives_its_slot_away_is_hooked():
    hooked = {symbol for row in ROWS if row.kind in ("parks", "region") for symbol in row.symbols}
    assert hooked <= set(TABLE.hooks())


def test_no_function_that_blocks_is_missing():
    assert not sorted(set(CANCELLATION_POINTS) - LISTED)


@pytest.mark.skipif(
    os.confstr("CS_GNU_LIBC_VERSION") != "glibc 2.36", reason="the table is for glibc 2.36"
)
def test_libc_has_what_is_listed():
    libraries = "/lib/x86_64-linux-gnu"
    known = exported_by(f"{libraries}/libc.so.6") | exported_by(f"{libraries}/libresolv.so.2")
    newer = {"pidfd_spawn", "pidfd_spawnp"}
    assert not sorted((LISTED | TABLE.patched()) - known - newer)


def test_each_function_that_blocks_has_a_test_that_calls_it():
    for row in ROWS:
        assert not [symbol for symbol in row.symbols if not TABLE.tests_of(symbol, row)], row


def test_each_row_names_tests_that_call_what_it_is_about():
    for row in ROWS:
        for test in row.tests:
            assert any(test in TABLE.tests_of(symbol, row) for symbol in row.symbols), (test, row)


# System calls whose functions have other names.
OTHERWISE_NAMED = set(
    """
    eventfd2 futex openat2 prlimit64 pselect6 rt_sigaction rt_sigpending rt_sigprocmask
    rt_sigqueueinfo rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo tkill
    """.split()
)


def test_each_function_that_is_a_system_call_is_so_by_number():
    """syscall(2) with the number of a hooked function does what that does."""
    hooks = ROOT / "src/hooks"
    files = [*hooks.glob("syscall*.rs"), hooks / "thread_ids.rs"]
    taken = {name for file in files for name in re.findall(r"\bSYS_(\w+)", file.read_text())}
    numbers = libc_crate() / "unix/linux_like/linux/gnu/b64/x86_64/not_x32.rs"
    calls = set(re.findall(r"\bSYS_(\w+): c_long", numbers.read_text()))
    assert {"read", "pselect6"} <= calls
    assert not sorted(((set(TABLE.hooks()) & calls) | OTHERWISE_NAMED) - taken)


def libc_crate():
    """The sources of the libc crate that the library is built with."""
    metadata = subprocess.run(
        [
            *("cargo", "metadata", "--format-version=1", "--locked", "--offline"),
            *("--filter-platform", "x86_64-unknown-linux-gnu"),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    packages = json.loads(metadata.stdout)["packages"]
    manifest = next(package["manifest_path"] for package in packages if package["name"] == "libc")
    return Path(manifest).parent / "src"


def declared_by_libc_crate():
    """The functions that the libc crate declares."""
    source = libc_crate()
    files = [file for pattern in DECLARATIONS for file in source.glob(pattern)]
    return {name for file in files for name in re.findall(r"pub fn (\w+)\(", file.read_text())}


def checked_signatures():
    """The hooks with a `check!`, their own or in the macro that makes them."""
    names = set()
    for file in (ROOT / "src/hooks").glob("*.rs"):
        text = file.read_text()
        names.update(re.findall(r"\bcheck!\((?:redhook )?(\w+)\(", text))
        for macro, body in re.findall(r"^macro_rules! (\w+) \{\n(.*?)^\}", text, re.M | re.S):
            if "check!($name(" in body:
                rows = re.search(rf"^{macro}! \{{\n(.*?)^\}}", text, re.M | re.S)[1]
                names.update(re.findall(r"\bfn (\w+)\(", rows))
    return names


def test_each_signature_that_the_libc_crate_declares_is_checked():
    declared = declared_by_libc_crate()
    assert checked_signatures() <= declared
    aliases = {name for name, words in TABLE.hooks().items() if words.startswith("Alias of ")}
    assert not sorted((set(TABLE.hooks()) - aliases - UNCHECKED) & declared - checked_signatures())
