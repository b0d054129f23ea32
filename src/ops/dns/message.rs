//! Messages (RFC 1035), as far as lookups of hosts need them.

use core::net::IpAddr;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, RecordType};

use super::{Beyond, Record};
use crate::glibc::resolver::Settings;

/// The length of a message's header in bytes.
pub const HEADER: usize = 12;

/// What libc announces that it can take, in bytes (glibc, resolv/resolv-internal.h).
const ROOM: u16 = 1200;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// The name of an address.
    Ptr,
}

impl Kind {
    fn record_type(self) -> RecordType {
        match self {
            Self::A => RecordType::A,
            Self::Aaaa => RecordType::AAAA,
            Self::Ptr => RecordType::PTR,
        }
    }
}

/// A question, as it is sent.
pub struct Question {
    /// What is asked for.
    pub kind: Kind,
    id: u16,
    query: Query,
    /// The message.
    pub bytes: Vec<u8>,
}

/// What a server says to a question.
pub struct Answer {
    /// What was asked for.
    pub kind: Kind,
    /// The name that was asked for.
    pub name: String,
    /// `RCODE`.
    pub code: u8,
    /// How many records it has.
    pub count: usize,
    message: Message,
}

/// What has come.
pub enum Received {
    /// Not the answer to any of the questions.
    Spurious,
    /// Less than a header.
    Short,
    /// The answer to the question of that index: cut off.
    Truncated,
    /// Another server may know more.
    Refused(usize, u8),
    /// The answer to the question of that index.
    Answer(usize, Answer),
}

/// A name as glibc writes it, if every letter of it is one of host names (glibc,
/// `__res_binary_hnok`).
fn host_name(name: &Name) -> Option<String> {
    let mut text = String::new();
    for label in name.iter() {
        if !text.is_empty() {
            text.push('.');
        }
        for &byte in label {
            if !is_of_host(byte) {
                return None;
            }
            text.push(char::from(byte));
        }
    }
    (!text.is_empty() && !text.starts_with('-')).then_some(text)
}

fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Whether glibc asks servers for it, and without a second thought.
pub fn is_ordinary(name: &str) -> bool {
    let labels = name.strip_suffix('.').unwrap_or(name);
    name.len() < 254
        && !name.starts_with('-')
        && labels
            .split('.')
            .all(|label| (1..=63).contains(&label.len()) && label.bytes().all(is_of_host))
}

impl Question {
    /// `name` is ordinary; `id` is its number.
    pub fn new(name: &str, kind: Kind, id: u16, settings: &Settings) -> Result<Self, Beyond> {
        let labels = name.strip_suffix('.').unwrap_or(name).split('.');
        let name = Name::from_labels(labels.map(str::as_bytes)).map_err(|_| Beyond)?;
        let query = Query::query(name, kind.record_type());
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = settings.asks_for_recursion();
        message.metadata.authentic_data = settings.trusts_authentic_data();
        message.add_query(query.clone());
        if settings.announces_room() {
            let mut edns = Edns::new();
            edns.set_max_payload(ROOM);
            message.set_edns(edns);
        }
        let bytes = message.to_vec().map_err(|_| Beyond)?;
        Ok(Self {
            kind,
            id,
            query,
            bytes,
        })
    }

    /// Whether a message with that id and those questions is about it.
    fn is_asked_in(&self, message: &Message) -> bool {
        message.metadata.id == self.id && message.queries == [self.query.clone()]
    }
}

/// What is refused: libc goes on with the next server.
fn is_refusal(code: ResponseCode) -> bool {
    matches!(
        code,
        ResponseCode::ServFail | ResponseCode::NotImp | ResponseCode::Refused
    )
}

