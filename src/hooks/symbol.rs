//! What each hook says beside its function: that its signature is libc's, its other names, and its
//! fortified form.
//!
//! A hook is a plain function, `pub unsafe extern "C-unwind" fn` with `#[unsafe(no_mangle)]`:
//! cancellation and `pthread_exit` unwind through it (redhook's hooks would catch that; see
//! docs/design.md).

/// The type of a hook's argument, for which the libc crate has `L`.
pub trait Argument<L> {}

impl<T> Argument<T> for T {}

// Of the program's functions the libc crate says that they do not unwind, and of some that there
// always is one.
type Function<A, R> = unsafe extern "C-unwind" fn(A) -> R;
impl<A, R> Argument<extern "C" fn(A) -> R> for Function<A, R> {}
impl<A, R> Argument<extern "C" fn(A) -> R> for Option<Function<A, R>> {}
impl<A, R> Argument<Option<unsafe extern "C" fn(A) -> R>> for Option<Function<A, R>> {}
impl Argument<extern "C" fn()> for unsafe extern "C-unwind" fn() {}

/// A hook's type, of which libc's function has the type `L`.
pub trait Signature<L>: Copy {}

macro_rules! signatures {
    () => {};
    (($first:ident $of_first:ident) $(($argument:ident $of_libc:ident))*) => {
        impl<$($argument: Argument<$of_libc>, $of_libc,)* R>
            Signature<unsafe extern "C" fn($($of_libc),*) -> R>
            for unsafe extern "C-unwind" fn($($argument),*) -> R {}
        // redhook's.
        impl<$($argument,)* R> Signature<unsafe extern "C" fn($($argument),*) -> R>
            for unsafe extern "C" fn($($argument),*) -> R {}
        signatures!($(($argument $of_libc))*);
    };
}
signatures!((Head LHead) (A LA) (B LB) (C LC) (D LD) (E LE) (F LF) (G LG) (H LH));

macro_rules! variadic_signature {
    ($(($argument:ident $of_libc:ident))* ...; $($more:ident)*) => {
        impl<$($argument: Argument<$of_libc>, $of_libc,)* $($more,)* R>
            Signature<unsafe extern "C" fn($($of_libc,)* ...) -> R>
            for unsafe extern "C-unwind" fn($($argument,)* $($more),*) -> R {}
    };
}
variadic_signature!((A LA) ...; B C D);
variadic_signature!((A LA) ...; B C D E);
variadic_signature!((A LA) ...; B C D E F G);
variadic_signature!((A LA) (B LB) ...; C);
variadic_signature!((A LA) (B LB) (C LC) ...;);
variadic_signature!((A LA) (B LB) (C LC) ...; D);
variadic_signature!((A LA) (B LB) (C LC) (D LD) ...; E F G);

/// Compiles if both have the same signature.
pub const fn same<O: Signature<L>, L: Copy>(_: O, _: L) {}

/// `check!(recv(_, _, _, _));`: the hook's signature is the one that the libc crate declares, or
/// this does not compile. `check!(open(_, _; _));` of a function that is variadic there, with what
/// the hook takes of the rest behind the semicolon: on x86-64 that makes no difference to the
/// callee. `check!(redhook socket(_, _, _));` of a hook of redhook's. Hooks without are of
/// functions that the libc crate lacks.
macro_rules! check {
    ($name:ident($($argument:tt),*)) => {
        const _: () = $crate::hooks::symbol::same(
            $name as unsafe extern "C-unwind" fn($($argument),*) -> _,
            libc::$name as unsafe extern "C" fn($($argument),*) -> _,
        );
    };
    ($name:ident($($argument:tt),*; $($more:tt),*)) => {
        const _: () = $crate::hooks::symbol::same(
            $name as unsafe extern "C-unwind" fn($($argument,)* $($more),*) -> _,
            libc::$name as unsafe extern "C" fn($($argument,)* ...) -> _,
        );
    };
    (redhook $name:ident($($argument:tt),*)) => {
        const _: () = $crate::hooks::symbol::same(
            $name::$name as unsafe extern "C" fn($($argument),*) -> _,
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

/// `fortified!(__recv_chk(…) -> ssize_t = recv(…) if length <= room);`: what a hook is with
/// `_FORTIFY_SOURCE`, for programs that say how many bytes there is `room` for.
macro_rules! fortified {
    (
        $name:ident($($argument:ident: $type:ty),* $(,)?) -> $result:ty
            = $hook:ident($($passed:ident),*) if $fits:expr
    ) => {
        #[doc = concat!("What `", stringify!($hook), "` is with `_FORTIFY_SOURCE`; `room` in bytes.")]
        ///
        /// # Safety
        /// As libc's function of the same name.
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name($($argument: $type),*) -> $result {
            unsafe extern "C-unwind" {
                /// Ends a program that asks for more than its buffer holds.
                fn __chk_fail() -> !;
            }
            // SAFETY: as the caller promises, if what it asks for is within the room.
            unsafe {
                if $fits {
                    $hook($($passed),*)
                } else {
                    __chk_fail()
                }
            }
        }
    };
}
pub(crate) use fortified;
