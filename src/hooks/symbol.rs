//! What each hook says beside its function: that its signature is libc's, and its other names.
//!
//! A hook is a plain function, `pub unsafe extern "C-unwind" fn` with `#[unsafe(no_mangle)]`:
//! cancellation and `pthread_exit` unwind through it (redhook's hooks would catch that; see
//! docs/design.md).

/// A hook's type, of which libc's function has the type `L`.
pub trait Signature<L>: Copy {}

macro_rules! signatures {
    () => {};
    ($first:ident $($rest:ident)*) => {
        impl<$($rest,)* R> Signature<unsafe extern "C" fn($($rest),*) -> R>
            for unsafe extern "C-unwind" fn($($rest),*) -> R {}
        signatures!($($rest)*);
    };
}
signatures!(Head A B C D E F G H);

/// Compiles if both have the same signature.
pub const fn same<O: Signature<L>, L: Copy>(_: O, _: L) {}

/// `check!(recv(_, _, _, _));`: the hook's signature is the one that the libc crate declares, or
/// this does not compile. Hooks without are of functions that it lacks, or declares as variadic
/// (on x86-64 that makes no difference to the callee).
macro_rules! check {
    ($name:ident($($argument:tt),*)) => {
        const _: () = $crate::hooks::symbol::same(
            $name as unsafe extern "C-unwind" fn($($argument),*) -> _,
            libc::$name as unsafe extern "C" fn($($argument),*) -> _,
        );
    };
}
pub(crate) use check;

/// `alias!(__read = read);`: another name of a hook, which jumps there whatever the arguments.
macro_rules! alias {
    ($(#[$meta:meta])* $alias:ident = $name:ident) => {
        #[doc = concat!("Alias of `", stringify!($name), "`.")]
        ///
        /// # Safety
        /// As libc's function of the same name.
        $(#[$meta])*
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $alias() {
            $crate::arch::vfork::jump!($name)
        }
    };
}
pub(crate) use alias;
