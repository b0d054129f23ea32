//! Time as the runtime counts it: nanoseconds of `CLOCK_MONOTONIC`.

use core::ffi::c_int;
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::raw::syscall;

/// A point in time, in nanoseconds of `CLOCK_MONOTONIC`; never 0.
pub type Instant = u64;

/// The deadline that is never reached.
pub const NEVER: Instant = u64::MAX;

/// A time of any clock that is over.
pub const PAST: libc::timespec = libc::timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

/// Nanoseconds in a millisecond.
pub const MILLISECOND: u64 = 1_000_000;

/// `clock_gettime(2)`.
pub type GetTime = unsafe extern "C-unwind" fn(libc::clockid_t, *mut libc::timespec) -> c_int;

/// libc's [`GetTime`], which has the vDSO answer; null as long as it is not known. A forked child
/// keeps it.
static LIBCS: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Clocks are read by `libcs` from here on. The name is libgreen's own hook, which says of a
/// thread's clock what the program is to see, and leads to who else stands in for libc's: his clocks
/// need not be the kernel's, by which natively all waits end, and he may call what libgreen stands in
/// for, and wait, where the runtime may not.
pub fn read_by(libcs: GetTime) {
    LIBCS.store(libcs as *mut (), Ordering::Relaxed);
}

/// What the kernel says `clock` is at, in nanoseconds; 0 if there is none.
pub fn read(clock: libc::clockid_t) -> u64 {
    let mut time = to_timespec(0);
    let libcs = LIBCS.load(Ordering::Relaxed);
    // SAFETY: `time` is writable; `libcs` is null or a function of that type.
    unsafe {
        if libcs.is_null() {
            syscall!(SYS_clock_gettime, clock, &raw mut time);
        } else {
            mem::transmute::<*mut (), GetTime>(libcs)(clock, &mut time);
        }
    }
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

/// The deadline of a call that may take `nanos`: 0, which is over, if it may not wait.
pub fn limit(nanos: u64) -> Instant {
    if nanos == 0 { 0 } else { after(nanos) }
}

/// [`limit`] in milliseconds, as `poll` takes it: negative for none.
pub fn limit_of_millis(millis: i32) -> Instant {
    u64::try_from(millis).map_or(NEVER, |millis| limit(millis * MILLISECOND))
}

/// [`limit`] as `ppoll` takes it, `None` for none; `None` if the kernel would not take it.
pub fn limit_of_time(time: Option<&libc::timespec>) -> Option<Instant> {
    let Some(time) = time else { return Some(NEVER) };
    (is_valid(time) && time.tv_sec >= 0).then(|| limit(to_nanos(time)))
}

/// What is left until `deadline`, as `poll` takes it: in milliseconds, rounded up, or -1.
pub fn millis_until(deadline: Instant) -> i32 {
    let millis = |left: core::time::Duration| left.as_nanos().div_ceil(MILLISECOND.into());
    until(deadline).map_or(-1, |left| i32::try_from(millis(left)).unwrap_or(i32::MAX))
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
