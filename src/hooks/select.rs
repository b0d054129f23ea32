//! `select` and `pselect`.

use core::ffi::c_int;
use core::{ptr, slice};

use libc::{fd_set, sigset_t, timespec, timeval};

use super::symbol::{alias, check};
use crate::glibc::real::real;
use crate::hub::place;
use crate::ops::poll::{self, Interest};
use crate::ops::sleep;
use crate::sched::park;
use crate::signal::{Watch, cancel, mask, restart};
use crate::sys::clock::{self, Instant, NEVER, SECOND};
use crate::sys::raw::syscall;
use crate::sys::{errno, open_files, pages};
use crate::task::{Thread, arguments, green};

/// The three sets of a call, each of `words` words or absent.
struct Sets {
    sets: [*mut u64; 3],
    words: usize,
}

/// Sets of up to this many words in all are copied to the stack.
const FEW: usize = 3 * 16;

impl Sets {
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

    fn present(&self) -> impl Iterator<Item = *mut u64> {
        self.sets.into_iter().filter(|set| !set.is_null())
    }
}

/// The descriptors that `copy` of `sets` names.
fn interests<'a>(
    count: c_int,
    sets: &Sets,
    copy: &'a [u64],
) -> impl Iterator<Item = Interest> + Clone + 'a {
    let words = sets.words;
    let mut position = 0;
    let places = sets.sets.map(|set| {
        let here = (!set.is_null()).then_some(position * words);
        position += usize::from(!set.is_null());
        here
    });
    (0..count).filter_map(move |fd| {
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

/// The sets of a call, unless the kernel has to say that one is none.
fn sets(count: c_int, sets: [*mut fd_set; 3]) -> Option<Sets> {
    let words = usize::try_from(count).ok()?.div_ceil(64);
    let there = |set: &*mut fd_set| set.is_null() || arguments::are_readable(set.addr(), words * 8);
    sets.iter().all(there).then(|| Sets {
        sets: sets.map(<*mut fd_set>::cast),
        words,
    })
}

/// `in_kernel`: the thread may do so in the kernel. Not if the call sets a signal mask: to set
/// it and to wait would not be one step.
///
/// # Safety
/// As for `select`.
unsafe fn wait(
    me: &'static Thread,
    count: c_int,
    sets: &Sets,
    deadline: Instant,
    watch: &Watch,
    in_kernel: bool,
) -> isize {
    let size = sets.present().count() * sets.words;
    if size == 0 {
        // Nothing to look at: a sleep.
        return if deadline <= clock::now() || sleep::until(me, deadline, watch) {
            0
        } else {
            -(libc::EINTR as isize)
        };
    }
    if size <= FEW {
        let mut copy = [0; FEW];
        sets.store_to(&mut copy[..size]);
        return wait_with(me, count, sets, &copy[..size], deadline, watch, in_kernel);
    }
    let Some(memory) = pages::reserve(size * 8) else {
        return -(libc::ENOMEM as isize);
    };
    // SAFETY: fresh, zeroed memory of that size, released after its last use.
    unsafe {
        let copy = slice::from_raw_parts_mut(memory.cast(), size);
        sets.store_to(copy);
        // Who is cancelled in the kernel does not come back here.
        let result = wait_with(me, count, sets, copy, deadline, watch, false);
        pages::release(memory, size * 8);
        result
    }
}

/// A cancellation point.
fn wait_in_kernel(count: c_int, sets: &Sets, deadline: Instant) -> isize {
    let [read, write, except] = sets.sets.map(|set| set.addr());
    let mut left = clock::until(deadline).map(|left| clock::to_timespec(left.as_nanos() as u64));
    let time = left
        .as_mut()
        .map_or(0, |time| ptr::from_mut(time).expose_provenance());
    let arguments = [count as usize, read, write, except, time, 0];
    // SAFETY: the program's sets, and a live time; the kernel refuses what is none.
    unsafe { cancel::waiting_call(libc::SYS_pselect6, arguments) }
}

/// The descriptors that are in the sets.
fn ready(count: c_int, sets: &Sets) -> impl Iterator<Item = i32> {
    (0..sets.words as i32)
        .flat_map(move |word| {
            let any = sets.present().fold(0, |any, set| {
                // SAFETY: within the program's set.
                any | unsafe { *set.add(word as usize) }
            });
            (0..64)
                .filter(move |bit| any >> bit & 1 != 0)
                .map(move |bit| word * 64 + bit)
        })
        .filter(move |fd| *fd < count)
}

/// `copy`: what the sets are. For `in_kernel` see [`wait`].
fn wait_with(
    me: &'static Thread,
    count: c_int,
    sets: &Sets,
    copy: &[u64],
    deadline: Instant,
    watch: &Watch,
    in_kernel: bool,
) -> isize {
    let [read, write, except] = sets.sets;
    let call = |time: *const timespec| {
        // SAFETY: the program's sets; the kernel refuses what is none.
        unsafe { syscall!(SYS_pselect6, count, read, write, except, time, 0usize) }
    };
    let now = timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let look = || {
        let result = restart::kernel_call(|| call(&now));
        (result != 0 || deadline <= clock::now()).then(|| {
            park::spend(me);
            result
        })
    };
    // Who had to wait the last time does not look first.
    let looks = !in_kernel || !me.event_loop.waits.get() || deadline <= clock::now();
    if looks {
        if let Some(result) = look() {
            return result;
        }
        // The kernel has written the sets.
        sets.load_from(copy);
    }
    if in_kernel {
        // It has not where this fails.
        if let Some(result) = poll::alone(me, watch, || wait_in_kernel(count, sets, deadline)) {
            if result > 0 {
                poll::forget_ready(ready(count, sets));
            }
            return result;
        }
    }
    if !looks && let Some(result) = look() {
        return result;
    }
    let call = |time: *const timespec| {
        sets.load_from(copy);
        call(time)
    };
    let probe = || restart::kernel_call(|| call(&now));
    let native = || match clock::until(deadline) {
        None => call(ptr::null()),
        Some(left) => call(&clock::to_timespec(left.as_nanos() as u64)),
    };
    let result = poll::any(
        me,
        interests(count, sets, copy),
        deadline,
        watch,
        probe,
        native,
    );
    if result < 0 {
        // An error leaves the sets as they were.
        sets.load_from(copy);
    }
    result
}

/// `count`, or how far it reaches where the hub's own descriptors, far beyond the
/// program's, have not made the kernel's table of them larger.
///
/// The kernel looks no further than that table goes, and programs that ask for as many
/// as `getdtablesize(3)` says count on it: their sets are not so large.
fn within_reach(count: c_int) -> c_int {
    const USUAL: c_int = libc::FD_SETSIZE as c_int;
    if count <= USUAL || place::ours().next().is_none() {
        return count;
    }
    let mut highest = 0;
    let looked = open_files::each(|fd| {
        if place::ours().all(|own| own != fd) {
            highest = highest.max(fd);
        }
    });
    match looked {
        Ok(()) => count.min(USUAL.max((highest as u32 + 1).next_power_of_two() as c_int)),
        Err(_) => count,
    }
}

/// `select(2)`; as Linux does, leaves the time that is left in `timeout`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn select(
    count: c_int,
    read: *mut fd_set,
    write: *mut fd_set,
    except: *mut fd_set,
    timeout: *mut timeval,
) -> c_int {
    let count = within_reach(count);
    let native = || {
        let real = real!(select(_, _, _, _, _));
        // What is left of the time limit is there after any end of it.
        // SAFETY: as the caller promises.
        restart::libc_call(|| unsafe { real(count, read, write, except, timeout) })
    };
    let Some(me) = green() else { return native() };
    cancel::point();
    let Some(sets) = sets(count, [read, write, except]) else {
        return native();
    };
    // SAFETY: as the caller promises; libc, too, looks there itself.
    let time = unsafe { timeout.as_mut() };
    let deadline = match &time {
        None => NEVER,
        Some(time) if time.tv_sec < 0 || time.tv_usec < 0 => {
            errno::set(libc::EINVAL);
            return -1;
        }
        // glibc takes any number of microseconds.
        Some(time) => clock::limit(
            (time.tv_sec as u64)
                .saturating_mul(SECOND)
                .saturating_add(time.tv_usec as u64 * 1000),
        ),
    };
    // SAFETY: as the caller promises.
    let result = unsafe { wait(me, count, &sets, deadline, &Watch::new(me), true) };
    if let Some(time) = time {
        let left = deadline.saturating_sub(clock::now());
        time.tv_sec = (left / SECOND) as i64;
        time.tv_usec = (left % SECOND / 1000) as i64;
    }
    errno::to_libc(result) as c_int
}
check!(select(_, _, _, _, _));

alias!(__select = select);

/// `pselect(2)`.
///
/// # Safety
/// As libc's function of the same name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pselect(
    count: c_int,
    read: *mut fd_set,
    write: *mut fd_set,
    except: *mut fd_set,
    timeout: *const timespec,
    set: *const sigset_t,
) -> c_int {
    let count = within_reach(count);
    let native = || {
        let real = real!(pselect(_, _, _, _, _, _));
        // SAFETY: as the caller promises.
        unsafe {
            restart::within(timeout, |timeout| {
                real(count, read, write, except, timeout, set)
            })
        }
    };
    let Some(me) = green() else {
        return mask::natively(set, native);
    };
    cancel::point();
    let (Some(sets), Ok(set)) = (sets(count, [read, write, except]), mask::read(set)) else {
        return native();
    };
    // SAFETY: as the caller promises; libc, too, looks there itself.
    let Some(deadline) = clock::limit_of_time(unsafe { timeout.as_ref() }) else {
        errno::set(libc::EINVAL);
        return -1;
    };
    let in_kernel = set.is_none();
    // SAFETY: as the caller promises.
    let result = mask::during(me, set, |watch| unsafe {
        wait(me, count, &sets, deadline, watch, in_kernel)
    });
    errno::to_libc(result) as c_int
}
check!(pselect(_, _, _, _, _, _));
