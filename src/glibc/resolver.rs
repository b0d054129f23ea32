//! The resolver's state of a thread, `_res` (<bits/types/res_state.h>).
//!
//! glibc has it up to date whenever it asks a name service: from resolv.conf, `RES_OPTIONS`
//! and `LOCALDOMAIN`, and with what the program has changed.

use core::ffi::{CStr, c_char, c_void};
use core::mem;
use core::ptr;

use libc::{sockaddr, sockaddr_in, sockaddr_in6, socklen_t};

use crate::sys::raw::syscall;

/// The most servers of a state (`MAXNS`).
pub const SERVERS: usize = 3;
/// The most domains of a state (`MAXDNSRCH`).
const DOMAINS: usize = 6;

// <resolv.h>: what is set in `State::options`.
const RES_INIT: u64 = 0x1;
const RES_USEVC: u64 = 0x8;
const RES_RECURSE: u64 = 0x40;
const RES_DEFNAMES: u64 = 0x80;
const RES_DNSRCH: u64 = 0x200;
const RES_ROTATE: u64 = 0x4000;
const RES_USE_EDNS0: u64 = 0x10_0000;
const RES_NOTLDQUERY: u64 = 0x100_0000;
const RES_NORELOAD: u64 = 0x200_0000;
const RES_TRUSTAD: u64 = 0x400_0000;
/// An alias of `RES_NOIP6DOTINT`, which glibc sets by itself and no longer looks at.
const RES_NOIP6DOTINT: u64 = 0x8_0000;

/// What does not go beyond [`Settings`].
const UNDERSTOOD: u64 = RES_INIT
    | RES_USEVC
    | RES_RECURSE
    | RES_DEFNAMES
    | RES_DNSRCH
    | RES_ROTATE
    | RES_USE_EDNS0
    | RES_NOTLDQUERY
    | RES_NORELOAD
    | RES_TRUSTAD
    | RES_NOIP6DOTINT;

/// `struct __res_state`.
#[repr(C)]
pub(super) struct State {
    retrans: i32,
    retry: i32,
    options: u64,
    nscount: i32,
    servers: [sockaddr_in; SERVERS],
    id: u16,
    search: [*const c_char; DOMAINS + 1],
    default_domain: [c_char; 256],
    pfcode: u64,
    /// `ndots` and `nsort`, four bits each, then others.
    bits: u32,
    sort_list: [[u32; 2]; 10],
    hooks: [usize; 2],
    host_error: i32,
    stream: i32,
    /// What libc has found out about the servers.
    flags: u32,
    extension: Extension,
}

/// `struct __res_state`, `_u._ext`.
#[repr(C)]
struct Extension {
    nscount: u16,
    map: [u16; SERVERS],
    sockets: [i32; SERVERS],
    nscount6: u16,
    initialized: u16,
    servers: [*const sockaddr_in6; SERVERS],
    index: [u32; 2],
}

const _: () = assert!(mem::size_of::<State>() == 568);
const _: () = assert!(mem::offset_of!(State, flags) == 504);
const _: () = assert!(mem::offset_of!(State, extension.servers) == 536);

unsafe extern "C" {
    pub(super) fn __res_state() -> *mut State;
    fn __res_nclose(state: *mut State);
}

/// Does what glibc does at the end of a thread (`__res_thread_freeres`): the next one of the
/// husk begins with settings of its own.
pub fn forget() {
    // SAFETY: the calling thread's own, which nobody uses any more.
    unsafe {
        let state = __res_state();
        if (*state).options & RES_INIT != 0 {
            __res_nclose(state);
            (*state).options = 0;
        }
    }
}

/// Whether `fd` is the connection to a name server in the middle of a lookup by `state`, or, if that is
/// null, by what the calling thread has (glibc, resolv/res_send.c: `send_vc`).
///
/// # Safety
/// `state` is null or a `struct __res_state`.
pub unsafe fn is_stream(state: *const c_void, fd: i32) -> bool {
    let state = match state.cast::<State>() {
        // SAFETY: the calling thread's own.
        state if state.is_null() => unsafe { __res_state() },
        state => state,
    };
    // SAFETY: as the caller promises; integers.
    unsafe { (*state).options & RES_INIT != 0 && (*state).stream == fd }
}

/// Where a name server is.
#[derive(Clone, Copy)]
pub enum Server {
    /// An IPv4 address and port.
    V4(sockaddr_in),
    /// An IPv6 address and port.
    V6(sockaddr_in6),
}

impl Server {
    /// Its address family.
    pub fn family(&self) -> i32 {
        match self {
            Self::V4(_) => libc::AF_INET,
            Self::V6(_) => libc::AF_INET6,
        }
    }

