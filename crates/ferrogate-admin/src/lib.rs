//! The admin API: what operators read and change while the gateway runs.
//!
//! [`Admin::answer`] takes a request whose body has arrived, with whoever showed a credential, and answers it. On the
//! way in, a caller is found and held to scope, tenant and CSRF token, and a repeated write is answered as the first
//! time; then one handler reads or writes the state store, the ledger and, by way of the [`Node`] trait, the running
//! process; on the way out, changes are noted in the audit trail. A change is answered when the data plane runs with it.
//! [`openapi`] describes all of it, made of the types that serve it.
//!
//! Refuses: sockets, TLS, credentials other than a session's cookie, files, and knowing how a configuration is read.
//!
//! [`policy_rule`], [`budget_account`] and [`parse_limits`] turn
//! what the state store keeps into what the data plane runs with, for whoever starts it.

mod accounts;
mod admin;
mod answer;
mod audit;
mod billing;
mod budgets;
mod config;
mod documents;
mod drain;
mod extract;
mod facts;
mod hex;
mod holder;
mod idempotency;
mod identity;
mod keys;
mod limits;
mod merge;
mod node;
mod openapi;
mod page;
mod path;
mod policies;
mod precondition;
mod records;
mod refusal;
mod request_logs;
mod rules;
mod sessions;
mod tenants;
mod time;
mod trail;
mod usage;

pub use accounts::budget_account;
pub use admin::Admin;
pub use identity::Caller;
pub use limits::{SettingsError, format_limits, parse_limits};
pub use node::{
    Changed, Check, ConfigApplied, ConfigInForce, ConfigRefusal, ConfigSource, Declared, Fact,
    Format, Node, Question,
};
pub use openapi::openapi;
pub use rules::policy_rule;
