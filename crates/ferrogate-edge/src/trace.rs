//! The `tracing` directive.

use std::fmt;
use std::sync::Arc;

use ferrogate_types::route::Tracing;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::compile::Compiler;
use crate::connection::Connection;
use crate::exchange::Exchange;
use crate::head::RequestHead;
use crate::placeholder::View;
use crate::text::Text;

/// The field that carries a trace from hop to hop. Source: W3C Trace Context, section 3.2.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The span of a request: continues what the client began, or begins a trace.
#[derive(Clone, Debug)]
pub struct Trace {
    trace_id: u128,
    span_id: u64,
    parent: Option<u64>,
    flags: u8,
    name: String,
    spec: Arc<TracingSpec>,
}

/// The compiled directive.
#[derive(Debug)]
pub(crate) struct TracingSpec {
    span: Option<Text>,
    attributes: Box<[(Arc<str>, Text)]>,
}

impl TracingSpec {
    pub(crate) fn compile(tracing: &Tracing, compiler: &mut Compiler<'_>) -> Self {
        Self {
            span: tracing.span.as_ref().map(|span| compiler.emptying(span)),
            attributes: tracing
                .attributes
                .iter()
                .map(|(key, value)| (key.as_str().into(), compiler.emptying(value)))
                .collect(),
        }
    }

    /// Begins the request's span.
    pub(crate) fn begin(self: &Arc<Self>, view: &View<'_>) -> Trace {
        let received = view
            .head
            .headers()
            .get(TRACEPARENT)
            .and_then(|value| parse(value.as_bytes()));
        let (trace_id, parent, flags) = match received {
            Some((trace_id, parent, flags)) => (trace_id, Some(parent), flags),
            None => (fastrand::u128(1..), None, 1),
        };
        let name = match &self.span {
            Some(span) => span.render(view).into_owned(),
            None => "handler".to_owned(),
        };
        Trace {
            trace_id,
            span_id: fastrand::u64(1..),
            parent,
            flags,
            name,
            spec: Arc::clone(self),
        }
    }
}

impl Trace {
    /// The trace's id: 32 lower-case hexadecimal digits.
    pub fn trace_id(&self) -> impl fmt::Display {
        Hex(self.trace_id, 32)
    }

    /// The span's id: 16 lower-case hexadecimal digits.
    pub fn span_id(&self) -> impl fmt::Display {
        Hex(self.span_id.into(), 16)
    }

    /// The id of the span the client sent.
    pub fn parent_id(&self) -> Option<impl fmt::Display> {
        self.parent.map(|parent| Hex(parent.into(), 16))
    }

    /// Whether the trace is recorded.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The span's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of `traceparent` for the upstream.
    pub fn header_value(&self) -> HeaderValue {
        let text = format!(
            "00-{}-{}-{:02x}",
            self.trace_id(),
            self.span_id(),
            self.flags
        );
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The span's further attributes; to be asked after the answer.
    pub fn attributes(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &Exchange,
        response: Option<&HeaderMap>,
    ) -> Vec<(Arc<str>, String)> {
        let view = View {
            head: request,
            connection,
            exchange,
            response,
        };
        let attributes = self.spec.attributes.iter();
        attributes
            .map(|(key, value)| (Arc::clone(key), value.render(&view).into_owned()))
            .collect()
    }
}

struct Hex(u128, usize);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$x}", self.0, width = self.1)
    }
}

/// Reads trace id, span id and flags. Versions above 00 may have more behind them; ff is no version.
fn parse(value: &[u8]) -> Option<(u128, u64, u8)> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let mut parts = text.split('-');
    let mut hex = |digits: usize| {
        let part = parts.next()?;
        let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (part.len() == digits && part.bytes().all(lower))
            .then(|| u128::from_str_radix(part, 16).ok())?
    };
    let (version, trace_id, span_id, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    let whole = version != 0 || parts.next().is_none();
    let span_id = u64::try_from(span_id).ok()?;
    (version != 0xff && trace_id != 0 && span_id != 0 && whole).then_some((
        trace_id,
        span_id,
        u8::try_from(flags).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_standard_allows() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(
            parse(valid.as_bytes()),
            Some((
                0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736,
                0x00f0_67aa_0ba9_02b7,
                1
            ))
        );
        let later = valid.replacen("00", "01", 1) + "-more";
        assert!(parse(later.as_bytes()).is_some());
        for broken in [
            "",
            "00",
            &valid.to_uppercase(),
            &valid.replacen("00", "ff", 1),
            &format!("{valid}-more"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        ] {
            assert_eq!(parse(broken.as_bytes()), None, "{broken}");
        }
    }
}
