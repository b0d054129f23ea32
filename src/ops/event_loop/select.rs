//! `select` and `pselect`.

use core::cell::Cell;
use core::ffi::c_int;
use core::{ptr, slice};

use libc::{fd_set, timespec};

use super::{Wait, forget_ready};
use crate::ops::poll::{self, Interest};
use crate::signal::{cancel, restart, signalfd};
use crate::sys::clock;
use crate::sys::pages;
use crate::sys::raw::syscall;
use crate::task::arguments;

/// The three sets of a call: of `count` descriptors, in `words` words, or absent.
pub struct Sets {
    sets: [*mut u64; 3],
    words: usize,
    count: c_int,
}

impl Sets {
    /// Those of a call, unless the kernel has to say that one is none.
    pub fn new(count: c_int, sets: [*mut fd_set; 3]) -> Option<Self> {
        let words = usize::try_from(count).ok()?.div_ceil(64);
        let there =
            |set: &*mut fd_set| set.is_null() || arguments::are_readable(set.addr(), words * 8);
        sets.iter().all(there).then(|| Self {
            sets: sets.map(<*mut fd_set>::cast),
            words,
            count,
        })
    }

    fn present(&self) -> impl Iterator<Item = *mut u64> {
        self.sets.into_iter().filter(|set| !set.is_null())
    }

    fn load_from(&self, copy: &[u64]) {
        for (set, copy) in self.present().zip(copy.chunks_exact(self.words)) {
            // SAFETY: the program's set, of that size.
            unsafe { ptr::copy_nonoverlapping(copy.as_ptr(), set, self.words) };
        }
    }

    fn store_to(&self, copy: &mut [u64]) {
        for (set, copy) in self.present().zip(copy.chunks_exact_mut(self.words)) {
            // SAFETY: as above.
            unsafe { ptr::copy_nonoverlapping(set, copy.as_mut_ptr(), self.words) };
        }
    }

    /// The descriptors that are in them.
    fn ready(&self) -> impl Iterator<Item = i32> {
        (0..self.words as i32)
            .flat_map(move |word| {
                let any = self.present().fold(0, |any, set| {
                    // SAFETY: within the program's set.
                    any | unsafe { *set.add(word as usize) }
                });
                (0..64)
                    .filter(move |bit| any >> bit & 1 != 0)
                    .map(move |bit| word * 64 + bit)
            })
            .filter(move |fd| *fd < self.count)
    }
}

/// What a call asks for: the kernel writes its answers over it.
struct Question<'a> {
    sets: &'a Sets,
    /// A copy of what the sets were.
    copy: &'a [u64],
    /// Whether they still are.
    is_there: Cell<bool>,
}

impl Question<'_> {
    /// Makes the sets what they were.
    fn restore(&self) {
        if !self.is_there.replace(true) {
            self.sets.load_from(self.copy);
        }
    }

    /// Asks by `call`, which gets the call's arguments but for the time. An error leaves the sets as
    /// they were.
    fn ask(&self, call: impl FnOnce([usize; 4]) -> isize) -> isize {
        self.restore();
        let [read, write, except] = self.sets.sets.map(|set| set.addr());
        let result = call([self.sets.count as usize, read, write, except]);
        self.is_there.set(result < 0);
        result
    }

    /// The descriptors that it names.
    fn interests(&self) -> impl Iterator<Item = Interest> + Clone {
        let (copy, words) = (self.copy, self.sets.words);
        let mut position = 0;
        let places = self.sets.sets.map(|set| {
            let here = (!set.is_null()).then_some(position * words);
            position += usize::from(!set.is_null());
            here
        });
        (0..self.sets.count).filter_map(move |fd| {
            let has = |place: Option<usize>| {
                place.is_some_and(|place| copy[place + fd as usize / 64] >> (fd % 64) & 1 != 0)
            };
            let (read, write, except) = (has(places[0]), has(places[1]), has(places[2]));
            (read || write || except).then_some(Interest {
                fd,
                read: read || except,
                write,
            })
        })
    }
}

/// Sets of up to this many words in all are copied to the stack.
const FEW: usize = 3 * 16;

/// Waits until a descriptor of the sets is ready.
///
/// # Safety
/// As for `select`.
pub unsafe fn until_ready(wait: &Wait, sets: &Sets) -> isize {
    let size = sets.present().count() * sets.words;
    if size == 0 {
        return wait.sleep();
    }
    if size <= FEW {
        let mut copy = [0; FEW];
        sets.store_to(&mut copy[..size]);
        return wait_for(wait, sets, &copy[..size]);
    }
    let Some(memory) = pages::reserve(size * 8) else {
        return -(libc::ENOMEM as isize);
    };
    // Who is cancelled in the kernel does not come back here.
    let wait = Wait {
        may_be_in_kernel: false,
        ..*wait
    };
    // SAFETY: fresh, zeroed memory of that size, released after its last use.
    unsafe {
        let copy = slice::from_raw_parts_mut(memory.cast(), size);
        sets.store_to(copy);
        let result = wait_for(&wait, sets, copy);
        pages::release(memory, size * 8);
        result
    }
}

/// [`until_ready`] with a `copy` of what the sets are.
fn wait_for(wait: &Wait, sets: &Sets, copy: &[u64]) -> isize {
    signalfd::awaited(wait.me, || ask_until_ready(wait, sets, copy))
}

/// [`wait_for`].
fn ask_until_ready(wait: &Wait, sets: &Sets, copy: &[u64]) -> isize {
    let question = Question {
        sets,
        copy,
        is_there: Cell::new(true),
    };
    let now = timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let look = || {
        let ask = || {
            question.ask(|[count, read, write, except]| {
                // SAFETY: the program's sets; the kernel refuses what is none.
                unsafe { syscall!(SYS_pselect6, count, read, write, except, &raw const now, 0) }
            })
        };
        restart::kernel_call(|| signalfd::look(wait.me, ask))
    };
    let left =
        || clock::until(wait.deadline).map(|left| clock::to_timespec(left.as_nanos() as u64));
    let in_kernel = || {
        let left = left();
        let time = left
            .as_ref()
            .map_or(0, |left| ptr::from_ref(left).expose_provenance());
        question.ask(|[count, read, write, except]| {
            let arguments = [count, read, write, except, time, 0];
            // SAFETY: as above, and a live time.
            unsafe { cancel::waiting_call(libc::SYS_pselect6, arguments) }
        })
    };
    // Not to be cancelled in, since the copy may have to be released.
    let in_region = || {
        let left = left();
        let time = left.as_ref().map_or(ptr::null(), ptr::from_ref);
        question.ask(|[count, read, write, except]| {
            // SAFETY: as above.
            unsafe { syscall!(SYS_pselect6, count, read, write, except, time, 0) }
        })
    };
    let looks_first = wait.looks_first();
    if looks_first && let Some(result) = wait.look(look) {
        if result == 0 && wait.is_first_look {
            question.restore();
        }
        return result;
    }
    if let Some(result) = wait.alone(in_kernel) {
        if result > 0 {
            forget_ready(sets.ready());
        }
        return result;
    }
    if !looks_first && let Some(result) = wait.look(look) {
        return result;
    }
    let interests = question.interests();
    let result = poll::any(
        wait.me,
        interests,
        wait.deadline,
        &wait.watch,
        look,
        in_region,
    );
    if result < 0 {
        question.restore();
    }
    result
}
