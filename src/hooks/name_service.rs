//! The name service `green`, which glibc asks for hosts in the place of its own `dns`
//! (`glibc/name_service.rs`). Functions and results are those that it expects of any
//! service (<nss.h>; glibc, nss/nss.h and resolv/nss_dns/dns-host.c).
//!
//! What is not a green thread's, and what [goes beyond](Beyond) the hub's resolver, is
//! answered by libc's own functions for `dns`.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::net::IpAddr;
use core::ptr;

use libc::{hostent, size_t, socklen_t};

use crate::glibc::real::real;
use crate::glibc::resolver::Settings;
use crate::ops::dns::{self, Answer, Beyond, Failure, Kind, Record};
use crate::ops::lookup;
use crate::task::green;

// `enum nss_status` (<nss.h>).
const TRY_AGAIN: c_int = -2;
const UNAVAILABLE: c_int = -1;
const NOT_FOUND: c_int = 0;
const SUCCESS: c_int = 1;

/// `NETDB_INTERNAL` (<netdb.h>): see errno.
const INTERNAL: c_int = -1;

/// libc's own function keeps so many names and addresses of one host at most, in versions
/// before 2.37.
const MOST: usize = 32;

/// `struct gaih_addrtuple` (<nss.h>).
#[repr(C)]
struct AddressTuple {
    next: *mut AddressTuple,
    name: *mut c_char,
    family: c_int,
    address: [u8; 16],
    scope: u32,
}

/// The caller's memory for a result, and where it gets to know why there is none.
struct Place {
    free: *mut u8,
    left: usize,
    error: *mut c_int,
    host_error: *mut c_int,
}

/// There is no room left.
struct Full;

impl Place {
    /// Room for `count` times `T`.
    fn take<T>(&mut self, count: usize) -> Result<*mut T, Full> {
        let gap = self.free.align_offset(align_of::<T>());
        let size = gap + count * size_of::<T>();
        if size > self.left {
            return Err(Full);
        }
        let taken = self.free.wrapping_add(gap);
        self.free = self.free.wrapping_add(size);
        self.left -= size;
        Ok(taken.cast())
    }

    /// A copy of `text` as a C string.
    fn text(&mut self, text: &str) -> Result<*mut c_char, Full> {
        let copy = self.take::<u8>(text.len() + 1)?;
        // SAFETY: room for so many bytes.
        unsafe {
            copy.copy_from(text.as_ptr(), text.len());
            copy.add(text.len()).write(0);
        }
        Ok(copy.cast())
    }

    /// A copy of `address`, as aligned as old programs expect.
    fn address(&mut self, address: IpAddr) -> Result<*mut c_char, Full> {
        let (octets, length) = octets(address);
        let copy = self.take::<[u32; 4]>(1)?.cast::<u8>();
        // SAFETY: room for sixteen bytes.
        unsafe { copy.copy_from(octets.as_ptr(), length) };
        Ok(copy.cast())
    }

    fn tell(&self, error: c_int, host_error: c_int) {
        // SAFETY: the caller's variables.
        unsafe {
            if error != 0 {
                *self.error = error;
            }
            *self.host_error = host_error;
        }
    }

    /// The end of a lookup that has failed (`_nss_dns_gethostbyname3_r`).
    fn failed(&self, failure: Failure) -> c_int {
        let Failure { host_error, error } = failure;
        match error {
            libc::EMFILE | libc::ENFILE => {
                self.tell(0, INTERNAL);
                return UNAVAILABLE;
            }
            _ => self.tell(
                if host_error == dns::TRY_AGAIN {
                    libc::EAGAIN
                } else {
                    0
                },
                host_error,
            ),
        }
        match error {
            libc::ECONNREFUSED | libc::ETIMEDOUT => UNAVAILABLE,
            _ => NOT_FOUND,
        }
    }

    /// The end of one that has succeeded, if there was room.
    fn filled(&self, result: Result<(), Full>) -> c_int {
        match result {
            Ok(()) => {
                self.tell(0, 0);
                SUCCESS
            }
            Err(Full) => {
                self.tell(libc::ERANGE, INTERNAL);
                TRY_AGAIN
            }
        }
    }
}

