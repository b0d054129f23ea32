//! Rust's standard library, which waits with futexes of its own: threads and scopes, `Mutex`, `Condvar`,
//! `RwLock`, `Barrier`, `Once`, channels, park and unpark, `thread_local!` with destructors, sockets, panics.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, Once, RwLock};
use std::thread;
use std::time::{Duration, Instant};

extern "C" {
    fn alarm(seconds: u32) -> u32;
}

fn locks_exclude() {
    let (mutex, rwlock) = (Mutex::new(0), RwLock::new((0, 0)));
    thread::scope(|scope| {
        for i in 0..16 {
            let (mutex, rwlock) = (&mutex, &rwlock);
            scope.spawn(move || {
                for round in 0..500 {
                    *mutex.lock().unwrap() += 1;
                    if (i + round) % 4 == 0 {
                        let mut pair = rwlock.write().unwrap();
                        pair.0 += 1;
                        thread::yield_now();
                        pair.1 += 1;
                    } else {
                        let pair = rwlock.read().unwrap();
                        assert_eq!(pair.0, pair.1);
                    }
                }
            });
        }
    });
    assert_eq!(mutex.into_inner().unwrap(), 8000);
    assert_eq!(rwlock.into_inner().unwrap().0, 2000);
}

fn condition_variables_wake_and_expire() {
    let shared = Arc::new((Mutex::new(0), Condvar::new()));
    let threads: Vec<_> = (0..10)
        .map(|own| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (turn, changed) = &*shared;
                for round in 0..50 {
                    let mut turn = turn.lock().unwrap();
                    while *turn != round * 10 + own {
                        turn = changed.wait(turn).unwrap();
                    }
                    *turn += 1;
                    changed.notify_all();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let (turn, changed) = &*shared;
    let start = Instant::now();
    let duration = Duration::from_millis(20);
    let (turn, result) = changed
        .wait_timeout_while(turn.lock().unwrap(), duration, |_| true)
        .unwrap();
    assert!(result.timed_out() && start.elapsed() >= duration);
    assert_eq!(*turn, 500);
}

fn channels_carry_everything() {
    let (sender, receiver) = mpsc::sync_channel(2);
    for own in 0..8u64 {
        let sender = sender.clone();
        thread::spawn(move || (0..200).for_each(|i| sender.send(own * 1000 + i).unwrap()));
    }
    drop(sender);
    let sum: u64 = receiver.iter().sum();
    assert_eq!(sum, (0..8).map(|own| own * 200_000 + 19_900).sum::<u64>());
    let (_sender, receiver) = mpsc::channel::<()>();
    let error = receiver.recv_timeout(Duration::from_millis(10)).unwrap_err();
    assert_eq!(error, mpsc::RecvTimeoutError::Timeout);
}

fn parking_and_meeting() {
    let parked = thread::spawn(|| {
        thread::park();
        let start = Instant::now();
        thread::park_timeout(Duration::from_millis(10));
        start.elapsed()
    });
    parked.thread().unpark();
    parked.join().unwrap();

    static ONCE: Once = Once::new();
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let barrier = Barrier::new(20);
    let leaders = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                for _ in 0..20 {
                    if barrier.wait().is_leader() {
                        leaders.fetch_add(1, Ordering::Relaxed);
                    }
                }
                ONCE.call_once(|| {
                    thread::sleep(Duration::from_millis(10));
                    RUNS.fetch_add(1, Ordering::Relaxed);
                });
                assert_eq!(RUNS.load(Ordering::Relaxed), 1);
            });
        }
    });
    assert_eq!(leaders.into_inner(), 20);
}

static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct CountsDrops(Vec<u8>);

impl Drop for CountsDrops {
    fn drop(&mut self) {
        assert_eq!(self.0.len(), 5);
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

thread_local! {
    static LOCAL: RefCell<CountsDrops> = const { RefCell::new(CountsDrops(Vec::new())) };
}

fn thread_locals_are_fresh_and_dropped() {
    for wave in 1..=4 {
        let threads: Vec<_> = (0..50)
            .map(|_| {
                thread::spawn(|| {
                    LOCAL.with_borrow_mut(|local| {
                        assert!(local.0.is_empty());
                        local.0.extend([1; 5]);
                    });
                    thread::yield_now();
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(DROPPED.load(Ordering::SeqCst), wave * 50);
    }
}

fn panics_stay_in_their_thread() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let threads: Vec<_> = (0..20)
        .map(|i| {
            thread::spawn(move || {
                thread::yield_now();
                assert!(i % 2 == 0, "odd one out");
                i
            })
        })
        .collect();
    for (i, thread) in threads.into_iter().enumerate() {
        assert_eq!(thread.join().is_ok(), i % 2 == 0);
    }
    std::panic::set_hook(hook);
}

fn sockets_echo() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || {
        for connection in listener.incoming().take(50) {
            thread::spawn(move || {
                let mut connection = connection.unwrap();
                let mut text = [0; 4];
                while connection.read_exact(&mut text).is_ok() {
                    connection.write_all(&text).unwrap();
                }
            });
        }
    });
    let clients: Vec<_> = (0..50)
        .map(|_| {
            thread::spawn(move || -> std::io::Result<()> {
                let mut connection = TcpStream::connect(address)?;
                connection.set_read_timeout(Some(Duration::from_secs(30)))?;
                let mut text = [0; 4];
                for _ in 0..20 {
                    connection.write_all(b"ping")?;
                    connection.read_exact(&mut text)?;
                    assert_eq!(&text, b"ping");
                }
                Ok(())
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap()?;
    }
    server.join().unwrap();
    Ok(())
}

fn main() {
    // SAFETY: alarm takes any number of seconds; it ends a hang.
    unsafe { alarm(60) };
    locks_exclude();
    condition_variables_wake_and_expire();
    channels_carry_everything();
    parking_and_meeting();
    thread_locals_are_fresh_and_dropped();
    panics_stay_in_their_thread();
    sockets_echo().unwrap();
}
