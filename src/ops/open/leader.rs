//! FIFOs that a kernel thread of ours waits at for a reader, one at most at each. Who comes later
//! queues behind it.

use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

use super::File;
use crate::hub::fifos;
use crate::sched::blocking;
use crate::sched::turns::Turns;
use crate::sys::in_child::{in_child, restore};

/// More than kernel threads wait so at a time.
const SIZE: usize = 8;

/// A FIFO and its leader. Changed by whoever is [alone](crate::hub::fifos::alone).
pub struct Place {
    device: AtomicU64,
    inode: AtomicU64,
    /// So many queue, or are about to: until they have looked it means that file.
    followers: AtomicU32,
    /// How often its leader has met a reader.
    meetings: AtomicU32,
    /// A writer's number, which counts for the followers until they have looked, or -1.
    stand_in: AtomicI32,
    /// The leader's, who may be gone without having said so.
    turn: Turns,
}

static PLACES: [Place; SIZE] = [const { Place::new() }; SIZE];

/// In a forked child nobody waits.
fn reset() {
    for place in &PLACES {
        restore(&place.followers, 0);
        // A child does not have the descriptor.
        restore(&place.stand_in, -1);
        place.turn.reset();
    }
}

in_child!(reset);

impl Place {
    const fn new() -> Self {
        Self {
            device: AtomicU64::new(0),
            inode: AtomicU64::new(0),
            followers: AtomicU32::new(0),
            meetings: AtomicU32::new(0),
            stand_in: AtomicI32::new(-1),
            turn: Turns::one(),
        }
    }

    fn file(&self) -> File {
        File {
            device: self.device.load(Ordering::Relaxed),
            inode: self.inode.load(Ordering::Relaxed),
        }
    }

    fn is_led(&self) -> bool {
        self.turn.used() > 0
    }

    fn is_in_use(&self) -> bool {
        self.is_led() || self.followers.load(Ordering::Relaxed) > 0
    }

    /// The calling thread, in a blocking region, leads at `file` from here on, until it leaves that,
    /// if nobody does. The caller is alone.
    pub fn lead(file: File) -> Option<&'static Self> {
        let find = |is_it: &dyn Fn(&Self) -> bool| PLACES.iter().find(|place| is_it(place));
        let place = find(&|place| place.is_in_use() && place.file() == file)
            .or_else(|| find(&|place| !place.is_in_use()))
            .filter(|place| !place.is_led())?;
        place.device.store(file.device, Ordering::Relaxed);
        place.inode.store(file.inode, Ordering::Relaxed);
        blocking::take(&place.turn);
        Some(place)
    }

    /// Where somebody leads at `file`: the caller, who is alone, follows, and [ends](Following::end)
    /// that before a handler can run.
    pub fn follow(file: File) -> Option<Following> {
        let place = PLACES
            .iter()
            .find(|place| place.is_led() && place.file() == file)?;
        place.followers.fetch_add(1, Ordering::Relaxed);
        Some(Following {
            place,
            meetings: place.meetings.load(Ordering::Relaxed),
        })
    }

    /// The leader, who is alone, has met a reader, and has got the descriptor `fd`.
    pub fn note_meeting(&self, fd: i32) {
        self.meetings.fetch_add(1, Ordering::Relaxed);
        if self.followers.load(Ordering::Relaxed) > 0 && self.stand_in.load(Ordering::Relaxed) < 0 {
            // Readers are at no end of file as long as somebody waits to write.
            self.stand_in.store(fifos::duplicate(fd), Ordering::Relaxed);
        }
    }

    /// Has all followers look.
    pub fn tell_followers(&self) {
        self.turn.let_all_look();
    }
}

/// A place behind a leader.
pub struct Following {
    place: &'static Place,
    meetings: u32,
}

impl Following {
    /// What is waited for: a turn to lead, or [`Place::tell_followers`].
    pub fn turn(&self) -> &'static Turns {
        &self.place.turn
    }

    /// Whether a leader has met a reader since. The caller is alone.
    pub fn is_met(&self) -> bool {
        self.place.meetings.load(Ordering::Relaxed) != self.meetings
    }

    /// Ends it. The caller is alone.
    pub fn end(self) {
        if self.place.followers.fetch_sub(1, Ordering::Relaxed) == 1 {
            let stand_in = self.place.stand_in.swap(-1, Ordering::Relaxed);
            if stand_in >= 0 {
                // Nobody waits there.
                let _ = fifos::close_alone(stand_in);
            }
        }
    }
}
