//! A vector on its way from one dialect to another.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::Encoding;
use crate::json::{self, Writer};

/// A vector as it came: nothing is computed until it has to be written otherwise.
#[derive(Clone, Debug)]
pub enum Vector<'a> {
    /// A JSON array of numbers.
    Numbers(&'a RawValue),
    /// Base64 of little-endian IEEE-754 numbers of 32 bits.
    Base64(Cow<'a, str>),
    /// Base64 of whole numbers of 8 bits with a sign.
    Bytes(Cow<'a, str>),
}

impl<'a> Vector<'a> {
    /// Reads either form; `None` when it is neither.
    pub(super) fn read(raw: &'a RawValue) -> Option<Self> {
        match json::text(raw) {
            Some(text) => Some(Self::Base64(text)),
            None => raw.get().starts_with('[').then_some(Self::Numbers(raw)),
        }
    }

    /// What is base64 holds whole numbers of 8 bits.
    pub(super) fn is_of_bytes(&mut self) {
        if let Self::Base64(text) = self {
            *self = Self::Bytes(std::mem::take(text));
        }
    }

    /// Writes it; `None` when it is no vector.
    pub(super) fn write(&self, encoding: Encoding, w: &mut Writer) -> Option<()> {
        match (self, encoding) {
            (Self::Numbers(raw), Encoding::Float) => {
                w.raw(raw);
            }
            (Self::Base64(text), Encoding::Base64) => {
                w.string(text);
            }
            (Self::Numbers(raw), Encoding::Base64) => {
                let numbers: Vec<f32> = serde_json::from_str(raw.get()).ok()?;
                w.string(&encoded(&numbers));
            }
            (Self::Bytes(text), encoding) => {
                let bytes = STANDARD.decode(text.as_ref()).ok()?;
                let numbers = bytes.into_iter().map(u8::cast_signed);
                if encoding == Encoding::Float {
                    w.value(&numbers.collect::<Vec<i8>>());
                } else {
                    w.string(&encoded(&numbers.map(f32::from).collect::<Vec<f32>>()));
                }
            }
            (Self::Base64(text), Encoding::Float) => {
                let bytes = STANDARD.decode(text.as_ref()).ok()?;
                let (numbers, rest) = bytes.as_chunks::<4>();
                if !rest.is_empty() {
                    return None;
                }
                let numbers: Vec<f32> = numbers.iter().copied().map(f32::from_le_bytes).collect();
                w.value(&numbers);
            }
        }
        Some(())
    }
}

fn encoded(numbers: &[f32]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_base64_say_the_same() {
        let numbers = "[0.5,-0.25,0.125,1.0]";
        let base64 = "\"AAAAPwAAgL4AAAA+AACAPw==\"";
        for from in [numbers, base64] {
            let vector = Vector::read(serde_json::from_str(from).unwrap()).unwrap();
            for (encoding, expected) in [(Encoding::Float, numbers), (Encoding::Base64, base64)] {
                let mut w = Writer::default();
                vector.write(encoding, &mut w).unwrap();
                assert_eq!(w.into_text(), expected);
            }
        }
    }

    #[test]
    fn bytes_are_numbers_with_a_sign() {
        let mut vector = Vector::Base64("f4AA".into());
        vector.is_of_bytes();
        for (encoding, expected) in [
            (Encoding::Float, "[127,-128,0]"),
            (Encoding::Base64, "\"AAD+QgAAAMMAAAAA\""),
        ] {
            let mut w = Writer::default();
            vector.write(encoding, &mut w).unwrap();
            assert_eq!(w.into_text(), expected);
        }
    }

    #[test]
    fn what_is_no_vector_is_not_written_as_one() {
        for (from, encoding) in [
            ("[\"a\"]", Encoding::Base64),
            ("[1e999]", Encoding::Base64),
            ("\"AAA=\"", Encoding::Float),
            ("\"?\"", Encoding::Float),
        ] {
            let vector = Vector::read(serde_json::from_str(from).unwrap()).unwrap();
            assert!(
                vector.write(encoding, &mut Writer::default()).is_none(),
                "{from}"
            );
        }
        assert!(Vector::read(serde_json::from_str("{}").unwrap()).is_none());
    }
}
