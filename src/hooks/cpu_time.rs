//! The calling thread's CPU time, by libc's names and by number.

use core::ffi::c_int;
use core::mem;

use libc::{clockid_t, rusage, timespec, timeval};

use super::symbol::check;
use crate::glibc::objects;
use crate::glibc::real::real;
use crate::sched::cpu_time;
use crate::sys::clock;
use crate::sys::errno;
use crate::task::arguments;

fn real_clock_gettime() -> clock::GetTime {
    real!(clock_gettime(_, _))
}

/// Looks libc's function up, and the one that is next: in a handler it is too late for that.
pub fn resolve() {
    real_clock_gettime();
    let libcs = objects::libc_image().map_or(0, |libc| libc.definition(c"clock_gettime"));
    if libcs != 0 {
        // SAFETY: libc's function of that name has this type.
        clock::read_by(unsafe { mem::transmute::<usize, clock::GetTime>(libcs) });
    }
}

/// `clock_gettime(2)` for a green thread's own clock, as the kernel returns it; `None`: any other.
///
/// # Safety
/// `place`, if it is anywhere, is for a time.
pub(super) unsafe fn gettime(clock: clockid_t, place: *mut timespec) -> Option<isize> {
    if clock != libc::CLOCK_THREAD_CPUTIME_ID {
        return None;
    }
    let time = clock::to_timespec(cpu_time::own()?);
    // SAFETY: as the caller promises.
    let given = unsafe { arguments::give(place, time) };
    Some(given.map_or_else(|error| -(error as isize), |()| 0))
}

/// Puts the calling thread's CPU time into what the kernel has said of its kernel thread, in the
/// kernel thread's proportion of the program's and the system's.
pub(super) fn adjust(usage: &mut rusage) {
    let Some(whole) = cpu_time::own() else { return };
    let micros = |time: &timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    let (user, system) = (micros(&usage.ru_utime), micros(&usage.ru_stime));
    let share = |part: u64| {
        let whole = u128::from(whole / 1000);
        (whole * u128::from(part) / u128::from((user + system).max(1))) as u64
    };
    let system = share(system);
    for (place, micros) in [
        (&mut usage.ru_utime, (whole / 1000).saturating_sub(system)),
        (&mut usage.ru_stime, system),
    ] {
        place.tv_sec = (micros / 1_000_000) as i64;
        place.tv_usec = (micros % 1_000_000) as i64;
    }
}

/// `clock_gettime(2)`; `real` says whose function reads the clocks that are not ours.
///
/// # Safety
/// As libc's function of the same name.
#[inline(always)]
unsafe fn read(clock: clockid_t, place: *mut timespec, real: fn() -> clock::GetTime) -> c_int {
    // SAFETY: as the caller promises.
    unsafe {
        match gettime(clock, place) {
            Some(result) => errno::to_libc(result) as c_int,
            None => real()(clock, place),
        }
    }
}

/// `clock_gettime(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn clock_gettime(clock: clockid_t, place: *mut timespec) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { read(clock, place, real_clock_gettime) }
}
check!(clock_gettime(_, _));

/// What libc calls `clock_gettime` itself, and who stands in for that looks for, as libfaketime does. What
/// is not ours goes to libc's function of this name: the next one of the other may lead here again.
///
/// # Safety
/// As `clock_gettime`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __clock_gettime(clock: clockid_t, place: *mut timespec) -> c_int {
    let real = || real!(__clock_gettime(_, _));
    // SAFETY: as the caller promises.
    unsafe { read(clock, place, real) }
}

/// `getrusage(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn getrusage(who: c_int, usage: *mut rusage) -> c_int {
    let real = real!(getrusage(_, _));
    // SAFETY: as the caller promises; what the call has written can be written again.
    unsafe {
        let result = real(who, usage);
        if result == 0 && who == libc::RUSAGE_THREAD {
            adjust(&mut *usage);
        }
        result
    }
}
check!(getrusage(_, _));
