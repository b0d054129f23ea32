//! One operation on a descriptor, which is tried, waits for an edge, and is tried again.

use core::ops::Deref;

use super::life::Life;
use super::{EAGAIN, EBADF, EINTR, IN_KERNEL, shut_down};
use crate::hub::class::Class;
use crate::hub::descriptor::{Descriptor, Direction, Link, Role};
use crate::sched::park;
use crate::signal::socket_wait::Act;
use crate::signal::{Watch, adopt, cancel, restart, signalfd};
use crate::sys::clock::{self, Instant, NEVER};
use crate::sys::socket;
use crate::task::word::{Cancellation, Wake};
use crate::task::{Critical, Thread};

/// One operation on a number, from its first attempt to its end.
pub struct Operation {
    /// The life that it began in.
    life: Life,
    pub(super) direction: Direction,
    /// Whether there was an attempt: from then on the number must not mean
    /// another file.
    pub(super) begun: bool,
    pub(super) watch: Watch,
    /// From `SO_RCVTIMEO` or `SO_SNDTIMEO`, asked for when first needed.
    deadline: Option<Instant>,
    /// Whether it goes on to wait whatever becomes of `O_NONBLOCK`.
    waits: bool,
    /// Whether a handler with `SA_RESTART` lets it go on.
    restarts: bool,
    /// Whether it does so where there is a deadline.
    restarts_timed: bool,
    /// Whose cancellation ends its waits.
    cancellation: Cancellation,
    /// How often sockets were shut down before the next attempt to send.
    shut_downs: u32,
}

/// Why an operation stopped waiting.
pub enum Stop {
    /// The result.
    With(isize),
    /// Its time is over.
    Timeout,
    /// epoll cannot watch the descriptor: the kernel has to block.
    Unwatchable,
}

impl Deref for Operation {
    type Target = Life;

    #[inline(always)]
    fn deref(&self) -> &Life {
        &self.life
    }
}

impl Operation {
    /// Of `me` on `fd`. `None` for numbers beyond the table.
    #[inline(always)]
    pub fn new(me: &'static Thread, fd: i32, direction: Direction) -> Option<Self> {
        Life::of(me, fd).map(|life| Self::begin(life, direction))
    }

    /// One that begins, and finds its file, now.
    #[inline(always)]
    fn begin(life: Life, direction: Direction) -> Self {
        Self {
            life,
            direction,
            begun: false,
            watch: Watch::new(life.me),
            deadline: None,
            waits: false,
            restarts: true,
            restarts_timed: false,
            cancellation: Cancellation::Point,
            shut_downs: match direction {
                Direction::Write => shut_down::so_far(),
                Direction::Read => 0,
            },
        }
    }

    /// One of a call that has met its file in that life.
    pub(super) fn go_on(life: Life, direction: Direction) -> Self {
        let mut operation = Self::begin(life, direction);
        operation.begun = true;
        operation
    }

    /// Gives up at `deadline`, and whenever a handler has run.
    pub fn until(mut self, deadline: Instant, watch: Watch) -> Self {
        self.deadline = Some(deadline);
        self.watch = watch;
        self.restarts = false;
        self
    }

    /// Gives up at `deadline`.
    pub fn limited(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self.restarts_timed = true;
        self
    }

    /// Its waits are ended by that cancellation instead of one at a point.
    pub fn ended_by(mut self, cancellation: Cancellation) -> Self {
        self.cancellation = cancellation;
        self
    }

    /// A part of what was asked for has gone through: from now on any handler ends the call,
    /// which has that as its result. (So does the kernel, which cannot start it again.) False if one has run
    /// since the last wait, or if nobody can tell which file that was.
    #[must_use]
    pub(super) fn part_done(&mut self) -> bool {
        self.restarts = false;
        if self.waits_for_each_part() {
            self.deadline = None;
        }
        !self.is_uncertain() && !self.watch.handled()
    }

    /// [`part_done`](Self::part_done) where that was one of several messages, of which each has the time limit to itself,
    /// and looks for `O_NONBLOCK`.
    #[must_use]
    pub(super) fn message_done(&mut self) -> bool {
        self.deadline = None;
        self.waits = false;
        self.part_done()
    }

