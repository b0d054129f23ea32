#!/usr/bin/env python3
"""Puts bugs into the lock-free parts on purpose, one at a time, and checks that the models
and properties notice each of them.

  tests/models/mutants.py            all of them
  tests/models/mutants.py claim      those whose name or file contains a word
  tests/models/mutants.py --places   only whether each finds the place that it changes
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 300


@dataclass(frozen=True)
class Mutant:
    """A bug: in `file` under src/, `right` becomes `wrong`."""

    name: str
    file: str
    right: str
    wrong: str


MUTANTS = [
    Mutant(
        "claim does not acquire",
        "task/word.rs",
        "compare_exchange_weak(word, claimed, Ordering::AcqRel, Ordering::Relaxed)",
        "compare_exchange_weak(word, claimed, Ordering::Release, Ordering::Relaxed)",
    ),
    Mutant(
        "claim does not release",
        "task/word.rs",
        "compare_exchange_weak(word, claimed, Ordering::AcqRel, Ordering::Relaxed)",
        "compare_exchange_weak(word, claimed, Ordering::Acquire, Ordering::Relaxed)",
    ),
    Mutant(
        "save is a load and a store",
        "task/word.rs",
        "if self.0.fetch_or(SAVED, Ordering::AcqRel) & CLAIMED != 0 {",
        "let word = self.0.load(Ordering::Acquire);\n"
        "        self.0.store(word | SAVED, Ordering::Release);\n"
        "        if word & CLAIMED != 0 {",
    ),
    Mutant(
        "save does not release",
        "task/word.rs",
        "fetch_or(SAVED, Ordering::AcqRel)",
        "fetch_or(SAVED, Ordering::Acquire)",
    ),
    Mutant(
        "a second claim succeeds",
        "task/word.rs",
        "if word & (ARMED | CLAIMED) != ARMED {",
        "if word & ARMED != ARMED {",
    ),
    Mutant(
        "a kernel thread is not held",
        "task/word.rs",
        "let held = if word & KERNEL != 0 { HELD } else { 0 };",
        "let held = 0;",
    ),
    Mutant(
        "release is not one",
        "task/word.rs",
        "self.0.fetch_and(!HELD, Ordering::Release);",
        "self.0.fetch_and(!HELD, Ordering::Relaxed);",
    ),
    Mutant(
        "a wait is taken back by a load and a store",
        "task/word.rs",
        "let word = self.0.swap(0, Ordering::AcqRel);",
        "let word = self.0.load(Ordering::Acquire);\n        self.0.store(0, Ordering::Release);",
    ),
    Mutant(
        "a lock does not acquire",
        "task/lock_word.rs",
        ".compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)",
        ".compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed)",
    ),
    Mutant(
        "a lock that is given back does not release",
        "task/lock_word.rs",
        "self.held.store(0, Ordering::Release);",
        "self.held.store(0, Ordering::Relaxed);",
    ),
    Mutant(
        "who gives a lock back has no fence before he looks for sleepers",
        "task/lock_word.rs",
        "        membarrier::light();",
        "",
    ),
    Mutant(
        "a sleeper does not make up for the missing fence",
        "task/lock_word.rs",
        "let is_seen = membarrier::heavy();",
        "let is_seen = true;",
    ),
    Mutant(
        "the value is looked at before the queue is locked",
        "wait/queue/mod.rs",
        "        self.bucket(key).with(|queue| {\n            let Some(tag) = validate() else {",
        "        let validated = validate();\n"
        "        self.bucket(key).with(|queue| {\n"
        "            let Some(tag) = validated else {",
    ),
    Mutant(
        "withdraw does not look where the waiter is",
        "wait/queue/mod.rs",
        "let is_here = node.key.load(Ordering::Acquire) == key;",
        "let is_here = true;",
    ),
    Mutant(
        "who reaches a branch does not say so",
        "wait/woken.rs",
        "        branch.word.reach();\n",
        "",
    ),
    Mutant(
        "who reaches a branch claims nobody",
        "wait/woken.rs",
        "        self.claim(branch.trunk(), reason);\n",
        "        let _ = reason;\n",
    ),
    Mutant(
        "a branch is looked at before its queue is locked",
        "wait/queue/branches.rs",
        "            self.take_out(branch, || ());\n            if branch.word.is_claimed() {",
        "            let reaches = branch.word.is_claimed();\n"
        "            self.take_out(branch, || ());\n"
        "            if reaches {",
    ),
    Mutant(
        "only branches that were not reached are withdrawn",
        "wait/queue/branches.rs",
        "            self.take_out(branch, || ());\n",
        "            if !branch.word.is_claimed() {\n                self.take_out(branch, || ());\n            }\n",
    ),
    Mutant(
        "an unlocked read-write lock is touched",
        "sync/rwlock.rs",
        "            if self\n"
        "                .state\n"
        "                .compare_exchange(WRITER, 0, Ordering::Release, Ordering::Relaxed)\n"
        "                .is_err()\n"
        "            {\n"
        "                self.hand_on(WRITER, self.prefers_writers());",
        "            if self.state.fetch_and(!WRITER, Ordering::Release) & WAITED != 0 {\n"
        "                self.hand_on(0, self.prefers_writers());",
    ),
    Mutant(
        "who is absent does not ask whether it was released",
        "wait/queue/absence.rs",
        "place.tag.get() == absence.number && place.linked.get()",
        "place.tag.get() == absence.number",
    ),
    Mutant(
        "a mutex is freed before the queue is locked",
        "sync/mutex.rs",
        "let granted = Cell::new(false);",
        "self.lock.store(0, Ordering::Release);\n        let granted = Cell::new(false);",
    ),
    Mutant(
        "a waiter does not say that it waits",
        "sync/mutex.rs",
        "while self.lock.swap(2, Ordering::Acquire) != 0 {",
        "while self.lock.swap(1, Ordering::Acquire) != 0 {",
    ),
    Mutant(
        "a granted mutex with waiters looks as if it had none",
        "sync/mutex.rs",
        "(true, true) => 2,",
        "(true, true) => 1,",
    ),
    Mutant(
        "an edge is not counted",
        "hub/descriptor/edges.rs",
        "                    side.edges.fetch_add(1, Ordering::Release);\n"
        "                    // SAFETY: under the lock.\n"
        "                    unsafe { side.claim(Wake::Ready, all, woken) };",
        "                    // SAFETY: under the lock.\n"
        "                    unsafe { side.claim(Wake::Ready, all, woken) };",
    ),
    Mutant(
        "an edge does not release what has arrived",
        "hub/descriptor/edges.rs",
        "                    side.edges.fetch_add(1, Ordering::Release);\n"
        "                    // SAFETY: under the lock.\n"
        "                    unsafe { side.claim(Wake::Ready, all, woken) };",
        "                    side.edges.fetch_add(1, Ordering::Relaxed);\n"
        "                    // SAFETY: under the lock.\n"
        "                    unsafe { side.claim(Wake::Ready, all, woken) };",
    ),
    Mutant(
        "the count of edges does not acquire",
        "hub/descriptor/edges.rs",
        "self.side(direction).edges.load(Ordering::Acquire)",
        "self.side(direction).edges.load(Ordering::Relaxed)",
    ),
    Mutant(
        "edges since the attempt are not looked for",
        "hub/descriptor/edges.rs",
        "side.edges.load(Ordering::Relaxed) != edges",
        "side.edges.load(Ordering::Relaxed) == edges.wrapping_sub(1)",
    ),
    Mutant(
        "an edge of an earlier life counts",
        "hub/descriptor/edges.rs",
        "if self.generation.load(Ordering::Relaxed) != generation {\n                return;",
        "if self.generation.load(Ordering::Relaxed) < generation {\n                return;",
    ),
    Mutant(
        "a waiter enters the queue of an earlier life",
        "hub/descriptor/edges.rs",
        "if self.generation.load(Ordering::Relaxed) != generation {\n                Err",
        "if self.generation.load(Ordering::Relaxed) < generation {\n                Err",
    ),
    Mutant(
        "the end of a life wakes one consumer",
        "hub/descriptor/edges.rs",
        "side.claim(Wake::Closed, true, woken)",
        "side.claim(Wake::Closed, false, woken)",
    ),
    Mutant(
        "a number that is being closed has a certain meaning",
        "hub/descriptor/edges.rs",
        "Next::Closing | Next::Replacement => generation.wrapping_add(2) | 1,\n"
        "                Next::Unknown | Next::Shared",
        "Next::Replacement => generation.wrapping_add(2) | 1,\n"
        "                Next::Closing | Next::Unknown | Next::Shared",
    ),
    Mutant(
        "who comes late ends a life that was not meant",
        "hub/descriptor/edges.rs",
        "if !is_meant(generation) {",
        "if !is_meant(generation) && next != Next::Unknown {",
    ),
    Mutant(
        "a number is held after a look at its life",
        "hub/descriptor/edges.rs",
        "        self.held.fetch_add(1, Ordering::SeqCst);\n"
        "        sequential();\n"
        "        let same = self.generation.load(Ordering::SeqCst) == generation;",
        "        let same = self.generation.load(Ordering::SeqCst) == generation;\n"
        "        self.held.fetch_add(1, Ordering::SeqCst);\n"
        "        sequential();",
    ),
    Mutant(
        "a number is held without order",
        "hub/descriptor/edges.rs",
        "        self.held.fetch_add(1, Ordering::SeqCst);\n        sequential();",
        "        self.held.fetch_add(1, Ordering::Relaxed);",
    ),
    Mutant(
        "a number that is let go does not release",
        "hub/descriptor/edges.rs",
        "self.held.fetch_sub(1, Ordering::Release);",
        "self.held.fetch_sub(1, Ordering::Relaxed);",
    ),
    Mutant(
        "nobody passes an edge on",
        "hub/descriptor/edges.rs",
        "unsafe { self.side(direction).claim(Wake::Ready, false, woken) };",
        "let _ = woken;",
    ),
    Mutant(
        "a thread is queued at somebody else's slot",
        "sched/slot.rs",
        "            if !ptr::eq(self.owner(), worker) {\n                return Err(threads);\n            }\n",
        "",
    ),
    Mutant(
        "who has been given a lock queues behind all others",
        "sched/slot.rs",
        "if place == Place::First {",
        "if place != Place::Last && list.len() == 0 {",
    ),
    Mutant(
        "a slot is taken from a worker that moves",
        "sched/slot.rs",
        "ptr::eq(self.owner(), owner) && ticks.is_none_or(|ticks| ticks == self.ticks())",
        "ptr::eq(self.owner(), owner) && ticks != Some(u32::MAX)",
    ),
    Mutant(
        "the end of a life is a load and a store",
        "task/life.rs",
        """            match self
                .0
                .compare_exchange(state, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return Ok(result),
                Err(now) => state = now,
            }""",
        """            self.0.store(next, Ordering::Release);
            state = next;
            if state == next {
                return Ok(result);
            }""",
    ),
    Mutant(
        "a life's end publishes nothing",
        "task/life.rs",
        "compare_exchange(state, next, Ordering::AcqRel, Ordering::Acquire)",
        "compare_exchange(state, next, Ordering::Acquire, Ordering::Acquire)",
    ),
    Mutant(
        "a joiner that gives up forgets the end",
        "task/life.rs",
        "COLLECTED => Ok((EXITED, ())),",
        "COLLECTED => Ok((RUNNING, ())),",
    ),
    Mutant(
        "who lays a slot down does not fence",
        "sched/idle/board.rs",
        """        // Pairs with the fence in `is_open`.
        fence(Ordering::SeqCst);""",
        "",
    ),
    Mutant(
        "who makes a thread runnable does not fence",
        "sched/idle/board.rs",
        """        // sees the slot.
        fence(Ordering::SeqCst);""",
        "        // sees the slot.",
    ),
    Mutant(
        "the poller does not fence after its announcement",
        "sched/idle/board.rs",
        """        self.until.store(NEVER, Ordering::SeqCst);
        fence(Ordering::SeqCst);""",
        "        self.until.store(NEVER, Ordering::SeqCst);",
    ),
    Mutant(
        "a new deadline does not fence",
        "sched/idle/board.rs",
        """        // reads the earliest deadline.
        fence(Ordering::SeqCst);""",
        "        // reads the earliest deadline.",
    ),
    Mutant(
        "an old kick is taken for a new one",
        "sched/idle/board.rs",
        "        self.kicked.store(false, Ordering::SeqCst);",
        "",
    ),
    Mutant(
        "who sleeps beside the poller does not look whether he is still there",
        "sched/idle/board.rs",
        """        self.with(|lists| lists.push_sleeper(worker));
        self.is_polling()""",
        """        self.with(|lists| lists.push_sleeper(worker));
        true""",
    ),
    Mutant(
        "workers end that were needed a moment ago",
        "sched/idle/lists.rs",
        "        let surplus = self.fewest.saturating_sub(keep);",
        "        let surplus = self.sleeping.saturating_sub(keep);",
    ),
    Mutant(
        "a worker that ends can still be called",
        "sched/idle/lists.rs",
        "                None => self.sleepers = cursor,",
        "                None => {}",
    ),
    Mutant(
        "a ring while the monitor looks around is lost",
        "sched/bell.rs",
        "            .compare_exchange(AWAKE, how, Ordering::Relaxed, Ordering::Relaxed)",
        "            .compare_exchange(self.0.load(Ordering::Relaxed), how, Ordering::Relaxed, Ordering::Relaxed)",
    ),
    Mutant(
        "the monitor does not fence as it falls asleep",
        "sched/bell.rs",
        """        if self.lie_down(ASLEEP) {
            fence(Ordering::SeqCst);""",
        "        if self.lie_down(ASLEEP) {",
    ),
    Mutant(
        "who needs the monitor does not fence",
        "sched/bell.rs",
        """        // it asleep.
        fence(Ordering::SeqCst);""",
        "        // it asleep.",
    ),
    Mutant(
        "a ring publishes nothing",
        "sched/bell.rs",
        "self.0.swap(RUNG, Ordering::Release)",
        "self.0.swap(RUNG, Ordering::Relaxed)",
    ),
    Mutant(
        "looks that find nobody do not count for the next glance",
        "sched/tempo.rs",
        "duration(elapsed, slots, looks)",
        "duration(elapsed, slots, dispatches)",
    ),
    Mutant(
        "a quantum is as short beside many threads as beside few",
        "task/quantum.rs",
        ".clamp(1, MOST_TIMES)",
        ".min(1)",
    ),
    Mutant(
        "a deadline is claimed outside the lock",
        "wait/timer.rs",
        "        self.with(|heap| {\n            while let Some(timer) = heap.pop(now) {",
        "        {\n            while let Some(timer) = self.with(|heap| heap.pop(now)) {",
    ),
    Mutant(
        "a thief takes the smaller half",
        "sched/run_queue.rs",
        "list.split(list.len().div_ceil(2).min(MOST_TAKEN));",
        "list.split((list.len() / 2).min(MOST_TAKEN));",
    ),
    Mutant(
        "a timer's children are lost",
        "wait/timer.rs",
        "                self.0 = meld(self.0, rest);",
        "                let _ = rest;",
    ),
]


def copy_of(mutant: Mutant, place: Path) -> None:
    shutil.copytree(ROOT / "src", place / "src")
    shutil.copytree(ROOT / "tests/models", place / "tests/models")
    file = place / "src" / mutant.file
    mutated = file.read_text().replace(mutant.right, mutant.wrong)
    if mutant.name == "a deadline is claimed outside the lock":
        mutated = mutated.replace(
            "            }\n        });\n    }\n\n    /// Forgets",
            "            }\n        }\n    }\n\n    /// Forgets",
        )
    file.write_text(mutated)


def is_noticed(mutant: Mutant, target: Path) -> bool:
    """Whether the models or the properties fail; a mutant that does not compile is an error."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        copy_of(mutant, place)
        environment = {**os.environ, "CARGO_TARGET_DIR": str(target), "RUST_BACKTRACE": "0"}
        for features in ([], ["--features", "loom"]):
            command = ["cargo", "test", "--quiet", *features]
            build = subprocess.run(
                [*command, "--no-run"],
                cwd=place / "tests/models",
                env=environment,
                capture_output=True,
            )
            if build.returncode != 0:
                sys.exit(f"mutants: {mutant.name} does not compile:\n{build.stderr.decode()}")
            try:
                run = subprocess.run(
                    command,
                    cwd=place / "tests/models",
                    env=environment,
                    capture_output=True,
                    timeout=SECONDS,
                )
            except subprocess.TimeoutExpired:
                return True
            if run.returncode != 0:
                return True
    return False


def is_misplaced(mutant: Mutant) -> bool:
    return (ROOT / "src" / mutant.file).read_text().count(mutant.right) != 1


def main() -> int:
    misplaced = [mutant for mutant in MUTANTS if is_misplaced(mutant)]
    for mutant in misplaced:
        print(f"mutants: {mutant.name}: what it replaces is not in {mutant.file} once")
    if misplaced or "--places" in sys.argv:
        return 1 if misplaced else 0
    chosen = [
        mutant
        for mutant in MUTANTS
        if all(word in mutant.file + mutant.name for word in sys.argv[1:])
    ]
    target = ROOT / "target/mutants"
    missed = 0
    for mutant in chosen:
        noticed = is_noticed(mutant, target)
        missed += not noticed
        print(f"{'noticed' if noticed else 'MISSED '}  {mutant.file}: {mutant.name}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
