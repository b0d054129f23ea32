//! Operations on System V semaphores of which some may wait and others may not (`IPC_NOWAIT`).
//!
//! The kernel goes through the array as if it carried out one after the other, and the first operation that
//! cannot be done decides: the call fails, or it waits and goes through all of it again when something has changed
//! (ipc/sem.c, `perform_atomic_semop`). A call with a time limit of 0 does not tell which.

use core::mem::MaybeUninit;
use core::slice;

use libc::{c_int, sembuf, semid_ds};

use crate::sys::pages;
use crate::sys::raw::syscall;

/// Whether the first of `operations` on `set` that cannot be done may not wait. False where nobody may look.
pub fn are_refused(set: c_int, mut operations: impl Iterator<Item = sembuf>) -> bool {
    let Some(count) = count_of(set) else {
        return false;
    };
    let size = count * size_of::<u16>();
    let Some(memory) = pages::reserve(size) else {
        return false;
    };
    // All at one moment.
    // SAFETY: room for that many.
    let result = unsafe { syscall!(SYS_semctl, set, 0, libc::GETALL, memory) };
    // SAFETY: fresh memory, written by the kernel.
    let values = unsafe { slice::from_raw_parts_mut(memory.cast::<u16>(), count) };
    let first = operations.find(|operation| result == 0 && !carry_out(values, operation));
    let are_refused = first.is_some_and(|operation| never_waits(&operation));
    // SAFETY: not used any more.
    unsafe { pages::release(memory, size) };
    are_refused
}

/// Whether `operation` may not wait.
pub fn never_waits(operation: &sembuf) -> bool {
    c_int::from(operation.sem_flg) & libc::IPC_NOWAIT != 0
}

/// How many semaphores there are in `set`, if the caller may know that.
fn count_of(set: c_int) -> Option<usize> {
    let mut state = MaybeUninit::<semid_ds>::zeroed();
    // SAFETY: room for it.
    let result = unsafe { syscall!(SYS_semctl, set, 0, libc::IPC_STAT, state.as_mut_ptr()) };
    // SAFETY: zeros are valid, and so is what the kernel writes.
    (result == 0).then(|| unsafe { state.assume_init() }.sem_nsems as usize)
}

/// False if it would have to wait.
fn carry_out(values: &mut [u16], operation: &sembuf) -> bool {
    // What is out of range the call itself fails for.
    let Some(value) = values.get_mut(usize::from(operation.sem_num)) else {
        return true;
    };
    let result = i32::from(*value) + i32::from(operation.sem_op);
    let waits = result < 0 || operation.sem_op == 0 && *value != 0;
    if !waits {
        *value = result as u16;
    }
    !waits
}
