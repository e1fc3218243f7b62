//! JSON that may hold secrets, read without quoting it in errors.

use serde::de::DeserializeOwned;

/// Reads a document. The error names the place and never what stands there, as `serde_json` would.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => "with missing or mistyped fields",
            _ => "that is not JSON",
        };
        format!("{what} (line {}, column {})", error.line(), error.column())
    })
}
