//! What a key may do.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

macro_rules! scopes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// A permission a key can hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Scope { $($(#[$doc])* $variant),+ }

        impl Scope {
            /// Every scope, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name used in configuration and errors.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

scopes! {
    /// List models.
    ModelsRead = "models.read",
    /// Chat and text completions.
    ChatCompletions = "chat.completions",
    /// The Responses API.
    ResponsesCreate = "responses.create",
    /// The Anthropic Messages API.
    MessagesCreate = "messages.create",
    /// Embeddings.
    EmbeddingsCreate = "embeddings.create",
    /// Images.
    ImagesCreate = "images.create",
    /// Speech and transcription.
    AudioCreate = "audio.create",
    /// Reranking.
    RerankCreate = "rerank.create",
    /// Moderations.
    ModerationsCreate = "moderations.create",
    /// Files.
    FilesManage = "files.manage",
    /// Batches.
    BatchesManage = "batches.manage",
    /// Realtime sessions.
    RealtimeConnect = "realtime.connect",
    /// Tools of MCP servers.
    McpCall = "mcp.call",
    /// Reading the admin API and the metrics.
    AdminRead = "admin.read",
    /// Changing things through the admin API.
    AdminWrite = "admin.write",
}

/// A name that is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope `{0}`")]
pub struct UnknownScope(pub String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL
            .iter()
            .copied()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The scopes a key holds.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ScopeSet(u32);

impl ScopeSet {
    /// No scope: a key that can do nothing.
    pub const EMPTY: Self = Self(0);

    /// Every scope (`*`).
    pub fn all() -> Self {
        Scope::ALL.iter().copied().collect()
    }

    /// Whether the scope is held.
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & bit(scope) != 0
    }

    /// Whether nothing is held.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether everything held here is held there too.
    pub fn is_subset_of(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// What both hold.
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The held scopes in the order of the documentation.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .iter()
            .copied()
            .filter(move |&scope| self.contains(scope))
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | bit(scope)))
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(Scope::as_str))
            .finish()
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Scope::as_str))
    }
}

fn bit(scope: Scope) -> u32 {
    1 << (scope as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for &scope in Scope::ALL {
            assert_eq!(scope.as_str().parse::<Scope>(), Ok(scope));
        }
        assert!("chat.completion".parse::<Scope>().is_err());
    }

    #[test]
    fn sets_hold_what_they_were_given() {
        let set: ScopeSet = [Scope::ModelsRead, Scope::AdminWrite].into_iter().collect();
        assert!(set.contains(Scope::AdminWrite) && !set.contains(Scope::AdminRead));
        let reader: ScopeSet = [Scope::ModelsRead].into_iter().collect();
        assert!(reader.is_subset_of(set) && !set.is_subset_of(reader));
        assert_eq!(set.intersection(reader), reader);
        assert!(ScopeSet::EMPTY.is_empty() && ScopeSet::all().iter().count() == Scope::ALL.len());
    }
}
