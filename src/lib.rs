//! libgreen.
