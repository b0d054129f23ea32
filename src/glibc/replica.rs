//! Thread control blocks that no kernel thread was ever behind.
//!
//! glibc gives TLS to a TCB (`_dl_allocate_tls`), but has no function of its own that fills in
//! the rest. The TCB of a thread that has done nothing yet differs from that of another with a
//! stack of the same size in nothing but where it lies, its id, its dynamic thread vector, and
//! its links in glibc's list of stacks. So one that glibc has made is copied, and what points
//! into its stack is moved along; but only if it can be seen from two that glibc has made that
//! this would have given the second.
//!
//! The list is that of the stacks that programs have brought (glibc, nptl/allocatestack.c,
//! `dl_stack_user`), which whoever loads a module with static TLS walks through. It is changed
//! under a lock that only glibc has. But glibc adds at its front, and takes out who ends, which
//! husks do not: so between two husks that are neighbours it never changes anything, and that
//! is where the copies go. The link to one is stored when it is complete.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::real::real;
use super::tcb::Tcb;
use super::tls::{self, StaticSize, Stretch};
use crate::sys::in_child::{in_child, restore};
use crate::sys::pages::PAGE;

/// In bytes.
const WORD: usize = size_of::<usize>();
/// The dynamic thread vector's place in the TCB, in words (the x86-64 TLS ABI, `tcbhead_t`).
const VECTOR: usize = 1;
/// The random values that stacks and pointers are guarded by. Every thread has the same.
const GUARDS: [usize; 2] = [5, 6];

/// Where glibc has what in a TCB, in bytes, as it tells debuggers (`libthread_db`).
#[derive(Clone, Copy)]
struct Layout {
    /// The whole.
    size: usize,
    /// The links in the list of stacks.
    list: usize,
    /// In those, that to the next and that to the previous one.
    next: usize,
    previous: usize,
}

impl Layout {
    fn get() -> Option<Self> {
        // Size in bits, count, offset.
        type Field = Option<&'static [u32; 3]>;
        Some(Self {
            size: *real!(_thread_db_sizeof_pthread: Option<&'static u32>)? as usize,
            list: real!(_thread_db_pthread_list: Field)?[2] as usize,
            next: real!(_thread_db_list_t_next: Field)?[2] as usize,
            previous: real!(_thread_db_list_t_prev: Field)?[2] as usize,
        })
    }

    fn link(self, tcb: Tcb) -> usize {
        tcb.pointer() + self.list
    }

    /// # Safety
    /// `link` is a thread's, whose TCB stays.
    unsafe fn next(self, link: usize) -> &'static AtomicUsize {
        // SAFETY: as the caller promises.
        unsafe { &*((link + self.next) as *const AtomicUsize) }
    }

    /// # Safety
    /// As for [`next`](Self::next).
    unsafe fn previous(self, link: usize) -> &'static AtomicUsize {
        // SAFETY: as the caller promises.
        unsafe { &*((link + self.previous) as *const AtomicUsize) }
    }
}

/// The link of a husk whose next one is a husk's or a copy's; 0 as long as none is known.
static FIRST: AtomicUsize = AtomicUsize::new(0);

/// In a forked child the list is empty.
fn reset() {
    restore(&FIRST, 0);
}

in_child!(reset);

/// glibc has made both, the older one before the newer one, for husks.
pub fn note(newer: Tcb, older: Tcb) {
    let Some(layout) = Layout::get() else { return };
    let first = layout.link(newer);
    // SAFETY: husks stay.
    if unsafe { layout.next(first) }.load(Ordering::Relaxed) == layout.link(older) {
        FIRST.store(first, Ordering::Relaxed);
    }
}

/// Whether there is a place in the list for copies.
pub fn has_place() -> bool {
    FIRST.load(Ordering::Relaxed) != 0
}

/// Where the word at `from` goes in a copy `by` bytes further.
fn place(from: usize, by: usize) -> *mut usize {
    from.wrapping_add(by) as *mut usize
}

/// A TCB to copy.
#[derive(Clone, Copy)]
pub struct Original {
    tcb: Tcb,
    layout: Layout,
    /// The lowest address of its stack, and that where it ends.
    stack: (usize, usize),
    /// libc's own variables.
    libcs: Stretch,
}

