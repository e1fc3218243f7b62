//! How an entry looks.

mod filter;
mod filtering;
mod json;
mod keys;

use std::time::Duration;

pub use self::filter::{FieldFilter, Filter, FilterError, NamedAction, NamedFilter};
use self::filtering::Filtering;
use self::json::JsonWriter;
use self::keys::Times;
pub use self::keys::{DurationFormat, EncoderKeys, LevelFormat, TimeFormat};
use crate::event::{Event, FieldSink, FieldValue, Fields};

/// Turns entries into text.
#[derive(Debug)]
pub struct Encoder {
    shape: Shape,
    keys: EncoderKeys,
    times: Times,
    /// What happens to the fields, the last first.
    layers: Vec<Layer>,
}

/// The form that all the rest is wrapped around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One JSON object an entry.
    Json,
    /// Text for people: time, level, logger, message, and the rest as JSON, with tabs between them.
    Console,
}

/// Something done to the fields of an entry.
#[derive(Debug)]
pub enum Layer {
    /// Some are changed.
    Filter(Vec<FieldFilter>),
    /// These come before them.
    Append(Vec<(String, FieldValue)>),
}

impl Encoder {
    /// An encoder; the layers from the outermost on.
    pub fn new(shape: Shape, keys: EncoderKeys, layers: Vec<Layer>) -> Self {
        let times = Times::new(shape, &keys);
        Self {
            shape,
            keys,
            times,
            layers,
        }
    }

    /// Whether the object at this path is left out, so that nobody needs to make it.
    pub fn drops(&self, path: &[&str]) -> bool {
        self.layers.iter().any(|layer| match layer {
            Layer::Filter(filters) => filters.iter().any(|filter| filter.drops(path)),
            Layer::Append(_) => false,
        })
    }

    /// Appends an entry, line ending included.
    pub(crate) fn encode(&self, event: &Event, logger: &str, out: &mut Vec<u8>) {
        match self.shape {
            Shape::Json => self.json(event, logger, out),
            Shape::Console => self.console(event, logger, out),
        }
        let ending = self.keys.line_ending.as_deref().unwrap_or("\n");
        out.extend_from_slice(ending.as_bytes());
    }

    fn json(&self, event: &Event, logger: &str, out: &mut Vec<u8>) {
        let mut writer = JsonWriter::compact(out, self.times.durations());
        if let Some(key) = key(self.keys.level_key.as_deref(), "level") {
            writer.field(key, self.times.level(event.level).into());
        }
        if let Some(key) = key(self.keys.time_key.as_deref(), "ts") {
            writer.time(key, &self.times, event.at);
        }
        if let Some(key) =
            key(self.keys.name_key.as_deref(), "logger").filter(|_| !logger.is_empty())
        {
            writer.field(key, logger.into());
        }
        if let Some(key) = key(self.keys.message_key.as_deref(), "msg") {
            writer.field(key, event.message.as_ref().into());
        }
        run(&self.layers, &mut writer, event.fields.as_ref());
        writer.finish();
    }

    fn console(&self, event: &Event, logger: &str, out: &mut Vec<u8>) {
        let start = out.len();
        let column = |out: &mut Vec<u8>, text: &str| {
            if out.len() > start {
                out.push(b'\t');
            }
            // A line feed from outside would look like another entry.
            for piece in text.split_inclusive(['\n', '\r']) {
                let kept = piece.trim_end_matches(['\n', '\r']);
                out.extend_from_slice(kept.as_bytes());
                if kept.len() < piece.len() {
                    out.push(b' ');
                }
            }
        };
        if key(self.keys.time_key.as_deref(), "ts").is_some() {
            column(out, &self.times.text(event.at));
        }
        if key(self.keys.level_key.as_deref(), "level").is_some() {
            column(out, self.times.level(event.level));
        }
        if key(self.keys.name_key.as_deref(), "logger").is_some() && !logger.is_empty() {
            column(out, logger);
        }
        if key(self.keys.message_key.as_deref(), "msg").is_some() {
            column(out, &event.message);
        }
        let before = out.len();
        column(out, "");
        let mut writer = JsonWriter::spaced(out, self.times.durations());
        run(&self.layers, &mut writer, event.fields.as_ref());
        if !writer.finish() {
            out.truncate(before);
        }
    }
}

/// A field's name: what was chosen, else the default; an empty one leaves it out.
fn key<'a>(chosen: Option<&'a str>, default: &'a str) -> Option<&'a str> {
    Some(chosen.unwrap_or(default)).filter(|key| !key.is_empty())
}

/// Sends fields through the layers: what the innermost adds, the outer ones do not see.
fn run(layers: &[Layer], sink: &mut dyn FieldSink, fields: &dyn Fields) {
    match layers.split_last() {
        None => fields.visit(sink),
        Some((Layer::Append(more), outer)) => {
            for (key, value) in more {
                sink.field(key, value.as_field());
            }
            run(outer, sink, fields);
        }
        Some((Layer::Filter(filters), outer)) => {
            run(outer, &mut Filtering::new(filters, sink), fields);
        }
    }
}

/// Seconds with a fraction, as JSON has them.
fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

#[cfg(test)]
mod tests;
