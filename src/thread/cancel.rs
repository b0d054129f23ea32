//! Cancellation points.

unsafe extern "C-unwind" {
    fn pthread_testcancel();
}

/// A cancellation point: if the calling thread was cancelled and has not disabled
/// that, unwinds it. Called at the edge only, with nothing on the way to drop.
#[inline(always)]
pub fn point() {
    // SAFETY: glibc's own, which looks at the TCB; it unwinds or returns.
    unsafe { pthread_testcancel() }
}
