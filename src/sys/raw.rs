//! System calls without libc: no hook, no `errno`, no cancellation point.

use core::arch::asm;

/// Issues system call `number` and returns what the kernel returned: a result,
/// or `-errno` in `-4095..=-1`.
///
/// # Safety
/// The arguments must be valid for that system call.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn syscall6(
    number: i64,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> isize {
    let result: isize;
    // SAFETY: the x86-64 Linux convention: number and result in rax, arguments
    // in rdi, rsi, rdx, r10, r8, r9; the kernel clobbers rcx and r11 only.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            in("r8") e,
            in("r9") f,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// `syscall!(SYS_read, fd, buffer, length)`: [`syscall6`] with each argument
/// cast to a register and the rest zero.
macro_rules! syscall {
    ($name:ident $(, $argument:expr)* $(,)?) => {
        $crate::sys::raw::syscall!(@pad libc::$name, [$($argument,)*] 0, 0, 0, 0, 0, 0)
    };
    (@pad $name:expr, [] $a:expr, $b:expr, $c:expr, $d:expr, $e:expr, $f:expr $(, $rest:expr)*) => {
        $crate::sys::raw::syscall6($name, $a as usize, $b as usize, $c as usize, $d as usize, $e as usize, $f as usize)
    };
    (@pad $name:expr, [$a0:expr,] $z:expr, $($rest:expr),*) => {
        $crate::sys::raw::syscall!(@pad $name, [] $a0, $($rest),*)
    };
    (@pad $name:expr, [$a0:expr, $a1:expr,] $z0:expr, $z1:expr, $($rest:expr),*) => {
        $crate::sys::raw::syscall!(@pad $name, [] $a0, $a1, $($rest),*)
    };
    (@pad $name:expr, [$a0:expr, $a1:expr, $a2:expr,] $z0:expr, $z1:expr, $z2:expr, $($rest:expr),*) => {
        $crate::sys::raw::syscall!(@pad $name, [] $a0, $a1, $a2, $($rest),*)
    };
    (@pad $name:expr, [$a0:expr, $a1:expr, $a2:expr, $a3:expr,] $z0:expr, $z1:expr, $z2:expr, $z3:expr, $($rest:expr),*) => {
        $crate::sys::raw::syscall!(@pad $name, [] $a0, $a1, $a2, $a3, $($rest),*)
    };
    (@pad $name:expr, [$a0:expr, $a1:expr, $a2:expr, $a3:expr, $a4:expr,] $z0:expr, $z1:expr, $z2:expr, $z3:expr, $z4:expr, $last:expr) => {
        $crate::sys::raw::syscall!(@pad $name, [] $a0, $a1, $a2, $a3, $a4, $last)
    };
    (@pad $name:expr, [$a0:expr, $a1:expr, $a2:expr, $a3:expr, $a4:expr, $a5:expr,] $z0:expr, $z1:expr, $z2:expr, $z3:expr, $z4:expr, $z5:expr) => {
        $crate::sys::raw::syscall!(@pad $name, [] $a0, $a1, $a2, $a3, $a4, $a5)
    };
}
pub(crate) use syscall;
