//! Deadlines: whoever has taken his back is not claimed by it.
#![cfg(feature = "loom")]

use loom::thread;
use models::task::Thread;
use models::task::word::{Cancellation, Sleeper, Wake};
use models::wait::timer::Timers;
use models::wait::woken::Woken;

loom::lazy_static! {
    static ref TIMERS: Timers = Timers::default();
}

/// The deadline passes while the thread is woken otherwise and begins another wait: the
/// expiry belongs to the first wait or to none.
#[test]
fn a_deadline_that_was_taken_back_does_not_end_the_next_wait() {
    loom::model(|| {
        let me = Thread::create(Sleeper::Green);
        me.arm(Cancellation::Never);
        assert!(TIMERS.arm(me, 10));
        let clock = thread::spawn(|| {
            let mut woken = Woken::new();
            TIMERS.expire(10, &mut woken);
            woken.runnable.len()
        });
        let mut woken = Woken::new();
        let won = woken.claim(me.seat(), Wake::Ready);
        TIMERS.disarm(me);
        let first = me.seat().word.finish();
        assert_eq!(won, first == Wake::Ready);
        // The next wait.
        me.arm(Cancellation::Never);
        clock.join().unwrap();
        assert!(!me.seat().word.is_claimed());
        assert_eq!(TIMERS.earliest(), u64::MAX);
    });
}
