//! Symbols that perhaps nobody defines.

/// `weak_address!("name")`: the address of what the loaded objects know by that name when this
/// one is bound, 0 if none defines it. Unlike a `dlsym` that finds nothing it allocates nothing.
macro_rules! weak_address {
    ($name:literal) => {{
        let address: usize;
        // SAFETY: reads an entry that the loader has filled.
        unsafe {
            core::arch::asm!(
                concat!(".weak ", $name),
                concat!("mov {}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                out(reg) address,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        address
    }};
}
pub(crate) use weak_address;
