//! From the kernel's delivery to the handler's run on the right thread.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::{self, MaybeUninit};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::actions::{self, Action};
use super::{HIGHEST, SIGCANCEL, bit, mask};
use crate::hub::epoll;
use crate::sys::errno;
use crate::sys::raw::syscall;
use crate::thread::join::Life;
use crate::thread::wait::Wake;
use crate::thread::{Critical, Kind, Thread, current, husk, main_thread};

/// Who has to be told of a signal that arrived inside the runtime, where nobody
/// could be. (With two at a time the earlier one, if it is not the main thread,
/// finds its signal when it next runs.)
static DEFERRED: AtomicPtr<Thread> = AtomicPtr::new(ptr::null_mut());

/// What came with the signals that are pending for some thread: the latest of
/// each. (The kernel keeps one of each standard signal, too, the first.)
struct Info {
    busy: AtomicBool,
    info: UnsafeCell<MaybeUninit<libc::siginfo_t>>,
}

// SAFETY: `info` is only touched by who has set `busy`.
unsafe impl Sync for Info {}

static INFOS: [Info; HIGHEST as usize + 1] = [const {
    Info {
        busy: AtomicBool::new(false),
        info: UnsafeCell::new(MaybeUninit::zeroed()),
    }
}; HIGHEST as usize + 1];

/// Marks a signal that only says "look at what is pending for you", in
/// `si_value`.
const NUDGE: usize = 0x6e75_6467_6567_726e;

/// The layout of a queued signal's `siginfo_t` (sigaction(2)).
#[repr(C)]
struct Queued {
    signo: i32,
    errno: i32,
    code: i32,
    pad: i32,
    pid: i32,
    uid: u32,
    value: usize,
    rest: [u64; 12],
}

fn keep_info(signal: i32, info: &libc::siginfo_t) {
    let slot = &INFOS[signal as usize];
    // Somebody else at it, maybe below us on this very stack: his will do.
    if !slot.busy.swap(true, Ordering::Acquire) {
        // SAFETY: `busy` is ours.
        unsafe { (*slot.info.get()).write(*info) };
        slot.busy.store(false, Ordering::Release);
    }
}

fn kept_info(signal: i32) -> libc::siginfo_t {
    let slot = &INFOS[signal as usize];
    // SAFETY: all zeros is a valid siginfo_t (SI_USER).
    let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
    if !slot.busy.swap(true, Ordering::Acquire) {
        // SAFETY: `busy` is ours; never uninitialised, at worst zeros.
        info = unsafe { (*slot.info.get()).assume_init() };
        slot.busy.store(false, Ordering::Release);
    }
    info.si_signo = signal;
    info
}

/// Signals that an idle worker is open to: what the main thread is; all, once
/// that has ended.
#[inline(always)]
pub fn idle_mask() -> u64 {
    main_thread::get().map_or(0, |main| main.mask.load(Ordering::Relaxed))
}

fn accepts(thread: &Thread, signal: i32) -> bool {
    thread.mask.load(Ordering::Relaxed) & bit(signal) == 0
}

/// Whom a signal for the process is meant for, if not for whoever it has hit.
fn addressee(signal: i32, info: &libc::siginfo_t) -> Option<&'static Thread> {
    if !is_process_directed(signal, info) {
        return None;
    }
    main_thread::get().filter(|main| accepts(main, signal))
}

/// A thread that an idle worker can give `signal` to.
fn anybody(signal: i32) -> Option<&'static Thread> {
    let lives =
        |thread: &&Thread| thread.life.load(Ordering::Relaxed) & (Life::EXITED | Life::FREE) == 0;
    husk::all()
        .filter(|thread| thread.kind() == Kind::Green)
        .filter(lives)
        .find(|thread| accepts(thread, signal))
}

/// Whether [`deliver_deferred`] has something to do.
#[inline(always)]
pub fn is_deferred() -> bool {
    !DEFERRED.load(Ordering::Relaxed).is_null()
}

