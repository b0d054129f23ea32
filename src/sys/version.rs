//! Versions of what the process runs on.

/// The first two numbers of a version's text ("6.12.3-generic", "2.41"); 0 for what is none.
pub fn of(text: &[u8]) -> (u32, u32) {
    let mut numbers = text.split(|byte| !byte.is_ascii_digit()).map(|digits| {
        digits.iter().fold(0u32, |number, digit| {
            number
                .wrapping_mul(10)
                .wrapping_add(u32::from(digit - b'0'))
        })
    });
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next())
}
