//! Whole system calls of the program's, as `syscall(2)` makes them: begun anew where the kernel
//! has ended them for nothing, like libc's functions ([`restart`](super::restart)).

use core::ptr;

use libc::{clockid_t, timespec};

use super::{Watch, cancel};
use crate::arch::system_call::exposed;
use crate::sys::clock::{self, MILLISECOND};
use crate::task::current;

/// How a call is told how long to wait at most, if it is: from its beginning on, so that it has
/// to be told less the next time. (`select`, `pselect6` and `ppoll` leave what is left
/// themselves, others are given a point in time.)
#[derive(Clone, Copy)]
enum Limit {
    None,
    /// In that argument, in milliseconds; negative: none.
    Millis(usize),
    /// Where that argument points to, if it does, by that clock.
    Time(usize, clockid_t),
}

/// <asm/unistd_64.h>; the libc crate lacks it.
const IO_PGETEVENTS: i64 = 333;

fn limit(number: i64, arguments: &[usize; 6]) -> Limit {
    const COMMAND: i32 = !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
    let usual = libc::CLOCK_MONOTONIC;
    match number {
        libc::SYS_poll => Limit::Millis(2),
        libc::SYS_epoll_wait | libc::SYS_epoll_pwait => Limit::Millis(3),
        libc::SYS_epoll_pwait2 | libc::SYS_semtimedop => Limit::Time(3, usual),
        libc::SYS_io_getevents | IO_PGETEVENTS => Limit::Time(4, usual),
        libc::SYS_rt_sigtimedwait => Limit::Time(2, usual),
        libc::SYS_nanosleep => Limit::Time(0, usual),
        libc::SYS_futex if arguments[1] as i32 & COMMAND == libc::FUTEX_WAIT => {
            Limit::Time(3, usual)
        }
        libc::SYS_clock_nanosleep if arguments[1] as i32 & libc::TIMER_ABSTIME == 0 => {
            match arguments[0] as clockid_t {
                // Of what is left of it the kernel counts by the monotonic one, too.
                libc::CLOCK_REALTIME => Limit::Time(2, usual),
                own => Limit::Time(2, own),
            }
        }
        _ => Limit::None,
    }
}

/// Makes system call `number` until it ends for a reason of its own; the kernel's result. Whoever
/// can be cancelled anywhere can be here.
///
/// # Safety
/// The arguments are valid for the system call.
pub unsafe fn make(number: i64, mut arguments: [usize; 6]) -> isize {
    let limit = limit(number, &arguments);
    let begun = match limit {
        Limit::None => 0,
        Limit::Millis(_) => clock::now(),
        Limit::Time(_, clock) => clock::read(clock),
    };
    let watch = Watch::new(current());
    let whole = arguments;
    let mut left;
    loop {
        let [a, b, c, d, e, f] = arguments;
        // SAFETY: as the caller promises.
        let result = unsafe { exposed(a, b, c, d, e, f, number) };
        if result != -(libc::EINTR as isize) || watch.ends_call() {
            return result;
        }
        cancel::anywhere();
        match limit {
            Limit::Millis(place) if whole[place] as i32 >= 0 => {
                let whole = whole[place] as u64 & 0xffff_ffff;
                let deadline = begun + whole * MILLISECOND;
                let left = deadline.saturating_sub(clock::now());
                arguments[place] = left.div_ceil(MILLISECOND) as usize;
            }
            Limit::Time(place, clock) if whole[place] != 0 => {
                // SAFETY: the kernel has read it.
                let whole = unsafe { (whole[place] as *const timespec).read_unaligned() };
                let deadline = begun.saturating_add(clock::to_nanos(&whole));
                left = clock::to_timespec(deadline.saturating_sub(clock::read(clock)));
                arguments[place] = ptr::from_ref(&left).expose_provenance();
            }
            _ => {}
        }
    }
}
