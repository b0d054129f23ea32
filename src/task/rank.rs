//! The order of the runtime's locks: who holds one takes only such as come after it. Builds
//! with debug assertions see to it.

/// Starting the runtime; standing in for glibc's handler of cancellation.
pub const START: u32 = 1;
/// The program's handlers.
pub const HANDLERS: u32 = 2;
/// A descriptor's check and act, of `accept` and of changes of its status.
pub const TURN: u32 = 3;
/// FIFOs that are being opened.
pub const FIFOS: u32 = 4;
/// Waits for children that are alike.
pub const ALIKE: u32 = 5;
/// Where the hub's descriptors are.
pub const HUB_PLACE: u32 = 6;
/// An entry of the table of descriptors.
pub const DESCRIPTOR: u32 = 7;
/// A bucket of the queues by address; two at once in the order of their own addresses.
pub const BUCKET: u32 = 8;
/// The heap of deadlines.
pub const TIMERS: u32 = 9;
/// Idle slots and sleeping workers.
pub const BOARD: u32 = 10;
/// A slot's run queue.
pub const SLOT_QUEUE: u32 = 11;
/// The run queues that all slots share.
pub const SHARED_QUEUE: u32 = 12;
/// Free husks.
pub const HUSKS: u32 = 13;
/// Memory for stacks.
pub const STACKS: u32 = 14;
/// Children whose ends are awaited.
pub const CHILDREN: u32 = 15;
/// Hosts that `gethostbyname` and its kin have found.
pub const HOSTS: u32 = 16;
/// Seats that nobody has been given.
pub const SEATS: u32 = 17;
/// Words of libc's that are waited for.
pub const WORDS: u32 = 18;
/// Files that stand in for names of threads.
pub const NAMES: u32 = 19;
