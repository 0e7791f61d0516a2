//! Masks of frames (RFC 6455 section 5.3): each frame of a client has a fresh one.

/// The masking key of one frame.
pub(crate) type Mask = [u8; 4];

/// A mask that nobody can predict (section 10.3), from a generator of this thread that the system's has seeded.
pub(crate) fn fresh() -> Mask {
    // An array would cost a random number for each of its bytes.
    rand::random::<u32>().to_ne_bytes()
}

/// Puts a mask on bytes of a payload from its byte `at` on, or takes it off.
pub(crate) fn apply(bytes: &mut [u8], mut mask: Mask, at: usize) {
    if mask == [0; 4] {
        return;
    }
    mask.rotate_left(at % 4);
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const MASK: Mask = [1, 2, 3, 4];

    fn masked(plain: &[u8]) -> Vec<u8> {
        plain
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect()
    }

    #[test]
    fn a_mask_fits_wherever_it_begins() {
        let plain: Vec<u8> = (0..40).collect();
        for cut in 0..plain.len() {
            let mut bytes = masked(&plain);
            let (first, second) = bytes.split_at_mut(cut);
            apply(first, MASK, 0);
            apply(second, MASK, cut);
            assert_eq!(bytes, plain);
        }
    }

    #[test]
    fn masks_differ() {
        let masks: HashSet<_> = (0..100).map(|_| fresh()).collect();
        // Two equal ones come in one run of a million, three of them hardly ever.
        assert!(masks.len() > 97, "{masks:?}");
    }
}
