//! Bounded reads of credential files.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use ferrogate_types::{Secret, SecretOrigin};

use crate::error::CredentialError;

/// Reads a file on a thread that may block.
pub(crate) async fn read(path: &Path) -> Result<String, CredentialError> {
    let owned = path.to_owned();
    tokio::task::spawn_blocking(move || read_now(&owned))
        .await
        .map_err(|_| CredentialError::Interrupted)?
}

/// Reads a file that holds one secret and perhaps a line end.
pub(crate) async fn read_secret(path: &Path) -> Result<Secret, CredentialError> {
    let shown = path.display().to_string();
    let text = read(path).await?;
    let value = text.trim();
    if value.is_empty() {
        return Err(CredentialError::configuration(
            format!("the file `{shown}`"),
            "is empty",
        ));
    }
    Ok(Secret::new(value, SecretOrigin::File(shown)))
}

/// Reads a file on this thread.
pub(crate) fn read_now(path: &Path) -> Result<String, CredentialError> {
    read_bounded(path).map_err(|error| CredentialError::File {
        path: path.display().to_string(),
        source: Arc::new(error),
    })
}

/// As [`read_now`]; a file that does not exist is `None`.
pub(crate) fn read_now_if_there(path: &Path) -> Result<Option<String>, CredentialError> {
    match read_now(path) {
        Ok(text) => Ok(Some(text)),
        Err(CredentialError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(LIMIT + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > LIMIT {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than 1 MiB",
        ));
    }
    Ok(text)
}

/// Credential files have a few kilobytes; the largest configurations of the vendors' tools stay below this.
const LIMIT: u64 = 1 << 20;