/// Tells whoever is meant of signals that arrived inside the runtime. The caller
/// holds no lock.
pub fn deliver_deferred() {
    if is_deferred() {
        // SAFETY: null or a thread's block; those of green threads stay.
        if let Some(target) = unsafe { DEFERRED.swap(ptr::null_mut(), Ordering::AcqRel).as_ref() } {
            interrupt(target);
        }
    }
}

/// The end of the calling thread's critical section: what could not be handled
/// inside is handled now.
#[cold]
pub fn catch_up(me: &'static Thread) {
    deliver_deferred();
    loop {
        let ready = me.deliverable();
        if ready == 0 {
            return;
        }
        let signal = ready.trailing_zeros() as i32 + 1;
        me.pending.fetch_and(!bit(signal), Ordering::AcqRel);
        // A cancellation request has done its work: whoever waited looks at it.
        if signal != SIGCANCEL {
            raise(signal, &kept_info(signal));
        }
    }
}

/// Lets the kernel deliver `signal` to the calling kernel thread, now: it builds
/// the frame, sets the mask, and acts if there is no handler any more.
fn raise(signal: i32, info: &libc::siginfo_t) {
    // SAFETY: `info` is live. A process may send itself anything.
    unsafe {
        let (process, thread) = (syscall!(SYS_getpid), syscall!(SYS_gettid));
        syscall!(
            SYS_rt_tgsigqueueinfo,
            process,
            thread,
            signal,
            ptr::from_ref(info)
        );
    }
}

/// Sends `signal` to the green thread `target`. The caller is not critical.
pub fn send(target: &'static Thread, signal: i32, info: &libc::siginfo_t) {
    keep_info(signal, info);
    target.pending.fetch_or(bit(signal), Ordering::SeqCst);
    if target.is(current()) {
        catch_up(target);
    } else if target.mask.load(Ordering::Relaxed) & bit(signal) == 0 {
        interrupt(target);
    }
}

/// Makes `target` look at what is pending for it.
pub fn interrupt(target: &'static Thread) {
    let _critical = Critical::enter();
    if target.wake(Wake::Interrupted) || target.is(current()) {
        return;
    }
    // It runs, or soon will and then looks. If it is in the kernel or computes,
    // its kernel thread has to be told.
    let signal = target.deliverable().trailing_zeros() as i32 + 1;
    if signal > HIGHEST || signal == SIGCANCEL {
        return;
    }
    // SAFETY: a stale worker is no harm: workers are never freed, and whoever
    // gets the nudge by mistake ignores it.
    let worker = unsafe { ptr::read_volatile(target.worker.as_ptr()).as_ref() };
    let Some(worker) = worker.filter(|worker| ptr::eq(worker.running(), target)) else {
        return;
    };
    // SAFETY: all zeros is valid.
    let mut info: Queued = unsafe { mem::zeroed() };
    info.signo = signal;
    info.code = libc::SI_QUEUE;
    info.value = NUDGE;
    // SAFETY: `info` is live and as large as a siginfo_t.
    unsafe {
        let process = syscall!(SYS_getpid);
        syscall!(
            SYS_rt_tgsigqueueinfo,
            process,
            worker.kernel_id(),
            signal,
            &raw const info
        );
    }
}

/// Whether the signal was sent to the process and not to one of its threads.
fn is_process_directed(signal: i32, info: &libc::siginfo_t) -> bool {
    // SIGPIPE carries SI_USER, but goes to the thread that has written.
    info.si_code != libc::SI_TKILL
        && !actions::is_synchronous(signal)
        && !matches!(signal, libc::SIGPIPE | libc::SIGXFSZ)
}

fn is_nudge(info: &libc::siginfo_t) -> bool {
    // SAFETY: the same size and alignment; every bit pattern is valid.
    let queued = unsafe { &*ptr::from_ref(info).cast::<Queued>() };
    queued.code == libc::SI_QUEUE && queued.value == NUDGE
}

