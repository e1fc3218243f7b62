//! The master key.

use ferrogate_types::Secret;

use crate::KeyDigest;

/// The credential of the environment (`MASTER_KEY`): every scope, no limits, no record in any store. It lets an
/// operator in when there is no key yet, or none that works.
#[derive(Clone, Debug)]
pub struct MasterKey(KeyDigest);

impl MasterKey {
    /// The name it goes by in logs and audit rows.
    pub const ID: &str = "master-key";

    /// The master key, unless the variable is unset or empty: nothing is no key.
    pub fn new(secret: &Secret) -> Option<Self> {
        (!secret.is_empty()).then(|| Self(KeyDigest::of(secret.expose())))
    }

    pub(crate) fn fits(&self, digest: &KeyDigest) -> bool {
        self.0 == *digest
    }
}
