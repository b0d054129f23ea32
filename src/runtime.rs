//! Start, and start again in a forked child.

use core::ffi::c_void;
use core::sync::atomic::Ordering;

use libc::{pthread_attr_t, pthread_t};

use crate::arch::thread::{pointer, stack_pointer};
use crate::glibc::signals::UNBLOCKABLE;
use crate::glibc::{breakpoint, deep_binding, loader, objects, patch, tcb, threads, tls};
use crate::sched::worker::{self, Worker};
use crate::sched::{
    self, blocking, children, idle, kernel_state, kernel_thread, lend, monitor, slots, summary,
    switch, tie,
};
use crate::sys::in_child::{self, in_child};
use crate::sys::{errno, limit, membarrier, pages, report, sigmask};
use crate::task::lock::RawLock;
use crate::task::upcalls::{self, Upcalls};
use crate::task::{Critical, Kind, StartRoutine, Thread, current, rank, stack};
use crate::thread::{
    begun_by_libc, create, donor, executable, exit, go, husk, main_thread, native, pool,
    scheduling, signalled,
};
use crate::wait::QUEUES;
use crate::{arch, hub, settings, signal};

static STARTING: RawLock<{ rank::START }> = RawLock::new();

/// What the layers below ask of those above them.
static UPCALLS: Upcalls = Upcalls {
    catch_up: signal::catch_up::catch_up,
    defer_handlers,
    deliver_deferred: signal::catch_up::deliver_deferred,
    look_for_signals: signal::shared::look,
    monitor_signals: signal::shared::monitor_look,
    killed: exit::killed,
    needs_monitor: signal::shared::is_polled,
    prepare: create::prepare,
    retired: exit::retired,
};

/// Before a wait inside the runtime by a thread that is not green: handlers run after it. What a Go runtime
/// does with signals stays its own affair until the first `pthread_create` of another's.
fn defer_handlers() {
    if threads::is_single() || !go::is_program() {
        signal::sigaction::install();
    }
}

/// Sets them, at load.
pub fn set_upcalls() {
    upcalls::set(&UPCALLS);
}

/// Asks to be told of what the loader loads, once: before the first `dlopen`, or the first thread.
pub fn watch_loader() {
    if breakpoint::was_asked() {
        return;
    }
    let _critical = Critical::enter();
    STARTING.lock();
    watch_loader_locked();
    STARTING.unlock();
}

fn watch_loader_locked() {
    if !breakpoint::was_asked() {
        deep_binding::init();
        breakpoint::watch(objects_changed);
    }
}

/// By the thread at work, under the loader's lock.
extern "C" fn objects_changed() {
    loader::look_for_namespaces();
    deep_binding::adjust();
    executable::look();
}

/// Why there are no green threads.
pub struct Failure {
    /// What could not be done.
    pub what: &'static str,
    /// The errno.
    pub error: i32,
}

/// For `map_err`: `what` could not be done.
fn failed(what: &'static str) -> impl FnOnce(i32) -> Failure {
    move |error| Failure { what, error }
}

static NOT_STARTED: report::Once = report::Once::new();

/// `pthread_create(3)`: 0 or an error number. The first one starts everything.
///
/// # Safety
/// As for `pthread_create`.
pub unsafe fn create_thread(
    id: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: StartRoutine,
    argument: *mut c_void,
) -> i32 {
    if go::owns(start as usize) {
        // SAFETY: as the caller promises.
        return unsafe { native::create_for_go(id, attributes, start, argument) };
    }
    let task = || native::Task::new(start, argument, current().is_distinct());
    let failure = loop {
        if let Err(failure) = ensure_started() {
            break failure;
        }
        // SAFETY: as the caller promises.
        if let Some(result) = unsafe { create::create(id, attributes, start, argument) } {
            return result;
        }
    };
    NOT_STARTED.line(&[
        b"cannot ",
        failure.what.as_bytes(),
        b" (",
        errno::describe(failure.error),
        b"); running the program's threads natively",
    ]);
    // SAFETY: as the caller promises.
    unsafe { native::create(id, attributes, task()) }
}

/// Opens the hub and starts the monitor, unless that has been done. If the main thread calls
/// it becomes a green one and its kernel thread the first worker; any other is glibc's to end,
/// or that of whoever has made it, and stays a foreign one, as the main thread then does. On
/// failure nothing has changed that the program sees.
pub fn ensure_started() -> Result<(), Failure> {
    if sched::is_running() {
        return Ok(());
    }
    let critical = Critical::enter();
    // No handler goes by the section yet, and one that forks, or creates a thread, would find everything half done.
    let mask = sigmask::replace(!(sigmask::SYNCHRONOUS | UNBLOCKABLE));
    STARTING.lock();
    let result = if sched::is_running() {
        Ok(())
    } else {
        // Threads will run natively, and wait inside the runtime for each other.
        start_locked(mask).inspect_err(|_| signal::sigaction::install())
    };
    STARTING.unlock();
    sigmask::set(mask);
    drop(critical);
    if result.is_ok() && current().is_green() {
        tie::begin();
        begun_by_libc::adopt(current());
        signalled::begin(current());
        if go::is_program() || kernel_state::main_differs() {
            blocking::wire();
        }
    }
    result
}

