//! The functions in libc that are patched, and what belongs to each.

use core::ffi::{CStr, c_void};
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use crate::arch::code::{self, ROOM, THUNK};

/// What blocks. Not what only makes a descriptor (`socket`, `pipe`) or puts a file to a number
/// (`dup2`): libc closes such numbers by functions that cannot be seen, and a child of its
/// `posix_spawn` calls `dup2` in this process's memory. `close`, `close_range` and
/// `syscall` are here for libraries that get libc's, and so is what concerns signals, names and
/// ids: a handler of which libgreen does not know would not end the waits of the others, and who
/// has waited in the hub may go on on another kernel thread. `execve` is what libc's functions of
/// its kin call.
///
/// Locks of libc's own are last, and in this order: nobody must wait where the other one does
/// not wake.
const NAMES: [&CStr; COUNT] = [
    c"accept",
    c"accept4",
    c"clock_nanosleep",
    c"close",
    c"close_range",
    c"connect",
    c"creat",
    c"epoll_pwait",
    c"epoll_wait",
    c"execve",
    c"fdatasync",
    c"flock",
    c"fsync",
    c"gettid",
    c"msgrcv",
    c"msgsnd",
    c"open",
    c"openat",
    c"pause",
    c"poll",
    c"ppoll",
    c"prctl",
    c"preadv2",
    c"pselect",
    c"pthread_getattr_np",
    c"pthread_getname_np",
    c"pthread_kill",
    c"pthread_setname_np",
    c"pthread_sigmask",
    c"pthread_sigqueue",
    c"pwritev2",
    c"read",
    c"readv",
    c"recv",
    c"recvfrom",
    c"recvmmsg",
    c"recvmsg",
    c"sched_setaffinity",
    c"select",
    c"semtimedop",
    c"send",
    c"sendfile",
    c"sendmmsg",
    c"sendmsg",
    c"sendto",
    c"sigaction",
    c"sigaltstack",
    c"sigpending",
    c"sigsuspend",
    c"sigtimedwait",
    c"splice",
    c"syscall",
    c"tcdrain",
    c"tee",
    c"tgkill",
    c"vmsplice",
    c"wait4",
    c"waitid",
    c"write",
    c"writev",
    WAIT_FOR_WORD,
    WAKE_FOR_LOCK,
    WAIT_FOR_LOCK,
    UNLOCK,
    LOCK,
];
/// `__futex_abstimed_wait_cancelable64` (glibc, nptl/futex-internal.c), which libc does not export: see
/// [`hidden`](super::hidden).
pub const WAIT_FOR_WORD: &CStr = c"__futex_abstimed_wait_cancelable64";
/// `__lll_lock_wake_private`.
pub const WAKE_FOR_LOCK: &CStr = c"__lll_lock_wake_private";
/// `__lll_lock_wait_private`.
pub const WAIT_FOR_LOCK: &CStr = c"__lll_lock_wait_private";
/// `pthread_mutex_unlock(3p)`, of the loader's mutexes.
pub const UNLOCK: &CStr = c"pthread_mutex_unlock";
/// `pthread_mutex_lock(3p)`, of the loader's mutexes.
pub const LOCK: &CStr = c"pthread_mutex_lock";
/// How many there are.
pub const COUNT: usize = 65;

/// Where the thunks go. A forked child keeps it.
#[unsafe(link_section = ".llvm.linkonce.b.tables")]
static TARGETS: [AtomicPtr<c_void>; COUNT] = [const { AtomicPtr::new(ptr::null_mut()) }; COUNT];
/// Where the jumps go; null: to libgreen's function of the same name. A forked child keeps it.
#[unsafe(link_section = ".llvm.linkonce.b.tables")]
static HOOKS: [AtomicPtr<()>; COUNT] = [const { AtomicPtr::new(ptr::null_mut()) }; COUNT];
/// A forked child keeps what was done.
static OUTCOMES: [AtomicU8; COUNT] = [const { AtomicU8::new(Outcome::NotTried as u8) }; COUNT];

code::thunks!(COUNT, TARGETS);

unsafe extern "C" {
    static green_copies: [[u8; ROOM]; COUNT];
    static green_thunks: [[u8; THUNK]; COUNT];
}

/// The address of the copies' pages.
pub fn copies() -> usize {
    (&raw const green_copies).addr()
}

/// What has become of a function.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// Nobody has looked.
    NotTried,
    /// It leads to libgreen.
    Patched,
    /// libc has none.
    Absent,
    /// A library between libgreen and libc has one, too.
    Shadowed,
    /// Its code is not what is known.
    Unexpected,
    /// Another thread may be between the instructions that a jump would replace.
    InUse,
    /// libgreen is out of a jump's reach.
    Far,
    /// The kernel does not let its code be written.
    Refused,
}

/// One of the functions.
#[derive(Clone, Copy)]
pub struct Function(usize);

impl Function {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..COUNT).map(Self)
    }

    /// The one with that name.
    pub fn find(name: &CStr) -> Option<Self> {
        NAMES.iter().position(|known| *known == name).map(Self)
    }

    /// Its name.
    pub fn name(self) -> &'static CStr {
        NAMES[self.0]
    }

    /// What calls libc's function, at `address`, whatever becomes of that.
    pub fn thunk(self, address: *mut c_void) -> *mut c_void {
        // Somebody else may have found the address before, or the copy be in use.
        let _ = TARGETS[self.0].compare_exchange(
            ptr::null_mut(),
            address,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        // SAFETY: the index is within the array.
        unsafe { (&raw const green_thunks[self.0]).cast_mut().cast() }
    }

    /// Where the copy of its beginning is.
    pub fn copy(self) -> *mut [u8; ROOM] {
        // SAFETY: the index is within the array.
        unsafe { (&raw const green_copies[self.0]).cast_mut() }
    }

    /// Has the thunk go to the copy.
    pub fn use_copy(self) {
        TARGETS[self.0].store(self.copy().cast(), Ordering::Release);
    }

    /// Has the jump go to `hook`.
    pub fn set_hook(self, hook: *const ()) {
        HOOKS[self.0].store(hook.cast_mut(), Ordering::Relaxed);
    }

    /// Where the jump goes, if not to libgreen's function of the same name.
    pub fn hook(self) -> Option<*mut c_void> {
        let hook = HOOKS[self.0].load(Ordering::Relaxed);
        (!hook.is_null()).then_some(hook.cast())
    }

    /// What has become of it.
    pub fn outcome(self) -> Outcome {
        // SAFETY: `Outcome::NotTried`, or written by `set_outcome`.
        unsafe { mem::transmute(OUTCOMES[self.0].load(Ordering::Relaxed)) }
    }

    /// That is what has become of it.
    pub fn set_outcome(self, outcome: Outcome) {
        OUTCOMES[self.0].store(outcome as u8, Ordering::Relaxed);
    }
}
