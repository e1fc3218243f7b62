//! The ordered filters of a request on Pingora.
//!
//! [`Gateway`] implements Pingora's `ProxyHttp`. A request is screened, finds its site, and runs the site's
//! routes (module `flow`): static answers, files, proxied upstreams (module `proxying`, over Pingora's connections), and
//! model calls, which go through the one pipeline of the gateway (module `ai`). Whoever makes an answer, one room sends it
//! (module `deliver`). Every request sees one [`Snapshot`] from beginning to end.
//!
//! Refuses: reading configuration, opening sockets to listen on, and turning errors into answers in more than
//! one place.

mod admin;
mod ai;
mod answer;
mod books;
mod builtin;
mod call_log;
mod context;
mod deliver;
mod downstream;
mod encoder;
mod files;
mod flow;
mod gateway;
mod head;
mod made;
pub mod overview;
mod password;
mod proxying;
mod record;
mod screen;
mod shared;
mod snapshot;
mod watch;

pub use admin::{AdminApi, AdminBody, AdminCaller};
pub use ai::{HealthProbe, ModelGateway, OnUnsupported, explain, names_provider, probe};
pub use books::Books;
pub use call_log::{CallLog, LoggedCall};
pub use context::RequestContext;
pub use downstream::tls_digest;
pub use files::Disk;
pub use gateway::Gateway;
pub use proxying::{UpstreamTlsMaterial, health};
pub use shared::{Settings, Shared};
pub use snapshot::{
    ExpectedFields, ListenerState, LogHosts, Loggers, SiteLog, SiteState, Snapshot, Summary,
};
