//! Upstreams of a `reverse_proxy`: which one, in which health, with which headers.

mod lease;
mod policy;
mod registry;
mod route;

pub use lease::Lease;
pub use registry::{UpstreamRegistry, UpstreamState};
pub use route::ProxyRoute;
