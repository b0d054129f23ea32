//! The resolver's state of a thread, `_res` (<bits/types/res_state.h>).

/// `RES_INIT` of <resolv.h>: the state has been set up.
const RES_INIT: u64 = 1;

/// The beginning of `struct __res_state`.
#[repr(C)]
struct State {
    retrans: i32,
    retry: i32,
    options: u64,
}

unsafe extern "C" {
    fn __res_state() -> *mut State;
    fn __res_nclose(state: *mut State);
}

/// Does what glibc does at the end of a thread (`__res_thread_freeres`): the next one of the
/// husk begins with settings of its own.
pub fn forget() {
    // SAFETY: the calling thread's own, which nobody uses any more.
    unsafe {
        let state = __res_state();
        if (*state).options & RES_INIT != 0 {
            __res_nclose(state);
            (*state).options = 0;
        }
    }
}
