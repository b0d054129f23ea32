//! Questions to servers, in turns, until one has answered (glibc, resolv/res_send.c).

use core::sync::atomic::{AtomicU32, Ordering};

use super::message::{self, Answer, HEADER, Question, Received};
use super::socket::{Note, Socket};
use super::{Beyond, Kind};
use crate::glibc::cleanup;
use crate::glibc::resolver::{SERVERS, Settings};
use crate::ops::lookup;
use crate::sys::clock::{self, SECOND};
use crate::sys::raw::syscall;
use crate::task::Thread;

/// So much of a datagram is taken; more than any server sends to who asks for 1,200 bytes.
const DATAGRAM: usize = 4096;

/// What the servers have said.
pub struct Reply {
    /// Answers in the order in which they came, or the errno that there are none for.
    pub answers: Result<Vec<Answer>, i32>,
    /// The `RCODE` of the last message that came before any answer, 0 for none.
    pub code: u8,
}

/// How one server has done.
enum Outcome {
    /// It has answered, in part at least.
    Answers(Vec<Answer>),
    /// Its answers do not fit into datagrams.
    Truncated,
    /// Another server may do better.
    Next,
    /// No other server would.
    Failed(i32),
}

/// An exchange of `me`, the calling thread.
pub struct Exchange<'a> {
    me: &'static Thread,
    settings: &'a Settings,
    questions: &'a [Question],
    /// Those of servers that have not answered in time.
    sockets: [Option<Socket<'a>>; SERVERS],
    /// Where a descriptor for each server is noted, and one for streams.
    notes: &'a [Note; SERVERS],
    stream_note: &'a Note,
    /// Whether a server is there.
    got_somewhere: bool,
    code: u8,
}

/// A few bytes that nobody can foresee.
fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], Beyond> {
    let mut bytes = [0; LENGTH];
    // SAFETY: the array is writable. Before the kernel has any entropy this waits, as it does
    // in libc.
    let got = unsafe { syscall!(SYS_getrandom, bytes.as_mut_ptr(), LENGTH, 0) };
    // So few bytes come at once; a seccomp profile may deny them.
    if got == LENGTH as isize {
        Ok(bytes)
    } else {
        Err(Beyond)
    }
}

/// Which server is first, where they take turns.
fn first_server(settings: &Settings) -> Result<usize, Beyond> {
    /// Odd once it has begun. A forked child keeps it.
    static TURN: AtomicU32 = AtomicU32::new(0);
    if !settings.rotates() {
        return Ok(0);
    }
    let mut turn = TURN.fetch_add(2, Ordering::Relaxed);
    if turn & 1 == 0 {
        turn = u32::from_ne_bytes(random()?) | 1;
        TURN.store(turn.wrapping_add(2), Ordering::Relaxed);
    }
    Ok((turn >> 1) as usize % settings.servers.len())
}

/// Puts one or two questions to the servers of `settings`.
pub fn ask(
    me: &'static Thread,
    settings: &Settings,
    name: &str,
    kinds: &[Kind],
) -> Result<Reply, Beyond> {
    let id = u16::from_ne_bytes(random()?);
    let questions = kinds
        .iter()
        .zip([id, !id])
        .map(|(&kind, id)| Question::new(name, kind, id, settings))
        .collect::<Result<Vec<_>, _>>()?;
    let (notes, stream_note) = ([const { Note::new() }; SERVERS], Note::new());
    let mut exchange = Exchange {
        me,
        settings,
        questions: &questions,
        sockets: Default::default(),
        notes: &notes,
        stream_note: &stream_note,
        got_somewhere: false,
        code: 0,
    };
    let close = || notes.iter().chain([&stream_note]).for_each(Note::close);
    // A handler may jump out of it.
    let answers = cleanup::guarded(close, || exchange.run());
    Ok(Reply {
        // Whatever it has come to by that.
        answers: if lookup::is_cancelled(me) {
            Err(libc::ECANCELED)
        } else {
            answers?
        },
        code: exchange.code,
    })
}

impl<'a> Exchange<'a> {
    fn run(&mut self) -> Result<Result<Vec<Answer>, i32>, Beyond> {
        let settings = self.settings;
        let count = settings.servers.len();
        let first = first_server(settings)?;
        let mut by_stream = settings.uses_streams();
        let mut error = libc::ETIMEDOUT;
        for _ in 0..settings.attempts {
            for turn in 0..count {
                if lookup::is_cancelled(self.me) {
                    return Ok(Err(libc::ECANCELED));
                }
                let index = (first + turn) % count;
                let mut outcome = if by_stream {
                    Outcome::Truncated
                } else {
                    self.by_datagram(index)?
                };
                if matches!(outcome, Outcome::Truncated) {
                    by_stream = true;
                    outcome = self.by_stream(index, &mut error)?;
                }
                match outcome {
                    Outcome::Answers(answers) => return Ok(Ok(answers)),
                    Outcome::Failed(error) => return Ok(Err(error)),
                    Outcome::Next | Outcome::Truncated => {}
                }
            }
            if by_stream {
                // At most one connection to each server.
                return Ok(Err(error));
            }
        }
        Ok(Err(if self.got_somewhere {
            libc::ETIMEDOUT
        } else {
            libc::ECONNREFUSED
        }))
    }

