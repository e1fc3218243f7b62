//! A value that must not be printed.

use std::fmt;

use serde::{Serialize, Serializer};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A credential.
///
/// `Debug`, `Display` and `Serialize` show where it came from or `***`, never the value. Comparison takes
/// the same time wherever two values of one length differ. The memory is cleared on drop.
#[derive(Clone)]
pub struct Secret {
    value: Zeroizing<String>,
    origin: SecretOrigin,
}

/// Where a secret was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// In the configuration itself (shown as `***`).
    Literal,
    /// In the environment variable of that name (shown as `{env.NAME}`).
    Env(String),
    /// In the file of that path (shown as `{file.PATH}`).
    File(String),
}

impl Secret {
    /// A secret written out in the configuration.
    pub fn literal(value: impl Into<String>) -> Self {
        Self::new(value, SecretOrigin::Literal)
    }

    /// A secret with a known origin.
    pub fn new(value: impl Into<String>, origin: SecretOrigin) -> Self {
        Self {
            value: Zeroizing::new(value.into()),
            origin,
        }
    }

    /// The value itself. Every call is a place where it could leak.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// Where it was written.
    pub fn origin(&self) -> &SecretOrigin {
        &self.origin
    }

    /// Whether there is nothing in it: an unset variable, an empty file.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.value.as_bytes().ct_eq(other.value.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            SecretOrigin::Literal => f.write_str("***"),
            SecretOrigin::Env(name) => write!(f, "{{env.{name}}}"),
            SecretOrigin::File(path) => write!(f, "{{file.{path}}}"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({self})")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_prints_its_value() {
        let literal = Secret::literal("sk-very-secret");
        let env = Secret::new("sk-very-secret", SecretOrigin::Env("OPENAI_API_KEY".into()));
        for shown in [
            format!("{literal}"),
            format!("{literal:?}"),
            format!("{env}"),
            format!("{env:?}"),
        ] {
            assert!(!shown.contains("very-secret"), "{shown}");
        }
        assert_eq!(env.to_string(), "{env.OPENAI_API_KEY}");
    }

    #[test]
    fn compares_by_value() {
        assert_eq!(
            Secret::literal("a"),
            Secret::new("a", SecretOrigin::Env("X".into()))
        );
        assert_ne!(Secret::literal("a"), Secret::literal("ab"));
    }
}
