//! `syscall(2)`: futexes, and calls that are about the calling thread.

use core::ffi::c_long;

use crate::sched::{blocking, runtime};
use crate::sync::futex;
use crate::sys::errno;
use crate::sys::raw::syscall6;
use crate::thread::{Kind, current};

export! {
    /// `syscall(2)`. Variadic in C; on x86-64 that makes no difference to the
    /// callee.
    unchecked fn syscall(
        number: c_long,
        a: usize,
        b: usize,
        c: usize,
        d: usize,
        e: usize,
        f: usize,
    ) -> c_long {
        let kernel = || {
            // SAFETY: as the caller promises.
            errno::to_libc(unsafe { syscall6(number, a, b, c, d, e, f) }) as c_long
        };
        match number {
            libc::SYS_gettid => {
                let me = current();
                if me.kind() == Kind::Green { c_long::from(me.tid.get()) } else { kernel() }
            }
            libc::SYS_tgkill => {
                // SAFETY: plain arguments.
                c_long::from(unsafe { super::signals::tgkill(a as i32, b as i32, c as i32) })
            }
            libc::SYS_sched_yield => {
                // SAFETY: no arguments.
                unsafe { super::give_way::sched_yield() as c_long }
            }
            libc::SYS_futex if runtime::is_running() => {
                let call = futex::Call {
                    word: a,
                    operation: b as i32,
                    value: c as u32,
                    fourth: d,
                    second: e,
                    third_value: f as u32,
                };
                // SAFETY: as the caller promises.
                match unsafe { call.run() } {
                    Some(result) => errno::to_libc(result) as c_long,
                    None => blocking::region(kernel),
                }
            }
            _ => kernel(),
        }
    }
}
