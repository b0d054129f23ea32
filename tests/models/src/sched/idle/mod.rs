//! What is modelled of `idle/`.

#[path = "../../../../../src/sched/idle/board.rs"]
pub mod board;

#[path = "../../../../../src/sched/idle/lists.rs"]
mod lists;
