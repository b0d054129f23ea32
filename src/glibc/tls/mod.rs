//! Fresh thread-local storage for a husk that had another thread before.
//!
//! What a new thread finds is the loader's business (glibc, elf/dl-tls.c). The blocks
//! of modules in *static* TLS lie below the thread pointer, each an image and zeros.
//! All others are *dynamic*: a thread has none of them until it first uses one. Where
//! its blocks are, its dynamic thread vector (dtv) says, by the id of the module. An
//! entry may be stale, as ids are used again, or empty: the loader compares
//! generations and brings the vector up to date when the thread itself next asks.
//!
//! So a thread that ends gives its dynamic blocks back, as glibc does for it, and what
//! is left to do for the next one are the static blocks. They come from a [`template`],
//! which the loader fills in as it does for a new thread. libc's own block is left
//! alone (it holds malloc's cache, the locale, the resolver: state of the TCB, not of
//! the program), and so is libgreen's, which holds the thread's block.

mod template;

use core::ffi::c_void;

use super::real::real;
use super::tcb::{Slot, Tcb};
use template::Template;

/// Storage for a thread's static TLS and TCB (null: to be allocated), with a dtv.
type Allocate = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
/// Gives such storage back, with its dtv; the flag: that of the TCB, too.
type Deallocate = unsafe extern "C" fn(*mut c_void, bool);
/// Fills such storage in, and its dtv, for the modules that are loaded now. For the flag see
/// [`template::flag_of_threads`].
type Initialise = unsafe extern "C" fn(*mut c_void, bool) -> *mut c_void;
/// The size and the alignment of static TLS with the TCB, in bytes.
type StaticInfo = unsafe extern "C" fn(*mut usize, *mut usize);

fn allocate() -> Option<Allocate> {
    real!(_dl_allocate_tls: Option<Allocate>)
}

fn deallocate() -> Option<Deallocate> {
    real!(_dl_deallocate_tls: Option<Deallocate>)
}

fn initialise() -> Option<Initialise> {
    real!(_dl_allocate_tls_init: Option<Initialise>)
}

fn static_info() -> Option<StaticInfo> {
    real!(_dl_get_tls_static_info: Option<StaticInfo>)
}

/// Whether this libc's loader has what is needed: glibc's own threads call it.
pub fn is_supported() -> bool {
    allocate().is_some() && initialise().is_some() && static_info().is_some()
}

/// What static TLS and the TCB take of a thread's stack, in bytes.
#[derive(Clone, Copy)]
pub struct StaticSize {
    /// With the TCB, a multiple of the alignment.
    pub size: usize,
    /// Of the end of that.
    pub alignment: usize,
}

impl StaticSize {
    /// Constants of the process.
    pub fn get() -> Self {
        let (mut size, mut alignment) = (0usize, 1usize);
        if let Some(info) = static_info() {
            // SAFETY: both are writable.
            unsafe { info(&mut size, &mut alignment) };
        }
        // A power of two.
        Self {
            size: (size + alignment - 1) & !(alignment - 1),
            alignment,
        }
    }

    /// At most, wherever the stack ends.
    pub fn most(self) -> usize {
        self.size + self.alignment
    }
}

/// Gives back the memory that `thread` has for dynamic TLS; where it next uses such a
/// variable it gets new.
///
/// # Safety
/// `thread` is that of a husk, the caller's or one that does not run, and runs no more code
/// that counts on its variables.
pub unsafe fn release(thread: Tcb) {
    let mut id = 1;
    loop {
        // SAFETY: the vector is the thread's own; it has as many slots as it says.
        unsafe {
            // Each time anew: `free` may use variables of its own and move it.
            let slots = thread.dtv();
            if id > slots.sub(1).read().value {
                return;
            }
            let slot = slots.add(id);
            let block = (*slot).to_free;
            if !block.is_null() {
                // First: there must be nothing to find for a `free` that uses this one.
                slot.write(Slot::UNALLOCATED);
                libc::free(block);
            }
        }
        id += 1;
    }
}

/// Puts `thread`, a husk's that does not run, back to fresh thread-local storage:
/// `EAGAIN` if there is no memory for that.
///
/// `kept` is the address of a variable of the caller's, in a module whose block is left
/// alone. Takes no lock of libgreen's: the loader's own lock, which a thread of the program
/// may hold for long, is waited for meanwhile.
pub fn refresh(thread: Tcb, kept: usize) -> Result<(), i32> {
    // SAFETY: as the caller promises.
    unsafe { release(thread) };
    let template = Template::take(kept).ok_or(libc::EAGAIN)?;
    let changed = loop {
        template.copy_to(thread);
        // What was loaded since the last look is in the template now. What will be
        // loaded from here on the loader initialises in every thread that glibc knows.
        let changed = template.renew(kept);
        if changed != Some(true) {
            break changed;
        }
    };
    template.put_back();
    changed.map(|_| ()).ok_or(libc::EAGAIN)
}

/// A stretch of static TLS.
#[derive(Clone, Copy)]
pub struct Stretch {
    /// From its first byte up to the thread pointer, in bytes.
    pub below: usize,
    /// In bytes.
    pub length: usize,
}

impl Stretch {
    const NONE: Self = Self {
        below: 0,
        length: 0,
    };
}

/// Where libc's own variables are. For `kept` see [`refresh`]. `None`: no memory.
pub fn libcs_variables(kept: usize) -> Option<Stretch> {
    let template = Template::take(kept)?;
    let libcs = template.libcs;
    template.put_back();
    (libcs.length > 0).then_some(libcs)
}

/// Thread-local storage for a TCB at `pointer`, as the loader gives it to a new thread.
/// `None`: no memory.
///
/// # Safety
/// There, and below, is as much memory of zeros as the TCB and [`StaticSize`] take.
pub unsafe fn allocate_at(pointer: usize) -> Option<Tcb> {
    // SAFETY: as the caller promises.
    let allocated = unsafe { allocate()?(pointer as *mut c_void) };
    // SAFETY: a TCB by now.
    (!allocated.is_null()).then(|| unsafe { Tcb::at(pointer) })
}
