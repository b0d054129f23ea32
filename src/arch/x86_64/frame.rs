//! What the kernel lays on the stack for a handler, and how that moves.
//!
//! ```text
//!   high   extended processor state (XSAVE), at a multiple of 64
//!          …
//!          siginfo_t
//!          ucontext: registers, mask, alternate stack, where the state is
//!   low    return address: libc's code that calls rt_sigreturn   ◀── rsp
//! ```
//!
//! `rt_sigreturn` finds the frame by rsp and the state by a pointer in the frame, so
//! both may lie anywhere.

use core::mem::size_of;
use core::ptr;

use super::trap_flag::TRAP;

/// What a function may use below rsp without moving it (x86-64 psABI, 3.2.2).
const RED_ZONE: usize = 128;

/// The kernel's `struct rt_sigframe` (arch/x86/include/asm/sigframe.h).
#[repr(C)]
pub struct Frame {
    /// Where the handler returns to.
    restorer: usize,
    /// What the handler returns to in the end.
    pub context: Context,
    /// What came with the signal.
    pub info: libc::siginfo_t,
}

/// The kernel's `struct ucontext`: the beginning of libc's `ucontext_t`.
#[repr(C)]
pub struct Context {
    flags: u64,
    link: usize,
    /// The alternate stack that `rt_sigreturn` goes back to.
    pub stack: libc::stack_t,
    registers: [u64; 23],
    state: *mut u8,
    reserved: [u64; 8],
    /// The signal mask that `rt_sigreturn` goes back to.
    pub mask: u64,
}

const _: () = assert!(size_of::<Frame>() == 440 && size_of::<Context>() == 304);

/// Where in the state the kernel says how long it is (`struct _fpx_sw_bytes`).
const SOFTWARE_BYTES: usize = 464;
const MAGIC: u32 = 0x4650_5853;
/// The state's length without that: FXSAVE's.
const FXSAVE: usize = 512;

impl Context {
    /// The interrupted stack pointer.
    pub fn stack_pointer(&self) -> usize {
        self.registers[libc::REG_RSP as usize] as usize
    }

    /// Has who is interrupted go on without single steps; false if he makes none.
    pub fn take_trap_flag(&mut self) -> bool {
        let flags = &mut self.registers[libc::REG_EFL as usize];
        let steps = *flags & TRAP != 0;
        *flags &= !TRAP;
        steps
    }

    fn state_length(&self) -> usize {
        if self.state.is_null() {
            return 0;
        }
        // SAFETY: FXSAVE's 512 bytes are there at least.
        let [magic, length] = unsafe { self.state.add(SOFTWARE_BYTES).cast::<[u32; 2]>().read() };
        if magic == MAGIC {
            length as usize
        } else {
            FXSAVE
        }
    }
}

/// Below what a frame for somebody interrupted at stack pointer `interrupted` goes.
pub fn below(interrupted: usize) -> usize {
    interrupted - RED_ZONE
}

/// Where the kernel would put `frame` on a stack that is free below `top`: the
/// addresses of the copies of the frame and of the state (get_sigframe).
pub fn place(frame: &Frame, top: usize) -> (usize, usize) {
    let state = (top - frame.context.state_length()) & !63;
    (((state - size_of::<Frame>()) & !15) - 8, state)
}

/// Copies `frame` to where [`place`] has said.
///
/// # Safety
/// Nobody else uses the memory there. If there is none the process ends by SIGSEGV, as
/// it does when the kernel finds none; all signals are blocked.
pub unsafe fn copy(frame: &Frame, (to, state): (usize, usize)) -> *mut Frame {
    let copied = to as *mut Frame;
    // SAFETY: as the caller promises.
    unsafe {
        ptr::copy_nonoverlapping(
            frame.context.state,
            state as *mut u8,
            frame.context.state_length(),
        );
        ptr::copy_nonoverlapping(frame, copied, 1);
        (*copied).context.state = if frame.context.state.is_null() {
            ptr::null_mut()
        } else {
            state as *mut u8
        };
    }
    copied
}
