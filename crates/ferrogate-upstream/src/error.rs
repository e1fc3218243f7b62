//! What can end a call.

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// A cause of any type, kept for the chain.
pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// What happened to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallErrorKind {
    /// The name did not resolve.
    Dns,
    /// No address accepted a connection.
    Connect,
    /// The TLS handshake failed: untrusted, wrong name, no common protocol.
    Tls,
    /// Name, TCP and TLS together took longer than the connect limit.
    ConnectTimeout,
    /// The request was handed over and no answer head came within the limit.
    FirstByteTimeout,
    /// The body paused for longer than the idle limit.
    IdleTimeout,
    /// The call's deadline passed.
    Deadline,
    /// The connection or stream broke; `answered` says whether the answer head had arrived.
    Reset {
        /// Whether the answer head had arrived.
        answered: bool,
    },
    /// The peer, or the caller's own request, does not follow HTTP.
    Protocol,
    /// The body ended before its announced end.
    Truncated,
    /// The body is compressed in a way that is not understood, or does not come out.
    Encoding,
    /// The body is larger than the caller allows.
    BodyTooLarge {
        /// The caller's limit in bytes.
        limit: usize,
    },
}

impl fmt::Display for CallErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Dns => "the upstream name did not resolve",
            Self::Connect => "the upstream did not accept a connection",
            Self::Tls => "the TLS handshake with the upstream failed",
            Self::ConnectTimeout => "connecting to the upstream took too long",
            Self::FirstByteTimeout => "the upstream did not begin to answer in time",
            Self::IdleTimeout => "the upstream stopped sending",
            Self::Deadline => "the deadline of the call passed",
            Self::Reset { answered: false } => {
                "the upstream closed the connection without an answer"
            }
            Self::Reset { answered: true } => "the upstream broke off its answer",
            Self::Protocol => "the exchange with the upstream is not valid HTTP",
            Self::Encoding => "the answer of the upstream cannot be decompressed",
            Self::Truncated => "the answer of the upstream ended early",
            Self::BodyTooLarge { limit } => {
                return write!(f, "the answer of the upstream is larger than {limit} bytes");
            }
        };
        f.write_str(text)
    }
}

/// A failed call. `Display` names the kind; the chain of sources has the detail.
///
/// No level of the chain contains header values, query strings or bodies.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct CallError {
    kind: CallErrorKind,
    bytes_seen: bool,
    #[source]
    source: Option<BoxError>,
}

impl CallError {
    /// What happened.
    pub fn kind(&self) -> CallErrorKind {
        self.kind
    }

    /// Whether a limit of time ended the call.
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.kind,
            CallErrorKind::ConnectTimeout
                | CallErrorKind::FirstByteTimeout
                | CallErrorKind::IdleTimeout
                | CallErrorKind::Deadline
        )
    }

    /// Whether at least one byte of the answer was seen before the failure.
    pub fn bytes_seen(&self) -> bool {
        self.bytes_seen
    }

    pub(crate) fn new(kind: CallErrorKind) -> Self {
        Self {
            kind,
            bytes_seen: false,
            source: None,
        }
    }

    pub(crate) fn because(kind: CallErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            kind,
            bytes_seen: false,
            source: Some(source.into()),
        }
    }

    /// Sorts a failure before the answer head.
    pub(crate) fn before_head(error: hyper::Error) -> Self {
        if is_ours(&error) {
            // Complaining takes an answer to complain about.
            return Self::because(CallErrorKind::Protocol, error).seen(true);
        }
        let kind = if error.is_parse() || error.is_user() {
            CallErrorKind::Protocol
        } else {
            CallErrorKind::Reset { answered: false }
        };
        Self::because(kind, error)
    }

    /// Sorts a failure inside the body.
    pub(crate) fn in_body(error: hyper::Error) -> Self {
        let kind = match find::<io::Error>(&error).map(io::Error::kind) {
            Some(io::ErrorKind::UnexpectedEof) => CallErrorKind::Truncated,
            Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
                CallErrorKind::Protocol
            }
            _ if error.is_incomplete_message() => CallErrorKind::Truncated,
            _ if error.is_parse() || is_ours(&error) => CallErrorKind::Protocol,
            _ => CallErrorKind::Reset { answered: true },
        };
        Self::because(kind, error).seen(true)
    }

    pub(crate) fn seen(mut self, bytes_seen: bool) -> Self {
        self.bytes_seen |= bytes_seen;
        self
    }
}

/// Whether h2 ended the stream because the peer broke the rules.
fn is_ours(error: &hyper::Error) -> bool {
    find::<h2::Error>(error).is_some_and(h2::Error::is_library)
}

/// Finds a cause by its type.
pub(crate) fn find<'a, E: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<E>() {
            return Some(found);
        }
        next = current.source();
    }
    None
}