    /// How long the server of that index has got, in nanoseconds.
    fn patience(&self, index: usize) -> u64 {
        let mut seconds = u64::from(self.settings.timeout) << index;
        if index > 0 {
            seconds /= self.settings.servers.len() as u64;
        }
        seconds.max(1) * SECOND
    }

    /// A socket that is connected to the server of that index.
    fn socket(&mut self, index: usize) -> Result<Socket<'a>, Outcome> {
        if let Some(socket) = self.sockets[index].take() {
            return Ok(socket);
        }
        let server = &self.settings.servers[index];
        let socket = Socket::new(self.me, server, libc::SOCK_DGRAM, &self.notes[index])
            .map_err(Outcome::Failed)?;
        if socket.connect(server) < 0 {
            return Err(Outcome::Next);
        }
        Ok(socket)
    }

    fn by_datagram(&mut self, index: usize) -> Result<Outcome, Beyond> {
        let socket = match self.socket(index) {
            Ok(socket) => socket,
            Err(outcome) => return Ok(outcome),
        };
        let deadline = clock::after(self.patience(index));
        for question in self.questions {
            if socket.send(&question.bytes).is_err() {
                return Ok(Outcome::Next);
            }
        }
        let mut open = [true; 2];
        let open = &mut open[..self.questions.len()];
        let mut answers = Vec::new();
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let got = socket.datagram(&mut buffer, deadline);
            if got == -(libc::EAGAIN as isize) {
                self.got_somewhere = true;
                if answers.is_empty() {
                    // It may still answer.
                    self.sockets[index] = Some(socket);
                    return Ok(Outcome::Next);
                }
                // Servers that take one question at a time only: libc knows how to ask them.
                return Err(Beyond);
            }
            let Ok(got) = usize::try_from(got) else {
                return Ok(Outcome::Next);
            };
            self.got_somewhere = true;
            let bytes = buffer.get(..got).ok_or(Beyond)?;
            match message::receive(bytes, self.questions, open)? {
                Received::Spurious => continue,
                Received::Short => return Ok(Outcome::Next),
                Received::Truncated => return Ok(Outcome::Truncated),
                Received::Refused(which, code) => {
                    if open.iter().all(|open| *open) {
                        self.code = code;
                    }
                    open[which] = false;
                }
                Received::Answer(which, answer) => {
                    if open.iter().all(|open| *open) {
                        self.code = answer.code;
                    }
                    open[which] = false;
                    answers.push(answer);
                }
            }
            if !open.contains(&true) {
                return Ok(if answers.is_empty() {
                    Outcome::Next
                } else {
                    Outcome::Answers(answers)
                });
            }
        }
    }

    fn by_stream(&mut self, index: usize, error: &mut i32) -> Result<Outcome, Beyond> {
        let server = &self.settings.servers[index];
        let socket = match Socket::new(self.me, server, libc::SOCK_STREAM, self.stream_note) {
            Ok(socket) => socket,
            Err(error) => return Ok(Outcome::Failed(error)),
        };
        let connected = socket.connect(server);
        if connected < 0 {
            *error = -connected as i32;
            return Ok(Outcome::Next);
        }
        let mut bytes = Vec::new();
        for question in self.questions {
            bytes.extend((question.bytes.len() as u16).to_be_bytes());
            bytes.extend(&question.bytes);
        }
        if let Err(sent) = socket.send(&bytes) {
            *error = -sent as i32;
            return Ok(Outcome::Next);
        }
        let mut open = [true; 2];
        let open = &mut open[..self.questions.len()];
        let mut answers = Vec::new();
        while open.contains(&true) {
            let mut length = [0; 2];
            socket.fill(&mut length)?;
            let mut bytes = vec![0; u16::from_be_bytes(length).into()];
            if bytes.len() < HEADER {
                return Err(Beyond);
            }
            socket.fill(&mut bytes)?;
            match message::receive(&bytes, self.questions, open)? {
                Received::Answer(which, answer) => {
                    open[which] = false;
                    answers.push(answer);
                }
                // Servers that answer with less than the whole by a stream are libc's.
                _ => return Err(Beyond),
            }
        }
        Ok(Outcome::Answers(answers))
    }
}
