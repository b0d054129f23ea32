//! Cells, under one name, so that a model checker's can stand in for them.

pub use core::cell::Cell;
