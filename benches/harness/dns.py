"""Many name look-ups at once, of a server that answers 100 ms later: target/c-tests/dns_crowd."""

import re
from collections.abc import Callable
from dataclasses import replace

from harness.batch import Batch, open_batch
from harness.contest import SECONDS, Load, Program
from harness.echo import Run
from harness.programs import NATIVE, ROOT, Setting
from harness.session import Session, Times

DNS_CROWD = ROOT / "target" / "c-tests" / "dns_crowd"
LOOKUPS = (1000, 5000)
ANSWER_MILLISECONDS = 100
# Of the ways to ask in dns_crowd.c those that ask for hosts.
WAYS = 4
LIMIT_SECONDS = 90
HUB = "libgreen, hub"


def crowd(lookups: int) -> Callable[[Batch, Times], Run]:
    command = [str(DNS_CROWD), str(lookups), str(ANSWER_MILLISECONDS), str(WAYS)]

    def measure(batch: Batch, _times: Times) -> Run:
        report = dict(re.findall(r"(\w+)=([\d.]+)", batch.output_of(command, LIMIT_SECONDS)))
        return {"value": float(report["seconds"]), "kernel_threads": int(report["tasks"])}

    return measure


def settings(session: Session) -> list[Setting]:
    green = session.green()
    return [NATIVE, green, replace(green, name=HUB, resolver="hub")]


PROGRAM = Program(
    name="dns-crowd",
    about=f"Look-ups, answered after {ANSWER_MILLISECONDS} ms",
    packages=(),
    open=open_batch,
    loads=[
        Load(f"{lookups:,}", SECONDS, crowd(lookups), in_quick=lookups == LOOKUPS[0])
        for lookups in LOOKUPS
    ],
    settings=settings,
)
