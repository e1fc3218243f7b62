//! The ordered filters of a request on Pingora.
//!
//! [`Gateway`] implements Pingora's `ProxyHttp`. A request is screened, finds its site, and runs the site's
//! routes; the verdict is a static answer, a proxied upstream (Pingora's own path), or a model call, which goes
//! through the one pipeline of the gateway (module `ai`). Every request sees one [`Snapshot`] from beginning to end.
//!
//! Refuses: reading configuration, opening sockets to listen on, and turning errors into answers in more than
//! one place.

mod ai;
mod answer;
mod builtin;
mod context;
mod gateway;
mod head;
mod record;
mod shared;
mod snapshot;
mod upstream;

pub use ai::{KeyLimits, ModelGateway};
pub use context::RequestContext;
pub use gateway::Gateway;
pub use shared::{Settings, Shared};
pub use snapshot::{ListenerState, SiteLog, SiteState, Snapshot, Summary};
pub use upstream::UpstreamTlsMaterial;
