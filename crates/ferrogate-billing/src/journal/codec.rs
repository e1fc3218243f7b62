//! Numbers, texts and options as bytes.
//!
//! Integers are written seven bits to a byte, the lowest first, with the top bit set on all but the last; signed ones
//! fold the sign into the lowest bit. Texts are UTF-8 after their length.

use std::str::FromStr;
use std::sync::Arc;

/// The longest text kept, in bytes; a longer one is cut off at a character.
const MAX_TEXT: usize = 1024;

/// Writes values one after the other.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    bytes: Vec<u8>,
}

/// Reads values one after the other. Nothing means that the bytes are not what was written.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    rest: &'a [u8],
}

impl Encoder {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn byte(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(crate) fn flag(&mut self, value: bool) {
        self.byte(u8::from(value));
    }

    pub(crate) fn unsigned(&mut self, mut value: u128) {
        while value > 0x7f {
            self.byte(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
            value >>= 7;
        }
        self.byte(u8::try_from(value).unwrap_or_default());
    }

    pub(crate) fn number(&mut self, value: u64) {
        self.unsigned(u128::from(value));
    }

    pub(crate) fn signed(&mut self, value: i128) {
        // The sign goes last, so that small negative numbers stay short.
        self.unsigned((value.cast_unsigned() << 1) ^ (value >> 127).cast_unsigned());
    }

    pub(crate) fn text(&mut self, text: &str) {
        let cut = (0..=MAX_TEXT.min(text.len()))
            .rev()
            .find_map(|end| text.get(..end))
            .unwrap_or_default();
        self.number(u64::try_from(cut.len()).unwrap_or_default());
        self.bytes.extend_from_slice(cut.as_bytes());
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was read.
    pub(crate) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(crate) fn unsigned(&mut self) -> Option<u128> {
        let mut value = 0_u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            value |= u128::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        self.unsigned()?.try_into().ok()
    }

    pub(crate) fn signed(&mut self) -> Option<i128> {
        let folded = self.unsigned()?;
        let sign = 0_u128.wrapping_sub(folded & 1);
        Some(((folded >> 1) ^ sign).cast_signed())
    }

    pub(crate) fn amount(&mut self) -> Option<i64> {
        self.signed()?.try_into().ok()
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }

    pub(crate) fn parsed<T: FromStr>(&mut self) -> Option<T> {
        self.text()?.parse().ok()
    }

    pub(crate) fn shared(&mut self) -> Option<Arc<str>> {
        self.text().map(Arc::from)
    }

    /// The outer option is whether it could be read, the inner one what was written.
    #[expect(clippy::option_option, reason = "both absences occur")]
    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.flag()? {
            read(self).map(Some)
        } else {
            Some(None)
        }
    }

    /// As many as were written. A count that the bytes left cannot hold is not believed.
    pub(crate) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.rest.len()).then_some(())?;
        (0..count).map(|_| read(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_long_texts_at_a_character() {
        let mut encoder = Encoder::default();
        encoder.text(&"é".repeat(600));
        let bytes = encoder.into_bytes();
        assert_eq!(Decoder::new(&bytes).text().unwrap().chars().count(), 512);
    }

    proptest! {
        #[test]
        fn reads_what_it_wrote(number: u64, signed: i128, unsigned: u128, text in ".{0,40}", some: Option<i64>) {
            let mut encoder = Encoder::default();
            encoder.number(number);
            encoder.signed(signed);
            encoder.unsigned(unsigned);
            encoder.text(&text);
            encoder.option(some, |e, value| e.signed(value.into()));
            let bytes = encoder.into_bytes();
            let mut decoder = Decoder::new(&bytes);
            prop_assert_eq!(decoder.number(), Some(number));
            prop_assert_eq!(decoder.signed(), Some(signed));
            prop_assert_eq!(decoder.unsigned(), Some(unsigned));
            prop_assert_eq!(decoder.text(), Some(&*text));
            prop_assert_eq!(decoder.option(Decoder::amount), Some(some));
            prop_assert!(decoder.is_done());
        }
    }
}
