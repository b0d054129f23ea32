//! stub
use super::Thread;
/// a
pub fn retired(_t: &'static Thread) {}
