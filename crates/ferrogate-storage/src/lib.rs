//! Where state is kept, and what nodes share.
//!
//! [`Store`] keeps keys, tenants, policies, budgets, revisions of the configuration, sessions, the audit trail, request
//! logs and the ledger, in SQLite (a file or memory) or PostgreSQL: each concept has its trait and its plain records,
//! and every statement is written once for both. [`Redis`] holds what several nodes decide together: grants of budgets,
//! rates and cooldowns. Both serve the traits that the crates above own, in those crates' words. [`LogWriter`] stands
//! between the data plane, which never waits, and the record of requests.
//!
//! Refuses: deciding anything. What a key may do, what a budget allows and what to do when a store is gone is up to the
//! crates that ask; settings of theirs are texts the store does not look into.

mod dsn;
mod error;
mod log_writer;
mod migration;
mod page;
mod postgres;
mod redis;
mod retention;
mod serve;
mod sql;
mod sqlite;
mod state;
mod tls;
mod traits;

pub use dsn::{Dsn, DsnError, PostgresDsn, RedisDsn, StoreVariables, VariableError};
pub use error::StoreError;
pub use log_writer::{LogCounts, LogTask, LogWriter, LogWriterSettings};
pub use page::{Cursor, CursorError, Listing, Page, Total};
pub use redis::{RateCounters, RateCounts, RateSettings, RateTask, Redis, RedisSettings};
pub use retention::{Retention, Swept, sweep};
pub use serve::{key_from_store, key_to_store, tenant_from_store, tenant_to_store};
pub use sql::Store;
pub use state::StoreState;
pub use traits::Expected;
pub use traits::audit::{AuditFilter, AuditRow, AuditStore, AuditVerdict, NewAudit};
pub use traits::changes::{ChangeStore, Generations};
pub use traits::config::{ConfigStore, NewRevision, Revision};
pub use traits::document::{Document, DocumentKind, DocumentStore};
pub use traits::idempotency::{AnswerStore, KeptAnswer};
pub use traits::key::{KeyChange, KeyRecord, KeyStore, KeyUse, PreviousSecret};
pub use traits::ledger::{
    AccountWindow, Amounts, Applied, Balance, BillingEvent, Charge, Correction, EventFilter,
    LedgerBatch, LedgerStore, UsageDimension, UsageQuery, UsageRow,
};
pub use traits::request_log::{
    Buckets, LogBatch, LogFilter, LogPoint, LogStats, LogSums, OrNone, Percentiles, RequestLog,
    RequestLogStore, StoredLog,
};
pub use traits::session::{SessionRecord, SessionStore};
pub use traits::tenant::{TenantRecord, TenantStore};
