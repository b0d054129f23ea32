//! The libc functions that our hooks shadow.

use core::ffi::{CStr, c_void};
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::{objects, patch};
use crate::sys::errno;

/// A function of the next object after libgreen in the lookup order, resolved
/// at its first use: constructors of other libraries may call a hook before our
/// own constructor ran.
pub struct Real {
    name: &'static CStr,
    version: Option<&'static CStr>,
    address: AtomicPtr<c_void>,
}

impl Real {
    /// The default version of `name`.
    pub const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            version: None,
            address: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// The given version of `name`: where several exist, `dlsym` may choose the
    /// oldest (`pthread_cond_wait` has one from before 2003).
    pub const fn versioned(name: &'static CStr, version: &'static CStr) -> Self {
        Self {
            name,
            version: Some(version),
            address: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Its address; null if this libc has no such function.
    #[inline(always)]
    pub fn address(&self) -> *mut c_void {
        // Relaxed: the address is all there is to see.
        let address = self.address.load(Ordering::Relaxed);
        if address.is_null() {
            self.resolve()
        } else {
            address
        }
    }

    /// What to call: it, or where this libc has none a function that fails with `ENOSYS`.
    #[inline(always)]
    pub fn function(&self) -> *mut c_void {
        let address = self.address();
        if address.is_null() {
            self.missing()
        } else {
            address
        }
    }

    #[cold]
    fn resolve(&self) -> *mut c_void {
        let mut next = objects::next_definition(self.name, self.version) as *mut c_void;
        if next.is_null() {
            // SAFETY: both names are C strings; RTLD_NEXT is a valid handle here.
            next = unsafe {
                match self.version {
                    Some(version) => {
                        libc::dlvsym(libc::RTLD_NEXT, self.name.as_ptr(), version.as_ptr())
                    }
                    None => libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()),
                }
            };
        }
        if self.version.is_none() && !next.is_null() {
            next = patch::callable(self.name, next);
        }
        self.address.store(next, Ordering::Relaxed);
        next
    }

    /// Its place is taken by one that fails as it would. (Whatever returns a pointer is in
    /// every glibc.)
    #[cold]
    fn missing(&self) -> *mut c_void {
        let returns_errors = [
            "pthread_",
            "posix_spawn",
            "pidfd_spawn",
            "clock_nanosleep",
            "sigwait\0",
        ];
        let is_one = returns_errors
            .iter()
            .any(|prefix| self.name.to_bytes_with_nul().starts_with(prefix.as_bytes()));
        if is_one {
            missing_with_error as *mut c_void
        } else {
            missing_with_errno as *mut c_void
        }
    }
}

/// In the place of a missing function that returns an error number.
extern "C" fn missing_with_error() -> isize {
    libc::ENOSYS as isize
}

/// In the place of any other.
extern "C" fn missing_with_errno() -> isize {
    errno::set(libc::ENOSYS);
    -1
}

/// The function at `address`, which has the type of a hook.
///
/// # Safety
/// It has.
#[inline(always)]
pub unsafe fn of_type<F: Copy>(_: F, address: *mut c_void) -> F {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    // SAFETY: of the same size; valid as the caller promises.
    unsafe { mem::transmute_copy(&address) }
}

/// `real!(read: unsafe extern "C" fn(c_int, ...) -> ssize_t)`: the function
/// underneath our hook of the same name. `real!(name @ "GLIBC_2.3.2": ...)`
/// asks for a version. Where this libc has none it is a function that fails with `ENOSYS`;
/// `real!(name: Option<...>)` asks whether there is one. `real!(recv(_, _, _, _))`, with
/// `@ "GLIBC_..."` before the arguments, has the type of our own function of that name, the hook.
macro_rules! real {
    ($name:ident $(@ $version:literal)? ($($argument:tt),*)) => {{
        #[unsafe(link_section = "green_real")]
        static REAL: $crate::glibc::real::Real = $crate::glibc::real::real!(@static $name $(@ $version)?);
        let hook: unsafe extern "C-unwind" fn($($argument),*) -> _ = $name;
        // SAFETY: libc's function of that name has the hook's type; so has what stands in for it,
        // which looks at no argument.
        unsafe { $crate::glibc::real::of_type(hook, REAL.function()) }
    }};
    ($name:ident : Option<$type:ty>) => {
        $crate::glibc::real::real!(@get $name, address, Option<$type>)
    };
    ($name:ident $(@ $version:literal)? : $type:ty) => {
        $crate::glibc::real::real!(@get $name $(@ $version)?, function, $type)
    };
    (@get $name:ident $(@ $version:literal)?, $get:ident, $type:ty) => {{
        #[unsafe(link_section = "green_real")]
        static REAL: $crate::glibc::real::Real = $crate::glibc::real::real!(@static $name $(@ $version)?);
        // SAFETY: libc's function of that name has that type; so has what stands in for it,
        // which looks at no argument.
        unsafe { core::mem::transmute::<*mut core::ffi::c_void, $type>(REAL.$get()) }
    }};
    (@static $name:ident) => {
        $crate::glibc::real::Real::new($crate::glibc::real::real!(@text stringify!($name)))
    };
    (@static $name:ident @ $version:literal) => {
        $crate::glibc::real::Real::versioned(
            $crate::glibc::real::real!(@text stringify!($name)),
            $crate::glibc::real::real!(@text $version),
        )
    };
    (@text $text:expr) => {
        // SAFETY: the literal ends in NUL and has no other.
        unsafe { core::ffi::CStr::from_bytes_with_nul_unchecked(concat!($text, "\0").as_bytes()) }
    };
}
pub(crate) use real;
