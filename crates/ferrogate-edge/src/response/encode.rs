//! The `encode` directive: whether and how a body is compressed.

use std::sync::Arc;

use ferrogate_types::route::{Encode, EncodeFormat};
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::ResponseCondition;
use crate::compile::Compiler;
use crate::head::{HeaderFields, RequestHead};
use crate::placeholder::View;

/// The compiled directive.
#[derive(Debug)]
pub(crate) struct EncodeLayer {
    formats: Box<[EncodeFormat]>,
    minimum_length: u64,
    condition: Option<ResponseCondition>,
}

/// The format client and directive agreed on.
#[derive(Clone, Debug)]
pub(crate) struct Negotiated {
    layer: Arc<EncodeLayer>,
    format: EncodeFormat,
    /// The client's `If-None-Match` named an entity we had encoded.
    tag_was_ours: bool,
}

/// Types worth compressing; those that end in `*` are prefixes. Event streams are not: a client waits for each event.
const TYPES: &[&str] = &[
    "application/atom+xml*",
    "application/eot*",
    "application/font*",
    "application/geo+json*",
    "application/graphql+json*",
    "application/graphql-response+json*",
    "application/javascript*",
    "application/json*",
    "application/ld+json*",
    "application/manifest+json*",
    "application/opentype*",
    "application/otf*",
    "application/rss+xml*",
    "application/truetype*",
    "application/ttf*",
    "application/vnd.api+json*",
    "application/vnd.ms-fontobject*",
    "application/wasm*",
    "application/x-httpd-cgi*",
    "application/x-javascript*",
    "application/x-opentype*",
    "application/x-otf*",
    "application/x-perl*",
    "application/x-protobuf*",
    "application/x-ttf*",
    "application/xhtml+xml*",
    "application/xml*",
    "font/ttf*",
    "font/otf*",
    "image/svg+xml*",
    "image/vnd.microsoft.icon*",
    "image/x-icon*",
    "multipart/bag*",
    "multipart/mixed*",
    "text/*",
];

const EVENT_STREAM: &str = "text/event-stream";

impl EncodeLayer {
    pub(crate) fn compile(encode: &Encode, compiler: &mut Compiler<'_>) -> Self {
        Self {
            formats: encode.formats.as_slice().into(),
            minimum_length: encode.minimum_length,
            condition: encode
                .matcher
                .as_ref()
                .map(|matcher| ResponseCondition::compile(matcher, compiler)),
        }
    }

    /// Agrees on a format with the client, if there is one. An `If-None-Match` that names an entity in that format is put
    /// back to the tag it had before, which whatever follows can compare.
    pub(crate) fn negotiate(self: &Arc<Self>, request: &mut dyn RequestHead) -> Option<Negotiated> {
        let headers = request.headers();
        if forbids(headers) || headers.contains_key("sec-websocket-key") {
            return None;
        }
        let format = preferred(headers, &self.formats)?;
        let tag = headers
            .get(IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok())
            .filter(|tag| !tag.starts_with("W/"))
            .and_then(|tag| tag.strip_suffix(&format!("-{}\"", token(format))))
            .and_then(|tag| HeaderValue::from_str(&format!("{tag}\"")).ok());
        let tag_was_ours = tag.is_some();
        if let Some(tag) = tag {
            request.set_header(&IF_NONE_MATCH, tag);
        }
        Some(Negotiated {
            layer: Arc::clone(self),
            format,
            tag_was_ours,
        })
    }
}

impl Negotiated {
    pub(super) fn format(&self) -> EncodeFormat {
        self.format
    }

    /// Whether this answer is encoded.
    pub(super) fn applies(
        &self,
        status: u16,
        length: Option<u64>,
        headers: &HeaderMap,
        view: &View<'_>,
    ) -> bool {
        let has_body = status >= 200 && !matches!(status, 204 | 206 | 304);
        has_body
            && length.is_none_or(|length| length > self.layer.minimum_length)
            && !headers.contains_key(CONTENT_ENCODING)
            && !forbids(headers)
            && match &self.layer.condition {
                Some(condition) => condition.holds(status, headers, view),
                None => is_compressible(headers),
            }
    }

    /// Says in the header that the body is encoded.
    pub(super) fn announce(&self, response: &mut dyn HeaderFields) {
        response.set_header(
            &CONTENT_ENCODING,
            HeaderValue::from_static(token(self.format)),
        );
        if !has_token(response.headers(), &VARY, "accept-encoding") {
            response.append_header(&VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        response.remove_header(&CONTENT_LENGTH);
        response.remove_header(&ACCEPT_RANGES);
        self.mark_tag(response);
    }

    /// "Not modified" must name the entity as the client has it. Source: RFC 9110, section 15.4.5.
    pub(super) fn restore_tag(&self, status: u16, response: &mut dyn HeaderFields) {
        if status == 304 && self.tag_was_ours {
            self.mark_tag(response);
        }
    }

    /// A strong tag names one sequence of bytes, so that the encoded one needs its own.
    fn mark_tag(&self, response: &mut dyn HeaderFields) {
        let tag = response
            .headers()
            .get(ETAG)
            .and_then(|value| value.to_str().ok())
            .filter(|tag| !tag.starts_with("W/"))
            .and_then(|tag| tag.strip_suffix('"'))
            .and_then(|tag| HeaderValue::from_str(&format!("{tag}-{}\"", token(self.format))).ok());
        if let Some(tag) = tag {
            response.set_header(&ETAG, tag);
        }
    }
}

/// The name of a format in header fields.
fn token(format: EncodeFormat) -> &'static str {
    match format {
        EncodeFormat::Gzip { .. } => "gzip",
        EncodeFormat::Zstd { .. } => "zstd",
        EncodeFormat::Br { .. } => "br",
    }
}

/// What the client likes best of the formats; the first of those it likes equally.
fn preferred(headers: &HeaderMap, formats: &[EncodeFormat]) -> Option<EncodeFormat> {
    let mut best: Option<(f32, EncodeFormat)> = None;
    for format in formats {
        let entry = entries(headers, &ACCEPT_ENCODING).find_map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let name = parts.next()?;
            let quality = parts
                .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
                .and_then(|quality| quality.trim().parse::<f32>().ok())
                .map_or(1.0, |quality| quality.clamp(0.0, 1.0));
            name.eq_ignore_ascii_case(token(*format)).then_some(quality)
        });
        if let Some(quality) = entry.filter(|quality| *quality > 0.000_01)
            && best.is_none_or(|(known, _)| quality > known)
        {
            best = Some((quality, *format));
        }
    }
    best.map(|(_, format)| format)
}

fn is_compressible(headers: &HeaderMap) -> bool {
    let Some(value) = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let kind = value.to_ascii_lowercase();
    !kind.starts_with(EVENT_STREAM)
        && TYPES.iter().any(|wanted| match wanted.strip_suffix('*') {
            Some(prefix) => kind.starts_with(prefix),
            None => kind == *wanted,
        })
}

/// Whether `Cache-Control` forbids to transform the body. Source: RFC 9111, section 5.2.2.6.
fn forbids(headers: &HeaderMap) -> bool {
    has_token(headers, &CACHE_CONTROL, "no-transform")
}

fn has_token(headers: &HeaderMap, field: &HeaderName, wanted: &str) -> bool {
    entries(headers, field).any(|entry| entry.eq_ignore_ascii_case(wanted))
}

fn entries<'a>(headers: &'a HeaderMap, field: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers
        .get_all(field)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests;
