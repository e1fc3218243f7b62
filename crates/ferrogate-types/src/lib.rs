//! The words of the domain.
//!
//! Names, ids, secrets, tokens, money and time, and the route language: what a Caddyfile says and what
//! the edge runs. The configuration crate writes these values, the other crates read them, and neither
//! side sees the other.
//!
//! Refuses: IO, async, clocks read behind the caller's back, and anything that belongs to one crate only.

mod address;
pub mod clock;
mod duration;
mod ledger_event_id;
pub mod limits;
mod money;
mod name;
mod request_id;
pub mod route;
pub mod routing;
mod scope;
mod secret;
mod serial;
mod size;
mod subject;
mod template;
mod timestamp;
mod usage;

pub use address::{AddressError, Family, ListenAddress, UnixMode};
pub use duration::{DurationError, format_duration, parse_duration};
pub use ledger_event_id::LedgerEventId;
pub use money::{Money, MoneyError, Price};
pub use name::{
    AccountId, KeyId, ModelName, NameError, ProviderId, TenantId, UpstreamModel, UserId,
};
pub use request_id::RequestId;
pub use scope::{Scope, ScopeSet, UnknownScope};
pub use secret::{Secret, SecretOrigin};
pub use serial::{serialize_duration, serialize_duration_option};
pub use size::{SizeError, parse_size};
pub use subject::{Subject, SubjectKind};
pub use template::{FileFact, Part, Placeholder, SystemFact, Template, TlsFact, UpstreamFact};
pub use timestamp::{Timestamp, TimestampError};
pub use usage::{TokenCount, Units, Usage};
