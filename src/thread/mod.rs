//! Green threads: what `pthread_create` makes, from a husk to its exit.

pub mod attributes;
pub mod begun_by_libc;
pub mod create;
pub mod donor;
pub mod executable;
pub mod exit;
pub mod go;
pub mod husk;
pub mod join;
pub mod keys;
mod loaded;
pub mod main_thread;
pub mod name_files;
pub mod native;
pub mod pool;
pub mod scheduling;
pub mod signalled;
pub mod start;
pub mod timers;
pub mod unwinder;
