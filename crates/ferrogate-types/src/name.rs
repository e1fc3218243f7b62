//! Names that must not be confused with one another.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was written.
    #[error("is empty")]
    Empty,
    /// Longer than 256 bytes.
    #[error("is longer than {MAX_LEN} bytes")]
    TooLong,
    /// White space or a control character.
    #[error("contains white space or a control character")]
    Character,
}

/// The longest name in bytes: longer than any vendor's model id, short enough for a header or a label.
const MAX_LEN: usize = 256;

fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        Err(NameError::Empty)
    } else if text.len() > MAX_LEN {
        Err(NameError::TooLong)
    } else if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        Err(NameError::Character)
    } else {
        Ok(())
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 1 to 256 bytes without white space or control characters. Cloning is one reference count.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text of the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text).map(|()| Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// What a caller asks for: a logical model, or an alias of one.
    ModelName
);
name!(
    /// What is asked of a provider.
    UpstreamModel
);
name!(
    /// A provider as the configuration names it.
    ProviderId
);
name!(
    /// A virtual key's public id.
    KeyId
);
name!(
    /// A tenant: an organisation, a team, a project or a user, somewhere in their tree.
    TenantId
);
name!(
    /// A person or a service within a tenant, as the tenant calls it.
    UserId
);
name!(
    /// A budget's account in the ledger.
    AccountId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_vendors_use_and_refuses_what_breaks_logs() {
        for good in [
            "gpt-4o-mini",
            "meta-llama/Llama-3.3-70B:free",
            "ft:gpt-4o:org::id",
            "é",
        ] {
            assert!(good.parse::<ModelName>().is_ok(), "{good}");
        }
        assert_eq!("".parse::<ModelName>(), Err(NameError::Empty));
        assert_eq!("a b".parse::<ModelName>(), Err(NameError::Character));
        assert_eq!("a\nb".parse::<KeyId>(), Err(NameError::Character));
        assert_eq!(
            "x".repeat(257).parse::<ProviderId>(),
            Err(NameError::TooLong)
        );
    }
}
