//! An answer that is ready to be sent.

use bytes::Bytes;
use ferrogate_edge::Answer;
use ferrogate_files::{FileBody, PIECE};
use ferrogate_types::route::BufferLimit;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue};
use pingora_error::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use crate::proxying::{BodyTrouble, UpstreamAnswer};

/// A header, and where the body comes from.
pub(crate) struct Made {
    pub(crate) header: ResponseHeader,
    pub(crate) body: Body,
    /// End the connection after it.
    pub(crate) close: bool,
}

/// Where a body comes from.
pub(crate) enum Body {
    /// There is none.
    Empty,
    /// It is here.
    Full(Bytes),
    /// It is on disk.
    File(Box<FileBody>),
    /// It is on its way.
    Upstream(Box<UpstreamAnswer>),
}

impl Made {
    /// An answer whose body is here.
    pub(crate) fn full(status: u16, body: Bytes) -> Result<Self> {
        // Names in lower case, as HTTP/2 has them: keeping a second map of their spelling costs more than the answer.
        let mut header = ResponseHeader::build_no_case(status, Some(8))?;
        // 1xx, 204 and 304 have no body by definition, and no length. Source: RFC 9110, section 8.6.
        let bodiless = status < 200 || matches!(status, 204 | 304);
        let body = if bodiless { Bytes::new() } else { body };
        if !bodiless {
            header.insert_header(CONTENT_LENGTH, body.len())?;
        }
        Ok(Self {
            header,
            body: if body.is_empty() {
                Body::Empty
            } else {
                Body::Full(body)
            },
            close: false,
        })
    }

    /// A status with nothing behind it.
    pub(crate) fn bare(status: u16) -> Result<Self> {
        Self::full(status, Bytes::new())
    }

    /// What the edge answers.
    pub(crate) fn answer(answer: Answer) -> Result<Self> {
        let mut made = Self::full(answer.status, answer.body)?;
        if let Some((name, value)) = answer.field {
            made.header.append_header(name, value)?;
        }
        made.close = answer.close;
        Ok(made)
    }

    /// A short text, for people and probes.
    pub(crate) fn text(
        status: u16,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Result<Self> {
        Self::full(status, body.into())?.with(CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// With one more field.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Result<Self> {
        self.header.append_header(name, value)?;
        Ok(self)
    }
}

impl Body {
    /// The next piece; `None` only after a complete body. One that is here comes in pieces too: an encoder must not keep a worker
    /// from its other tasks for long.
    pub(crate) async fn next(
        &mut self,
        session: &mut Session,
    ) -> std::result::Result<Option<Bytes>, BodyTrouble> {
        match self {
            Self::Empty => Ok(None),
            Self::Full(bytes) if bytes.len() > PIECE => Ok(Some(bytes.split_to(PIECE))),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Ok(Some(bytes))
            }
            Self::File(file) => file.next().await.map_err(BodyTrouble::disk),
            Self::Upstream(answer) => answer.next(session).await,
        }
    }

    /// With up to so much of it read already. When that is all, the header tells its length.
    pub(crate) async fn buffered(
        self,
        session: &mut Session,
        limit: BufferLimit,
        header: &mut ResponseHeader,
    ) -> std::result::Result<Self, BodyTrouble> {
        let Self::Upstream(mut answer) = self else {
            return Ok(self);
        };
        let Some(whole) = answer.buffer(session, limit).await? else {
            return Ok(Self::Upstream(answer));
        };
        header.remove_header(&TRANSFER_ENCODING);
        if let Err(error) = header.insert_header(CONTENT_LENGTH, whole.len()) {
            tracing::warn!(%error, "a header field was not written");
        }
        Ok(if whole.is_empty() {
            Self::Empty
        } else {
            Self::Full(whole)
        })
    }

    /// Whether a piece should go out at once: more may be long in coming.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Self::Upstream(_))
    }
}
