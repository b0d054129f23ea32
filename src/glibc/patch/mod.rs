//! libc's own callers of the functions that libgreen stands in for.
//!
//! stdio, the resolver, syslog and so on call the bodies of `read`, `poll`, `send` directly;
//! so does whoever has got their addresses from libc itself (`dlsym` with a handle), and whoever
//! calls a name that the executable defines. A jump at the
//! beginning of each such body brings them all to libgreen's function of that name.
//!
//! libgreen itself calls the body by a copy of what the jump has replaced: [`real`] gives
//! it a *thunk*, which goes there, or to libc's function as long as that is whole.
//!
//! ```text
//! fgets ─▶ read in libc ─ jmp ─▶ read in libgreen ─▶ thunk ─▶ copy ─ jmp ─▶ the rest of read in libc
//! ```
//!
//! [`real`]: super::real

mod functions;
mod hidden;
mod interrupted;

use core::ffi::{CStr, c_void};
use core::fmt::Write;
use core::ops::Range;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use super::image::Image;
use super::objects;
use super::writable;
use crate::arch::code::{self, ALIGNMENT, ROOM};
use crate::sys::report::Line;
use crate::sys::task_state;
use crate::sys::text;
use functions::{Function, Outcome};
pub use functions::{LOCK, UNLOCK, WAIT_FOR_LOCK, WAIT_FOR_WORD, WAKE_FOR_LOCK};

/// Code that is about to be replaced.
struct Plan {
    function: Function,
    /// The address in libc.
    entry: usize,
    /// What is there now, and what will be.
    before: u128,
    after: u128,
    /// Where the instructions begin that are replaced and are not the first of them.
    inside: Range<usize>,
    copy: [u8; ROOM],
}

/// What `real!(name)` is to call: `address`, libc's function of that name or that of a
/// library in between, or a thunk that leads there.
pub fn callable(name: &CStr, address: *mut c_void) -> *mut c_void {
    match Function::find(name) {
        Some(function) => function.thunk(address),
        None => address,
    }
}

/// What a function of libc's that is patched was before: a function of its type.
pub fn original(name: &CStr) -> Option<*const ()> {
    let function = Function::find(name)?;
    Some(function.copy().cast_const().cast())
}

/// Has libc's callers of `name` go to `hook`, and not to libgreen's function of that name.
///
/// # Safety
/// It has the same type, and does what libc expects.
pub unsafe fn lead(name: &CStr, hook: *const ()) {
    if let Some(function) = Function::find(name) {
        function.set_hook(hook);
    }
}

/// Whether libc's callers of all `names` come to libgreen.
pub fn have_all(names: &[&CStr]) -> bool {
    names.iter().all(|name| {
        Function::find(name).is_some_and(|function| function.outcome() == Outcome::Patched)
    })
}

/// Patches what can be patched, once in the life of the process and its forked children;
/// what is not as expected stays as it is. `frame` is in the caller's.
#[inline(never)]
pub fn apply(frame: usize) {
    /// A forked child keeps the patches.
    static APPLIED: AtomicBool = AtomicBool::new(false);
    if APPLIED.swap(true, Ordering::Relaxed) {
        return;
    }
    let alone = task_state::count() == Some(1);
    let mut plans = [const { None }; functions::COUNT];
    if let (Some(libc), Some(own)) = (objects::libc_image(), objects::own_image()) {
        for (function, plan) in Function::all().zip(&mut plans) {
            match Plan::of(function, (&libc, &own), alone) {
                Ok(made) => *plan = Some(made),
                Err(outcome) => function.set_outcome(outcome),
            }
        }
    }
    // From there on nothing on the stack is about the plans.
    spare_interrupted(frame, &mut plans);
    // SAFETY: what `Plan::of` has looked at.
    unsafe { carry_out(&plans) };
}

/// Drops what is planned for a function that the caller, in a handler, may return to the inside of.
fn spare_interrupted(frame: usize, plans: &mut [Option<Plan>]) {
    let (first, last) = bounds(plans);
    interrupted::each(frame, first..last + ALIGNMENT, |address| {
        for plan in &mut *plans {
            if let Some(interrupted) = plan.take_if(|plan| plan.inside.contains(&address)) {
                interrupted.function.set_outcome(Outcome::InUse);
            }
        }
    });
}

/// The lowest and the highest address of a function.
fn bounds(plans: &[Option<Plan>]) -> (usize, usize) {
    let entries = || plans.iter().flatten().map(|plan| plan.entry);
    (entries().min().unwrap_or(0), entries().max().unwrap_or(0))
}

