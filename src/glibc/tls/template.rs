//! Thread-local storage of no thread's, which the loader fills in as it does for a new one.

use core::ffi::{CStr, c_void};
use core::mem::{self, size_of};
use core::ptr;
use core::slice;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::{Stretch, allocate, deallocate, initialise};
use crate::arch::thread;
use crate::glibc::tcb::{Slot, Tcb};
use crate::sys::in_child::{in_child, restore};
use crate::sys::pages;

/// What glibc itself passes to [`Initialise`](super::Initialise) for a new thread.
///
/// From 2.35 on the flag asked for the images of modules in other namespaces, too; before
/// there was none. glibc 2.41 has turned it round ("main_thread"), and distributions may
/// have taken that over in earlier versions: there it leaves those images out and notes in
/// each module that its image is in place, in bits that lie beside others of the loader's,
/// which another thread may be changing under another lock. So it is only passed where it
/// is known to mean the former.
fn flag_of_threads() -> bool {
    // SAFETY: a constant text.
    let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) }.to_bytes();
    version
        .strip_prefix(b"2.")
        .and_then(|minor| core::str::from_utf8(minor).ok()?.parse::<u32>().ok())
        .is_some_and(|minor| minor < 38)
}

/// What one takes, in bytes.
const SIZE: usize = size_of::<Template>().next_multiple_of(pages::PAGE);

/// Thread-local storage of no thread's, as the loader would give it to a new one.
pub struct Template {
    /// The thread pointer that its thread would have.
    pointer: usize,
    /// For [`Initialise`](super::Initialise).
    flag: bool,
    /// libc's own variables.
    pub libcs: Stretch,
    /// What to copy to a thread: the variables of the program's modules.
    stretches: &'static mut [Stretch],
    /// How many of those there are.
    count: usize,
    /// The dtv that `stretches` were found in: the generation, then the modules.
    seen: &'static mut [Slot],
}

/// Templates that nobody uses right now. One that finds no place here is given back: many may create threads at the same
/// time, who wait for the loader.
static SPARE: [AtomicPtr<Template>; 16] = [const { AtomicPtr::new(ptr::null_mut()) }; 16];

