//! `sendfile`: to a socket all goes, as much at a time as that has room for.

use libc::off_t;

use super::life::Life;
use super::splice::{await_by, class, is_listener, is_socket, keeping, room, waiting};
use crate::hub::class::Class;
use crate::hub::descriptor::Direction;
use crate::signal::{Watch, adopt, restart};
use crate::sys::file::File;
use crate::sys::raw::syscall;
use crate::task::Thread;
use crate::task::word::Cancellation;

/// `sendfile(2)`: a blocking socket takes everything.
///
/// # Safety
/// As for `sendfile`.
pub unsafe fn send_file(
    me: &'static Thread,
    to: i32,
    from: i32,
    offset: *mut off_t,
    count: usize,
) -> isize {
    // SAFETY: as the caller promises.
    let call = |count: usize| unsafe { syscall!(SYS_sendfile, to, from, offset, count) };
    let to_socket = is_socket(to);
    let is_refused = || count == 0 || is_listener(to) || !can_be_sent(from, to);
    let (source, sink) = (Life::of(me, from), Life::of(me, to));
    if to_socket && sink.is_some_and(|sink| sink.is_uncertain()) {
        return restart::in_region(|| call(count));
    }
    // The number may mean another file by now, which must not get what is left.
    let call = |count: usize| keeping(source, || keeping(sink, || call(count)));
    let mut sent = 0;
    let mut watch = Watch::new(me);
    loop {
        let wait = |life: Option<Life>, direction| {
            let Some(operation) = life.and_then(|life| waiting(life, direction)) else {
                return Ok(false);
            };
            // No cancellation point. What has gone ends it at the next handler.
            let operation = operation.ended_by(Cancellation::Asynchronous);
            let operation = if sent > 0 {
                operation.ended_by_handlers(watch)
            } else {
                operation
            };
            await_by(operation, is_refused)
        };
        let waited = wait(source, Direction::Read).and_then(|_| wait(sink, Direction::Write));
        let left = count - sent;
        if sent == 0 {
            watch = Watch::new(me);
        }
        let result = match waited {
            Err(error) => error,
            Ok(_) => match class(to) {
                Class::Tcp => adopt::raised(call(left.min(room(to)))),
                // What has room may have less.
                Class::Socket => restart::in_region(|| call(left.min(room(to)))),
                _ => restart::in_region(|| call(left)),
            },
        };
        if result <= 0 {
            return if sent > 0 { sent as isize } else { result };
        }
        sent += result as usize;
        if sent >= count || !to_socket {
            return sent as isize;
        }
    }
}

/// Whether `sendfile` moves anything from one to the other: the one can be read and, unless the
/// other is a pipe, has positions; the other can be written; and neither is an eventfd or the like.
fn can_be_sent(from: i32, to: i32) -> bool {
    match (File::of(from), File::of(to)) {
        (Some(from), Some(to)) => {
            from.can_read()
                && to.can_write()
                && (to.is_pipe() || from.has_positions())
                && !from.is_no_data()
                && !to.is_no_data()
        }
        _ => false,
    }
}
