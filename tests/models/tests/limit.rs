//! How many slots are used, by simulated programs.
#![cfg(not(feature = "loom"))]

use models::limit::{Limit, Sample};
use models::sys::clock::{MILLISECOND, SECOND};

/// What a program does in a second on `slots` slots.
#[derive(Default)]
struct Rates {
    dispatches: u64,
    lock_waits: u64,
    transfers: u64,
    operations: u64,
    /// For how many percent of the time each slot lies idle.
    idle: u64,
    /// For how many percent of the time they are held threads wait for a CPU.
    delayed: u64,
    is_stuck: bool,
}

/// A program, and the machine it runs on.
struct Simulation {
    limit: Limit,
    now: u64,
    cpu_time: u64,
    random: u64,
    /// By how many percent what is done in a look varies.
    noise: u64,
}

/// How often the monitor looks.
const LOOK: u64 = 5 * MILLISECOND;

impl Simulation {
    fn new(cpus: u32) -> Self {
        Self {
            limit: Limit::new(cpus, SECOND),
            now: SECOND,
            cpu_time: 0,
            random: 1,
            noise: 10,
        }
    }

    /// As much more or less as the noise may be.
    fn noisy(&mut self, value: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        value * (100 - self.noise + (self.random >> 33) % (2 * self.noise + 1)) / 100
    }

    /// Runs `program` for so many seconds; returns for which part of the time each number of
    /// slots was used.
    fn run(&mut self, seconds: u64, program: impl Fn(u32) -> Rates) -> Vec<f64> {
        self.run_for(seconds * SECOND, program)
    }

    /// [`run`](Self::run), in nanoseconds.
    fn run_for(&mut self, time: u64, program: impl Fn(u32) -> Rates) -> Vec<f64> {
        let mut parts = vec![0.0; 65];
        let looks = time / LOOK;
        for _ in 0..looks {
            let slots = self.limit.get();
            parts[slots as usize] += 1.0 / looks as f64;
            let rates = program(slots);
            self.now += LOOK;
            let held = u64::from(slots.min(4)) * LOOK * (100 - rates.idle) / 100;
            self.cpu_time += held * (100 - rates.delayed) / 100;
            let share = |rate: u64| rate * LOOK / SECOND;
            let sample = Sample {
                dispatches: self.noisy(share(rates.dispatches)),
                lock_waits: share(rates.lock_waits),
                transfers: self.noisy(share(rates.transfers)),
                operations: self.noisy(share(rates.operations)),
                held,
                is_stuck: rates.is_stuck,
            };
            self.limit.take(self.now, sample, || self.cpu_time);
        }
        parts
    }
}

/// One interpreter lock: a second slot makes it slower and full of futile wakes.
fn interpreter(slots: u32) -> Rates {
    let useful = if slots == 1 { 160_000 } else { 90_000 };
    Rates {
        dispatches: useful * if slots == 1 { 1 } else { 2 },
        lock_waits: if slots == 1 { 1_000 } else { useful },
        ..Rates::default()
    }
}

/// One interpreter lock, and whoever has it goes on writing to a file: all dispatches, few on one
/// slot, end in the wait for that lock.
fn log_writers(slots: u32) -> Rates {
    let (dispatches, transfers) = if slots == 1 {
        (200, 130_000)
    } else {
        (60_000, 75_000)
    };
    Rates {
        dispatches,
        lock_waits: dispatches,
        transfers,
        ..Rates::default()
    }
}

/// A database: locks now and then, and every slot helps.
fn database(slots: u32) -> Rates {
    let dispatches = 40_000 * u64::from(slots);
    Rates {
        dispatches,
        lock_waits: dispatches * 35 / 100,
        transfers: 2 * dispatches,
        operations: 2 * dispatches,
        ..Rates::default()
    }
}

/// The same on a machine whose CPUs others want as well.
fn crowded_database(slots: u32) -> Rates {
    Rates {
        delayed: if slots == 1 { 0 } else { 35 },
        ..database(slots)
    }
}

/// The same on a machine whose CPUs its clients use as well: on one slot each request takes a dispatch, on two
/// many threads find the next one at once.
fn asked_at_once(slots: u32) -> Rates {
    let (dispatches, operations) = if slots == 1 {
        (40_000, 150_000)
    } else {
        (42_000, 240_000)
    };
    Rates {
        dispatches,
        lock_waits: dispatches * 30 / 100,
        operations,
        ..Rates::default()
    }
}

/// A server whose workers are in each other's way, and in that of its clients on the same machine.
fn crowded_server(slots: u32) -> Rates {
    let (dispatches, delayed) = if slots == 1 {
        (32_000, 0)
    } else {
        (23_000, 27)
    };
    Rates {
        dispatches,
        operations: 2 * dispatches,
        delayed,
        ..Rates::default()
    }
}

/// Who waits for a disk, all together.
fn waiting_for_disk(slots: u32) -> Rates {
    let (dispatches, idle, delayed) = if slots == 1 {
        (14_000, 12, 20)
    } else {
        (20_000, 25, 50)
    };
    Rates {
        dispatches,
        operations: 2 * dispatches,
        idle,
        delayed,
        ..Rates::default()
    }
}