    /// For `connect`.
    pub fn address(&self) -> (*const sockaddr, socklen_t) {
        match self {
            Self::V4(address) => (
                ptr::from_ref(address).cast(),
                size_of::<sockaddr_in>() as socklen_t,
            ),
            Self::V6(address) => (
                ptr::from_ref(address).cast(),
                size_of::<sockaddr_in6>() as socklen_t,
            ),
        }
    }

    /// Has the kernel tell of all errors on the way, by `fd`, a socket of that family.
    pub fn report_errors(&self, fd: i32) {
        let (level, name) = match self {
            Self::V4(_) => (libc::SOL_IP, libc::IP_RECVERR),
            Self::V6(_) => (libc::SOL_IPV6, libc::IPV6_RECVERR),
        };
        let yes = 1;
        // SAFETY: an option of four bytes. Without it some errors show as time-outs.
        unsafe {
            syscall!(
                SYS_setsockopt,
                fd,
                level,
                name,
                &raw const yes,
                size_of::<i32>()
            )
        };
    }
}

/// What a lookup goes by (resolv.conf(5)).
pub struct Settings {
    /// At least one.
    pub servers: Vec<Server>,
    /// The domains to search.
    pub search: Vec<String>,
    /// `ndots`.
    pub dots: usize,
    /// Seconds that a server gets at first.
    pub timeout: u32,
    /// How many times each server is asked.
    pub attempts: i32,
    options: u64,
}

impl Settings {
    /// Those of the calling thread, unless there are some that nobody but libc understands.
    ///
    /// # Safety
    /// libc is in the middle of a lookup of the thread's.
    pub unsafe fn current() -> Option<Self> {
        // SAFETY: the calling thread's own; set up, as the caller promises.
        let state = unsafe { &*__res_state() };
        let (dots, sorts) = (state.bits & 15, state.bits >> 4 & 15);
        let is_plain = state.options & !UNDERSTOOD == 0
            && state.pfcode == 0
            && state.flags == 0
            && sorts == 0
            && (1..=SERVERS as i32).contains(&state.nscount);
        if !is_plain {
            return None;
        }
        let mut search = Vec::new();
        for &domain in state.search.iter().take_while(|domain| !domain.is_null()) {
            // SAFETY: C strings, up to a null pointer.
            search.push(unsafe { CStr::from_ptr(domain) }.to_str().ok()?.to_owned());
        }
        // There may be more than have room here.
        if search.len() >= DOMAINS || search.iter().map(String::len).sum::<usize>() > 128 {
            return None;
        }
        let servers = (0..state.nscount as usize).map(|index| state.server(index));
        Some(Self {
            servers: servers.collect::<Option<_>>()?,
            search,
            dots: dots as usize,
            timeout: u32::try_from(state.retrans)
                .ok()
                .filter(|&seconds| seconds < 1 << 16)?,
            attempts: state.retry,
            options: state.options,
        })
    }

    fn has(&self, option: u64) -> bool {
        self.options & option != 0
    }

    /// `rotate`.
    pub fn rotates(&self) -> bool {
        self.has(RES_ROTATE) && self.servers.len() > 1
    }

    /// `use-vc`.
    pub fn uses_streams(&self) -> bool {
        self.has(RES_USEVC)
    }

    /// `edns0`.
    pub fn announces_room(&self) -> bool {
        self.has(RES_USE_EDNS0)
    }

    /// `trust-ad`.
    pub fn trusts_authentic_data(&self) -> bool {
        self.has(RES_TRUSTAD)
    }

    /// Whether servers are to ask others.
    pub fn asks_for_recursion(&self) -> bool {
        self.has(RES_RECURSE)
    }

    /// `no-tld-query`.
    pub fn spares_top_level(&self) -> bool {
        self.has(RES_NOTLDQUERY)
    }

    /// Whether names without a dot get a domain.
    pub fn completes(&self) -> bool {
        self.has(RES_DEFNAMES)
    }

    /// Whether all domains are searched, for names with dots, too.
    pub fn searches(&self) -> bool {
        self.has(RES_DNSRCH)
    }
}

impl State {
    fn server(&self, index: usize) -> Option<Server> {
        let address = self.servers[index];
        if i32::from(address.sin_family) == libc::AF_INET {
            return Some(Server::V4(address));
        }
        // libc keeps what does not fit in there.
        // SAFETY: null or an address, as long as the state is set up.
        let address = unsafe { self.extension.servers[index].as_ref() }?;
        (address.sin6_family == libc::AF_INET6 as u16).then_some(Server::V6(*address))
    }
}
