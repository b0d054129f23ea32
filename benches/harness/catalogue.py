"""The programs that are measured in turns, by section."""

from harness import blocked, dns, unthreaded
from harness.contest import Program
from harness.real import (
    apache,
    computing,
    crowds,
    flask,
    java,
    loops,
    mariadb,
    memcached,
    puma,
    stunnel,
)

Sections = dict[str, list[Program]]

SECTIONS: Sections = {
    "real": [
        mariadb.PROGRAM,
        memcached.PROGRAM,
        *apache.PROGRAMS,
        puma.PROGRAM,
        java.PROGRAM,
        stunnel.PROGRAM,
        *computing.PROGRAMS,
        flask.PROGRAM,
        *crowds.PROGRAMS,
        *loops.PROGRAMS,
    ],
    "blocked": blocked.PROGRAMS,
    "dns": [dns.PROGRAM],
    "unthreaded": unthreaded.PROGRAMS,
}


def section_of(name: str) -> str | None:
    """The section that has a program of this name."""
    for section, programs in SECTIONS.items():
        if any(program.name == name for program in programs):
            return section
    return None


def named(name: str, sections: Sections = SECTIONS) -> list[Program]:
    """The program of this name, or the programs of the section of this name."""
    return sections.get(name) or [
        program for programs in sections.values() for program in programs if program.name == name
    ]


def names(sections: Sections = SECTIONS) -> list[str]:
    return [program.name for programs in sections.values() for program in programs]
