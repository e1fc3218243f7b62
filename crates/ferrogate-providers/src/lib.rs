//! The provider table, the model registry and the choice of targets.
//!
//! The runtime lowers the configuration into [`ProviderSpec`]s and [`ModelSpec`]s; a [`Registry`] is built from
//! them once per configuration and takes over what the one before it learned. A request resolves its model and gets a
//! [`Plan`]: targets in the order of the model's strategy, with the reason for each. To each [`Target`] and its
//! [`Provider`] it reports how it went: the breaker, the credentials, the latency and the retry budget hear of it.
//!
//! Refuses: sockets, clocks, and choosing a provider by the look of a model's name.

mod asked;
mod breaker;
mod budget;
mod condition;
mod credential;
mod glob;
mod latency;
mod model;
mod outlier;
mod pattern;
mod places;
mod plan;
mod provider;
mod registry;
mod strategy;
mod table;
mod target;
mod turn;
mod wire;

pub use asked::Asked;
pub use breaker::{Breaker, BreakerSettings, BreakerState, Pass};
pub use credential::{CredentialPool, Lent, PoolKey};
pub use model::{Hedge, LogicalModel, ModelSpec};
pub use places::{Concurrency, Place, Saturated};
pub use plan::{Plan, PlannedTarget, Skip, SkipReason, Why};
pub use provider::{Provider, ProviderSpec, RetryRule, Timeouts};
pub use registry::{Registry, RegistryError};
pub use table::{AuthScheme, BaseUrl, Endpoint, ProviderKind, ProviderRow, Setting};
pub use target::{Busy, Target, TargetSpec};
pub use wire::Wire;
