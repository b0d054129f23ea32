//! What is modelled of `monitor/`.

#[path = "../../../../../src/sched/monitor/bell.rs"]
pub mod bell;
