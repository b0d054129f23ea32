//! Limits of the process (getrlimit(2)): `RLIMIT_NOFILE`, on descriptor numbers, unless something else is said.

use super::raw::syscall;

/// The soft and the hard limit: no call gives out a number from the soft one on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What holds.
    pub soft: u64,
    /// What the soft one can be raised to.
    pub hard: u64,
}

/// The limit on `resource`, after making it `new` if that is given. `-errno`.
fn exchange(resource: u32, new: Option<Limit>) -> Result<Limit, isize> {
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
            resource,
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
    exchange(libc::RLIMIT_NOFILE, None)
}

/// Whether there is a limit on the addresses that are mapped (`RLIMIT_AS`).
pub fn are_addresses_limited() -> bool {
    exchange(libc::RLIMIT_AS, None).is_ok_and(|limit| limit.soft != libc::RLIM_INFINITY)
}

/// Runs `act` with a soft limit of at least `wanted`, if the process may have that: the
/// limit counts when a number is given out, and never again.
pub fn with_at_least<R>(wanted: u64, act: impl FnOnce() -> R) -> R {
    let before = get().ok().filter(|limit| limit.soft < wanted);
    let raised = before.is_some_and(|limit| {
        let hard = limit.hard.max(wanted);
        exchange(libc::RLIMIT_NOFILE, Some(Limit { soft: wanted, hard })).is_ok()
    });
    let result = act();
    if let (Some(before), true) = (before, raised) {
        // To lower a limit is always allowed.
        let _ = exchange(libc::RLIMIT_NOFILE, Some(before));
    }
    result
}
