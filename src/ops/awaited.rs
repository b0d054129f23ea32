//! What a wait for children is for, as far as that says who can tell of it.

use crate::sched::children::alike::Question;
use crate::sched::children::kind;
use crate::sys::raw::syscall;

/// What is waited for.
#[derive(Clone, Copy)]
pub enum Awaited {
    /// The end of the child of that id, and what else those options ask for.
    Child(i32, i32),
    /// That of any child that is no `__WCLONE` one.
    Any,
    /// Something of a group's, or of any child's but its end.
    Other(Question),
    /// The end of the child that this is a descriptor of.
    Descriptor(i32),
    /// What the kernel alone can tell: the calling thread's children, other news of a descriptor's, whose
    /// number may be another's by the time that somebody else has waited.
    Kernels,
}

impl Awaited {
    /// What is waited for by `waitid`, with that kind, id and options.
    pub fn of(question: Question) -> Self {
        /// Options that do not say what is waited for.
        const MANNERS: i32 = libc::__WALL | libc::__WCLONE | libc::WNOWAIT;
        const END: i32 = libc::WEXITED;
        let Question { kind, id, options } = question;
        match kind {
            _ if options & libc::__WNOTHREAD != 0 => Self::Kernels,
            libc::P_PID if id > 0 && options & !(MANNERS | kind::OPTIONS) == END => {
                Self::Child(id, options & kind::OPTIONS)
            }
            libc::P_ALL if options & !libc::WNOWAIT == END => Self::Any,
            libc::P_PIDFD if options & !MANNERS == END => Self::Descriptor(id),
            libc::P_PGID if id == 0 => {
                // SAFETY: no preconditions.
                let id = unsafe { syscall!(SYS_getpgid, 0) } as i32;
                Self::Other(Question { id, ..question })
            }
            libc::P_PID | libc::P_PGID | libc::P_ALL => Self::Other(question),
            _ => Self::Kernels,
        }
    }
}
