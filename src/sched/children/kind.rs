//! What a child may do but end, as the options of `wait4(2)` and `waitid(2)` name it.

/// How many kinds there are.
pub const KINDS: usize = 2;

/// What a child may do but end.
#[derive(Clone, Copy)]
pub enum Kind {
    /// `WUNTRACED`, which is `WSTOPPED`.
    Stop,
    /// `WCONTINUED`.
    Continuation,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; KINDS] = [Self::Stop, Self::Continuation];

    /// Those that `options` of `wait4` or `waitid` ask for.
    pub fn of(options: i32) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(move |kind| options & kind.option() != 0)
    }

    /// Its place in an array of all.
    pub const fn place(self) -> usize {
        self as usize
    }

    /// The option that asks for it.
    pub fn option(self) -> i32 {
        match self {
            Self::Stop => libc::WSTOPPED,
            Self::Continuation => libc::WCONTINUED,
        }
    }
}

/// The options that ask for any.
pub const OPTIONS: i32 = libc::WSTOPPED | libc::WCONTINUED;
