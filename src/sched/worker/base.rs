//! A worker's base context, on which it looks for work.

use core::ffi::c_void;
use core::ptr;

use super::Worker;
use crate::sched::slot::Pick;
use crate::sched::{blocking, idle, kernel_thread, slots, switch};
use crate::task::{After, upcalls};

/// The first function of a worker's kernel thread, whose argument is the worker.
pub(super) extern "C" fn worker_main(worker: *mut c_void) -> *mut c_void {
    // SAFETY: passed to this start routine.
    let worker = unsafe { Worker::begin(worker) };
    worker.install_signal_stack();
    idle::has_started();
    work(worker);
    // Or the main thread would wait for that when it changes its own.
    worker.mask.close();
    (upcalls::get().deliver_deferred)();
    worker.leave();
    // glibc ends the thread, and counts it among those of the program that have ended.
    ptr::null_mut()
}

/// The base context's loop: runs whoever is runnable, and sleeps otherwise. Until the
/// worker is to [end](Worker::end), or a wired thread has left it.
pub fn work(worker: &'static Worker) {
    let base = worker.base();
    while !worker.is_at_end() {
        blocking::left(worker);
        if worker.is_altered() {
            worker.forget_mortal();
            if worker.may_end() {
                return;
            }
            worker.mask.close();
            kernel_thread::end(worker.has_heirs());
        }
        if worker.slot().is_none() && !idle::acquire(worker) {
            idle::sleep(worker);
            continue;
        }
        match worker.pick() {
            Pick::Run(thread) => {
                worker.begin_thread(thread);
                switch::to(base, thread, worker, After::Nothing);
            }
            Pick::Lost => {}
            Pick::Empty => {
                let stolen = worker.slot().map_or(0, |slot| slots::steal(slot, worker));
                if stolen == 0 {
                    // What comes after this look makes the wait in the hub end.
                    (upcalls::get().deliver_deferred)();
                    idle::await_work(worker);
                    (upcalls::get().deliver_deferred)();
                }
            }
        }
    }
}
