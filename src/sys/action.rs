//! Signal actions as the kernel has them: for the signals that libc keeps to itself
//! and whose actions its own `sigaction` does not touch.

use core::mem;
use core::ptr;

use super::raw::syscall;

/// The kernel's `struct sigaction` on x86-64 (rt_sigaction(2)).
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct KernelAction {
    /// The handler's address, `SIG_DFL` or `SIG_IGN`.
    pub handler: usize,
    /// `SA_*`.
    pub flags: u64,
    /// libc's code for the way back.
    restorer: usize,
    /// Blocked while the handler runs.
    pub mask: u64,
}

impl KernelAction {
    /// The action for `signal`.
    pub fn of(signal: i32) -> Self {
        let mut action = Self::default();
        // SAFETY: `action` is writable.
        unsafe { syscall!(SYS_rt_sigaction, signal, 0usize, &raw mut action, 8) };
        action
    }

    /// What libc's function of the same name takes.
    pub fn to_libc(self) -> libc::sigaction {
        // SAFETY: all zeros is valid; a sigset_t begins with the kernel's 64 signals.
        unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = self.handler;
            action.sa_flags = self.flags as i32;
            ptr::from_mut(&mut action.sa_mask)
                .cast::<u64>()
                .write(self.mask);
            action
        }
    }

    /// What libc's function of the same name has given.
    pub fn from_libc(action: &libc::sigaction) -> Self {
        Self {
            handler: action.sa_sigaction,
            flags: u64::from(action.sa_flags as u32),
            restorer: action.sa_restorer.map_or(0, |restorer| restorer as usize),
            // SAFETY: a sigset_t begins with the kernel's 64 signals.
            mask: unsafe { ptr::from_ref(&action.sa_mask).cast::<u64>().read() },
        }
    }

    /// Whether a function runs at the signal.
    pub fn is_handler(&self) -> bool {
        self.handler > libc::SIG_IGN
    }

    /// Makes this the action for `signal`.
    ///
    /// # Safety
    /// The handler is one, of the type that the flags say.
    pub unsafe fn install(&self, signal: i32) {
        // SAFETY: valid, as the caller promises.
        unsafe { syscall!(SYS_rt_sigaction, signal, ptr::from_ref(self), 0usize, 8) };
    }
}
