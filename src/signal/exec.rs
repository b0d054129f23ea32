//! A thread that executes another program: what is blocked and waits for it alone stays pending
//! (execve(2)).
//!
//! The kernel keeps the mask, and what waits for the kernel thread. So that is [lent](super::lent) what waits in
//! the thread's block, right before.

use super::lent::{self, Lent};
use crate::sched::lend;
use crate::task::{Critical, current};

/// Runs `call`, which returns only if the calling thread goes on with this program.
pub fn across<R>(call: impl FnOnce() -> R) -> R {
    let me = current();
    if !me.is_green() || lend::is_elsewhere() || lent::lendable(me) == 0 {
        return call();
    }
    let _critical = Critical::enter();
    let lent = Lent::new(me, lent::lendable(me));
    let result = call();
    lent.take_back(me, |_| 0);
    result
}
