//! Libraries that are opened with `RTLD_DEEPBIND`.
//!
//! Such a library looks for symbols in itself and in what it depends on before it looks
//! where everybody looks, so it finds libc's functions and not those that stand in for them.
//! Its threads, locks and descriptors would be libc's, in the midst of ours. So libgreen is
//! put into the list of what it depends on, right before libc: what the library or anything
//! else of its own defines it still finds first.
//!
//! The list is the loader's (`l_searchlist` of glibc's `struct link_map`, include/link.h),
//! beyond what <link.h> shows. Where that lies is learnt from the program's own, and
//! nothing is done where it does not look as it should. No entry is added: the place is that
//! of the loader itself, whose few functions are found where everybody looks.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::binding::{self, Extent};
use super::image::Image;
use super::link_map::{self, Map};
use super::objects;

/// glibc's `struct r_scope_elem`: objects to search, in that order.
#[repr(C)]
struct Searchlist {
    maps: *const AtomicPtr<Map>,
    count: u32,
}

/// Which word of an object points to its scope, an array of search lists; 0 if unknown. A
/// forked child keeps it, as it keeps its libraries.
static SCOPE: AtomicUsize = AtomicUsize::new(0);
/// Whose those objects are: libgreen, libc, the loader. A forked child keeps them likewise.
static OWN: [AtomicPtr<Map>; 3] = [const { AtomicPtr::new(ptr::null_mut()) }; 3];

/// An object has no more words than this.
const WORDS: usize = 256;
/// A library depends on no more objects than this.
const OBJECTS: u32 = 4096;

/// Learns what there is to know. Called by one thread at a time.
pub fn init() {
    let objects = [objects::own(), objects::libc(), objects::loader()];
    for (place, object) in OWN.iter().zip(objects) {
        let Some(map) = object else {
            return;
        };
        place.store(map.cast_mut(), Ordering::Relaxed);
    }
    // SAFETY: the program's object.
    let word = unsafe { find_scope(link_map::first()) };
    SCOPE.store(word.unwrap_or(0), Ordering::Relaxed);
}

/// Looks in the program's object for the fields `l_scope_mem`, `l_scope_max`, `l_scope`,
/// `l_local_scope`: four pointers, their number, the address of the first, and that one
/// again. The first is the address of a search list within the object, which begins with
/// the object itself.
///
/// # Safety
/// It is the program's object.
unsafe fn find_scope(program: *const Map) -> Option<usize> {
    const SCOPES: usize = 4;
    let words = program.cast::<usize>();
    // SAFETY: the loader's heap goes on beyond the object, which has the fields.
    let word = |index: usize| unsafe { words.add(index).read() };
    let within = |address: usize| address.wrapping_sub(words.addr()) < WORDS * 8;
    let first = (5..WORDS - SCOPES - 3).find(|&index| {
        let own = word(index);
        word(index + SCOPES) == SCOPES
            && word(index + SCOPES + 1) == words.addr() + index * 8
            && word(index + SCOPES + 2) == own
            && own % 8 == 0
            && within(own)
    })?;
    // SAFETY: an address within the object.
    let list = unsafe { &*(word(first) as *const Searchlist) };
    let is_list = (2..OBJECTS).contains(&list.count)
        // SAFETY: the list has entries.
        && ptr::eq(unsafe { (*list.maps).load(Ordering::Relaxed) }, program);
    is_list.then_some(first + SCOPES + 1)
}

/// Puts libgreen before libc for each library that looks among its own first. The caller
/// holds the loader's lock.
pub fn adjust() {
    let word = SCOPE.load(Ordering::Relaxed);
    if word == 0 {
        return;
    }
    let first_list = |map: *const Map| {
        // SAFETY: objects of this loader, which keeps their scopes there: null (its own), or
        // lists and then null.
        unsafe {
            let scope = *map.cast::<*const *const Searchlist>().add(word);
            scope.as_ref().map_or(ptr::null(), |first| *first)
        }
    };
    let everybodys = first_list(link_map::first());
    for map in objects::all() {
        let list = first_list(map);
        if !list.is_null() && !ptr::eq(list, everybodys) {
            // SAFETY: a search list of the loader's; objects that are loaded.
            unsafe {
                insert(&*list);
                rebind(map);
            }
        }
    }
}

/// What `map` has found in libc and would find in libgreen now.
///
/// # Safety
/// It is loaded, and the caller holds the loader's lock.
unsafe fn rebind(map: *const Map) {
    let [green, libc] = [0, 1].map(|index| OWN[index].load(Ordering::Relaxed).cast_const());
    // SAFETY: as the caller promises; the others stay.
    unsafe {
        let (Some(start), Some(libcs)) = (objects::start_of(map), objects::start_of(libc)) else {
            return;
        };
        let (own, libc) = (Extent::of(map, start), Extent::of(libc, libcs));
        binding::rebind(&Image::of(map), &own, &libc, &Image::of(green));
    }
}

/// Others may be searching the list: every entry is one of its objects all the time, and
/// libc is among them.
unsafe fn insert(list: &Searchlist) {
    if list.maps.is_null() || list.count > OBJECTS {
        return;
    }
    let [green, libc, loader] = [0, 1, 2].map(|index| OWN[index].load(Ordering::Relaxed));
    // SAFETY: as the caller promises.
    let entries = unsafe { core::slice::from_raw_parts(list.maps, list.count as usize) };
    let place_of = |map: *mut Map| {
        entries
            .iter()
            .position(|entry| ptr::eq(entry.load(Ordering::Relaxed), map))
    };
    let (Some(libc), Some(loader), None) = (place_of(libc), place_of(loader), place_of(green))
    else {
        return;
    };
    let copy = |from: usize, to: usize| {
        entries[to].store(entries[from].load(Ordering::Relaxed), Ordering::Relaxed);
    };
    let place = if libc < loader {
        (libc..loader)
            .rev()
            .for_each(|place| copy(place, place + 1));
        libc
    } else {
        (loader..libc - 1).for_each(|place| copy(place + 1, place));
        libc - 1
    };
    entries[place].store(green, Ordering::Relaxed);
}
