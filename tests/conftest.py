"""What the tests share: the ways to run a program."""

import os
import resource

import pytest

# Servers and clients of hundreds of connections run as children of the tests.
DESCRIPTORS = 8192


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: `make test` runs it with no other test beside it")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """What must not run beside each other: a program and itself, and else the tests of a file.

    The latter share fixtures, hundreds of connections, or the processors (test_state_matrix.py)."""
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        group = parameters.get("program", item.path.stem)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(params=[None, 0, 1, 2, 4], ids=["native", "auto", "w1", "w2", "w4"])
def workers(request):
    """On how many workers the program runs: None is without libgreen, 0 as many as help."""
    return request.param


@pytest.fixture(scope="session", autouse=True)
def usual_umask():
    """Some of the files that tests make are for other users, too."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="session", autouse=True)
def enough_descriptors():
    """Children inherit the soft limit, which is 1,024 on most machines."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, DESCRIPTORS)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
