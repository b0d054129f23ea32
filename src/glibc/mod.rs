//! What is known of glibc's insides, and of nothing else's.
//!
//! - [`real`]: the functions that our hooks shadow;
//! - [`cleanup`]: what runs when the stack is unwound;
//! - [`condition`]: where a condition variable has its flags;
//! - [`tcb`]: the thread control block; [`tls`]: thread-local storage behind it; [`replica`]:
//!   copies of both;
//! - [`link_map`]: what the loader shows of itself; [`loader`]: where that is, and whether it is at work;
//!   [`breakpoint`]: being told when it has loaded something;
//! - [`objects`]: those that are loaded, [`handles`]: by their names; [`image`]: what one defines;
//!   [`stand_aside`]: libgreen's place among them;
//! - [`deep_binding`]: those that look for libc's functions before everybody's; [`binding`]:
//!   what these have found already;
//! - [`patch`]: jumps from its own callers of what is hooked to the hooks; [`writable`]: code that can be
//!   written for a moment;
//! - [`resolver`]: a thread's settings for it; [`resolver_context`]: lookups that it was in the
//!   middle of;
//! - [`name_service`]: libgreen as one of those that glibc asks for hosts;
//! - [`robust`]: the list of robust mutexes that a thread holds;
//! - [`signals`]: those that glibc keeps for itself; [`threads`]: how many it knows of.

pub mod binding;
pub mod breakpoint;
pub mod cleanup;
pub mod condition;
pub mod deep_binding;
pub mod handles;
pub mod image;
pub mod link_map;
pub mod loader;
pub mod name_service;
pub mod objects;
pub mod patch;
pub mod real;
pub mod replica;
pub mod resolver;
pub mod resolver_context;
pub mod robust;
pub mod signals;
pub mod stand_aside;
pub mod tcb;
pub mod threads;
pub mod tls;
pub mod writable;
