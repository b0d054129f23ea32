//! What glibc asks a name service for: the hosts of a name, and the name of a host, as it wants
//! them (glibc, resolv/nss_dns/dns-host.c).

use core::ffi::{CStr, c_char, c_int, c_void};
use core::fmt::Write;
use core::net::IpAddr;
use core::ptr;

use libc::{hostent, socklen_t};

use super::place::{Place, octets};
use super::{Answer, Beyond, Failure, Kind, Record, search};
use crate::glibc::resolver::Settings;
use crate::task::green;

/// libc's own function keeps so many names and addresses of one host at most, in versions
/// before 2.37.
const MOST: usize = 32;

/// `struct gaih_addrtuple` (<nss.h>).
#[repr(C)]
pub struct AddressTuple {
    next: *mut AddressTuple,
    name: *mut c_char,
    family: c_int,
    address: [u8; 16],
    scope: u32,
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
    search::look_up(me, &settings, name, kinds)
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

/// The addresses of `name` of one family go to `entry`, the least of their times to live to
/// `time_to_live`, and the name that has them to `canonical`, if those are asked for. An `enum
/// nss_status`.
///
/// # Safety
/// `name` is a C string, `entry` writable, the others null or writable; libc is in the middle of a
/// lookup of the calling thread's.
pub unsafe fn by_family(
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

/// The addresses of `name` of both families go to a list that begins at `tuples`, the least of
/// their times to live to `time_to_live`, if that is asked for. An `enum nss_status`.
///
/// # Safety
/// `name` is a C string, `tuples` a pointer to null or to the caller's first tuple, `time_to_live`
/// null or writable; libc is in the middle of a lookup of the calling thread's.
pub unsafe fn of_all_families(
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
        return Ok(place.none());
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

/// The name by which servers know the address.
fn reverse_name(address: IpAddr) -> String {
    let mut name = String::new();
    // Writing to a string does not fail.
    let _ = match address {
        IpAddr::V4(address) => {
            let [first, second, third, last] = address.octets();
            write!(name, "{last}.{third}.{second}.{first}.in-addr.arpa")
        }
        IpAddr::V6(address) => address
            .octets()
            .iter()
            .rev()
            .try_for_each(|octet| write!(name, "{:x}.{:x}.", octet & 15, octet >> 4))
            .and_then(|()| name.write_str("ip6.arpa")),
    };
    name
}

/// The name of the address of `family` in the `length` bytes at `address` goes to `entry`, its time
/// to live to `time_to_live`, if that is asked for. An `enum nss_status`.
///
/// # Safety
/// `address` is readable, `entry` writable, `time_to_live` null or writable; libc is in the middle of
/// a lookup of the calling thread's.
pub unsafe fn by_address(
    address: *const c_void,
    length: socklen_t,
    family: c_int,
    entry: *mut hostent,
    mut place: Place,
    time_to_live: *mut i32,
) -> Result<c_int, Beyond> {
    // SAFETY: as the caller promises.
    let address = unsafe {
        match (family, length) {
            (libc::AF_INET, 4) => IpAddr::from(address.cast::<[u8; 4]>().read()),
            (libc::AF_INET6, 16) => IpAddr::from(address.cast::<[u8; 16]>().read()),
            _ => return Err(Beyond),
        }
    };
    let has_ipv4_within = |octets: [u8; 16]| octets[..10] == [0; 10];
    if matches!(address, IpAddr::V6(address) if has_ipv4_within(address.octets())) {
        // libc asks for that one.
        return Err(Beyond);
    }
    let me = green().ok_or(Beyond)?;
    // SAFETY: as the caller promises.
    let settings = unsafe { Settings::current() }.ok_or(Beyond)?;
    let name = reverse_name(address);
    let answers = match search::query(me, &settings, &name, &[Kind::Ptr])? {
        Ok(answers) => answers,
        Err(Failure {
            error: 0 | libc::ETIMEDOUT | libc::ECANCELED,
            host_error,
        }) => return Ok(place.has_no_name(host_error)),
        Err(_) => return Err(Beyond),
    };
    let (name, seconds) = answers.first().ok_or(Beyond)?.pointer()?;
    let fill = |place: &mut Place| {
        let aliases = place.take::<*mut c_char>(1)?;
        let addresses = place.take::<*mut c_char>(2)?;
        // SAFETY: room for so many pointers each; the entry is the caller's.
        unsafe {
            aliases.write(ptr::null_mut());
            addresses.write(place.address(address)?);
            addresses.add(1).write(ptr::null_mut());
            entry.write(hostent {
                h_name: place.text(&name)?,
                h_aliases: aliases,
                h_addrtype: family,
                h_length: length as c_int,
                h_addr_list: addresses,
            });
            note_time(time_to_live, seconds);
        }
        Ok(())
    };
    let result = fill(&mut place);
    Ok(place.filled(result))
}
