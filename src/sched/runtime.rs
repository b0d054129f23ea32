//! Start, and start again in a forked child.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::slot::MAX_SLOTS;
use super::worker::{self, Worker};
use super::{idle, monitor, slot, switch};
use crate::hub;
use crate::settings;
use crate::signal;
use crate::sync;
use crate::sys::lock::RawLock;
use crate::thread::{self, Critical, Kind, current, husk, main_thread};

static RUNNING: AtomicBool = AtomicBool::new(false);
static STARTING: RawLock = RawLock::new();
static SLOTS: AtomicUsize = AtomicUsize::new(0);

/// How many slots there are.
#[inline(always)]
pub fn slots() -> usize {
    SLOTS.load(Ordering::Relaxed)
}

/// Whether green threads exist, or ever did, in this process.
#[inline(always)]
pub fn is_running() -> bool {
    RUNNING.load(Ordering::Acquire)
}

/// Turns the calling thread into a green one and its kernel thread into the
/// first worker, opens the hub and starts the monitor, unless that has been
/// done. On failure, an errno, and nothing has changed that the program sees.
pub fn start() -> Result<(), i32> {
    if is_running() {
        return Ok(());
    }
    let _critical = Critical::enter();
    STARTING.lock();
    let result = if is_running() { Ok(()) } else { start_locked() };
    STARTING.unlock();
    result
}

fn start_locked() -> Result<(), i32> {
    let count = settings::workers().clamp(1, MAX_SLOTS);
    thread::tcb::seed_ids();
    hub::descriptor::init()?;
    hub::epoll::open()?;
    let started: Result<_, i32> = (|| {
        let worker = Worker::create().ok_or(libc::EAGAIN)?;
        let base = husk::create(worker::STACK_SIZE, thread::stack::DEFAULT_GUARD)?;
        husk::await_donor(base);
        SLOTS.store(count, Ordering::Relaxed);
        // SAFETY: no worker runs yet.
        unsafe { idle::reset(count) };
        monitor::start()?;
        Ok((worker, base))
    })();
    let (worker, base) = started.inspect_err(|_| hub::epoll::close_inherited())?;
    switch::init();
    base.become_kind(Kind::Base, base.pointer.get());
    base.set_critical(1);
    // SAFETY: a husk's stack is unused until its first context.
    let context = unsafe {
        switch::create(
            base.stack_top.load(Ordering::Relaxed),
            base.stack.usable(),
            base_entry,
        )
    };
    base.context.set(context);
    worker.set_base(base);
    worker.adopt_kernel_thread(thread::pointer());
    main_thread::adopt(worker);
    worker.install_signal_stack();
    worker.set_running(current());
    let acquired = idle::acquire(worker);
    debug_assert!(acquired, "no slot is in use yet");
    signal::actions::install();
    signal::credentials::intercept();
    hub::descriptor::adopt_open();
    RUNNING.store(true, Ordering::Release);
    Ok(())
}

extern "C" fn base_entry(_: context::context::Transfer) -> ! {
    // SAFETY: set before the first switch to this context.
    worker::work(unsafe { &*current().worker.get() })
}

/// In the child of `fork` there is one kernel thread, which runs the caller;
/// everything else is as before the first `pthread_create`.
///
/// # Safety
/// The caller is the process's only thread.
pub unsafe fn reset_in_child() {
    if !is_running() {
        return;
    }
    RUNNING.store(false, Ordering::Relaxed);
    hub::epoll::close_inherited();
    // SAFETY: as the caller promises.
    unsafe {
        core::ptr::from_ref(&STARTING)
            .cast_mut()
            .write(RawLock::new());
        slot::reset();
        hub::timer::reset();
        hub::descriptor::reset();
        sync::queue::reset();
        thread::stack::reset();
        thread::husk::reset();
        thread::tls::reset();
        signal::actions::reset_in_child();
        signal::info::reset();
        signal::send::reset();
        worker::reset();
        main_thread::reset_in_child();
    }
}
