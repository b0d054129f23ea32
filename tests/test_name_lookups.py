"""Name lookups say the same natively, by libc's resolver and by the hub's, whatever is in resolv.conf."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from launcher import ROOT
from programs import PYTHON, run_to_success
from servers.process import environment

REPORT = str(ROOT / "target/c-tests/dns_report")
UNSHARE = ["unshare", "--mount", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
TIMEOUT_SECONDS = 300
# What programs read there besides what a test gives them.
KEPT = ["ld.so.cache", "services", "protocols", "localtime", "passwd", "group"]


def may_unshare():
    try:
        done = subprocess.run([*UNSHARE, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


needs_ipv6 = pytest.mark.skipif(
    not Path("/proc/net/if_inet6").exists(), reason="the kernel has no IPv6"
)
needs_namespaces = pytest.mark.skipif(
    not may_unshare(), reason="namespaces for mounts and the network are not permitted here"
)

IPV4 = [f"127.0.0.{last}" for last in (1, 2, 3)]
SERVERS = "nameserver 127.0.0.1\nnameserver 127.0.0.2\noptions timeout:30\n"
ONE_SERVER = "nameserver 127.0.0.1\noptions timeout:30\n"
SEARCH = "search one.test missing.test\n"
HOSTS = "127.0.0.1 localhost\n::1 localhost\n192.0.2.77 files.example f\n"

# See c-tests/dns.h for what the server makes of them.
ANSWERS = """
    ok1.example four2.example six3.example none4.example many5.example many60.example big3.example
    big70.example alias1.example alias4.example alias40.example missing.example fail.example
    refuse.example deny.example half.example second.example late100.example spoofed.example
    OK1.Example ok1.example. alias2.example. missing.example. other.example
""".split()
SEARCHED = (
    "ok1 alias2 missing none4 fail half second ok1.sub four2.sub.deep missing.sub ok1.".split()
)
ODD = """
    localhost f files.example 192.0.2.1 ::1 fe80::1%lo 127.1 -ok1.example ok1..example .ok1 ok_1.example
    ok1.ex*mple ok1.example.. .
""".split()
ODD += [
    "ok1 .example",
    "ok1." + "a" * 63,
    "ok1." + "a" * 64,
    "ok1" + ".a" * 120,
    "ok1" + ".a" * 130,
]
NUMBERS = """
    192.0.2.1 192.0.2.77 192.0.2.254 ::1 2001:db8::5 2001:db8::ffff ::ffff:192.0.2.3 ::192.0.2.4
    127.0.0.1 0.0.0.0 ::
