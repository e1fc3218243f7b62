//! `ferrogate hash-key`

use std::io::Read as _;

use crate::args::HashKeyOptions;
use crate::console::{Failure, Outcome, print};

/// The longest secret that is read from stdin, in bytes.
const LONGEST: u64 = 4096;

/// Prints an argon2id hash for `key_hash`.
pub(crate) fn run(options: &HashKeyOptions) -> Outcome {
    let secret = match options.secret.as_deref() {
        Some(secret) if secret != "-" && secret != "stdin" => secret.to_owned(),
        _ => read_secret()?,
    };
    let hash =
        ferrogate_auth::hash_secret(&secret).map_err(|error| Failure::Failed(error.to_string()))?;
    print(&format!("{hash}\n"))
}

fn read_secret() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|error| {
            Failure::Failed(format!("the secret cannot be read from stdin: {error}"))
        })?;
    // The line end is the terminal's, not the secret's.
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