fn octets(address: IpAddr) -> ([u8; 16], usize) {
    match address {
        IpAddr::V4(address) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&address.octets());
            (octets, 4)
        }
        IpAddr::V6(address) => (address.octets(), 16),
    }
}

/// What the hub's resolver finds about `name`.
///
/// # Safety
/// `name` is a C string, and libc in the middle of a lookup of the calling thread's.
unsafe fn look_up(
    name: *const c_char,
    kinds: &[Kind],
) -> Result<Result<Vec<Answer>, Failure>, Beyond> {
    let me = green().ok_or(Beyond)?;
    // SAFETY: as the caller promises.
    let name = unsafe { CStr::from_ptr(name) }
        .to_str()
        .map_err(|_| Beyond)?;
    // Names without a dot may be aliases of the user's (hostname(7)).
    // SAFETY: a C string.
    if !name.contains('.') && !unsafe { libc::getenv(c"HOSTALIASES".as_ptr()) }.is_null() {
        return Err(Beyond);
    }
    // SAFETY: as the caller promises.
    let settings = unsafe { Settings::current() }.ok_or(Beyond)?;
    dns::look_up(me, &settings, name, kinds)
}

/// A host with addresses of one family, as glibc has it.
struct Host {
    /// What was asked for, the aliases that follow, and last the name that has addresses.
    names: Vec<String>,
    addresses: Vec<IpAddr>,
    time_to_live: u32,
}

impl Host {
    /// `None` if `answer` has no address.
    fn of(answer: &Answer) -> Result<Option<Self>, Beyond> {
        let (records, time_to_live) = answer.records()?;
        let mut host = Self {
            names: vec![answer.name.clone()],
            addresses: Vec::new(),
            time_to_live,
        };
        for record in records {
            match record {
                Record::Alias(name) => host.names.push(name),
                Record::Address(address) => host.addresses.push(address),
            }
        }
        Ok((!host.addresses.is_empty()).then_some(host))
    }

    fn name(&self) -> &str {
        // There is one at least.
        self.names.last().map_or("", String::as_str)
    }
}

/// # Safety
/// As of the functions below.
unsafe fn by_family(
    name: *const c_char,
    family: c_int,
    entry: *mut hostent,
    mut place: Place,
    time_to_live: *mut i32,
    canonical: *mut *mut c_char,
) -> Result<c_int, Beyond> {
    let kind = match family {
        libc::AF_INET => Kind::A,
        libc::AF_INET6 => Kind::Aaaa,
        _ => return Err(Beyond),
    };
    // SAFETY: as the caller promises.
    let answers = match unsafe { look_up(name, &[kind])? } {
        Ok(answers) => answers,
        Err(failure) => return Ok(place.failed(failure)),
    };
    let host = Host::of(answers.first().ok_or(Beyond)?)?.ok_or(Beyond)?;
    if host.names.len() > MOST || host.addresses.len() > MOST {
        return Err(Beyond);
    }
    let fill = |place: &mut Place| {
        let aliases = place.take::<*mut c_char>(host.names.len())?;
        let addresses = place.take::<*mut c_char>(host.addresses.len() + 1)?;
        // SAFETY: room for so many pointers each; the entry is the caller's.
        unsafe {
            for (index, name) in host.names.iter().enumerate() {
                aliases.add(index).write(place.text(name)?);
            }
            for (index, address) in host.addresses.iter().enumerate() {
                addresses.add(index).write(place.address(*address)?);
            }
            addresses.add(host.addresses.len()).write(ptr::null_mut());
            let last = aliases.add(host.names.len() - 1);
            entry.write(hostent {
                h_name: last.replace(ptr::null_mut()),
                h_aliases: aliases,
                h_addrtype: family,
                h_length: octets(host.addresses[0]).1 as c_int,
                h_addr_list: addresses,
            });
            note_time(time_to_live, host.time_to_live);
            if !canonical.is_null() {
                *canonical = (*entry).h_name;
            }
        }
        Ok(())
    };
    let result = fill(&mut place);
    Ok(place.filled(result))
}

