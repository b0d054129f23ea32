//! How often workers glance at the hub.
#![cfg(not(feature = "loom"))]

use models::sys::clock::MILLISECOND;
use models::tempo;

/// How many of `looks` looks for a thread to run are followed by a glance, where `queued` wait.
fn glances_beside(queued: u32, looks: u32) -> usize {
    (0..looks)
        .filter(|tick| tempo::is_time_to_glance(*tick, queued))
        .count()
}

fn glances(looks: u32) -> usize {
    glances_beside(0, looks)
}

/// Two slots in five milliseconds, on a processor of 3 GHz.
fn note(looks: u32, dispatches: u32) {
    tempo::note(
        5 * MILLISECOND,
        15 * MILLISECOND,
        2,
        looks.into(),
        dispatches.into(),
    );
}

/// By time where threads run for long, by number where they do not, and a thread that yields
/// beside nobody, so that no look finds anybody, counts as one of those.
#[test]
fn glances_take_little_of_the_time() {
    // Two slots, 10 µs each.
    note(1_000, 1_000);
    assert_eq!(glances(1024), 1024 / 16);
    // A millisecond each.
    note(10, 10);
    assert_eq!(glances(1024), 1024);
    assert_eq!(tempo::interval(), 3 * MILLISECOND);
    // 25 ns each.
    note(400_000, 400_000);
    assert_eq!(glances(1024), 1024 / 256);
    note(400_000, 0);
    assert_eq!(glances(1024), 1024 / 256);
    glances_let_the_queue_go_first();
}

/// Between a quarter and a half of it. (Not a test of its own: the pace is the process's.)
fn glances_let_the_queue_go_first() {
    note(1_000, 1_000);
    assert_eq!(glances_beside(1, 1024), 1024 / 16);
    assert_eq!(glances_beside(63, 1024), 1024 / 16);
    assert_eq!(glances_beside(64, 1024), 1024 / 32);
    assert_eq!(glances_beside(127, 1024), 1024 / 32);
    assert_eq!(glances_beside(4_000, 4096), 4);
    for queued in [65_536, u32::MAX] {
        assert_eq!(glances_beside(queued, 16_384), 1);
    }
}
