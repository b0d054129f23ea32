//! The libc functions that our hooks shadow.

use core::ffi::{CStr, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::patch;

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

    #[cold]
    fn resolve(&self) -> *mut c_void {
        // SAFETY: both names are C strings; RTLD_NEXT is a valid handle here.
        let address = unsafe {
            match self.version {
                Some(version) => {
                    libc::dlvsym(libc::RTLD_NEXT, self.name.as_ptr(), version.as_ptr())
                }
                None => {
                    let next = libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr());
                    patch::callable(self.name, next)
                }
            }
        };
        self.address.store(address, Ordering::Relaxed);
        address
    }
}

/// `real!(read: unsafe extern "C" fn(c_int, ...) -> ssize_t)`: the function
/// underneath our hook of the same name. `real!(name @ "GLIBC_2.3.2": ...)`
/// asks for a version.
macro_rules! real {
    ($name:ident : $type:ty) => {
        $crate::glibc::real::real!(@get $crate::glibc::real::Real::new(
            // SAFETY: the literal ends in NUL and has no other.
            unsafe { core::ffi::CStr::from_bytes_with_nul_unchecked(concat!(stringify!($name), "\0").as_bytes()) }
        ), $type)
    };
    ($name:ident @ $version:literal : $type:ty) => {
        $crate::glibc::real::real!(@get $crate::glibc::real::Real::versioned(
            // SAFETY: the literals end in NUL and have no other.
            unsafe { core::ffi::CStr::from_bytes_with_nul_unchecked(concat!(stringify!($name), "\0").as_bytes()) },
            // SAFETY: as above.
            unsafe { core::ffi::CStr::from_bytes_with_nul_unchecked(concat!($version, "\0").as_bytes()) },
        ), $type)
    };
    (@get $real:expr, $type:ty) => {{
        static REAL: $crate::glibc::real::Real = $real;
        // SAFETY: libc's function of that name has that type.
        unsafe { core::mem::transmute::<*mut core::ffi::c_void, $type>(REAL.address()) }
    }};
}
pub(crate) use real;
