//! Upstreams of a `reverse_proxy`: which one, in which health, with which headers.

mod candidate;
mod lease;
mod lookup;
mod policy;
mod probe;
mod registry;
mod retry;
mod route;
mod sticky;

pub use candidate::{Candidate, Candidates};
pub use lease::Lease;
pub use lookup::{Lookup, Question};
pub use probe::{Probe, Probes};
pub use registry::{UpstreamRegistry, UpstreamState};
pub use route::ProxyRoute;
