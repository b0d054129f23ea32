//! Where glibc keeps what it says of a condition variable.
//!
//! That differs between versions, and is no part of any interface: it is learnt from what
//! `pthread_cond_init` makes of attributes.

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicUsize, Ordering};

/// How many words a `pthread_cond_t` has (<bits/pthreadtypes.h>), in all versions.
pub const WORDS: usize = 12;

/// The flag of one that processes share: glibc's `__PTHREAD_COND_SHARED_MASK`.
pub const SHARED: u32 = 1;
/// The flag of one that goes by the monotonic clock: `__PTHREAD_COND_CLOCK_MONOTONIC_MASK`.
pub const MONOTONIC: u32 = 2;

/// The tenth word in glibc 2.36, the eighth in 2.41. A forked child keeps it, as it keeps libc.
static FLAGS: AtomicUsize = AtomicUsize::new(NOT_ASKED);
const NOT_ASKED: usize = usize::MAX;
/// This glibc has them in a form that we don't know.
const UNKNOWN: usize = WORDS;

/// Which word of a condition variable holds the flags; [`WORDS`] or more if that is unknown.
#[inline(always)]
pub fn flags_word() -> usize {
    match FLAGS.load(Ordering::Relaxed) {
        NOT_ASKED => find(),
        index => index,
    }
}

/// Learns from what glibc makes of attributes where the flags lie.
#[cold]
fn find() -> usize {
    let of = |shared, clock| initialised(shared, clock).unwrap_or([!0; WORDS]);
    let private = libc::PTHREAD_PROCESS_PRIVATE;
    let shared = of(libc::PTHREAD_PROCESS_SHARED, libc::CLOCK_REALTIME);
    let monotonic = of(private, libc::CLOCK_MONOTONIC);
    let only = |index: usize, value: u32| {
        let mut words = [0; WORDS];
        words[index] = value;
        words
    };
    let index = (1..WORDS)
        .find(|index| shared == only(*index, SHARED) && monotonic == only(*index, MONOTONIC))
        .filter(|_| of(private, libc::CLOCK_REALTIME) == [0; WORDS])
        .unwrap_or(UNKNOWN);
    FLAGS.store(index, Ordering::Relaxed);
    index
}

/// A condition variable as glibc initialises it.
fn initialised(shared: i32, clock: libc::clockid_t) -> Option<[u32; WORDS]> {
    let mut attributes = MaybeUninit::uninit();
    let mut words = [0u32; WORDS];
    // SAFETY: plain initialisation and use; glibc's functions, which write to their
    // arguments only. The words are as large and as aligned as a condition variable.
    unsafe {
        let attributes = attributes.as_mut_ptr();
        let place = words.as_mut_ptr().cast();
        let done = libc::pthread_condattr_init(attributes) == 0
            && libc::pthread_condattr_setpshared(attributes, shared) == 0
            && libc::pthread_condattr_setclock(attributes, clock) == 0
            && libc::pthread_cond_init(place, attributes) == 0;
        done.then_some(words)
    }
}
