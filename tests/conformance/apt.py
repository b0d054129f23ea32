"""Debian's packages without touching the system's apt: lists and archives lie under target/."""

import os
import platform
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

from conformance import WORK

ETC = Path("/etc/apt")
PRIVATE = WORK / "apt"


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """The entries of a deb822 file."""
    entry: dict[str, str] = {}
    key = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if entry:
                yield entry
            entry = {}
        elif line[0].isspace():
            entry[key] += " " + line.strip()
        else:
            key, _, value = line.partition(":")
            entry[key] = value.strip()


def one_line_entries(text: str) -> Iterator[dict[str, str]]:
    """The entries of a sources.list, as deb822 has them."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        entry = {"Types": words.pop(0)}
        if words[0].startswith("["):
            while True:
                word = words.pop(0)
                name, _, value = word.strip("[]").partition("=")
                if name == "signed-by":
                    entry["Signed-By"] = value
                if word.endswith("]"):
                    break
        entry["URIs"], entry["Suites"], *components = words
        yield entry | {"Components": " ".join(components)}


def configured_entries() -> Iterator[dict[str, str]]:
    for path in [ETC / "sources.list", *sorted((ETC / "sources.list.d").glob("*"))]:
        if path.suffix == ".sources":
            yield from stanzas(path.read_text())
        elif path.suffix == ".list" and path.is_file():
            yield from one_line_entries(path.read_text())


def release_entries() -> list[dict[str, str]]:
    """Where the system gets its release from."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    entries = [
        entry
        for entry in configured_entries()
        if "deb" in entry["Types"].split()
        and all(suite.partition("-")[0] == release for suite in entry["Suites"].split())
    ]
    if not entries:
        raise SystemExit(f"apt: /etc/apt names no source of {release}")
    return entries


def release_sources() -> str:
    """The same as a file for apt, with the sources of the packages."""
    return "\n".join(
        "".join(f"{name}: {value}\n" for name, value in (entry | {"Types": "deb deb-src"}).items())
        for entry in release_entries()
    )


def apt_get(*arguments: str, directory: Path = PRIVATE) -> None:
    settings = {
        "Dir::Etc::SourceList": os.devnull,
        "Dir::Etc::SourceParts": PRIVATE / "sources",
        "Dir::State::Lists": PRIVATE / "lists",
        "Dir::Cache": PRIVATE / "cache",
        "APT::Sandbox::User": "root",
    }
    options = [f"--option={name}={value}" for name, value in settings.items()]
    subprocess.run(
        ["apt-get", "--quiet", "--quiet", *options, *arguments], cwd=directory, check=True
    )


def update() -> None:
    """Fetches the lists, once."""
    if (PRIVATE / "updated").exists():
        return
    for name in ["sources", "lists/partial", "cache/archives/partial"]:
        (PRIVATE / name).mkdir(parents=True, exist_ok=True)
    (PRIVATE / "sources/release.sources").write_text(release_sources())
    apt_get("update")
    (PRIVATE / "updated").touch()


def unpack_source(package: str, destination: Path) -> None:
    """The source of a package with Debian's changes applied."""
    update()
    directory = destination.parent
    directory.mkdir(parents=True, exist_ok=True)
    apt_get("source", "--download-only", package, directory=directory)
    description = max(directory.glob("*.dsc"), key=lambda file: file.stat().st_mtime)
    command = ["dpkg-source", "--no-check", "-x", description.name, destination.name]
    subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL)


def unpack_packages(packages: list[str], destination: Path) -> None:
    """What packages would install, below the destination."""
    update()
    archives = destination.parent / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    apt_get("download", *packages, directory=archives)
    for archive in archives.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", archive, destination], check=True)