/// What the kernel calls for every handler of the program.
///
/// # Safety
/// For the kernel to call.
pub unsafe extern "C-unwind" fn trampoline(
    signal: i32,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
) {
    let me = current();
    let saved = errno::get();
    // SAFETY: the kernel passes both.
    let (info, context) = unsafe { (&mut *info, &mut *context.cast::<libc::ucontext_t>()) };
    let fault = actions::is_synchronous(signal) && info.si_code > 0;
    if me.is_critical() && !fault {
        defer(me, signal, info);
    } else if is_nudge(info) {
        // Not critical, so its own thread has run since, or the target is `me`.
        catch_up(me);
    } else {
        match addressee(signal, info).filter(|thread| !thread.is(me)) {
            Some(thread) => send(thread, signal, info),
            None => run(me, signal, info, context),
        }
    }
    errno::set(saved);
}

/// Inside the runtime nothing can be done but to take note.
fn defer(me: &'static Thread, signal: i32, info: &libc::siginfo_t) {
    if is_nudge(info) {
        // `me` will look at the end of its critical section.
        return;
    }
    keep_info(signal, info);
    let idle = me.kind() == Kind::Base;
    let mut target = addressee(signal, info);
    if idle {
        // A worker that slept may be open to what everybody blocks by now: then
        // it waits for the main thread to unblock it.
        target = target.or_else(|| anybody(signal)).or_else(main_thread::get);
    }
    let target = target.unwrap_or(me);
    target.pending.fetch_or(bit(signal), Ordering::SeqCst);
    if !target.is(me) {
        DEFERRED.store(ptr::from_ref(target).cast_mut(), Ordering::SeqCst);
        if idle {
            // It may be on its way to sleep in the hub.
            epoll::kick();
        }
    }
}

/// Runs the program's handler on `me`, the caller.
fn run(
    me: &'static Thread,
    signal: i32,
    info: &mut libc::siginfo_t,
    context: &mut libc::ucontext_t,
) {
    let Some(action) = actions::get(signal) else {
        return;
    };
    if action.flags & libc::SA_RESETHAND != 0 {
        actions::reset(signal);
    }
    me.handled.set(me.handled.get().wrapping_add(1));
    if action.flags & libc::SA_RESTART == 0 {
        me.not_restarting
            .set(me.not_restarting.get().wrapping_add(1));
    }
    let green = me.kind() == Kind::Green;
    if green {
        mask::note(me, action.mask_during(signal, outer_mask(context)));
    }
    call(&action, signal, info, context);
    if green {
        // On return the kernel restores what the handler has left there.
        mask::note(me, outer_mask(context));
    }
}

fn outer_mask(context: &libc::ucontext_t) -> u64 {
    // SAFETY: a sigset_t begins with the kernel's 64 signals.
    unsafe { ptr::from_ref(&context.uc_sigmask).cast::<u64>().read() }
}

fn call(action: &Action, signal: i32, info: &mut libc::siginfo_t, context: &mut libc::ucontext_t) {
    // SAFETY: the program has installed a function of one or the other type.
    unsafe {
        if action.flags & libc::SA_SIGINFO != 0 {
            let handler: unsafe extern "C-unwind" fn(i32, *mut libc::siginfo_t, *mut c_void) =
                mem::transmute(action.handler);
            handler(signal, info, ptr::from_mut(context).cast());
        } else {
            let handler: unsafe extern "C-unwind" fn(i32) = mem::transmute(action.handler);
            handler(signal);
        }
    }
}

/// In a forked child nothing is pending for the main thread.
pub fn reset_in_child() {
    DEFERRED.store(ptr::null_mut(), Ordering::Relaxed);
    for info in &INFOS {
        info.busy.store(false, Ordering::Relaxed);
    }
}
