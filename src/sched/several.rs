//! Waiting on several addresses at once.

use core::array;
use core::slice;

use super::{park, worker};
use crate::sys::clock::Instant;
use crate::sys::pages;
use crate::task::seat::Seat;
use crate::task::word::{Cancellation, Wake};
use crate::task::{Critical, Thread, current};
use crate::wait::QUEUES;

/// So many addresses are waited on from the stack.
const FEW: usize = 8;

/// What has ended a wait.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Who waits at the address of that index was to be woken.
    Woken(usize),
    /// Not all were as expected.
    Invalid,
    /// The deadline has passed.
    Timeout,
    /// A signal or a cancellation request.
    Interrupted,
    /// There is no memory.
    NoMemory,
}

/// Waits on the addresses that `key` gives for the indices below `count`, until woken at any of them or until
/// `deadline`, as [`park::on_address`] does on one. Where several have been woken the last tells.
pub fn on_any(
    count: usize,
    deadline: Instant,
    cancellation: Cancellation,
    key: impl Fn(usize) -> usize,
    validate: impl Fn(usize) -> Option<u32>,
) -> Ended {
    let me = current();
    park::may_sleep(me);
    // No handler runs before the branches are withdrawn: it might never return.
    let _critical = Critical::enter();
    let wait = |branches: &[Seat]| wait(me, branches, deadline, cancellation, key, validate);
    if count <= FEW {
        let few: [Seat; FEW] = array::from_fn(|_| Seat::default());
        return wait(&few[..count]);
    }
    let size = count * size_of::<Seat>();
    let Some(memory) = pages::reserve(size) else {
        return Ended::NoMemory;
    };
    // SAFETY: fresh memory of that size, whose zeros are seats that nobody has.
    let result = wait(unsafe { slice::from_raw_parts(memory.cast(), count) });
    // SAFETY: the seats are withdrawn.
    unsafe { pages::release(memory, size) };
    result
}

fn wait(
    me: &'static Thread,
    branches: &[Seat],
    deadline: Instant,
    cancellation: Cancellation,
    key: impl Fn(usize) -> usize,
    validate: impl Fn(usize) -> Option<u32>,
) -> Ended {
    // Before locks are taken: see `park::commit`.
    me.arm(cancellation);
    // SAFETY: they are withdrawn below.
    let entered = unsafe { QUEUES.enter_branches(me, branches, key, validate) };
    let ended = if entered < branches.len() {
        park::take_back(me);
        Ended::Invalid
    } else {
        if me.parks() {
            worker::of(me).count_lock_wait();
        }
        match park::commit(me, deadline) {
            Wake::Timeout => Ended::Timeout,
            // Else a branch was reached.
            _ => Ended::Interrupted,
        }
    };
    let reached = QUEUES.withdraw_branches(&branches[..entered]);
    reached.map_or(ended, Ended::Woken)
}
