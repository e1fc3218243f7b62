//! The ways an upstream goes wrong.

/// A way an upstream goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens; for [`FakeOpenAi::always`](crate::FakeOpenAi::always) only.
    Refused,
    /// The connection is reset when the request has arrived.
    ResetBeforeAnswer,
    /// The connection is reset behind the header.
    ResetAfterHeader,
    /// The connection is reset behind this many events of a stream.
    ResetAfterEvents(usize),
    /// Nothing comes until it is released; then the answer is good.
    StallBeforeHeader,
    /// Nothing comes behind this many events of a stream until it is released; then it ends well.
    StallAfterEvents(usize),
    /// A few bytes at a time, with a pause of some milliseconds; the answer is good.
    SlowDrip,
    /// The body ends before its announced length, with the connection.
    TruncatedBody,
    /// The stream ends cleanly behind this many events.
    TruncatedStream(usize),
    /// The stream ends cleanly with everything but `[DONE]`.
    DoneMissing,
    /// Every chunk of the stream is two bytes, so that characters are cut in half; the answer is good.
    HalfCharacters,
    /// 429 with `Retry-After` in seconds.
    RateLimited(u32),
    /// 500 with a page for people.
    HtmlError,
    /// This status, with an envelope.
    Status(u16),
    /// 401 with an envelope that tells the credential it was shown.
    TellsCredential,
    /// A stream with an error that tells the credential behind this many events.
    TellsCredentialAfterEvents(usize),
    /// 200 with an error for a body.
    ErrorInAnswer,
    /// A stream whose first event is an error.
    ErrorFirst,
    /// A stream with an error behind this many events.
    ErrorAfterEvents(usize),
    /// Bytes that are not HTTP.
    Garbage,
    /// 200 with a body that is neither JSON nor an event stream.
    NotJson,
    /// A header of this many bytes.
    HugeHeader(usize),
    /// An answer that goes on until the peer leaves.
    Endless,
    /// A good answer that does not tell what it used.
    NoUsage,
    /// A good answer, after which the connection is closed although nothing announced it.
    ClosedAfterAnswer,
}

impl Fault {
    /// Whether the connection ends with the answer. One whose framing is whole can be used again.
    pub(super) fn ends_connection(self) -> bool {
        !matches!(
            self,
            Self::TruncatedStream(_)
                | Self::DoneMissing
                | Self::HalfCharacters
                | Self::RateLimited(_)
                | Self::HtmlError
                | Self::Status(_)
                | Self::TellsCredential
                | Self::TellsCredentialAfterEvents(_)
                | Self::ErrorInAnswer
                | Self::ErrorFirst
                | Self::ErrorAfterEvents(_)
                | Self::NotJson
                | Self::NoUsage
        )
    }
}
