//! A thread's name, as `pthread_setname_np(3)` has it.

use core::mem;
use core::sync::atomic::{AtomicU64, Ordering};

/// 16 bytes with the NUL. Who reads it while it is changed may get a mixture, as from the
/// kernel (`__get_task_comm`).
#[derive(Default)]
pub struct Name([AtomicU64; 2]);

impl Name {
    /// The name, padded with NULs.
    pub fn get(&self) -> [u8; 16] {
        let words = [0, 1].map(|index: usize| self.0[index].load(Ordering::Relaxed));
        // SAFETY: the same size; every bit pattern is valid.
        unsafe { mem::transmute::<[u64; 2], [u8; 16]>(words) }
    }

    /// Changes it.
    pub fn set(&self, name: [u8; 16]) {
        // SAFETY: as above.
        let words = unsafe { mem::transmute::<[u8; 16], [u64; 2]>(name) };
        for (word, value) in self.0.iter().zip(words) {
            word.store(value, Ordering::Relaxed);
        }
    }
}