""".split()
NOISE = [f"noise{seed}.example" for seed in range(40)]
CUT = [f"cut{length}.example" for length in range(0, 100, 3)]

CASES = {
    "answers": (SERVERS, "files dns", ANSWERS, {}),
    "edns0": (SERVERS + "options edns0 trust-ad\n", "files dns", ANSWERS, {}),
    "streams": (SERVERS + "options use-vc\n", "files dns", ANSWERS, {}),
    "odd names": (SERVERS, "files dns", ODD, {}),
    "addresses": (SERVERS, "files dns", NUMBERS, {}),
    "addresses by stream": (SERVERS + "options use-vc\n", "dns files", NUMBERS, {}),
    "an address without an answer": (
        "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        "files dns",
        ["192.0.2.255"],
        {},
    ),
    "noise": (ONE_SERVER, "files dns", NOISE, {}),
    "cut answers": (ONE_SERVER, "files dns", CUT, {}),
    "search list": (SERVERS + SEARCH, "files dns", SEARCHED, {}),
    "many dots": (SERVERS + SEARCH + "options ndots:2\n", "files dns", SEARCHED, {}),
    "no dots": (SERVERS + SEARCH + "options ndots:0 no-tld-query\n", "files dns", SEARCHED, {}),
    "long search list": (
        SERVERS + "search a.test b.test c.test d.test e.test f.test missing.test\n",
        "files dns",
        SEARCHED,
        {},
    ),
    "environment": (
        SERVERS + SEARCH,
        "files dns",
        SEARCHED,
        {"LOCALDOMAIN": "two.test", "RES_OPTIONS": "ndots:3 attempts:1"},
    ),
    "aliases of the user's": (SERVERS, "files dns", SEARCHED, {"HOSTALIASES": "/etc/aliases"}),
    "others before": (SERVERS, "files mdns4_minimal [NOTFOUND=return] dns myhostname", ODD, {}),
    "dns first": (SERVERS, "dns [!UNAVAIL=return] files", ODD + ANSWERS[:8], {}),
    "dns last": (SERVERS, "files\tdns[SUCCESS=continue] myhostname # dns", ODD + ANSWERS[:8], {}),
    "no dns": (SERVERS, "files", ODD, {}),
    "default": (SERVERS, None, ODD, {}),
    "left to libc": (
        SERVERS + "options single-request no-aaaa\nsortlist 192.0.2.4/255.255.255.255\n",
        "files dns",
        ANSWERS,
        {},
    ),
    "nobody there": (
        "nameserver ::1\nnameserver 127.0.0.9\n",
        "files dns",
        ["ok1.example", "ok1"],
        {},
    ),
    "second one there": ("nameserver 127.0.0.9\n" + ONE_SERVER, "files dns", ANSWERS[:8], {}),
    "lost packets": (
        "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n",
        "files dns",
        ["never.example", "lost1.example"],
        {},
    ),
}

# The same server by IPv6, also at an address that is the link's alone, as routers have it.
IPV6 = ["::1", "fe80::53%lo"]
IPV6_CASES = {
    "loopback": "nameserver ::1\noptions timeout:30\n",
    "link": "nameserver fe80::53%lo\noptions timeout:30\n",
    "by stream": "nameserver ::1\noptions timeout:30 use-vc\n",
    "beside IPv4": "nameserver fe80::53%lo\nnameserver 127.0.0.1\noptions timeout:30 rotate\n",
    "nobody before": "nameserver ::2\nnameserver ::1\noptions timeout:30\n",
}

# A thousand lookups that wait for each other take longer.
SERIAL_SECONDS = 30
MODES = [("libc", 1), ("libc", 2), ("libc", 4), ("hub", 1), ("hub", 2), ("hub", 4)]


def run_apart(directory, configuration, services, commands, addresses=IPV4):
    """What each command prints, where /etc has those files and name servers have those addresses."""
    for name in KEPT:
        if Path("/etc", name).exists():
            shutil.copy(Path("/etc", name), directory / name)
    (directory / "resolv.conf").write_text(configuration)
    (directory / "hosts").write_text(HOSTS)
    (directory / "aliases").write_text("ok1 four9.example\n")
    if services is not None:
        (directory / "nsswitch.conf").write_text(f"passwd: files\nhosts: {services}\n")
    script = ROOT / "tests/programs/apart.py"
    result = subprocess.run(
        [*UNSHARE, PYTHON, script, directory, json.dumps(commands), *addresses],
        env=environment(None),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
    assert result.returncode == 0, result
    answers = json.loads(result.stdout)
    assert all(status == 0 for status, _ in answers), answers
    return [output for _, output in answers]


def check_all_say_the_same(directory, configuration, services, names, variables, addresses=IPV4):
    """What is said natively."""
    environments = [environment(None) | variables]
    environments += [
        environment(workers) | variables | {"GREEN_RESOLVER": resolver}
        for resolver, workers in MODES
    ]
    commands = [([REPORT, *names], each) for each in environments]
    natively, *others = run_apart(directory, configuration, services, commands, addresses)
    assert natively.count("\n plain: ") == len(names)
    for mode, output in zip(MODES, others, strict=True):
        assert output == natively, mode
    return natively


@needs_namespaces
@pytest.mark.parametrize("case", CASES)
def test_they_say_the_same(case, tmp_path):
    check_all_say_the_same(tmp_path, *CASES[case])


@needs_namespaces
@needs_ipv6
@pytest.mark.parametrize("case", IPV6_CASES)
def test_they_say_the_same_by_ipv6(case, tmp_path):
    addresses = [*IPV4, *IPV6]
    names = ANSWERS if case == "loopback" else ANSWERS[:12]
    said = check_all_say_the_same(tmp_path, IPV6_CASES[case], "files dns", names, {}, addresses)
    assert "192.0.2.1" in said


@needs_namespaces
def test_servers_take_turns(tmp_path):
    configuration = "".join(f"nameserver 127.0.0.{last}\n" for last in (1, 2, 3))
    commands = [
        ([REPORT, *["who.example"] * 6], environment(2) | {"GREEN_RESOLVER": resolver})
        for resolver in ("libc", "hub")
    ]
    outputs = run_apart(
        tmp_path, configuration + "options rotate timeout:30\n", "files dns", commands
    )
    for output in outputs:
        assert set(re.findall(r"127\.0\.0\.\d", output)) == {"127.0.0.1", "127.0.0.2", "127.0.0.3"}


PROGRAMS = [
    "dns_answers",
    "dns_crowd",
    "dns_hosts",
    "dns_interrupts",
    "dns_lookups",
    "dns_settings",
    "fork_lookups",
]
HUB = {"GREEN_RESOLVER": "hub"}


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_do_with_the_hubs_resolver(program, workers):
    run_to_success([str(ROOT / "target/c-tests" / program)], workers, variables=HUB)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_hub_needs_no_patch_to_wait_for_a_thousand_answers(workers):
    # Hosts only: questions of other kinds are libc's, and 32 at a time. So these would take 47 s.
    command = [str(ROOT / "target/c-tests/dns_crowd"), "1000", "1500", "5"]
    output = run_to_success(command, workers, variables=HUB | {"GREEN_PATCH": "0"})
    assert float(re.search(r"seconds=([\d.]+)", output)[1]) < SERIAL_SECONDS