impl Original {
    /// `tcb`, which glibc has made for a thread that has done nothing, on a stack between
    /// these two addresses. `other` is one like that, by which it is seen whether this libc's
    /// differ in what is expected alone. For `kept` see [`tls::refresh`]. `None`: they do not,
    /// or that is not to be found out.
    pub fn new(tcb: Tcb, stack: (usize, usize), other: Tcb, kept: usize) -> Option<Self> {
        // With more than that a TCB's place would depend on where the stack ends.
        let is_placed_alike = StaticSize::get().alignment <= PAGE;
        let layout = Layout::get().filter(|_| is_placed_alike)?;
        let libcs = tls::libcs_variables(kept)?;
        let original = Self {
            tcb,
            layout,
            stack,
            libcs,
        };
        original.foretells(other).then_some(original)
    }

    /// Whether a copy would be what glibc has made for `other`.
    fn foretells(&self, other: Tcb) -> bool {
        let id = self.tcb.id().as_ptr().addr() / WORD * WORD;
        let per_cpu = self.tcb.rseq_area();
        self.words().all(|from| {
            let by = other.pointer().wrapping_sub(self.tcb.pointer());
            // SAFETY: words of two husks, which nobody uses.
            let (word, found) = unsafe { (self.moved(from, by), *place(from, by)) };
            word == found || from == id || per_cpu.contains(&from)
        })
    }

    /// A copy for a stack that ends at `end`, which nobody has used: not yet in the list, and
    /// without an id. `None`: no memory.
    ///
    /// # Safety
    /// The stack is as large as the original's. Nothing has changed in the original's TCB.
    pub unsafe fn copy(&self, end: usize) -> Option<Tcb> {
        let by = end.wrapping_sub(self.stack.1);
        // SAFETY: as the caller promises.
        let copy = unsafe { tls::allocate_at(self.tcb.pointer().wrapping_add(by))? };
        for from in self.words() {
            // SAFETY: words of the original, and of a copy that nobody else knows.
            unsafe { place(from, by).write(self.moved(from, by)) };
        }
        copy.id().store(0, Ordering::Relaxed);
        Some(copy)
    }

    /// The addresses of the words that a copy takes over: all of the TCB but for the vector and
    /// the links, and libc's own variables.
    fn words(&self) -> impl Iterator<Item = usize> {
        let (start, Layout { size, list, .. }) = (self.tcb.pointer(), self.layout);
        let own = [VECTOR, list / WORD, list / WORD + 1].map(|index| start + index * WORD);
        let whole = (0..size / WORD).map(move |index| start + index * WORD);
        let libcs = start - self.libcs.below;
        (0..self.libcs.length / WORD)
            .map(move |index| libcs + index * WORD)
            .chain(whole.filter(move |from| !own.contains(from)))
    }

    /// What the word at `from` is `by` bytes further.
    ///
    /// # Safety
    /// It is one of [`words`](Self::words).
    unsafe fn moved(&self, from: usize, by: usize) -> usize {
        let is_guard = GUARDS
            .iter()
            .any(|index| self.tcb.pointer() + index * WORD == from);
        // SAFETY: as the caller promises.
        let word = unsafe { *(from as *const usize) };
        let points_into_stack = (self.stack.0..=self.stack.1).contains(&word) && !is_guard;
        if points_into_stack {
            word.wrapping_add(by)
        } else {
            word
        }
    }

    /// Puts `copy` into the list. The caller holds a lock that all callers hold.
    pub fn link(&self, copy: Tcb) {
        let (layout, link) = (self.layout, self.layout.link(copy));
        let first = FIRST.load(Ordering::Relaxed);
        // SAFETY: links of husks and copies, which stay.
        unsafe {
            let second = layout.next(first).load(Ordering::Relaxed);
            layout.next(link).store(second, Ordering::Relaxed);
            layout.previous(link).store(first, Ordering::Relaxed);
            layout.previous(second).store(link, Ordering::Relaxed);
            // Release: whoever walks through the list comes to a complete copy.
            layout.next(first).store(link, Ordering::Release);
        }
    }
}