/// # Safety
/// `to` is null or the caller's.
unsafe fn note_time(to: *mut i32, seconds: u32) {
    // SAFETY: as the caller promises.
    if let Some(to) = unsafe { to.as_mut() } {
        *to = (*to).min(i32::try_from(seconds).unwrap_or(i32::MAX));
    }
}

/// # Safety
/// As of `_nss_green_gethostbyname4_r`.
unsafe fn of_all_families(
    name: *const c_char,
    tuples: *mut *mut AddressTuple,
    mut place: Place,
    time_to_live: *mut i32,
) -> Result<c_int, Beyond> {
    // SAFETY: as the caller promises.
    let answers = match unsafe { look_up(name, &[Kind::A, Kind::Aaaa])? } {
        Ok(answers) => answers,
        Err(failure) => return Ok(place.failed(failure)),
    };
    let mut hosts = Vec::new();
    for answer in &answers {
        hosts.extend(Host::of(answer)?);
    }
    let Some(first) = hosts.first() else {
        place.tell(0, dns::HOST_NOT_FOUND);
        return Ok(NOT_FOUND);
    };
    let fill = |place: &mut Place| {
        let mut name = place.text(first.name())?;
        let mut next = tuples;
        for host in &hosts {
            // SAFETY: the caller's.
            unsafe { note_time(time_to_live, host.time_to_live) };
            for &address in &host.addresses {
                let tuple = AddressTuple {
                    next: ptr::null_mut(),
                    name: core::mem::replace(&mut name, ptr::null_mut()),
                    family: if address.is_ipv4() {
                        libc::AF_INET
                    } else {
                        libc::AF_INET6
                    },
                    address: octets(address).0,
                    scope: 0,
                };
                // SAFETY: a pointer of the caller's, or of the tuple before, which is fresh or
                // one that the caller has brought.
                unsafe {
                    if (*next).is_null() {
                        *next = place.take(1)?;
                    }
                    (*next).write(tuple);
                    next = &raw mut (**next).next;
                }
            }
        }
        Ok(())
    };
    let result = fill(&mut place);
    Ok(place.filled(result))
}

