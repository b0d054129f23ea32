//! The limit on descriptor numbers (getrlimit(2), `RLIMIT_NOFILE`).

use super::raw::syscall;

/// The soft and the hard limit: no call gives out a number from the soft one on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What holds.
    pub soft: u64,
    /// What the soft one can be raised to.
    pub hard: u64,
}

/// The limit, after making it `new` if that is given. `-errno`.
fn exchange(new: Option<Limit>) -> Result<Limit, isize> {
    let new = new.map(|limit| libc::rlimit64 {
        rlim_cur: limit.soft,
        rlim_max: limit.hard,
    });
    let mut old = libc::rlimit64 {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both are null or live.
    let result = unsafe {
        syscall!(
            SYS_prlimit64,
            0,
            libc::RLIMIT_NOFILE,
            new.as_ref().map_or(core::ptr::null(), core::ptr::from_ref),
            &raw mut old
        )
    };
    if result < 0 {
        return Err(result);
    }
    Ok(Limit {
        soft: old.rlim_cur,
        hard: old.rlim_max,
    })
}

/// The limit.
pub fn get() -> Result<Limit, isize> {
    exchange(None)
}

/// Runs `act` with a soft limit of at least `wanted`, if the process may have that: the
/// limit counts when a number is given out, and never again.
pub fn with_at_least<R>(wanted: u64, act: impl FnOnce() -> R) -> R {
    let before = get().ok().filter(|limit| limit.soft < wanted);
    let raised = before.is_some_and(|limit| {
        let hard = limit.hard.max(wanted);
        exchange(Some(Limit { soft: wanted, hard })).is_ok()
    });
    let result = act();
    if let (Some(before), true) = (before, raised) {
        // To lower a limit is always allowed.
        let _ = exchange(Some(before));
    }
    result
}
