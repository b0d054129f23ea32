//! What the kernel says of its threads (proc(5), /proc/self/task).

use core::ffi::c_int;
use core::mem::MaybeUninit;

use super::raw::syscall;

const DIRECTORY: &[u8] = b"/proc/self/task/";
/// More digits than any id has.
const DIGITS: usize = 10;
/// The longest name of a file in a thread's directory, with its slash and a NUL.
const NAME: usize = 8;

/// Opens the file of that name of the kernel thread `id` of this process; `-errno`, for
/// instance where there is no `/proc`.
fn open(id: i32, name: &[u8], flags: c_int) -> isize {
    let mut path = [0u8; DIRECTORY.len() + DIGITS + NAME];
    path[..DIRECTORY.len()].copy_from_slice(DIRECTORY);
    // The kernel takes no leading zeros.
    let digits = 1 + id.max(1).ilog10() as usize;
    let end = DIRECTORY.len() + digits;
    let mut rest = id;
    for digit in path[DIRECTORY.len()..end].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    path[end..end + name.len()].copy_from_slice(name);
    // SAFETY: a C string.
    unsafe { syscall!(SYS_open, path.as_ptr(), flags | libc::O_CLOEXEC) }
}

/// The beginning of that file, as far as it fits in `text`. Empty where there is none.
fn read<'a>(id: i32, name: &[u8], text: &'a mut [u8]) -> &'a [u8] {
    let fd = open(id, name, libc::O_RDONLY);
    if fd < 0 {
        return &[];
    }
    // SAFETY: a live buffer, a descriptor that is ours.
    let length = unsafe {
        let length = syscall!(SYS_read, fd, text.as_mut_ptr(), text.len());
        syscall!(SYS_close, fd);
        length.max(0) as usize
    };
    &text[..length]
}

/// The id of the calling kernel thread (gettid(2)).
pub fn own_id() -> i32 {
    // SAFETY: no arguments.
    unsafe { syscall!(SYS_gettid) as i32 }
}

/// What the kernel says of a thread's signals.
pub struct Signals {
    /// Those that wait for the thread alone.
    pub pending: u64,
    /// Those that it does not accept: all, if it has ended.
    pub blocked: u64,
}

/// Those of the kernel thread `id` of this process. `None` where there is no `/proc`.
pub fn signals(id: i32) -> Option<Signals> {
    let mut text = [0u8; 4096];
    let text = read(id, b"/status", &mut text);
    let after = |key: &[u8]| {
        let at = text.windows(key.len()).position(|window| window == key)?;
        text.get(at + key.len()..)
    };
    let set = |key| {
        let digits = core::str::from_utf8(after(key)?.get(..16)?).ok()?;
        u64::from_str_radix(digits, 16).ok()
    };
    let has_ended = matches!(after(b"\nState:\t")?.first(), Some(b'Z' | b'X'));
    Some(Signals {
        pending: set(b"\nSigPnd:\t")?,
        blocked: if has_ended { !0 } else { set(b"\nSigBlk:\t")? },
    })
}

/// Whether the kernel thread `id` of this process sleeps in the kernel, neither running
/// nor waiting for a processor. False where there is no `/proc`.
pub fn is_asleep(id: i32) -> bool {
    let mut text = [0u8; 128];
    // "id (name) state …": the name may contain anything.
    let text = read(id, b"/stat", &mut text);
    let state = text.iter().rposition(|byte| *byte == b')');
    state.is_some_and(|end| matches!(text.get(end + 2), Some(b'S' | b'D')))
}

/// Names the kernel thread `id` of this process, as far as there is a `/proc`.
pub fn set_name(id: i32, name: &[u8]) {
    let fd = open(id, b"/comm", libc::O_WRONLY);
    if fd >= 0 {
        // SAFETY: a live buffer, a descriptor that is ours.
        unsafe {
            syscall!(SYS_write, fd, name.as_ptr(), name.len());
            syscall!(SYS_close, fd);
        }
    }
}

/// How many kernel threads this process has: they are so many links to a directory, beside
/// the usual two (proc(5) has it for its subdirectories, which are the threads). `None`
/// where there is no `/proc`.
pub fn count() -> Option<u64> {
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: a C string; written if the result is 0.
    unsafe {
        let path = c"/proc/self/task".as_ptr();
        (syscall!(SYS_stat, path, status.as_mut_ptr()) == 0)
            .then(|| status.assume_init().st_nlink.saturating_sub(2))
    }
}
