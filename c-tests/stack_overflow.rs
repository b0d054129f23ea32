//! Rust's standard library recognises an overflow of a stack by the guard that pthread_getattr_np tells of: it
//! names the thread, and aborts.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread;

extern "C" {
    fn setrlimit(resource: i32, limit: *const [u64; 2]) -> i32;
}

const RLIMIT_CORE: i32 = 4;
const SIGABRT: i32 = 6;

fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    if depth == u64::MAX {
        return 0;
    }
    recurse(depth + 1) + frame[depth as usize % 64]
}

fn overflow(stack: usize) {
    unsafe { setrlimit(RLIMIT_CORE, &[0, 0]) };
    // Several of that size have been there before.
    for _ in 0..8 {
        let idle = thread::Builder::new().stack_size(stack).spawn(|| ());
        idle.unwrap().join().unwrap();
    }
    let builder = thread::Builder::new().name("deep".into()).stack_size(stack);
    let result = builder.spawn(|| recurse(0)).unwrap().join();
    unreachable!("{result:?}");
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(stack) = arguments.get(1) {
        overflow(stack.parse().unwrap());
    }
    for stack in ["65536", "262144", "2097152"] {
        let ended = Command::new(&arguments[0]).arg(stack).output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(told.contains("thread 'deep'"), "{stack}: {told}");
        assert!(told.contains("has overflowed its stack"), "{stack}: {told}");
        assert_eq!(ended.status.signal(), Some(SIGABRT), "{stack}");
    }
}
