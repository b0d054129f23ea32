//! Destructors of thread-specific data.
//!
//! The values are glibc's business: each TCB has its own. Which key has which
//! destructor is known to glibc only, and it runs them at the end of *kernel*
//! threads; so libgreen keeps a table of its own.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use libc::pthread_key_t;

/// A key's destructor.
pub type Destructor = unsafe extern "C-unwind" fn(*mut c_void);

/// glibc's `PTHREAD_KEYS_MAX`.
const KEYS: usize = 1024;
/// POSIX's `PTHREAD_DESTRUCTOR_ITERATIONS`.
const ROUNDS: usize = 4;

/// A forked child keeps them, as it keeps its keys.
#[unsafe(link_section = ".llvm.linkonce.b.tables")]
static DESTRUCTORS: [AtomicPtr<c_void>; KEYS] = [const { AtomicPtr::new(ptr::null_mut()) }; KEYS];
/// One more than the highest key that was ever made. A forked child keeps it.
static HIGHEST: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" {
    fn pthread_getspecific(key: pthread_key_t) -> *mut c_void;
    fn pthread_setspecific(key: pthread_key_t, value: *const c_void) -> i32;
}

/// Notes the destructor of a new key.
pub fn created(key: pthread_key_t, destructor: Option<Destructor>) {
    let Some(slot) = DESTRUCTORS.get(key as usize) else {
        return;
    };
    slot.store(
        destructor.map_or(ptr::null_mut(), |function| function as *mut c_void),
        Ordering::Relaxed,
    );
    HIGHEST.fetch_max(key as usize + 1, Ordering::Relaxed);
}

/// Forgets a deleted key's destructor.
pub fn deleted(key: pthread_key_t) {
    if let Some(slot) = DESTRUCTORS.get(key as usize) {
        slot.store(ptr::null_mut(), Ordering::Relaxed);
    }
}

/// Runs the destructors of the calling thread's values and clears them, in as
/// many rounds as POSIX allows (`pthread_key_create(3)`); what is left after
/// that is dropped. In the first round those before the key `from` have had their turn.
pub fn run_destructors(from: pthread_key_t) {
    in_rounds(0, from);
}

/// Drops the calling thread's values.
pub fn drop_values() {
    in_rounds(ROUNDS, 0);
}

fn in_rounds(first: usize, from: pthread_key_t) {
    for round in first..=ROUNDS {
        // What was set behind the place where the caller is comes round again.
        let mut any = round == 0 && from > 0;
        let from = if round == 0 { from } else { 0 };
        for key in from..HIGHEST.load(Ordering::Relaxed) as pthread_key_t {
            // SAFETY: glibc answers null for a key that does not exist.
            let value = unsafe { pthread_getspecific(key) };
            if value.is_null() {
                continue;
            }
            // SAFETY: the key exists, or it had no value.
            unsafe { pthread_setspecific(key, ptr::null()) };
            let destructor = DESTRUCTORS[key as usize].load(Ordering::Relaxed);
            if !destructor.is_null() && round < ROUNDS {
                any = true;
                // SAFETY: given to pthread_key_create for this key; a null
                // pointer was excluded.
                unsafe {
                    let destructor: Destructor = core::mem::transmute(destructor);
                    destructor(value);
                }
            }
        }
        if !any {
            return;
        }
    }
}
