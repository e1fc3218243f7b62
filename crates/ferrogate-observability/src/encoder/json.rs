//! Fields as a JSON object.

use std::io::Write as _;
use std::time::Duration;

use super::keys::Times;
use super::{DurationFormat, seconds};
use crate::event::{Field, FieldSink};
use crate::go_time::duration_text;

/// Writes fields as a JSON object, on one line whatever is in them.
#[derive(Debug)]
pub(super) struct JsonWriter<'a> {
    out: &'a mut Vec<u8>,
    durations: DurationFormat,
    /// Between members, and between name and value.
    comma: &'static [u8],
    colon: &'static [u8],
    /// The object has a member already.
    begun: bool,
    /// Something was written at all.
    any: bool,
}

impl<'a> JsonWriter<'a> {
    /// Without spaces.
    pub(super) fn compact(out: &'a mut Vec<u8>, durations: DurationFormat) -> Self {
        Self::new(out, durations, b",", b":")
    }

    /// With spaces, for people.
    pub(super) fn spaced(out: &'a mut Vec<u8>, durations: DurationFormat) -> Self {
        Self::new(out, durations, b", ", b": ")
    }

    fn new(
        out: &'a mut Vec<u8>,
        durations: DurationFormat,
        comma: &'static [u8],
        colon: &'static [u8],
    ) -> Self {
        out.push(b'{');
        Self {
            out,
            durations,
            comma,
            colon,
            begun: false,
            any: false,
        }
    }

    /// Ends the object; whether there is anything in it.
    pub(super) fn finish(self) -> bool {
        self.out.push(b'}');
        self.any
    }

    /// A time, in the form the log wants.
    pub(super) fn time(&mut self, key: &str, times: &Times, at: Duration) {
        let text = times.text(at);
        self.key(key);
        if times.is_number() {
            self.out.extend_from_slice(text.as_bytes());
        } else {
            self.text(&text);
        }
    }

    fn key(&mut self, key: &str) {
        if self.begun {
            self.out.extend_from_slice(self.comma);
        }
        (self.begun, self.any) = (true, true);
        self.text(key);
        self.out.extend_from_slice(self.colon);
    }

    fn text(&mut self, text: &str) {
        // Writing to memory cannot fail, and text has no form that JSON lacks.
        let _written = serde_json::to_writer(&mut *self.out, text).is_ok();
    }

    fn float(&mut self, number: f64) {
        if number.is_finite() {
            let _written = write!(self.out, "{number}").is_ok();
        } else {
            self.out.extend_from_slice(b"null");
        }
    }
}

impl FieldSink for JsonWriter<'_> {
    fn field(&mut self, key: &str, value: Field<'_>) {
        self.key(key);
        match value {
            Field::Bool(value) => {
                let text: &[u8] = if value { b"true" } else { b"false" };
                self.out.extend_from_slice(text);
            }
            Field::Integer(number) => {
                let _written = write!(self.out, "{number}").is_ok();
            }
            Field::Unsigned(number) => {
                let _written = write!(self.out, "{number}").is_ok();
            }
            Field::Float(number) => self.float(number),
            Field::Duration(duration) => match self.durations {
                DurationFormat::Seconds => self.float(seconds(duration)),
                DurationFormat::Milliseconds => {
                    let _written = write!(self.out, "{}", duration.as_millis()).is_ok();
                }
                DurationFormat::Nanoseconds => {
                    let _written = write!(self.out, "{}", duration.as_nanos()).is_ok();
                }
                DurationFormat::Text => self.text(&duration_text(duration)),
            },
            Field::Text(text) => self.text(&text),
            Field::List(items) => {
                self.out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.extend_from_slice(self.comma);
                    }
                    self.text(item);
                }
                self.out.push(b']');
            }
        }
    }

    fn open(&mut self, key: &str) {
        self.key(key);
        self.out.push(b'{');
        self.begun = false;
    }

    fn close(&mut self) {
        self.out.push(b'}');
        self.begun = true;
    }
}
