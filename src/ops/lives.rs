//! Beginnings and ends of a descriptor number's lives, as the program brings them about:
//! who has waited on the number runs, and learns so.
//!
//! To a thread that is apart numbers mean other files than to the process: what it does
//! to them is nobody else's affair.

use crate::glibc::cleanup;
use crate::hub::descriptor::{self, Descriptor, Moment, Next};
use crate::hub::place;
use crate::sched::{self, wake};
use crate::task::current;
use crate::thread::name_files;

/// Runs `call`, which returns a new descriptor or something negative: begins its life.
#[inline]
pub fn make<R: Copy + TryInto<i32>>(call: impl FnOnce() -> R) -> R {
    let since = descriptor::now();
    let result = call();
    if let Ok(fd) = result.try_into() {
        made(fd, since);
    }
    result
}

/// Runs `call`, which returns 0 if it has written two new descriptors to `pair`.
///
/// # Safety
/// `pair` is as the call needs it.
pub unsafe fn make_pair<R: Copy + PartialEq + From<bool>>(
    call: impl FnOnce() -> R,
    pair: *const i32,
) -> R {
    let since = descriptor::now();
    let result = call();
    if result == R::from(false) {
        // SAFETY: written by the call.
        unsafe {
            made(pair.read(), since);
            made(pair.add(1).read(), since);
        }
    }
    result
}

/// A call of the program's has returned the new descriptor `fd` after `since`.
#[inline]
pub fn made(fd: i32, since: Moment) {
    if fd < 0 || current().is_apart() {
        return;
    }
    if !descriptor::begin(fd, since) {
        // The life before ended behind our back.
        go_on(fd, Next::Unknown);
        descriptor::begin(fd, since);
    }
    make_room(fd);
}

/// libgreen itself has made the descriptor `fd`, of which nothing is to be remembered. Who has closed its number
/// a moment ago may not have come to say so: that must not be taken for the end of this one.
pub fn make_own(fd: i32) {
    if descriptor::get(fd).is_some_and(|entry| descriptor::is_uncertain(entry.generation())) {
        go_on(fd, Next::Unknown);
    }
}

/// The new descriptor `fd` is for a file that others have as well.
pub fn adopt(fd: i32) {
    made(fd, descriptor::now());
    share(fd);
}

/// The end of a number's life that the program is bringing about.
struct Ending {
    fd: i32,
    entry: &'static Descriptor,
    /// The name of what lies between this life and the next.
    between: u32,
}

impl Ending {
    /// `None` where nobody can have waited, or will.
    #[inline]
    fn begin(fd: i32) -> Option<Self> {
        name_files::closing(fd);
        let (entry, between) = go_on(fd, Next::Closing)?;
        Some(Self { fd, entry, between })
    }

    /// The number was closed, or that has failed. Who has met the file in between, and waits, begins anew.
    fn over(&self) {
        wake::collecting(|woken| self.entry.settle(self.fd, self.between, woken));
    }
}

/// Runs `call`, which closes `fd`. It may be left by cancellation (`SO_LINGER`) or by a jump, with the number
/// closed or not.
#[inline]
pub fn end<R>(fd: i32, call: impl FnOnce() -> R) -> R {
    let Some(ending) = Ending::begin(fd) else {
        return call();
    };
    let result = cleanup::guarded(|| ending.over(), call);
    ending.over();
    result
}

/// Runs `call`, which puts a file that has other numbers, too, to the number `fd`, or fails: then its result is
/// negative. It may be left by a jump.
pub fn replace(fd: i32, call: impl FnOnce() -> isize) -> isize {
    go_on(fd, Next::Replacement);
    let unknown = || {
        go_on(fd, Next::Unknown);
    };
    let result = cleanup::guarded(unknown, call);
    if result < 0 {
        unknown();
    } else {
        go_on(fd, Next::Shared);
        make_room(fd);
    }
    result
}

fn go_on(fd: i32, next: Next) -> Option<(&'static Descriptor, u32)> {
    if current().is_apart() {
        return None;
    }
    let following = wake::collecting(|woken| descriptor::end(fd, next, woken));
    descriptor::await_holders(fd);
    following
}

/// Has the hub move on if the program's numbers come near its own.
fn make_room(fd: i32) {
    if place::is_near(fd) && !current().is_apart() {
        place::make_room(fd);
    }
}

/// Closes all numbers from `first` to `last` by `call`, some at a time, until that fails.
pub fn end_range(first: u32, last: u32, call: impl Fn(u32, u32) -> isize) -> isize {
    if current().is_apart() {
        return call(first, last);
    }
    let mut numbers = descriptor::ending(first, last);
    let mut from = first;
    loop {
        let mut to = last;
        let mut endings = [const { None }; AT_A_TIME];
        for (index, place) in endings.iter_mut().enumerate() {
            let Some(fd) = numbers.next() else { break };
            *place = Ending::begin(fd);
            if index == AT_A_TIME - 1 {
                to = fd as u32;
            }
        }
        let over = || endings.iter().flatten().for_each(Ending::over);
        let result = cleanup::guarded(over, || call(from, to));
        over();
        if result < 0 || to == last {
            return result;
        }
        from = to + 1;
    }
}

/// So many numbers of a range end their lives together.
const AT_A_TIME: usize = 32;

/// The file of `fd` has got another number or another owner.
pub fn share(fd: i32) {
    if !current().is_apart() {
        descriptor::share(fd);
    }
}

/// A thread that is not green, beside green ones, is about to take what `fd` has.
pub fn contend(fd: i32) {
    if sched::is_running() {
        share(fd);
    }
}

/// Runs `call`, which looks at the status flags of `fd` or changes them.
pub fn with_status<R>(fd: i32, call: impl FnOnce() -> R) -> R {
    match descriptor::get(fd) {
        Some(entry) if !current().is_apart() => entry.with_status(call),
        _ => call(),
    }
}

/// Runs `call`, which changes status flags of `fd`.
pub fn change_status<R>(fd: i32, call: impl FnOnce() -> R) -> R {
    let result = with_status(fd, call);
    status_changed(fd);
    result
}

/// The program has changed a status flag or a time-out of `fd`.
pub fn status_changed(fd: i32) {
    if !current().is_apart() {
        descriptor::status_changed(fd);
    }
}