impl Template {
    pub fn take(kept: usize) -> Option<&'static mut Self> {
        let spare = SPARE.iter().find_map(|place| {
            // Acquire pairs with the Release in `put_back`. SAFETY: null or a template,
            // now nobody else's.
            unsafe { place.swap(ptr::null_mut(), Ordering::Acquire).as_mut() }
        });
        spare.or_else(|| Self::create(kept))
    }

    pub fn put_back(&'static mut self) {
        let me: *mut Self = self;
        for place in &SPARE {
            let empty = ptr::null_mut();
            if place
                .compare_exchange(empty, me, Ordering::Release, Ordering::Relaxed)
                .is_ok()
            {
                return;
            }
        }
        self.give_back();
    }

    #[cold]
    fn give_back(&'static mut self) {
        let Some(deallocate) = deallocate() else {
            return;
        };
        release(mem::take(&mut self.stretches));
        release(mem::take(&mut self.seen));
        let (pointer, me) = (self.pointer, ptr::from_mut(self));
        // SAFETY: nobody else knows either; both were allocated for this.
        unsafe {
            deallocate(pointer as *mut c_void, true);
            pages::release(me.cast(), SIZE);
        }
    }

    fn create(kept: usize) -> Option<&'static mut Self> {
        // SAFETY: asks for new storage, which is the template's.
        let pointer = unsafe { allocate()?(ptr::null_mut()) };
        if pointer.is_null() {
            return None;
        }
        let template = Self {
            pointer: pointer as usize,
            flag: flag_of_threads(),
            libcs: Stretch::NONE,
            stretches: &mut [],
            count: 0,
            seen: &mut [],
        };
        let memory = pages::reserve(SIZE)?.cast::<Self>();
        // SAFETY: fresh memory of sufficient size, which goes back with the template only.
        let me = unsafe {
            memory.write(template);
            &mut *memory
        };
        me.renew(kept)?;
        Some(me)
    }

    /// The generation, and the modules by id.
    fn slots(&mut self) -> &'static mut [Slot] {
        // SAFETY: a TCB that lives as long as the template.
        let slots = unsafe { Tcb::at(self.pointer) }.dtv();
        // SAFETY: the vector has as many slots as it says, after the first.
        unsafe { slice::from_raw_parts_mut(slots, slots.sub(1).read().value + 1) }
    }

    /// Has the loader fill the template in again; whether other modules have static
    /// TLS than before. `None`: no memory.
    pub fn renew(&mut self, kept: usize) -> Option<bool> {
        // As glibc does when it gives an ended thread's stack to a new one.
        self.slots().fill(Slot::EMPTY);
        // SAFETY: storage that was allocated for this, and an empty vector. This takes
        // the loader's lock, so that no image disappears meanwhile.
        unsafe { initialise()?(self.pointer as *mut c_void, self.flag) };
        let slots = self.slots();
        if *slots == *self.seen {
            return Some(false);
        }
        if slots.len() > self.seen.len() {
            self.make_room(slots.len())?;
        }
        self.seen.copy_from_slice(slots);
        self.find_stretches(kept);
        Some(true)
    }

    /// Memory for `slots` slots, and for as many stretches.
    fn make_room(&mut self, slots: usize) -> Option<()> {
        self.count = 0;
        self.seen = replaced(mem::take(&mut self.seen), slots, Slot::EMPTY)?;
        self.stretches = replaced(mem::take(&mut self.stretches), slots, Stretch::NONE)?;
        Some(())
    }

    /// A module's block ends where the next one begins, or earlier.
    fn find_stretches(&mut self, kept: usize) {
        let pointer = self.pointer;
        self.count = 0;
        for slot in &self.seen[1..] {
            if *slot != Slot::EMPTY && *slot != Slot::UNALLOCATED {
                self.stretches[self.count] = Stretch {
                    below: pointer - slot.value,
                    length: 0,
                };
                self.count += 1;
            }
        }
        let found = &mut self.stretches[..self.count];
        found.sort_unstable_by_key(|stretch| stretch.below);
        let mut end = 0;
        for stretch in found.iter_mut() {
            stretch.length = stretch.below - end;
            end = stretch.below;
        }
        // SAFETY: gives the address of the caller's own variable.
        let libcs = unsafe { libc::__errno_location() } as usize;
        let me = thread::pointer();
        for stretch in found {
            let start = me - stretch.below;
            let range = start..start + stretch.length;
            if range.contains(&libcs) {
                self.libcs = *stretch;
            }
            if range.contains(&libcs) || range.contains(&kept) {
                stretch.length = 0;
            }
        }
    }

    pub fn copy_to(&self, thread: Tcb) {
        for stretch in &self.stretches[..self.count] {
            let from = (self.pointer - stretch.below) as *const u8;
            let to = (thread.pointer() - stretch.below) as *mut u8;
            // SAFETY: the same part of static TLS of nobody, and of a thread that does
            // not run.
            unsafe { ptr::copy_nonoverlapping(from, to, stretch.length) };
        }
    }
}

/// What so many values take, in bytes.
fn bytes<T>(count: usize) -> usize {
    (count * size_of::<T>()).next_multiple_of(pages::PAGE)
}

/// Memory for `count` values in the place of `old`.
fn replaced<T: Copy>(old: &'static mut [T], count: usize, value: T) -> Option<&'static mut [T]> {
    let memory = pages::reserve(bytes::<T>(count))?.cast::<T>();
    release(old);
    // SAFETY: fresh memory of sufficient size.
    let values = unsafe {
        for index in 0..count {
            memory.add(index).write(value);
        }
        slice::from_raw_parts_mut(memory, count)
    };
    Some(values)
}

/// Gives back what [`replaced`] has allocated, if anything.
fn release<T>(old: &'static mut [T]) {
    if !old.is_empty() {
        // SAFETY: nobody else knows it.
        unsafe { pages::release(old.as_mut_ptr().cast(), bytes::<T>(old.len())) };
    }
}

/// Forgets the templates: another thread of the parent may have been at work on one.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    for place in &SPARE {
        restore(place, ptr::null_mut());
    }
}

in_child!(reset);
