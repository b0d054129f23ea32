//! The libc functions that libgreen stands in for.
//!
//! Only here is the C ABI: a hook asks whether the caller is a green thread that
//! may park, hands over to the operation, and turns its result into what libc
//! returns. Everybody else is passed on to libc's own function.

/// Defines exported functions of libc's signature.
///
/// They are `extern "C-unwind"`: cancellation and `pthread_exit` unwind through
/// them (redhook's hooks would catch that; see docs/design.md). A signature that
/// differs from the one that the libc crate declares does not compile; functions
/// that it lacks, or declares as variadic, are marked `unchecked`.
macro_rules! export {
    () => {};
    ($(#[$meta:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? $body:block $($rest:tt)*) => {
        const _: () = {
            let _: unsafe extern "C" fn($($type),*) $(-> $ret)? = libc::$name;
        };
        $crate::hooks::export! { @define $(#[$meta])* $name($($arg: $type),*) $(-> $ret)? $body }
        $crate::hooks::export! { $($rest)* }
    };
    ($(#[$meta:meta])* unchecked fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? $body:block $($rest:tt)*) => {
        $crate::hooks::export! { @define $(#[$meta])* $name($($arg: $type),*) $(-> $ret)? $body }
        $crate::hooks::export! { $($rest)* }
    };
    (@define $(#[$meta:meta])* $name:ident($($arg:ident: $type:ty),*) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// As libc's function of the same name.
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name($($arg: $type),*) $(-> $ret)? $body
    };
}
pub(crate) use export;

mod attributes;
mod barrier;
mod batches;
mod c11_sync;
mod cancel;
mod cond;
mod connections;
mod contexts;
mod credentials;
mod descriptors;
mod dns;
mod epoll;
pub mod fork;
mod give_way;
pub mod inner;
pub mod jumps;
mod kernel_state;
mod keys;
mod limits;
mod makers;
mod memory_locks;
mod message_queues;
mod mutex;
mod name_service;
mod once;
mod poll;
mod process;
mod receive;
mod regions;
mod resolver;
mod rwlock;
mod scheduling;
mod select;
mod sem;
mod send;
mod signal_actions;
mod signal_masks;
mod signal_send;
mod signal_stacks;
mod signal_waits;
mod sleep;
mod spin;
mod splices;
mod start;
mod streams;
mod symbol;
mod syscall;
mod syscall_kernel_state;
mod syscall_numbers;
mod syscall_signals;
mod threads;