/// # Safety
/// The plans are for code as it is.
unsafe fn carry_out(plans: &[Option<Plan>]) {
    let plans = || plans.iter().flatten();
    if plans().next().is_none() {
        return;
    }
    let copies = functions::copies();
    let copies = copies..copies + functions::COUNT * ROOM;
    let code = text::libcs();
    // SAFETY: whole pages of libgreen's and libc's code; nobody executes a copy yet.
    unsafe {
        let opened = writable::open(&copies) && writable::open(&code);
        for plan in plans() {
            let outcome = if !opened {
                Outcome::Refused
            } else if !are_woken(plan.function) {
                Outcome::Unexpected
            } else {
                plan.carry_out()
            };
            plan.function.set_outcome(outcome);
        }
        writable::close(&copies);
        writable::close(&code);
    }
}

/// Whether those who wait by that function would be woken.
fn are_woken(function: Function) -> bool {
    let wakes = match function.name() {
        name if name == WAIT_FOR_LOCK => WAKE_FOR_LOCK,
        name if name == LOCK => UNLOCK,
        _ => return true,
    };
    have_all(&[wakes])
}

impl Plan {
    fn of(function: Function, (libc, own): (&Image, &Image), alone: bool) -> Result<Self, Outcome> {
        let name = function.name();
        let is_hidden = name == WAIT_FOR_WORD;
        let entry = if is_hidden {
            hidden::wait_for_word(libc)
        } else {
            libc.definition(name)
        };
        let hook = function
            .hook()
            .map_or_else(|| own.definition(name), |hook| hook.addr());
        if entry == 0 || hook == 0 {
            return Err(Outcome::Absent);
        }
        // Our native way ends in a library that calls libc's function: that must not lead
        // to us again.
        if !is_hidden && objects::next_definition(name, None) != entry {
            return Err(Outcome::Shadowed);
        }
        if !entry.is_multiple_of(ALIGNMENT) {
            return Err(Outcome::Unexpected);
        }
        // SAFETY: a function of libc's, aligned, with code that can be read around it.
        let before = unsafe { *(entry as *const [u8; ALIGNMENT]) };
        let beginning = code::beginning(&before).ok_or(Outcome::Unexpected)?;
        if !beginning.is_single && !alone {
            return Err(Outcome::InUse);
        }
        let start = beginning.start;
        let copy = code::relocated(&before, &beginning, entry, function.copy().addr())
            .ok_or(Outcome::Far)?;
        let jump = code::jump(entry + start, hook).ok_or(Outcome::Far)?;
        let mut after = before;
        after[start..start + code::JUMP].copy_from_slice(&jump);
        let inside = if beginning.is_single {
            0..0
        } else {
            entry + start + 1..entry + beginning.end
        };
        Ok(Self {
            function,
            entry,
            inside,
            before: u128::from_ne_bytes(before),
            after: u128::from_ne_bytes(after),
            copy,
        })
    }

    /// # Safety
    /// The code can be written.
    unsafe fn carry_out(&self) -> Outcome {
        // SAFETY: as the caller promises; a copy is nobody else's.
        unsafe { ptr::write_volatile(self.function.copy(), self.copy) };
        self.function.use_copy();
        // SAFETY: as the caller promises; aligned.
        let found = unsafe { code::replace(self.entry as *mut u128, self.before, self.after) };
        if found == self.before {
            Outcome::Patched
        } else {
            Outcome::Unexpected
        }
    }
}

/// Tells in one line what is patched, and what is not: by name where that does not concern most of them.
pub fn report() {
    const MOST_NAMED: usize = 16;
    let of = |outcome| Function::all().filter(move |function| function.outcome() == outcome);
    let mut line = Line::new();
    // A line that is too long is cut.
    let _ = write!(
        line,
        "{} functions of libc patched",
        of(Outcome::Patched).count()
    );
    for (outcome, why) in [
        (Outcome::NotTried, "not asked for"),
        (Outcome::Absent, "absent"),
        (Outcome::Shadowed, "found in another library first"),
        (Outcome::Unexpected, "not as expected"),
        (Outcome::InUse, "perhaps in use"),
        (Outcome::Far, "too far away"),
        (Outcome::Refused, "not to be written"),
    ] {
        let count = of(outcome).count();
        if count > MOST_NAMED {
            let _ = write!(line, "; {why}: {count}");
            continue;
        }
        for (index, function) in of(outcome).enumerate() {
            if index == 0 {
                let _ = write!(line, "; {why}:");
            }
            line.push(b" ");
            line.push(function.name().to_bytes());
        }
    }
    line.print();
}