export! {
    /// For `getaddrinfo` of all families.
    unchecked fn _nss_green_gethostbyname4_r(
        name: *const c_char,
        tuples: *mut c_void,
        buffer: *mut c_char,
        length: size_t,
        error: *mut c_int,
        host_error: *mut c_int,
        time_to_live: *mut i32,
    ) -> c_int {
        type Real = unsafe extern "C-unwind" fn(
            *const c_char, *mut c_void, *mut c_char, size_t, *mut c_int, *mut c_int, *mut i32,
        ) -> c_int;
        let place = Place { free: buffer.cast(), left: length, error, host_error };
        // SAFETY: as the caller promises.
        match unsafe { of_all_families(name, tuples.cast(), place, time_to_live) } {
            Ok(status) => status,
            Err(Beyond) => {
                let real = real!(_nss_dns_gethostbyname4_r: Real);
                // SAFETY: as the caller promises.
                lookup::by_libc(|| unsafe { real(name, tuples, buffer, length, error, host_error, time_to_live) })
            }
        }
    }

    /// For `getaddrinfo` of one family.
    unchecked fn _nss_green_gethostbyname3_r(
        name: *const c_char,
        family: c_int,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        error: *mut c_int,
        host_error: *mut c_int,
        time_to_live: *mut i32,
        canonical: *mut *mut c_char,
    ) -> c_int {
        type Real = unsafe extern "C-unwind" fn(
            *const c_char, c_int, *mut hostent, *mut c_char, size_t, *mut c_int, *mut c_int, *mut i32,
            *mut *mut c_char,
        ) -> c_int;
        let place = Place { free: buffer.cast(), left: length, error, host_error };
        // SAFETY: as the caller promises.
        match unsafe { by_family(name, family, entry, place, time_to_live, canonical) } {
            Ok(status) => status,
            Err(Beyond) => {
                let real = real!(_nss_dns_gethostbyname3_r: Real);
                // SAFETY: as the caller promises.
                lookup::by_libc(|| unsafe { real(name, family, entry, buffer, length, error, host_error, time_to_live, canonical) })
            }
        }
    }

    /// For `gethostbyname2`.
    unchecked fn _nss_green_gethostbyname2_r(
        name: *const c_char,
        family: c_int,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        error: *mut c_int,
        host_error: *mut c_int,
    ) -> c_int {
        type Real = unsafe extern "C-unwind" fn(
            *const c_char, c_int, *mut hostent, *mut c_char, size_t, *mut c_int, *mut c_int,
        ) -> c_int;
        let place = Place { free: buffer.cast(), left: length, error, host_error };
        // SAFETY: as the caller promises.
        match unsafe { by_family(name, family, entry, place, ptr::null_mut(), ptr::null_mut()) } {
            Ok(status) => status,
            Err(Beyond) => {
                let real = real!(_nss_dns_gethostbyname2_r: Real);
                // SAFETY: as the caller promises.
                lookup::by_libc(|| unsafe { real(name, family, entry, buffer, length, error, host_error) })
            }
        }
    }

    /// For `gethostbyname`.
    unchecked fn _nss_green_gethostbyname_r(
        name: *const c_char,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        error: *mut c_int,
        host_error: *mut c_int,
    ) -> c_int {
        type Real = unsafe extern "C-unwind" fn(
            *const c_char, *mut hostent, *mut c_char, size_t, *mut c_int, *mut c_int,
        ) -> c_int;
        let place = Place { free: buffer.cast(), left: length, error, host_error };
        // SAFETY: as the caller promises.
        match unsafe { by_family(name, libc::AF_INET, entry, place, ptr::null_mut(), ptr::null_mut()) } {
            Ok(status) => status,
            Err(Beyond) => {
                let real = real!(_nss_dns_gethostbyname_r: Real);
                // SAFETY: as the caller promises.
                lookup::by_libc(|| unsafe { real(name, entry, buffer, length, error, host_error) })
            }
        }
    }

    /// For `AI_CANONNAME`: libc's.
    unchecked fn _nss_green_getcanonname_r(
        name: *const c_char,
        buffer: *mut c_char,
        length: size_t,
        result: *mut *mut c_char,
        error: *mut c_int,
        host_error: *mut c_int,
    ) -> c_int {
        type Real = unsafe extern "C-unwind" fn(
            *const c_char, *mut c_char, size_t, *mut *mut c_char, *mut c_int, *mut c_int,
        ) -> c_int;
        let real = real!(_nss_dns_getcanonname_r: Real);
        // SAFETY: as the caller promises.
        lookup::by_libc(|| unsafe { real(name, buffer, length, result, error, host_error) })
    }

    /// For `getnameinfo`: libc's.
    unchecked fn _nss_green_gethostbyaddr2_r(
        address: *const c_void,
        address_length: socklen_t,
        family: c_int,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        error: *mut c_int,
        host_error: *mut c_int,
        time_to_live: *mut i32,
    ) -> c_int {
        type Real = unsafe extern "C-unwind" fn(
            *const c_void, socklen_t, c_int, *mut hostent, *mut c_char, size_t, *mut c_int, *mut c_int, *mut i32,
        ) -> c_int;
        let real = real!(_nss_dns_gethostbyaddr2_r: Real);
        // SAFETY: as the caller promises.
        lookup::by_libc(|| unsafe { real(address, address_length, family, entry, buffer, length, error, host_error, time_to_live) })
    }

    /// For `gethostbyaddr`: libc's.
    unchecked fn _nss_green_gethostbyaddr_r(
        address: *const c_void,
        address_length: socklen_t,
        family: c_int,
        entry: *mut hostent,
        buffer: *mut c_char,
        length: size_t,
        error: *mut c_int,
        host_error: *mut c_int,
    ) -> c_int {
        type Real = unsafe extern "C-unwind" fn(
            *const c_void, socklen_t, c_int, *mut hostent, *mut c_char, size_t, *mut c_int, *mut c_int,
        ) -> c_int;
        let real = real!(_nss_dns_gethostbyaddr_r: Real);
        // SAFETY: as the caller promises.
        lookup::by_libc(|| unsafe { real(address, address_length, family, entry, buffer, length, error, host_error) })
    }
}
