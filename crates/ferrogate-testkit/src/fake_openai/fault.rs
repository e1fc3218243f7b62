//! The ways an upstream goes wrong.

/// A way an upstream goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens; for [`FakeOpenAi::always`](crate::FakeOpenAi::always) and [`FakeFleet`](crate::FakeFleet) only.
    Refused,
    /// Its name does not resolve; for a fleet only, like the three that follow.
    Unresolved,
    /// Connections are neither accepted nor refused.
    Unreachable,
    /// It is called with TLS, which it does not speak.
    NotTls,
    /// Nobody trusts its certificate.
    Untrusted,
    /// The connection is closed when the request has arrived.
    ClosedBeforeAnswer,
    /// The connection is closed within the header.
    ClosedInHeader,
    /// The connection is closed behind the header.
    ClosedAfterHeader,
    /// The connection is closed behind this many events of a stream.
    ClosedAfterEvents(usize),
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
    /// The header comes byte by byte and never ends.
    HeaderDrip,
    /// A stream of comments that say that there is work going on, and of nothing else, until the peer leaves.
    OnlyComments,
    /// An event every few milliseconds until the peer leaves; white space where no stream is asked for.
    EndlessDrip,
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
    /// This status, with an envelope and these lines in the header, each with its end.
    StatusWith(u16, &'static str),
    /// This status, with a place to go to instead.
    Redirect(u16),
    /// Interim answers in front of a good one.
    Interim,
    /// 101, which nobody asked for.
    SwitchesProtocols,
    /// This status of success, without a body.
    Bodiless(u16),
    /// 500 with a page for people.
    HtmlError,
    /// This status, with an envelope.
    Status(u16),
    /// This status, with an envelope of this code.
    Code(u16, &'static str),
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
    /// A body, or its events, cut in the middle of the JSON; the framing is whole.
    CutJson,
    /// The announced length is longer than the body, behind which the connection is closed.
    LengthTooLong,
    /// The announced length is shorter than the body.
    LengthTooShort,
    /// A body that is not UTF-8.
    NotUtf8,
    /// A good answer, compressed although nobody said that this would be understood.
    Compressed,
    /// The same, with the compressed bytes damaged.
    CompressedBroken,
    /// Behind this many events comes a chunk that is none.
    BrokenChunk(usize),
    /// Behind this many events comes one that is not JSON; then the stream goes on and ends well.
    JunkAfterEvents(usize),
    /// Behind this many events comes one larger than anybody should keep.
    HugeEventAfterEvents(usize),
    /// An event of a mebibyte in a good answer.
    LargeEvent,
    /// A good stream whose lines end like this.
    LineEnds(&'static str),
    /// A good stream whose events have several lines of data, without a space, behind a byte-order mark.
    SeveralLines,
    /// A good answer with fields behind its last chunk.
    Trailers,
    /// A good stream in which every event tells what was used so far.
    RunningUsage,
    /// A good stream that ends and goes on.
    MoreAfterDone,
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
                | Self::SlowDrip
                | Self::HalfCharacters
                | Self::RateLimited(_)
                | Self::StatusWith(..)
                | Self::Redirect(_)
                | Self::Interim
                | Self::Bodiless(_)
                | Self::CutJson
                | Self::NotUtf8
                | Self::Compressed
                | Self::CompressedBroken
                | Self::JunkAfterEvents(_)
                | Self::LargeEvent
                | Self::LineEnds(_)
                | Self::SeveralLines
                | Self::Trailers
                | Self::RunningUsage
                | Self::MoreAfterDone
                | Self::HtmlError
                | Self::Status(_)
                | Self::Code(..)
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
