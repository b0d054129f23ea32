//! The calling thread's CPU time.

use super::worker;
use crate::task::{Critical, current};

/// The CPU time of the calling thread, in nanoseconds, if it shares its kernel thread with others
/// or has done so when it first asked: from then on it is counted, so that it costs the other
/// threads nothing. `None`: what the kernel says of its kernel thread.
pub fn own() -> Option<u64> {
    let me = current();
    let is_kernels = me.is_wired() && !me.mask.is_counted();
    if !me.is_green() || me.is_critical() || is_kernels {
        return None;
    }
    let _critical = Critical::enter();
    if !me.mask.is_counted() {
        me.mask.count();
        worker::of(me).mask.count();
        me.cpu_time.switch_in();
    }
    Some(me.cpu_time.now())
}
