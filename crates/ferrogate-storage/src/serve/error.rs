//! What went wrong, in the words of whoever asked.

use ferrogate_auth as auth;
use ferrogate_billing as billing;

use crate::error::StoreError;

impl From<StoreError> for auth::StoreError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Exists(_) | StoreError::Missing(_) | StoreError::Stale { .. } => {
                Self::Conflict
            }
            other => Self::Failed(other.into()),
        }
    }
}

impl From<StoreError> for billing::StoreError {
    fn from(error: StoreError) -> Self {
        if error.is_passing() {
            Self::Unavailable(error.into())
        } else {
            Self::Refused(error.into())
        }
    }
}
