//! Why a request could not be authorized.

use std::io;
use std::sync::Arc;

use ferrogate_upstream::CallError;

/// Why a request could not be authorized.
///
/// Always the gateway's fault or its cloud's, never the client's: an answer of 502 or 503. No level of the
/// chain contains a secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CredentialError {
    /// No source had anything.
    #[error("no {cloud} credentials were found: tried {tried}; {remedy}")]
    NotFound {
        /// The cloud.
        cloud: &'static str,
        /// Each source with what was missing in it.
        tried: String,
        /// What the operator can do.
        remedy: &'static str,
    },
    /// A source is configured that this gateway does not use.
    #[error("{source_kind} is not supported; {instead}")]
    Unsupported {
        /// The source.
        source_kind: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// Something in the configuration, the environment or a credential file cannot be used.
    #[error("{place} {problem}")]
    Configuration {
        /// Where it was written.
        place: String,
        /// What is wrong, continuing the sentence.
        problem: String,
    },
    /// A credential would have left for a place that must not have it.
    #[error("{place} is `{origin}`, and credentials are only sent to {rule}")]
    Untrusted {
        /// Where the address was written.
        place: String,
        /// The address without path and query.
        origin: String,
        /// Which addresses may have them.
        rule: &'static str,
    },
    /// A file could not be read.
    #[error("the file `{path}` cannot be read")]
    File {
        /// The path.
        path: String,
        /// The cause.
        #[source]
        source: Arc<io::Error>,
    },
    /// A token server could not be asked.
    #[error("{server} cannot be asked")]
    Call {
        /// The server's role and origin.
        server: String,
        /// The cause.
        #[source]
        source: Arc<CallError>,
    },
    /// A token server refused.
    #[error("{server} refused with status {status}: {reason}")]
    Refused {
        /// The server's role and origin.
        server: String,
        /// The HTTP status.
        status: u16,
        /// What the server said, shortened, secrets cut out.
        reason: String,
    },
    /// A token server answered with something else than a token.
    #[error("{server} answered {problem}")]
    Answer {
        /// The server's role and origin.
        server: String,
        /// What is wrong with the answer, continuing the sentence.
        problem: String,
    },
    /// The task that fetched ended before its work.
    #[error("fetching the credential was interrupted")]
    Interrupted,
}

impl CredentialError {
    /// Whether the same may work in a moment: the network, a server in trouble, a rate limit. Everything else
    /// waits for the operator.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Call { .. } | Self::Answer { .. } | Self::Interrupted => true,
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }

    /// A `Configuration` error; `problem` continues the sentence that begins with `place`.
    pub(crate) fn configuration(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Configuration {
            place: place.into(),
            problem: problem.into(),
        }
    }
}
