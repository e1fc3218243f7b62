//! The hash of a secret as a text: SHA-256 in 64 hexadecimal digits.

use std::fmt::Write;

use ferrogate_auth::KeyDigest;

use crate::error::StoreError;

pub(super) fn write_digest(digest: KeyDigest) -> String {
    digest
        .to_bytes()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a text cannot fail.
            let _written = write!(text, "{byte:02x}");
            text
        })
}

pub(super) fn read_digest(text: &str) -> Result<KeyDigest, StoreError> {
    // Says nothing of what it is: a secret may have been written there by mistake.
    let damaged = || StoreError::Damaged("the hash of a secret is not SHA-256 in hex".to_owned());
    let mut bytes = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(damaged());
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = str::from_utf8(pair).map_err(|_| damaged())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| damaged())?;
    }
    Ok(KeyDigest::stored(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_survives_its_text() {
        let digest = KeyDigest::of("abc");
        let text = write_digest(digest);
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            text,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(read_digest(&text), Ok(digest));
        for wrong in ["", "ba78", &text.replace('b', "x"), &"é".repeat(32)] {
            assert!(read_digest(wrong).is_err(), "{wrong}");
        }
    }
}
