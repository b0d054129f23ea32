"""Real programs, from Debian's packages, each a `Program` in a module of its own."""

from harness.programs import ROOT

# Data directories, generated input and what else the programs need, kept between runs.
WORK = ROOT / "target" / "bench-work"
