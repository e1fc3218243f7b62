//! The variables of Ferro Labs' gateway that say where state is kept.

use crate::dsn::{Dsn, DsnError};

/// What the variables say. None: they say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreVariables {
    /// `API_KEY_STORE_BACKEND` with `API_KEY_STORE_DSN`.
    pub keys: Option<Dsn>,
    /// `CONFIG_STORE_BACKEND` with `CONFIG_STORE_DSN`.
    pub config: Option<Dsn>,
    /// `REQUEST_LOG_STORE_BACKEND` with `REQUEST_LOG_STORE_DSN`.
    pub request_logs: Option<Dsn>,
}

/// Why variables were refused. Carries no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// No such kind of store.
    #[error("`{variable}` is `{value}`; it takes `memory`, `sqlite` or `postgres`")]
    Backend {
        /// Which variable.
        variable: String,
        /// What it holds.
        value: String,
    },
    /// A kind of store that needs a place.
    #[error("`{backend}` is set to `{value}` and `{dsn}` says nothing of where")]
    NoDsn {
        /// The variable that is set.
        backend: String,
        /// What it holds.
        value: String,
        /// The variable that is not.
        dsn: String,
    },
    /// A place without a kind of store.
    #[error("`{dsn}` is set and `{backend}` is not")]
    NoBackend {
        /// The variable that is not set.
        backend: String,
        /// The variable that is.
        dsn: String,
    },
    /// A place that is none.
    #[error("`{variable}` {error}")]
    Dsn {
        /// Which variable.
        variable: String,
        /// What is wrong with it.
        error: DsnError,
    },
    /// A place of another kind than the variable beside it says.
    #[error("`{dsn}` is not the place of a store that `{backend}` calls `{value}`")]
    OtherKind {
        /// The variable with the kind.
        backend: String,
        /// What it holds.
        value: String,
        /// The variable with the place.
        dsn: String,
    },
}

impl StoreVariables {
    /// Reads them through `variable`; one that is empty is not set. Reports everything that is wrong.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<VariableError>> {
        let mut errors = Vec::new();
        let mut store = |prefix: &str| {
            read(prefix, &variable).unwrap_or_else(|error| {
                errors.push(error);
                None
            })
        };
        let found = Self {
            keys: store("API_KEY_STORE"),
            config: store("CONFIG_STORE"),
            request_logs: store("REQUEST_LOG_STORE"),
        };
        if errors.is_empty() {
            Ok(found)
        } else {
            Err(errors)
        }
    }
}

fn read(
    prefix: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Dsn>, VariableError> {
    let (backend, dsn) = (format!("{prefix}_BACKEND"), format!("{prefix}_DSN"));
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let (kind, place) = match (set(&backend), set(&dsn)) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(VariableError::NoBackend { backend, dsn }),
        (Some(kind), place) => (kind.trim().to_ascii_lowercase(), place),
    };
    let no_dsn = |value: String| VariableError::NoDsn {
        backend: backend.clone(),
        value,
        dsn: dsn.clone(),
    };
    match kind.as_str() {
        "memory" => Ok(Some(Dsn::Memory)),
        "sqlite" => {
            let place = place.ok_or_else(|| no_dsn(kind))?;
            // There it is a path, here it may be written as it is in the Caddyfile, too.
            let place = if place.starts_with("sqlite:") || place == ":memory:" {
                place
            } else {
                format!("sqlite:{}", place.strip_prefix("file:").unwrap_or(&place))
            };
            let read = place.parse().map_err(|error| VariableError::Dsn {
                variable: dsn.clone(),
                error,
            })?;
            Ok(Some(read))
        }
        "postgres" | "postgresql" => {
            let place = place.ok_or_else(|| no_dsn(kind.clone()))?;
            match place.parse() {
                Ok(read @ Dsn::Postgres(_)) => Ok(Some(read)),
                Ok(_) => Err(VariableError::OtherKind {
                    backend,
                    value: kind,
                    dsn,
                }),
                Err(error) => Err(VariableError::Dsn {
                    variable: dsn,
                    error,
                }),
            }
        }
        _ => Err(VariableError::Backend {
            variable: backend,
            value: kind,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Result<StoreVariables, Vec<String>> {
        StoreVariables::read(|name| {
            let pair = pairs.iter().find(|(given, _)| *given == name);
            pair.map(|(_, value)| (*value).to_owned())
        })
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn reads_all_three() {
        let found = given(&[
            ("API_KEY_STORE_BACKEND", "sqlite"),
            ("API_KEY_STORE_DSN", "/data/keys.db"),
            ("CONFIG_STORE_BACKEND", "Postgres"),
            ("CONFIG_STORE_DSN", "postgres://u:p@h/d"),
            ("REQUEST_LOG_STORE_BACKEND", "memory"),
        ])
        .unwrap();
        let shown = |dsn: Option<Dsn>| dsn.unwrap().to_string();
        assert_eq!(shown(found.keys), "sqlite:/data/keys.db");
        assert_eq!(shown(found.config), "postgres://u:***@h/d");
        assert_eq!(shown(found.request_logs), "memory");
        assert_eq!(
            given(&[("API_KEY_STORE_DSN", "")]),
            Ok(StoreVariables::default())
        );
    }

    #[test]
    fn reports_all_that_is_wrong() {
        let errors = given(&[
            ("API_KEY_STORE_BACKEND", "mysql"),
            ("CONFIG_STORE_BACKEND", "sqlite"),
            ("REQUEST_LOG_STORE_DSN", "postgres://u:s3cr3t@h/d"),
        ])
        .unwrap_err();
        assert_eq!(
            errors,
            [
                "`API_KEY_STORE_BACKEND` is `mysql`; it takes `memory`, `sqlite` or `postgres`",
                "`CONFIG_STORE_BACKEND` is set to `sqlite` and `CONFIG_STORE_DSN` says nothing of where",
                "`REQUEST_LOG_STORE_DSN` is set and `REQUEST_LOG_STORE_BACKEND` is not",
            ]
        );
        let mixed = given(&[
            ("CONFIG_STORE_BACKEND", "postgres"),
            ("CONFIG_STORE_DSN", "sqlite:x.db"),
        ]);
        assert_eq!(
            mixed.unwrap_err(),
            [
                "`CONFIG_STORE_DSN` is not the place of a store that `CONFIG_STORE_BACKEND` calls `postgres`"
            ]
        );
    }
}
