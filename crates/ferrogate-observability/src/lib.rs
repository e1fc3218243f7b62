//! Metric families and logs.
//!
//! [`Metrics`] holds every family and renders the page. An [`Event`] goes to every [`Log`] that wants it; that of a
//! request is an [`AccessEntry`]. A log says which entries it keeps, its [`Encoder`] how they look, and its [`Writer`]
//! is the thread that makes text of them and writes it, behind a bounded queue. A full queue or a full disk loses
//! entries, never requests, and counts each loss.
//!
//! Refuses: unbounded labels, and writing on a worker.

mod encoder;
mod entry;
mod event;
mod go_time;
mod level;
mod log;
mod metrics;
mod output;
mod sampling;
mod selector;
mod writer;
mod writers;

pub use encoder::{
    DurationFormat, Encoder, EncoderKeys, FieldFilter, Filter, FilterError, Layer, LevelFormat,
    NamedAction, NamedFilter, Shape, TimeFormat,
};
pub use entry::{AccessEntry, ModelCall, TlsSession, level as level_of_status};
pub use event::{Event, Field, FieldSink, FieldValue, Fields, FlatFields};
pub use level::Level;
pub use log::Log;
pub use metrics::{CallOutcome, InFlight, Metrics, RequestKind, StateFigures};
pub use output::{Compression, Destination, DirMode, LogFile, LogNet, OutputError, Roll};
pub use sampling::Sampling;
pub use selector::Selector;
pub use writer::Writer;
pub use writers::{Writers, lost_entries};
