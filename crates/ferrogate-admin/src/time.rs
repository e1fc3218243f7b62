//! Moments in parameters.

use ferrogate_types::Timestamp;

use crate::refusal::Refusal;

/// A moment that a parameter names.
pub(crate) fn moment(param: &str, text: Option<&String>) -> Result<Option<Timestamp>, Refusal> {
    text.filter(|text| !text.is_empty())
        .map(|text| {
            // `+` of an offset is a space in a query that was not encoded.
            text.replace(' ', "+")
                .parse()
                .map_err(|error| Refusal::parameter(param, format!("`{param}` {error}")))
        })
        .transpose()
}
