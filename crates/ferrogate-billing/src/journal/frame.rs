//! Frames: how records lie in a file.
//!
//! Two marker bytes, the length of the payload and the CRC-32 of length and payload (both 32 bits, the lowest byte
//! first), the payload. What is not a whole frame with the right checksum was torn or damaged.

/// The longest payload. A record is far below: texts are cut off, and a chain has a handful of accounts.
pub(crate) const MAX_PAYLOAD: usize = 1 << 20;

const MARKER: [u8; 2] = [0xf6, 0x1e];
pub(crate) const HEADER: usize = 10;

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A frame of that payload, and how long it is in all.
    Whole { payload: &'a [u8], length: usize },
    /// The beginning of a frame, perhaps: that many bytes are needed to tell.
    Needs(usize),
    /// No frame.
    Bad,
}

/// Writes a frame. A payload longer than [`MAX_PAYLOAD`] is not written, and that is said.
pub(crate) fn put(to: &mut Vec<u8>, payload: &[u8]) -> bool {
    let Some(length) = u32::try_from(payload.len())
        .ok()
        .filter(|_| payload.len() <= MAX_PAYLOAD)
    else {
        return false;
    };
    let length = length.to_le_bytes();
    to.extend_from_slice(&MARKER);
    to.extend_from_slice(&length);
    to.extend_from_slice(&checksum(length, payload).to_le_bytes());
    to.extend_from_slice(payload);
    true
}

/// Reads the frame at the beginning.
pub(crate) fn at(bytes: &[u8]) -> Frame<'_> {
    let marked = bytes.iter().zip(&MARKER).all(|(a, b)| a == b);
    if !marked {
        return Frame::Bad;
    }
    let Some((&[_, _, l0, l1, l2, l3, c0, c1, c2, c3], rest)) = bytes.split_first_chunk() else {
        return Frame::Needs(HEADER);
    };
    let length = [l0, l1, l2, l3];
    let size = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if size > MAX_PAYLOAD {
        return Frame::Bad;
    }
    let whole = HEADER.saturating_add(size);
    match rest.get(..size) {
        None => Frame::Needs(whole),
        Some(payload) if checksum(length, payload) == u32::from_le_bytes([c0, c1, c2, c3]) => {
            Frame::Whole {
                payload,
                length: whole,
            }
        }
        Some(_) => Frame::Bad,
    }
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_whole_from_torn_from_damaged() {
        let mut bytes = Vec::new();
        assert!(put(&mut bytes, b"ledger"));
        assert_eq!(
            at(&bytes),
            Frame::Whole {
                payload: b"ledger",
                length: 16
            }
        );
        for cut in 0..bytes.len() {
            assert!(matches!(at(&bytes[..cut]), Frame::Needs(10 | 16)), "{cut}");
        }
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert!(!matches!(at(&damaged), Frame::Whole { .. }), "{place}");
        }
        assert!(!put(&mut bytes, &vec![0; MAX_PAYLOAD + 1]));
    }
}
