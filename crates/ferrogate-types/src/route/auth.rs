//! The `basic_auth` directive.

use serde::Serialize;

use crate::Secret;

/// The `basic_auth` directive. Source: RFC 7617.
#[derive(Clone, Debug, Serialize)]
pub struct BasicAuth {
    /// What the browser shows; `restricted` by default.
    pub realm: String,
    /// Who may come in.
    pub accounts: Vec<Account>,
}

/// A user and the hash of the password.
#[derive(Clone, Debug, Serialize)]
pub struct Account {
    /// The name.
    pub user: String,
    /// A hash in modular crypt or PHC form: bcrypt (`$2a$`, `$2b$`, `$2x$`, `$2y$`) or `$argon2id$`.
    pub hash: Secret,
}
