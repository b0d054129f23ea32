//! Stacks of green threads.

use super::placement::Stack;
use super::reservation;
use crate::glibc::tls::StaticSize;
use crate::sys::pages::PAGE;

/// `pthread_attr_init`'s guard size.
pub const DEFAULT_GUARD: usize = PAGE;

/// What libgreen adds to `asked` bytes, for its own block in static TLS. What takes a small part of
/// a large stack is not worth a difference that shows: `pthread_getattr_np` tells the true extents,
/// with all thread-local storage within, which collectors of garbage scan, and the guard right below,
/// where who handles overflows looks.
fn added(asked: usize) -> usize {
    let room = PAGE
        .max(2 * StaticSize::get().alignment)
        .next_multiple_of(PAGE);
    if asked < 8 * room { room } else { 0 }
}

/// What glibc wants of a stack beside static TLS, in bytes (nptl/allocatestack.c,
/// `MINIMAL_REST_STACK`).
const MINIMUM: usize = PAGE;

/// The extents in memory of a stack of `requested` bytes and of its guard: whole
/// pages, and in small ones room for what libgreen adds to the static TLS at its top. `EINVAL` if
/// there is no room for static TLS, or no such size, as natively.
pub fn extents(requested: usize, guard: usize) -> Result<(usize, usize), i32> {
    let tls = StaticSize::get();
    let whole = |bytes: usize| bytes.checked_next_multiple_of(PAGE).ok_or(libc::EINVAL);
    let asked = whole(requested)?;
    let size = asked.checked_add(added(asked)).ok_or(libc::EINVAL)?;
    let guard = whole(guard)?;
    if size < tls.most() + MINIMUM || size.checked_add(guard).is_none() {
        return Err(libc::EINVAL);
    }
    Ok((size, guard))
}

/// A fresh stack of these [`extents`]. `EAGAIN` when there is no memory for it. The
/// caller is critical.
pub fn allocate(size: usize, guard: usize) -> Result<Stack, i32> {
    let base = reservation::carve(size, guard).ok_or(libc::EAGAIN)?;
    Ok(Stack { base, size, guard })
}

/// Gives back a stack that nobody has used. The caller is critical.
pub fn give_back(stack: Stack) {
    reservation::take_back(stack.size, stack.guard, stack.base);
}
