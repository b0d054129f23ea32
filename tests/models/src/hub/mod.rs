//! What is modelled of the hub: a descriptor number's lives and edges.

#[path = "../../../../src/hub/descriptor/edges.rs"]
pub mod edges;
#[path = "../../../../src/hub/descriptor/queue.rs"]
pub mod queue;