    /// Whether the time limit is one for each part: a Unix socket's (Linux, `sock_alloc_send_pskb`).
    fn waits_for_each_part(&self) -> bool {
        self.direction == Direction::Write
            && self.deadline.is_some_and(|deadline| deadline != NEVER)
            && self.entry.class(self.fd) == Class::Socket
            && socket::int_option(self.fd, libc::SO_DOMAIN) == Ok(libc::AF_UNIX)
    }

    /// Any handler that has run since `watch` ends the call, or does so from now on.
    pub(super) fn ended_by_handlers(mut self, watch: Watch) -> Self {
        self.restarts = false;
        self.watch = watch;
        self
    }

    /// It goes on after a part of a call that began at `begun`. `None` if its time has been over since, if not begun
    /// again by parts: that may be what has ended it.
    pub(super) fn since(mut self, begun: Instant) -> Option<Self> {
        let deadline = self.entry.deadline(self.direction);
        if deadline == NEVER {
            self.deadline = Some(NEVER);
            return Some(self);
        }
        let now = clock::now();
        let deadline = deadline.saturating_sub(now.saturating_sub(begun));
        self.deadline = Some(deadline);
        (now < deadline).then_some(self)
    }

    /// Calls `attempt`, which must not block, until it returns something else
    /// than `-EAGAIN`, waiting for readiness in between; `attempt` gets the edge
    /// count from before, for [`Descriptor::set_drained`]. `native` blocks in the
    /// kernel, for descriptors that cannot be watched, and where `attempt` returns
    /// [`IN_KERNEL`].
    #[inline]
    pub fn run(
        &mut self,
        attempt: impl FnMut(&Descriptor, u32) -> isize,
        native: impl Fn() -> isize,
    ) -> isize {
        if self.direction == Direction::Write && !self.begun && self.is_uncertain() {
            // When it is known what the number means nobody can tell where the first of several parts has gone.
            return self.in_kernel(native);
        }
        self.repeat(attempt, native)
    }

    /// [`run`](Self::run) of what transfers nothing.
    #[inline]
    pub(super) fn repeat(
        &mut self,
        mut attempt: impl FnMut(&Descriptor, u32) -> isize,
        native: impl Fn() -> isize,
    ) -> isize {
        let has_result = self.begun;
        // By what it has done or waited for.
        let mut is_bound = has_result;
        let mut is_over = false;
        loop {
            let edges = self.entry.edges(self.direction);
            // The program's own non-blocking call must see what has just arrived.
            if !self.entry.is_drained(self.direction, edges) || self.entry.is_nonblocking(self.fd) {
                let result = adopt::raised(self.attempt(|entry| attempt(entry, edges)));
                if result != EAGAIN {
                    if result == EBADF && !has_result && self.begins_anew() {
                        is_bound = false;
                        continue;
                    }
                    if result == IN_KERNEL {
                        return self.in_kernel_as(is_bound, native);
                    }
                    park::spend(self.me);
                    return result;
                }
            }
            if is_over {
                return EAGAIN;
            }
            match self.await_edge(edges) {
                Ok(()) => is_bound = true,
                // What came before that is not too late, whoever was first to be told.
                Err(Stop::Timeout) => is_over = true,
                Err(Stop::With(EBADF)) if !has_result && self.begins_anew() => is_bound = false,
                Err(Stop::With(result)) => return result,
                Err(Stop::Unwatchable) => return self.in_kernel_as(is_bound, native),
            }
        }
    }

    /// Lets the kernel wait, for no other file if the operation `is_bound` to one.
    #[cold]
    fn in_kernel_as(&self, is_bound: bool, native: impl Fn() -> isize) -> isize {
        if is_bound {
            self.in_kernel(|| self.entering(&native))
        } else {
            self.in_kernel(native)
        }
    }

    /// Lets the kernel wait.
    #[cold]
    pub(super) fn in_kernel(&self, native: impl Fn() -> isize) -> isize {
        let act = match self.direction {
            Direction::Read => Act::Receive,
            Direction::Write => Act::Send,
        };
        restart::socket_in_region(self.fd, act, native)
    }

    /// The first attempt finds the file by its number, like any system call;
    /// later ones are for the same file, or not made.
    #[inline]
    pub(super) fn attempt(&mut self, attempt: impl FnOnce(&Descriptor) -> isize) -> isize {
        let entry = self.entry;
        if !self.begun {
            self.begun = true;
            return attempt(entry);
        }
        self.held(|| attempt(entry)).unwrap_or(EBADF)
    }

    /// Whether the number means what it did when the operation began, as far as that matters.
    pub(super) fn is_same_file(&self) -> bool {
        !self.begun || !self.is_over()
    }

