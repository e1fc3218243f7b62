//! An entry on its way to its logs.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::Level;

/// An entry on its way to its logs. It is made once, and turned into text by the thread of each log that wants it.
#[derive(Debug)]
pub struct Event {
    /// How important it is.
    pub level: Level,
    /// When it happened, as the time since 1970 in UTC.
    pub at: Duration,
    /// What happened.
    pub message: Cow<'static, str>,
    /// The circumstances.
    pub fields: Box<dyn Fields>,
}

/// The fields of an entry.
pub trait Fields: fmt::Debug + Send + Sync {
    /// Tells them one after the other.
    fn visit(&self, sink: &mut dyn FieldSink);
}

/// Takes the fields of an entry.
pub trait FieldSink {
    /// A field.
    fn field(&mut self, key: &str, value: Field<'_>);
    /// What comes until [`Self::close`] is within an object of this name.
    fn open(&mut self, key: &str);
    /// The object that was opened last ends.
    fn close(&mut self);
}

/// A field's value, borrowed.
#[derive(Clone, Debug, PartialEq)]
pub enum Field<'a> {
    /// `true`, `false`
    Bool(bool),
    /// Whole and signed.
    Integer(i64),
    /// Whole and not negative.
    Unsigned(u64),
    /// With a fraction.
    Float(f64),
    /// A length of time, in the form the log wants.
    Duration(Duration),
    /// Text.
    Text(Cow<'a, str>),
    /// Several texts.
    List(Vec<Cow<'a, str>>),
}

impl<'a> From<&'a str> for Field<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

/// A field's value that lives on its own.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// `true`, `false`
    Bool(bool),
    /// Whole and signed.
    Integer(i64),
    /// Whole and not negative.
    Unsigned(u64),
    /// With a fraction.
    Float(f64),
    /// Text.
    Text(String),
}

impl FieldValue {
    /// Lends it.
    pub fn as_field(&self) -> Field<'_> {
        match self {
            Self::Bool(value) => Field::Bool(*value),
            Self::Integer(value) => Field::Integer(*value),
            Self::Unsigned(value) => Field::Unsigned(*value),
            Self::Float(value) => Field::Float(*value),
            Self::Text(value) => Field::Text(Cow::Borrowed(value)),
        }
    }
}

/// Fields in a row, without objects among them: those of the process log.
#[derive(Clone, Debug, Default)]
pub struct FlatFields(pub Vec<(Cow<'static, str>, FieldValue)>);

impl Fields for FlatFields {
    fn visit(&self, sink: &mut dyn FieldSink) {
        for (key, value) in &self.0 {
            sink.field(key, value.as_field());
        }
    }
}
