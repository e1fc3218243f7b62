//! What records of the state store say, in the words of the admin API.
//!
//! How a record lies in the store is `ferrogate-storage`'s; a key's or a tenant's `limits` are the text of
//! [`parse_limits`](crate::parse_limits).

use ferrogate_types::Timestamp;

use crate::limits::{LimitsForm, SettingsError, wrong};

/// The limits of a record of ours, which were checked when it was made.
pub(crate) fn limits_form(text: &str) -> LimitsForm {
    LimitsForm::parse(text).unwrap_or_default()
}

/// A moment in seconds since 1970; what is before is at its beginning.
pub(crate) fn seconds(moment: Timestamp) -> u64 {
    u64::try_from(moment.millis() / 1_000).unwrap_or(0)
}

/// The moment so many seconds after 1970 began.
pub(crate) fn moment(seconds: u64) -> Timestamp {
    Timestamp::from_epoch(std::time::Duration::from_secs(seconds))
}

/// A moment as a request writes it.
pub(crate) fn expiry(member: &str, text: Option<&String>) -> Result<Option<u64>, SettingsError> {
    let read = |text: &String| {
        let moment: Result<Timestamp, _> = text.parse();
        moment.map(seconds).map_err(|error| wrong(member, error))
    };
    text.map(read).transpose()
}