    /// Whether the operation, which has had no effect, can begin as if it were called now:
    /// it began while another file was being put to its number, and that is done.
    #[cold]
    pub(super) fn begins_anew(&mut self) -> bool {
        let anew = self.is_uncertain() && self.is_over();
        if anew {
            self.life = self.life.following();
            self.begun = false;
        }
        anew
    }

    /// Waits for an edge after `edges`.
    pub(super) fn await_edge(&mut self, edges: u32) -> Result<(), Stop> {
        self.begun = true;
        if !self.waits {
            if self.entry.is_nonblocking(self.fd) {
                return Err(Stop::With(EAGAIN));
            }
            // Other files look again whenever they have waited (Linux, fs/pipe.c).
            self.waits = matches!(self.entry.class(self.fd), Class::Tcp | Class::Socket);
        }
        let deadline = match self.deadline {
            Some(deadline) => deadline,
            None => *self.deadline.insert(self.entry.deadline(self.direction)),
        };
        match self.entry.register(self.fd) {
            Ok(()) => {}
            Err(libc::EBADF) => return Err(Stop::With(EBADF)),
            // Of another file, which must not be waited for.
            Err(_) if !self.is_same_file() => return Err(Stop::With(EBADF)),
            Err(_) => return Err(Stop::Unwatchable),
        }
        let wake = {
            // A handler that has just run ends a call that is never restarted;
            // from here on a signal stays pending, and the wait sees it.
            let _critical = (!self.restarts).then(Critical::enter);
            if !self.restarts && self.watch.handled() {
                Wake::Interrupted
            } else {
                self.park(edges, deadline, self.cancellation)
            }
        };
        if self.direction == Direction::Write {
            self.shut_downs = shut_down::so_far();
        }
        match wake {
            Wake::Closed => Err(Stop::With(EBADF)),
            Wake::Timeout => Err(Stop::Timeout),
            Wake::Interrupted => {
                cancel::after(self.cancellation);
                // signal(7): with a time-out set on the socket never restarted.
                let restarts = self.restarts && (deadline == NEVER || self.restarts_timed);
                let watch = self.watch;
                if self.restarts {
                    // What lets it go on has had its effect. Before the look: what comes meanwhile is seen there.
                    self.watch = Watch::new(self.me);
                }
                let fail = if restarts {
                    watch.interrupted()
                } else {
                    watch.handled()
                };
                if fail {
                    Err(Stop::With(EINTR))
                } else if self.me.is_green() {
                    Ok(())
                } else {
                    // The handler has forked: here there is no hub.
                    Err(Stop::Unwatchable)
                }
            }
            _ => Ok(()),
        }
    }

    /// Leaves the CPU until an edge after `edges`, or `deadline`.
    #[inline]
    pub(super) fn park(&self, edges: u32, deadline: Instant, cancellation: Cancellation) -> Wake {
        let _critical = Critical::enter();
        if self.direction == Direction::Write && self.entry.class(self.fd) == Class::Socket {
            return self.queue_untold(edges, deadline, cancellation);
        }
        self.queue(edges, deadline, cancellation)
    }

    /// [`park`](Self::park) where an edge may come that nothing tells of, in a critical section.
    #[cold]
    fn queue_untold(&self, edges: u32, deadline: Instant, cancellation: Cancellation) -> Wake {
        let wake = if shut_down::begin_wait(self.shut_downs) {
            self.queue(edges, deadline, cancellation)
        } else {
            Wake::Ready
        };
        shut_down::end_wait();
        wake
    }

    #[inline(always)]
    fn queue(&self, edges: u32, deadline: Instant, cancellation: Cancellation) -> Wake {
        let (me, entry) = (self.me, self.entry);
        let link = Link::new(me, Role::Consumer);
        me.arm(cancellation);
        // SAFETY: withdrawn below unless the waker has unlinked it.
        let queued = unsafe { entry.enqueue(self.direction, self.generation(), edges, &link) };
        if let Err(reason) = queued {
            // Or a signal would take the thread, which runs, for one that it has woken.
            park::take_back(me);
            return reason;
        }
        signalfd::stay_if_come(me);
        let reason = park::commit(me, deadline);
        if matches!(reason, Wake::Timeout | Wake::Interrupted) {
            entry.withdraw(self.direction, &link);
        }
        reason
    }
}
