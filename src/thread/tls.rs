//! Fresh thread-local storage for a husk that had another thread before.
//!
//! glibc has initialised a new husk's TLS; a used one is put back to the modules'
//! initial images. libc's own block is left alone (it holds malloc's cache, the
//! locale, the resolver: state of the TCB, not of the program), and so is
//! libgreen's, which holds the [`Thread`].

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::ptr;

use super::{Thread, current, tcb};
use crate::sys::lock::RawLock;

/// A module with thread-local storage.
#[derive(Clone, Copy)]
struct Module {
    id: usize,
    /// Distance of its block below the thread pointer; 0 if not in static TLS.
    offset: usize,
    image: *const u8,
    image_size: usize,
    size: usize,
}

const MAX_MODULES: usize = 1024;

struct Modules {
    list: [Module; MAX_MODULES],
    count: usize,
    /// Loads and unloads that the list accounts for.
    changes: u64,
    /// Between the first and the last object of a walk that makes the list anew.
    rebuilding: bool,
}

struct Cache {
    lock: RawLock,
    modules: UnsafeCell<Modules>,
}

// SAFETY: `modules` is only touched under `lock`.
unsafe impl Sync for Cache {}

static CACHE: Cache = Cache {
    lock: RawLock::new(),
    modules: UnsafeCell::new(Modules {
        list: [Module {
            id: 0,
            offset: 0,
            image: ptr::null(),
            image_size: 0,
            size: 0,
        }; MAX_MODULES],
        count: 0,
        changes: 0,
        rebuilding: false,
    }),
};

/// Static TLS lies within this distance below the thread pointer.
const STATIC_REACH: usize = 1 << 22;

/// Puts `thread`, which does not run, back to fresh thread-local storage.
/// The caller is critical.
pub fn refresh(thread: &Thread) {
    CACHE.lock.lock();
    // SAFETY: under the lock.
    let modules = unsafe { &mut *CACHE.modules.get() };
    // SAFETY: the callback gets what it expects.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut *modules).cast()) };
    modules.rebuilding = false;
    let dtv = tcb::dtv(thread);
    for module in &modules.list[..modules.count] {
        // SAFETY: dtv[-1] holds the number of slots.
        let slots = unsafe { (*dtv.sub(1))[0] };
        let block = if module.offset != 0 {
            thread.pointer.get() - module.offset
        } else if module.id <= slots {
            // SAFETY: within the vector.
            match unsafe { (*dtv.add(module.id))[0] } {
                usize::MAX => continue,
                block => block,
            }
        } else {
            continue;
        };
        let block = block as *mut u8;
        // SAFETY: the module's block of a thread that does not run.
        unsafe {
            ptr::copy_nonoverlapping(module.image, block, module.image_size);
            ptr::write_bytes(
                block.add(module.image_size),
                0,
                module.size - module.image_size,
            );
        }
    }
    CACHE.lock.unlock();
}

/// Called for each loaded object: stops at the first one if nothing was loaded
/// or unloaded since the list was made, else makes it anew.
unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, modules: *mut c_void) -> i32 {
    // SAFETY: dl_iterate_phdr and `refresh` pass valid pointers.
    let (info, modules) = unsafe { (&*info, &mut *modules.cast::<Modules>()) };
    let changes = info.dlpi_adds + info.dlpi_subs;
    if changes == modules.changes && !modules.rebuilding {
        return 1;
    }
    if !modules.rebuilding {
        modules.rebuilding = true;
        modules.changes = changes;
        modules.count = 0;
    }
    modules.add(info);
    0
}

impl Modules {
    fn add(&mut self, info: &libc::dl_phdr_info) {
        // SAFETY: the object's program headers, as the loader gives them.
        let headers =
            unsafe { core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize) };
        let Some(tls) = headers.iter().find(|header| header.p_type == libc::PT_TLS) else {
            return;
        };
        let contains = |address: usize| {
            headers.iter().any(|header| {
                let start = info.dlpi_addr as usize + header.p_vaddr as usize;
                header.p_type == libc::PT_LOAD
                    && (start..start + header.p_memsz as usize).contains(&address)
            })
        };
        let ours = refresh as *const () as usize;
        let libcs = libc::gnu_get_libc_version as *const () as usize;
        if info.dlpi_tls_modid == 0
            || contains(ours)
            || contains(libcs)
            || self.count == MAX_MODULES
        {
            return;
        }
        let pointer = current().pointer.get();
        let data = info.dlpi_tls_data as usize;
        let is_static = data != 0 && data < pointer && pointer - data < STATIC_REACH;
        self.list[self.count] = Module {
            id: info.dlpi_tls_modid,
            offset: if is_static { pointer - data } else { 0 },
            image: (info.dlpi_addr as usize + tls.p_vaddr as usize) as *const u8,
            image_size: tls.p_filesz as usize,
            size: tls.p_memsz as usize,
        };
        self.count += 1;
    }
}

/// Forgets a lock that a thread of the parent may have held.
///
/// # Safety
/// The caller is the process's only thread.
pub unsafe fn reset() {
    // SAFETY: nobody else runs.
    unsafe {
        ptr::from_ref(&CACHE.lock).cast_mut().write(RawLock::new());
        (*CACHE.modules.get()).changes = 0;
    }
}
