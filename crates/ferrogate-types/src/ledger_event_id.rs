//! The id of an event in the ledger.

use std::fmt;

use serde::{Serialize, Serializer};

/// 128 bits, written as 32 lower-case hexadecimal digits; later events of one process sort after earlier ones.
///
/// From the top: 48 bits of milliseconds since 1970, 32 bits of the process that made it, 48 bits of a counter of
/// that process. The time makes an index over ids local; what makes them unique is the rest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerEventId(u128);

impl LedgerEventId {
    /// An id of its parts; what does not fit into a part's bits is cut off.
    pub fn new(unix_millis: u64, process: u32, counter: u64) -> Self {
        let time = u128::from(unix_millis & LOW_48) << 80;
        Self(time | u128::from(process) << 48 | u128::from(counter & LOW_48))
    }

    /// The id of its 128 bits.
    pub fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits.
    pub fn bits(self) -> u128 {
        self.0
    }

    /// The process that made it.
    pub fn process(self) -> u32 {
        u32::try_from(self.0 >> 48 & u128::from(u32::MAX)).unwrap_or_default()
    }

    /// The id written as 32 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let bits = digits.then(|| u128::from_str_radix(text, 16).ok())?;
        bits.map(Self)
    }
}

const LOW_48: u64 = (1 << 48) - 1;

impl fmt::Display for LedgerEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for LedgerEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LedgerEventId({self})")
    }
}

impl Serialize for LedgerEventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_parts_apart() {
        let id = LedgerEventId::new(1_795_132_800_123, 0xdead_beef, 7);
        assert_eq!(id.to_string(), "01a1f640bc7bdeadbeef000000000007");
        assert_eq!(id.process(), 0xdead_beef);
        assert_eq!(LedgerEventId::from_hex(&id.to_string()), Some(id));
        assert!(id < LedgerEventId::new(1_795_132_800_124, 0, 0));
        for bad in ["", "+1a1f640bc7bdeadbeef000000000007", "01"] {
            assert_eq!(LedgerEventId::from_hex(bad), None, "{bad}");
        }
    }
}