/// A program of which nobody wants anything: its threads wake up now and then, for a lock.
fn waiting(_: u32) -> Rates {
    Rates {
        dispatches: 200,
        lock_waits: 200,
        ..Rates::default()
    }
}

/// Threads that compute for milliseconds and then wait for each other.
fn encoder(slots: u32) -> Rates {
    Rates {
        dispatches: 400 * u64::from(slots),
        lock_waits: 390 * u64::from(slots),
        is_stuck: slots < 4,
        ..Rates::default()
    }
}

#[test]
fn an_interpreter_gets_one_slot() {
    for cpus in [2, 8, 64] {
        let mut simulation = Simulation::new(cpus);
        // Within a second.
        simulation.run(1, interpreter);
        assert_eq!(simulation.limit.settled(), 1);
        // And for nearly all of the time from then on.
        let parts = simulation.run(120, interpreter);
        assert!(parts[1] > 0.98, "{}", parts[1]);
    }
}

#[test]
fn a_database_keeps_all_slots() {
    for cpus in [2, 8, 64] {
        let mut simulation = Simulation::new(cpus);
        let parts = simulation.run(120, database);
        assert!(parts[cpus as usize] > 0.98, "{}", parts[cpus as usize]);
    }
}

/// What 256 clients ask for comes in bursts.
#[test]
fn a_database_with_bursts_keeps_all_slots() {
    for random in 1..40 {
        let mut simulation = Simulation::new(2);
        (simulation.random, simulation.noise) = (random, 100);
        let parts = simulation.run(30, database);
        assert!(parts[2] > 0.95, "{random}: {}", parts[2]);
    }
}

#[test]
fn requests_without_a_dispatch_count() {
    for random in 1..40 {
        let mut simulation = Simulation::new(2);
        (simulation.random, simulation.noise) = (random, 60);
        let parts = simulation.run(30, asked_at_once);
        assert!(parts[2] > 0.95, "{random}: {}", parts[2]);
    }
}

#[test]
fn an_interpreter_with_bursts_gets_one_slot() {
    for random in 1..40 {
        let mut simulation = Simulation::new(2);
        (simulation.random, simulation.noise) = (random, 60);
        let parts = simulation.run(30, interpreter);
        assert!(parts[1] > 0.9, "{random}: {}", parts[1]);
    }
}

#[test]
fn writers_behind_one_lock_get_one_slot() {
    for cpus in [2, 8] {
        let mut simulation = Simulation::new(cpus);
        simulation.run(1, log_writers);
        assert_eq!(simulation.limit.settled(), 1);
        let parts = simulation.run(120, log_writers);
        assert!(parts[1] > 0.98, "{}", parts[1]);
    }
}

#[test]
fn a_server_in_a_crowd_gets_one_slot() {
    for random in 1..40 {
        let mut simulation = Simulation::new(2);
        (simulation.random, simulation.noise) = (random, 20);
        simulation.run(2, crowded_server);
        let parts = simulation.run(30, crowded_server);
        assert!(parts[1] > 0.9, "{random}: {}", parts[1]);
    }
}

#[test]
fn others_on_the_machine_cost_a_database_no_slot() {
    for random in 1..40 {
        let mut simulation = Simulation::new(2);
        (simulation.random, simulation.noise) = (random, 100);
        let parts = simulation.run(60, crowded_database);
        assert!(parts[2] > 0.98, "{random}: {}", parts[2]);
    }
}

#[test]
fn waits_for_a_disk_cost_no_slot() {
    for random in 1..40 {
        let mut simulation = Simulation::new(2);
        (simulation.random, simulation.noise) = (random, 20);
        let parts = simulation.run(60, waiting_for_disk);
        assert!(parts[2] > 0.95, "{random}: {}", parts[2]);
    }
}

/// Whatever a trial has seen by the time.
#[test]
fn a_pause_of_the_load_costs_no_slot() {
    for busy in 1..40 {
        let mut simulation = Simulation::new(2);
        simulation.run_for(busy * LOOK, database);
        simulation.run_for(20 * LOOK, waiting);
        assert_eq!(simulation.limit.get(), 2, "after {busy} looks at a load");
    }
}

#[test]
fn computing_threads_keep_all_slots() {
    let mut simulation = Simulation::new(4);
    let parts = simulation.run(60, encoder);
    assert!(parts[4] > 0.999);
}

#[test]
fn a_change_of_load_is_followed() {
    let mut simulation = Simulation::new(4);
    simulation.run(30, interpreter);
    assert_eq!(simulation.limit.settled(), 1);
    simulation.run(1, encoder);
    assert_eq!(simulation.limit.settled(), 4);
    simulation.run(1, interpreter);
    assert_eq!(simulation.limit.settled(), 1);
}

#[test]
fn a_change_of_cpus_is_followed() {
    let mut simulation = Simulation::new(8);
    simulation.run(1, database);
    simulation.limit.set_most(2);
    assert_eq!(simulation.limit.get(), 2);
    simulation.limit.set_most(8);
    simulation.run(1, database);
    assert_eq!(simulation.limit.get(), 8);
}

#[test]
fn one_cpu_is_one_slot() {
    let mut simulation = Simulation::new(1);
    let parts = simulation.run(10, database);
    assert!(parts[1] > 0.999);
}
