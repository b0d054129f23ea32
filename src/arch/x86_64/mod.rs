//! x86-64, as Linux and its psABI use it.

pub mod alternate_stack;
pub mod caller;
pub mod chosen;
pub mod code;
pub mod contexts;
pub mod cycles;
pub mod entry;
pub mod floating;
pub mod found;
pub mod frame;
pub mod jump_buffer;
pub mod prefetch;
pub mod system_call;
pub mod thread;
pub mod trampoline;
pub mod trap_flag;
pub mod vfork;
pub mod weak;
