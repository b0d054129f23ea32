//! stub
use crate::sched::worker::Worker;
/// a
pub fn adopt(_w: &'static Worker) {}
/// a
/// # Safety
/// a
pub unsafe fn reset_in_child() {}
