"""Programs that compute and end: how long they take."""

import random
from collections.abc import Callable

from harness.batch import Batch, open_batch, timed
from harness.contest import SECONDS, Load, Program, Unit
from harness.echo import Run
from harness.generators import sysbench_command, sysbench_figures
from harness.real import WORK
from harness.session import Times

WIDTH, HEIGHT, FRAMES = 640, 360, 60
VIDEO, TEXT = WORK / "video.y4m", WORK / "text"
TEXT_BYTES = 48 << 20


def sysbench(test: str, threads: int) -> Callable[[Batch, Times], Run]:
    def measure(batch: Batch, times: Times) -> Run:
        return sysbench_figures(batch.output_of(sysbench_command(test, threads, times)), times)

    return measure


def make_video() -> None:
    """A grainy picture that moves: enough to do for an encoder."""
    if VIDEO.exists():
        return
    WORK.mkdir(parents=True, exist_ok=True)
    source = random.Random(1)
    grain = source.randbytes(WIDTH * HEIGHT * 2)
    coarse = bytes(value & 0xE0 for value in grain)
    partial = VIDEO.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F25:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(FRAMES):
            at = number * (3 * WIDTH + 5)
            file.write(b"FRAME\n" + coarse[at : at + WIDTH * HEIGHT])
            file.write(bytes([number * 4 % 256]) * (WIDTH * HEIGHT // 2))
    partial.rename(VIDEO)


def make_text() -> None:
    if TEXT.exists():
        return
    WORK.mkdir(parents=True, exist_ok=True)
    source = random.Random(2)
    words = [source.randbytes(source.randrange(2, 9)).hex().encode() for _ in range(5000)]
    paragraphs = [b" ".join(source.choices(words, k=2000)) + b"\n" for _ in range(200)]
    partial = TEXT.with_suffix(".partial")
    with partial.open("wb") as file:
        while file.tell() < TEXT_BYTES:
            file.write(source.choice(paragraphs))
    partial.rename(TEXT)


def program(name: str, about: str, package: str, loads: list[Load], prepare=None) -> Program:
    return Program(
        name=name,
        about=about,
        packages=(package,),
        prepare=prepare,
        open=open_batch,
        loads=loads,
    )


X264 = ("x264", "--quiet", "--threads", "4", "--preset", "veryfast", "-o", "/dev/null", str(VIDEO))
PIGZ = ("pigz", "-p", "4", "-k", "-c", str(TEXT))
MUTEX = ("sysbench", "mutex", "--threads=64", "--mutex-locks=5000", "run")
EVENTS = Unit("events/s")

PROGRAMS = [
    program(
        "x264",
        f"x264 with four threads, {FRAMES} generated frames of {WIDTH} × {HEIGHT}.",
        "x264",
        [Load("encode, 4 threads", SECONDS, timed(*X264), in_quick=True)],
        make_video,
    ),
    program(
        "pigz",
        f"pigz with four threads, {TEXT_BYTES >> 20} MiB of generated text.",
        "pigz",
        [Load("compress, 4 threads", SECONDS, timed(*PIGZ), in_quick=True)],
        make_text,
    ),
    program(
        "sysbench",
        "sysbench's own tests: computing, yielding under locks, and taking locks.",
        "sysbench",
        [
            Load("cpu, 4 threads", EVENTS, sysbench("cpu", 4)),
            Load("threads, 64 threads", EVENTS, sysbench("threads", 64), in_quick=True),
            Load("mutex, 64 threads", SECONDS, timed(*MUTEX)),
        ],
    ),
]
