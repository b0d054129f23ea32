//! Waiting for any of several descriptors: `poll`, `select` and their kin.

use core::cell::UnsafeCell;
use core::mem::size_of;
use core::slice;
use core::sync::atomic::{Ordering, fence};

use crate::hub::descriptor::{self, Descriptor, Direction, Link, Role};
use crate::sched::park;
use crate::signal::{Watch, cancel, restart, signalfd};
use crate::sys::clock::Instant;
use crate::sys::pages;
use crate::task::word::{Cancellation, Wake};
use crate::task::{Critical, Thread};

/// A descriptor of interest.
#[derive(Clone, Copy)]
pub struct Interest {
    /// Its number.
    pub fd: i32,
    /// Whether readability matters.
    pub read: bool,
    /// Whether writability matters.
    pub write: bool,
}

/// What is remembered of a descriptor while waiting.
struct Watched {
    entry: &'static Descriptor,
    generation: u32,
    wanted: [bool; 2],
    edges: [u32; 2],
    links: [UnsafeCell<Link>; 2],
}

const DIRECTIONS: [Direction; 2] = [Direction::Read, Direction::Write];

/// So many descriptors are watched from the stack.
const FEW: usize = 8;

/// Calls `probe`, which must not block, until it returns something else than 0,
/// waiting for an edge on one of `interests` in between; 0 at `deadline`, `-EINTR`
/// if a handler has run since `watch` began. `native` blocks in the kernel, for
/// descriptors that cannot be watched.
pub fn any(
    me: &'static Thread,
    interests: impl Iterator<Item = Interest> + Clone,
    deadline: Instant,
    watch: &Watch,
    mut probe: impl FnMut() -> isize,
    native: impl Fn() -> isize,
) -> isize {
    loop {
        let count = interests.clone().count();
        let outcome = if count <= FEW {
            let mut few: [UnsafeCell<Option<Watched>>; FEW] =
                [const { UnsafeCell::new(None) }; FEW];
            round(me, interests.clone(), &mut few, deadline, watch, &mut probe)
        } else {
            let size = count * size_of::<UnsafeCell<Option<Watched>>>();
            let Some(memory) = pages::reserve(size) else {
                return -(libc::ENOMEM as isize);
            };
            let many = memory.cast::<UnsafeCell<Option<Watched>>>();
            // SAFETY: fresh memory of sufficient size, initialised here, released
            // after its last use.
            unsafe {
                for index in 0..count {
                    many.add(index).write(UnsafeCell::new(None));
                }
                let outcome = round(
                    me,
                    interests.clone(),
                    slice::from_raw_parts_mut(many, count),
                    deadline,
                    watch,
                    &mut probe,
                );
                pages::release(memory, size);
                outcome
            }
        };
        match outcome {
            Outcome::Result(result) => return result,
            Outcome::Unwatchable => return restart::in_region(native),
            Outcome::Again => {}
            Outcome::Interrupted => {
                cancel::point();
                if watch.handled() {
                    return -(libc::EINTR as isize);
                }
            }
        }
    }
}

enum Outcome {
    Result(isize),
    Unwatchable,
    Again,
    Interrupted,
}

fn round(
    me: &'static Thread,
    interests: impl Iterator<Item = Interest>,
    places: &mut [UnsafeCell<Option<Watched>>],
    deadline: Instant,
    watch: &Watch,
    probe: &mut impl FnMut() -> isize,
) -> Outcome {
    for (place, interest) in places.iter_mut().zip(interests) {
        let Some(entry) = descriptor::get(interest.fd) else {
            return Outcome::Unwatchable;
        };
        let link = || Link::new(me, Role::Observer);
        // Before the probe: what happens after it is an edge.
        let watched = Watched {
            entry,
            generation: entry.generation(),
            wanted: [interest.read, interest.write],
            edges: DIRECTIONS.map(|direction| entry.edges(direction)),
            links: [link(), link()],
        };
        match entry.register(interest.fd) {
            // What cannot be watched is always ready; what is closed is found so
            // by the probe.
            Ok(()) | Err(libc::EPERM | libc::EBADF) => {}
            Err(_) => return Outcome::Unwatchable,
        }
        *place.get_mut() = Some(watched);
    }
    let places = &*places;
    let result = probe();
    if result != 0 {
        park::spend(me);
        return Outcome::Result(result);
    }
    let critical = Critical::enter();
    // From here on a signal stays pending, and `commit` sees it.
    if watch.handled() {
        return Outcome::Interrupted;
    }
    me.arm(Cancellation::Point);
    // `commit` looks for pending signals next, and may have taken no lock since.
    fence(Ordering::SeqCst);
    let quiet = each(places, |watched, index| {
        let direction = DIRECTIONS[index];
        // SAFETY: the links stay where they are until they are withdrawn below.
        unsafe {
            watched.entry.enqueue(
                direction,
                watched.generation,
                watched.edges[index],
                &watched.links[index],
            )
        }
        .is_ok()
    });
    let reason = if quiet {
        signalfd::stay_if_come(me);
        park::commit(me, deadline)
    } else {
        park::take_back(me).unwrap_or(Wake::Ready)
    };
    each(places, |watched, index| {
        watched
            .entry
            .withdraw(DIRECTIONS[index], &watched.links[index]);
        true
    });
    drop(critical);
    match reason {
        Wake::Timeout => Outcome::Result(probe()),
        Wake::Interrupted => Outcome::Interrupted,
        _ => Outcome::Again,
    }
}

/// Calls `act` for each direction that is waited for, until it says no.
fn each(
    places: &[UnsafeCell<Option<Watched>>],
    mut act: impl FnMut(&Watched, usize) -> bool,
) -> bool {
    places.iter().all(|place| {
        // SAFETY: nobody writes to the places any more; wakers touch the links
        // only, which are cells of their own.
        let Some(watched) = (unsafe { &*place.get() }) else {
            return true;
        };
        (0..2)
            .filter(|index| watched.wanted[*index])
            .all(|index| act(watched, index))
    })
}
