"""docs/hooks.md says of each function of libc that can block what it does, and says the truth."""

import os
import subprocess
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

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
    assert not sorted((LISTED | TABLE.patched()) - known)


def test_each_row_names_a_test_or_none():
    for row in ROWS:
        programs = {file.stem for file in (ROOT / "c-tests").rglob("*.c")}
        assert row.test == "-" or row.test.split("/")[-1] in programs, row
