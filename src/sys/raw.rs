//! System calls without libc: no hook, no `errno`, no cancellation point.

/// `syscall!(SYS_read, fd, buffer, length)`: [`syscall6`](crate::arch::system_call::syscall6) with each
/// argument cast to a register and the rest zero.
macro_rules! syscall {
    ($name:ident $(, $argument:expr)* $(,)?) => {
        $crate::sys::raw::syscall!(@pad libc::$name, [$($argument,)*] 0, 0, 0, 0, 0, 0)
    };
    (@pad $name:expr, [] $a:expr, $b:expr, $c:expr, $d:expr, $e:expr, $f:expr $(, $rest:expr)*) => {
        $crate::arch::system_call::syscall6($name, $a as usize, $b as usize, $c as usize, $d as usize, $e as usize, $f as usize)
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

/// Whether `result` may say that there is no such call: in the kernel (ENOSYS), or in a
/// seccomp profile, which has EPERM or EACCES for what it does not know. The call itself may
/// say that, too; then so does what stands in for it.
pub fn is_refused(result: isize) -> bool {
    matches!(-result as i32, libc::ENOSYS | libc::EPERM | libc::EACCES)
}