/// What `bytes`, which a server has sent, says to those of `questions` that are `open`.
pub fn receive(bytes: &[u8], questions: &[Question], open: &[bool]) -> Result<Received, Beyond> {
    if bytes.len() < HEADER {
        return Ok(Received::Short);
    }
    let id = u16::from_be_bytes([bytes[0], bytes[1]]);
    let find = |is_it: &dyn Fn(&Question) -> bool| {
        (0..questions.len())
            .find(|&index| open[index] && questions[index].id == id && is_it(&questions[index]))
    };
    if find(&|_| true).is_none() {
        return Ok(Received::Spurious);
    }
    // Some servers refuse with a header alone.
    let code = ResponseCode::from_low(bytes[3] & 15);
    if bytes.len() == HEADER && bytes[4..6] == [0, 0] && is_refusal(code) {
        let index = find(&|_| true).ok_or(Beyond)?;
        return Ok(Received::Refused(index, code.low()));
    }
    // The question comes first: what is about another one need not be well-formed behind it.
    if !questions
        .iter()
        .any(|question| question.id == id && has_question_of(bytes, question))
    {
        return Ok(Received::Spurious);
    }
    // No bytes should lead to a panic; if some do, not through libc's frames.
    let message = catch_unwind(AssertUnwindSafe(|| Message::from_vec(bytes)))
        .ok()
        .and_then(Result::ok)
        .ok_or(Beyond)?;
    let Some(index) = find(&|question| question.is_asked_in(&message)) else {
        return Ok(Received::Spurious);
    };
    let about = &message.metadata;
    let is_lame = about.response_code == ResponseCode::NoError
        && message.answers.is_empty()
        && !about.authoritative
        && !about.recursion_available
        && message.additionals.is_empty()
        && message.edns.is_none();
    if is_refusal(code) || is_lame {
        return Ok(Received::Refused(index, code.low()));
    }
    if about.truncation {
        return Ok(Received::Truncated);
    }
    let question = &questions[index];
    Ok(Received::Answer(
        index,
        Answer {
            kind: question.kind,
            name: host_name(message.queries[0].name()).ok_or(Beyond)?,
            code: code.low(),
            count: message.answers.len(),
            message,
        },
    ))
}

/// Whether the message `bytes` has the question of `question` and no other.
fn has_question_of(bytes: &[u8], question: &Question) -> bool {
    // Both are written without compression, as there is nothing before them.
    let length = question
        .bytes
        .iter()
        .skip(HEADER)
        .position(|&byte| byte == 0)
        .map_or(0, |root| root + 5);
    let (theirs, ours) = (
        bytes.get(HEADER..HEADER + length),
        &question.bytes[HEADER..HEADER + length],
    );
    bytes[4..6] == [0, 1] && theirs.is_some_and(|theirs| theirs.eq_ignore_ascii_case(ours))
}

impl Answer {
    /// Its aliases and addresses, in their order, and the shortest time to live in seconds.
    pub fn records(&self) -> Result<(Vec<Record>, u32), Beyond> {
        let mut records = Vec::new();
        let mut time_to_live = u32::MAX;
        let mut expected = self.message.queries[0].name();
        for record in &self.message.answers {
            let kind = record.record_type();
            if kind != RecordType::CNAME && kind != self.kind.record_type() {
                continue;
            }
            // libc has its ways with what is not in order; they differ between versions.
            if record.dns_class != DNSClass::IN || record.name != *expected {
                return Err(Beyond);
            }
            time_to_live = time_to_live.min(record.ttl);
            match &record.data {
                RData::CNAME(target) if !records.iter().any(Record::is_address) => {
                    expected = &target.0;
                    records.push(Record::Alias(host_name(expected).ok_or(Beyond)?));
                }
                RData::A(address) => records.push(Record::Address(IpAddr::V4(address.0))),
                RData::AAAA(address) => records.push(Record::Address(IpAddr::V6(address.0))),
                _ => return Err(Beyond),
            }
        }
        Ok((records, time_to_live))
    }

    /// The first name, which is the one that libc takes, and its time to live in seconds.
    pub fn pointer(&self) -> Result<(String, u32), Beyond> {
        let record = self.message.answers.first().ok_or(Beyond)?;
        let asked = self.message.queries[0].name();
        match &record.data {
            RData::PTR(name) if record.dns_class == DNSClass::IN && record.name == *asked => {
                Ok((host_name(&name.0).ok_or(Beyond)?, record.ttl))
            }
            _ => Err(Beyond),
        }
    }
}

impl Record {
    /// Whether it is an address.
    fn is_address(&self) -> bool {
        matches!(self, Self::Address(_))
    }
}
