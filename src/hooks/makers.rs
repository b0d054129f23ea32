//! Calls that only make descriptors or set their options.
//!
//! None of them blocks, runs code of the program, or can be cancelled: redhook's
//! ground.

use libc::{c_int, c_uint, c_void, sigset_t, socklen_t};

use super::symbol::check;
use crate::glibc::real::real;
use crate::ops::control;
use crate::ops::lives::{make, make_pair};
use crate::signal::signalfd::made as signalfd_made;

/// libc's function underneath the hook. (redhook's own look for it takes the loader's lock.)
macro_rules! libcs {
    ($name:ident($($argument:tt),*)) => {
        real!($name: unsafe extern "C" fn($($argument),*) -> c_int)
    };
}

redhook::hook! {
    unsafe fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int => green_socket {
        let real = libcs!(socket(_, _, _));
        // SAFETY: as the caller promises, here and in all that follow.
        make(|| unsafe { real(domain, kind, protocol) })
    }
}
check!(redhook socket(_, _, _));

redhook::hook! {
    unsafe fn socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int => green_socketpair {
        let real = libcs!(socketpair(_, _, _, _));
        // SAFETY: as above.
        unsafe { make_pair(|| real(domain, kind, protocol, pair), pair) }
    }
}
check!(redhook socketpair(_, _, _, _));

redhook::hook! {
    unsafe fn pipe(pair: *mut c_int) -> c_int => green_pipe {
        let real = libcs!(pipe(_));
        // SAFETY: as above.
        unsafe { make_pair(|| real(pair), pair) }
    }
}
check!(redhook pipe(_));

redhook::hook! {
    unsafe fn pipe2(pair: *mut c_int, flags: c_int) -> c_int => green_pipe2 {
        let real = libcs!(pipe2(_, _));
        // SAFETY: as above.
        unsafe { make_pair(|| real(pair, flags), pair) }
    }
}
check!(redhook pipe2(_, _));

redhook::hook! {
    unsafe fn eventfd(value: c_uint, flags: c_int) -> c_int => green_eventfd {
        let real = libcs!(eventfd(_, _));
        // SAFETY: as above.
        make(|| unsafe { real(value, flags) })
    }
}
check!(redhook eventfd(_, _));

redhook::hook! {
    unsafe fn timerfd_create(clock: c_int, flags: c_int) -> c_int => green_timerfd_create {
        let real = libcs!(timerfd_create(_, _));
        // SAFETY: as above.
        make(|| unsafe { real(clock, flags) })
    }
}
check!(redhook timerfd_create(_, _));

redhook::hook! {
    unsafe fn signalfd(fd: c_int, set: *const sigset_t, flags: c_int) -> c_int => green_signalfd {
        signalfd_made();
        let real = libcs!(signalfd(_, _, _));
        // SAFETY: as above.
        let call = || unsafe { real(fd, set, flags) };
        // Otherwise it is one already.
        if fd == -1 { make(call) } else { call() }
    }
}
check!(redhook signalfd(_, _, _));

redhook::hook! {
    unsafe fn epoll_create(size: c_int) -> c_int => green_epoll_create {
        let real = libcs!(epoll_create(_));
        // SAFETY: as above.
        make(|| unsafe { real(size) })
    }
}
check!(redhook epoll_create(_));

redhook::hook! {
    unsafe fn epoll_create1(flags: c_int) -> c_int => green_epoll_create1 {
        let real = libcs!(epoll_create1(_));
        // SAFETY: as above.
        make(|| unsafe { real(flags) })
    }
}
check!(redhook epoll_create1(_));

redhook::hook! {
    unsafe fn inotify_init() -> c_int => green_inotify_init {
        let real = libcs!(inotify_init());
        // SAFETY: as above.
        make(|| unsafe { real() })
    }
}
check!(redhook inotify_init());

redhook::hook! {
    unsafe fn inotify_init1(flags: c_int) -> c_int => green_inotify_init1 {
        let real = libcs!(inotify_init1(_));
        // SAFETY: as above.
        make(|| unsafe { real(flags) })
    }
}
check!(redhook inotify_init1(_));

redhook::hook! {
    unsafe fn setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, length: socklen_t) -> c_int
        => green_setsockopt {
        let real = libcs!(setsockopt(_, _, _, _, _));
        // SAFETY: as above.
        let result = unsafe { real(fd, level, name, value, length) };
        control::option_set(fd, level, name);
        result
    }
}
check!(redhook setsockopt(_, _, _, _, _));
