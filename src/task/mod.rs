//! A thread as everything else sees it.
//!
//! - [`block`]: its private block; [`current`]: that of the caller;
//! - [`role`]: whether it parks, and what ties it to its kernel thread;
//! - [`word`]: the park/unpark rendezvous; [`life`]: join and detach;
//! - [`seat`], `seats`: what others touch of it while it is off the CPU; [`list`], [`timer`]: how it is
//!   linked in queues;
//! - [`mask`]: what it blocks; [`pending`]: signals that wait for it; `signals`: which of those
//!   concern it; [`deferred`]: who has to look at them;
//! - [`holds`]: what it holds for the length of a system call;
//! - [`retry`]: the timer that repeats a request for its cancellation;
//! - [`errand`]: what others have asked it to do; [`cpu_time`]: what it has used;
//! - [`alternate_stack`]: what `sigaltstack` was told;
//! - [`placement`]: where its stack is; [`stack`], [`reservation`]: where that comes from;
//! - [`arguments`]: what it passes to calls that the kernel would have carried out;
//! - [`haste`]: whether it leaves the CPU soon after waking others; [`quantum`]: how long it has
//!   gone on without waiting; [`event_loop`]: whether its own `epoll_wait` has anything for it;
//! - [`all`], [`main_thread`]: who there is;
//! - [`lock`], `lock_word`: the lock of the structures that hold threads; [`rank`]: the order of
//!   those;
//! - [`upcalls`]: what this layer and the scheduler ask of higher ones.

pub mod all;
pub mod alternate_stack;
pub mod arguments;
mod asked;
mod block;
pub mod cpu_time;
mod current;
pub mod deferred;
pub mod errand;
pub mod event_loop;
pub mod haste;
pub mod holds;
pub mod life;
pub mod list;
pub mod lock;
mod lock_word;
pub mod lookup;
mod main_thread;
pub mod mask;
mod name;
pub mod pending;
pub mod placement;
pub mod process;
pub mod quantum;
pub mod rank;
pub mod reservation;
pub mod retry;
mod role;
pub mod seat;
mod seats;
mod signals;
pub mod stack;
pub mod timer;
pub mod upcalls;
pub mod word;

pub use all::{all_husks, green_by_id, green_by_kernel_thread};
pub use block::{After, StartRoutine, Thread};
pub use current::{Critical, current, green, green_of_pthread, green_or_wired, of_pthread};
pub use main_thread::{main_thread, set_main_thread};
pub use role::{Kind, Lent};
