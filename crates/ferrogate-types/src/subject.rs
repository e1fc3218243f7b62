//! Whom a limit or a budget applies to.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::{Serialize, Serializer};

use crate::{KeyId, ModelName, TenantId, UserId};

/// Whom a limit or a budget applies to.
///
/// A request has a chain of them, from the most particular to everybody, and each one's limits apply. Shown as
/// `kind:id`, which is also a stable name in stores.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Callers from one address; see [`Subject::address`].
    Address(IpAddr),
    /// The holder of a key.
    Key(KeyId),
    /// A user: the same name in two tenants is two people.
    User {
        /// The tenant that knows the user.
        tenant: Option<TenantId>,
        /// The user.
        user: UserId,
    },
    /// A tenant with all that is below it.
    Tenant(TenantId),
    /// All calls of a model.
    Model(ModelName),
    /// Everybody.
    Global,
}

/// The kinds of [`Subject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum SubjectKind {
    /// An address.
    Address,
    /// A key.
    Key,
    /// A user.
    User,
    /// A tenant.
    Tenant,
    /// A model.
    Model,
    /// Everybody.
    Global,
}

impl Subject {
    /// The address of a caller. An IPv6 host owns its whole /64, so that is what counts.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from(network))
            }
        })
    }

    /// Its kind.
    pub fn kind(&self) -> SubjectKind {
        match self {
            Self::Address(_) => SubjectKind::Address,
            Self::Key(_) => SubjectKind::Key,
            Self::User { .. } => SubjectKind::User,
            Self::Tenant(_) => SubjectKind::Tenant,
            Self::Model(_) => SubjectKind::Model,
            Self::Global => SubjectKind::Global,
        }
    }
}

impl SubjectKind {
    /// The word for it in messages, answers and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Address => "ip",
            Self::Key => "key",
            Self::User => "user",
            Self::Tenant => "tenant",
            Self::Model => "model",
            Self::Global => "global",
        }
    }
}

impl fmt::Display for SubjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Its word.
impl Serialize for SubjectKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().as_str())?;
        match self {
            Self::Address(address) => write!(f, ":{address}"),
            Self::Key(id) => write!(f, ":{id}"),
            // The length keeps `a:b` of tenant `c` apart from `b` of tenant `c:a`.
            Self::User {
                tenant: Some(tenant),
                user,
            } => write!(f, ":{}:{tenant}:{user}", tenant.as_str().len()),
            Self::User { tenant: None, user } => write!(f, "::{user}"),
            Self::Tenant(id) => write!(f, ":{id}"),
            Self::Model(name) => write!(f, ":{name}"),
            Self::Global => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_and_distinct() {
        let user = |tenant: Option<&str>, user: &str| Subject::User {
            tenant: tenant.map(|tenant| tenant.parse().unwrap()),
            user: user.parse().unwrap(),
        };
        for (subject, name) in [
            (Subject::Key("k".parse().unwrap()), "key:k"),
            (Subject::Tenant("t".parse().unwrap()), "tenant:t"),
            (user(Some("c"), "a:b"), "user:1:c:a:b"),
            (user(Some("c:a"), "b"), "user:3:c:a:b"),
            (user(None, "b"), "user::b"),
            (Subject::Global, "global"),
            (
                Subject::address("::ffff:10.0.0.1".parse().unwrap()),
                "ip:10.0.0.1",
            ),
            (
                Subject::address("2001:db8:1:2:3:4:5:6".parse().unwrap()),
                "ip:2001:db8:1:2::",
            ),
        ] {
            assert_eq!(subject.to_string(), name);
        }
    }
}
