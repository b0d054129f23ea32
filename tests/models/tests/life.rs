//! Join and detach: a thread's husk has one taker, and no joiner waits for ever.
#![cfg(feature = "loom")]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use models::task::life::{Detach, Exit, Life, Refusal};

#[derive(Default)]
struct Husk {
    life: Life,
    result: UnsafeCell<u32>,
}

fn end(husk: &Husk) -> Exit {
    husk.result.with_mut(|result| unsafe { *result = 1 });
    husk.life.exit()
}

/// The end of the thread and a joiner: he finds it over, or is woken.
#[test]
fn a_joiner_sees_the_end_or_is_woken() {
    loom::model(|| {
        let husk = Arc::new(Husk::default());
        husk.life.begin(false);
        let thread = {
            let husk = husk.clone();
            thread::spawn(move || end(&husk))
        };
        assert_eq!(husk.life.claim(), Ok(()));
        let over = husk.life.is_over();
        if over {
            husk.result.with(|result| assert_eq!(unsafe { *result }, 1));
        }
        let exit = thread.join().unwrap();
        assert!(over || exit == Exit::Wake);
        assert_ne!(exit, Exit::Free);
    });
}

/// A joiner whose time is up, the end of the thread, and a detach: somebody has the husk, and
/// only one.
#[test]
fn a_husk_has_one_taker() {
    loom::model(|| {
        let husk = Arc::new(Husk::default());
        husk.life.begin(false);
        let thread = {
            let husk = husk.clone();
            thread::spawn(move || end(&husk))
        };
        let detacher = {
            let husk = husk.clone();
            thread::spawn(move || husk.life.detach())
        };
        let claimed = husk.life.claim();
        if claimed.is_ok() {
            husk.life.let_go();
        }
        let detached = detacher.join().unwrap();
        let takers = [
            thread.join().unwrap() == Exit::Free,
            detached == Ok(Detach::Free),
        ];
        // Whoever detaches during a join is not heeded; whoever joins after a detach is told.
        assert!(detached.is_ok());
        let kept = husk.life.claim().is_ok();
        let all = takers.into_iter().chain([kept]);
        assert_eq!(all.filter(|taker| *taker).count(), 1);
    });
}

/// Two joiners: one is refused.
#[test]
fn a_thread_has_one_joiner() {
    loom::model(|| {
        let husk = Arc::new(Husk::default());
        husk.life.begin(false);
        let joiners: Vec<_> = (0..2)
            .map(|_| {
                let husk = husk.clone();
                thread::spawn(move || husk.life.claim())
            })
            .collect();
        let exit = end(&husk);
        let claims: Vec<_> = joiners
            .into_iter()
            .map(|joiner| joiner.join().unwrap())
            .collect();
        assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1);
        assert!(claims.contains(&Err(Refusal::Claimed)));
        assert_ne!(exit, Exit::Free);
    });
}
