//! The provider table, the model registry, target plans and the circuit breaker.
//!
//! The runtime lowers the configuration into [`ProviderSpec`]s and [`ModelSpec`]s; a [`Registry`] is built from
//! them once per configuration. A request resolves its model, gets a [`Plan`] of targets in order with the
//! reason for each, and reports to each [`Provider`]'s breaker and credentials how it went.
//!
//! Refuses: sockets, and choosing a provider by the look of a model's name.

mod breaker;
mod credential;
mod plan;
mod provider;
mod registry;
mod table;
mod wire;

pub use breaker::{Breaker, BreakerSettings, BreakerState, Pass};
pub use credential::{CredentialPool, Lent};
pub use plan::{Plan, PlannedTarget, Skip, SkipReason};
pub use provider::{Provider, ProviderSpec, RetryRule, Timeouts};
pub use registry::{LogicalModel, ModelSpec, Registry, RegistryError, Target, TargetSpec};
pub use table::{AuthScheme, BaseUrl, Endpoint, ProviderKind, ProviderRow, Setting};
pub use wire::Wire;