/// The caller, whose own mask is `mask`, has blocked signals.
fn start_locked(mask: u64) -> Result<(), Failure> {
    if !tls::is_supported() {
        return Err(failed("use this C library's loader")(libc::ENOSYS));
    }
    membarrier::register();
    // SAFETY: `STARTING` is held, and no green thread runs.
    unsafe { pool::begin() };
    tcb::seed_ids();
    scheduling::note_workers();
    watch_loader_locked();
    loader::look_for_namespaces();
    if settings::patches() {
        patch::apply(stack_pointer());
    }
    if objects::has_own_allocator() {
        loader::find_creation_lock();
    }
    hub::descriptor::init().map_err(failed("reserve memory"))?;
    for (table, size) in tables() {
        // SAFETY: a forked child has no green threads.
        unsafe { pages::wipe_on_fork(table, size) };
    }
    hub::epoll::open().map_err(failed("open the hub"))?;
    let started = (|| {
        let main = kernel_thread::is_first()
            .then(make_main_worker)
            .transpose()?;
        slots::set_count(settings::workers().unwrap_or_else(settings::cpus));
        // SAFETY: no worker runs yet.
        unsafe { idle::set_up() };
        monitor::start()
            .map_err(failed("start the monitor"))
            .inspect_err(|_| {
                if let Some((worker, base)) = main {
                    husk::put(base);
                    worker.put_by();
                }
            })?;
        Ok(main)
    })();
    let main = started.inspect_err(|_| hub::epoll::close_inherited())?;
    arch::thread::init();
    match main {
        Some((worker, base)) => become_main(worker, base, mask),
        None => signal::shared::begin_beside_main(),
    }
    signal::sigaction::install();
    signal::shared::begin_watch();
    signal::credentials::intercept();
    hub::descriptor::adopt_open();
    summary::begin_if_asked();
    if pages::is_locking() || limit::are_addresses_limited() {
        // The monitor, which does that otherwise, would get a part of malloc's memory of its
        // own, of 64 MiB that are locked as well, or count.
        for _ in 1..slots::all().len() {
            idle::start_worker();
        }
    }
    lend::begin();
    sched::set_running(true);
    Ok(())
}

/// A worker for the main thread's kernel thread, and a husk to look for work on.
fn make_main_worker() -> Result<(&'static Worker, &'static Thread), Failure> {
    let memory = || failed("reserve memory")(libc::ENOMEM);
    let worker = Worker::create().ok_or_else(memory)?;
    let size = kernel_thread::STACK_SIZE + tls::StaticSize::get().most();
    // Part of the caller's.
    let mut critical = Critical::enter();
    let base = husk::take(&mut critical, size, stack::DEFAULT_GUARD)
        .map_err(|lack| failed("make a thread to run the others on")(lack.error()))?
        .thread;
    donor::await_donor(base);
    Ok((worker, base))
}

/// Turns the calling thread into a green one, the main one, that runs on `worker` with this mask.
fn become_main(worker: &'static Worker, base: &'static Thread, mask: u64) {
    base.become_kind(Kind::Base, base.pointer.get());
    base.set_critical(1);
    // SAFETY: a husk's stack is unused until its first context.
    let context = unsafe {
        switch::create(
            base.stack_top.load(Ordering::Relaxed),
            base.stack.base(),
            base_entry,
        )
    };
    base.seat().context.set(context);
    worker.set_base(base);
    worker.adopt_kernel_thread(pointer());
    worker.mask.note(mask);
    main_thread::adopt(worker);
    worker.install_signal_stack();
    worker.set_running(current());
    let acquired = idle::acquire(worker);
    debug_assert!(acquired, "no slot is in use yet");
}

extern "C" fn base_entry(_: context::context::Transfer) -> ! {
    // SAFETY: set before the first switch to this context.
    worker::work(worker::of(current()));
    unreachable!("the process's first kernel thread stays")
}

/// Large tables, all zeros while there are no green threads: instead of making them so in
/// a child, which would have to copy them first, the child gets none of them.
fn tables() -> [(*mut u8, usize); 4] {
    let [children, makers] = children::tables();
    [pages::of(&QUEUES), slots::memory(), children, makers]
}

/// In the child of `fork` there is one kernel thread, which runs the caller;
/// everything else is as before the first `pthread_create`.
///
/// # Safety
/// The caller is the process's only thread.
#[unsafe(link_section = "green_fork")]
pub unsafe fn reset_in_child() {
    // Another thread may have been about to start everything.
    let has_begun = sched::is_running() || STARTING.is_held();
    // SAFETY: as the caller promises.
    unsafe {
        if has_begun {
            sched::set_running(false);
            hub::epoll::close_inherited();
            // First: it gives back what waits for the caller.
            main_thread::become_only_one();
            in_child::AFTER_THREADS.reset();
        }
        in_child::ALWAYS.reset();
    }
}

/// Whoever was about to start everything is not there.
///
/// # Safety
/// The caller is the process's only thread.
unsafe fn reset() {
    // SAFETY: as the caller promises.
    unsafe { STARTING.reset() };
}

in_child!(reset);
