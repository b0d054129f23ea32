//! Operations on descriptors: tried without blocking, then waited for.
