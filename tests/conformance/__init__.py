"""Other people's tests, natively and on green threads: glibc's own and CPython's.

The suites come from the sources and packages of the Debian release that this runs on, and are
unpacked and built under target/conformance; nothing of them is part of this tree.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target/conformance"
HERE = Path(__file__).resolve().parent
JOBS = (os.cpu_count() or 1) + 1
