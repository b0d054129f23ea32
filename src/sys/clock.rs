//! Time as the runtime counts it: nanoseconds of `CLOCK_MONOTONIC`.

/// A point in time, in nanoseconds of `CLOCK_MONOTONIC`; never 0.
pub type Instant = u64;

/// The deadline that is never reached.
pub const NEVER: Instant = u64::MAX;

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

/// Nanoseconds in a millisecond.
pub const MILLISECOND: u64 = 1_000_000;

/// What `clock` says, in nanoseconds; 0 if there is none.
pub fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is writable. clock_gettime is answered in the vDSO.
    unsafe { libc::clock_gettime(clock, &mut time) };
    to_nanos(&time)
}

/// Now.
pub fn now() -> Instant {
    read(libc::CLOCK_MONOTONIC)
}

/// `time` in nanoseconds, saturating; a negative time is 0.
pub fn to_nanos(time: &libc::timespec) -> u64 {
    if time.tv_sec < 0 {
        return 0;
    }
    (time.tv_sec as u64)
        .saturating_mul(SECOND)
        .saturating_add(time.tv_nsec as u64)
}

/// `nanos` as a `timespec`.
pub fn to_timespec(nanos: u64) -> libc::timespec {
    libc::timespec {
        tv_sec: (nanos / SECOND) as libc::time_t,
        tv_nsec: (nanos % SECOND) as libc::c_long,
    }
}

/// Whether `time` is one that the kernel would take: 0 ≤ `tv_nsec` < 10⁹.
pub fn is_valid(time: &libc::timespec) -> bool {
    (0..SECOND as i64).contains(&time.tv_nsec)
}

/// `delay` nanoseconds from now, saturating.
pub fn after(delay: u64) -> Instant {
    now().saturating_add(delay)
}

/// The deadline at the absolute time `time` of `clock`.
///
/// Clocks other than `CLOCK_MONOTONIC` are converted once: a clock that is set
/// while somebody waits for it does not move the deadline.
pub fn deadline(clock: libc::clockid_t, time: &libc::timespec) -> Instant {
    let at = to_nanos(time);
    if clock == libc::CLOCK_MONOTONIC {
        return at.max(1);
    }
    after(at.saturating_sub(read(clock)))
}

/// The time left until `deadline`; `None` if it never comes.
pub fn until(deadline: Instant) -> Option<core::time::Duration> {
    (deadline != NEVER).then(|| core::time::Duration::from_nanos(deadline.saturating_sub(now())))
}

/// The CPU time that a kernel thread of this process has used, in nanoseconds; 0 if the
/// kernel does not tell.
pub fn of_kernel_thread(id: i32) -> u64 {
    read(id_of_kernel_thread(id))
}

/// The clock of a kernel thread's CPU time.
pub fn id_of_kernel_thread(id: i32) -> libc::clockid_t {
    // The kernel's own encoding (include/linux/posix-timers_types.h): the complement of the
    // id, "per thread", and the scheduler's clock.
    const PER_THREAD: libc::clockid_t = 4;
    const SCHEDULED: libc::clockid_t = 2;
    (!id) << 3 | PER_THREAD | SCHEDULED
}
