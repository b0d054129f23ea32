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
/// Where the hub's descriptors are.
pub const HUB_PLACE: u32 = 5;
/// An entry of the table of descriptors.
pub const DESCRIPTOR: u32 = 6;
/// A bucket of the queues by address; two at once in the order of their own addresses.
pub const BUCKET: u32 = 7;
/// The heap of deadlines.
pub const TIMERS: u32 = 8;
/// Idle slots and sleeping workers.
pub const BOARD: u32 = 9;
/// A slot's run queue.
pub const SLOT_QUEUE: u32 = 10;
/// The run queues that all slots share.
pub const SHARED_QUEUE: u32 = 11;
/// Free husks.
pub const HUSKS: u32 = 12;
/// Memory for stacks.
pub const STACKS: u32 = 13;
/// Children whose ends are awaited.
pub const CHILDREN: u32 = 14;
/// Hosts that `gethostbyname` and its kin have found.
pub const HOSTS: u32 = 15;
/// Seats that nobody has been given.
pub const SEATS: u32 = 16;
