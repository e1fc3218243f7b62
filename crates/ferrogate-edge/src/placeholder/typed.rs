//! The types of values, for expressions.

use ferrogate_types::{Placeholder, TlsFact, UpstreamFact};

use super::View;
use crate::text::{Piece, Unknown};
use crate::value::Scalar;

/// The value of a placeholder with its type; nothing when it means nothing for this request. Nearly all are texts.
pub(crate) fn typed_value(piece: &Piece, view: &View<'_>) -> Option<Scalar> {
    match piece {
        Piece::Value(Placeholder::Var(name)) if name != "client_ip" => {
            return view.exchange.var(name).cloned();
        }
        Piece::Mapped(name) => {
            let mut maps = view.exchange.maps().iter();
            return maps.find_map(|map| map.value(name, view));
        }
        _ => {}
    }
    let mut text = String::new();
    if !piece.write(view, Unknown::Empty, &mut text) {
        return None;
    }
    let typed = match piece {
        Piece::Value(
            Placeholder::ErrorStatus
            | Placeholder::UpstreamStatus
            | Placeholder::InterceptStatus
            | Placeholder::Upstream(
                UpstreamFact::Requests
                | UpstreamFact::MaxRequests
                | UpstreamFact::Fails
                | UpstreamFact::Retries,
            ),
        ) => text.parse().ok().map(Scalar::Integer),
        Piece::Value(
            Placeholder::DurationMs
            | Placeholder::Upstream(
                UpstreamFact::LatencyMs
                | UpstreamFact::AttemptDurationMs
                | UpstreamFact::DurationMs,
            ),
        ) => text.parse().ok().map(Scalar::Float),
        Piece::Value(
            Placeholder::Tls(TlsFact::Resumed | TlsFact::ProtoMutual | TlsFact::Ech)
            | Placeholder::Upstream(UpstreamFact::IsTransportError),
        )
        | Piece::ShuttingDown(_) => text.parse().ok().map(Scalar::Bool),
        _ => None,
    };
    Some(typed.unwrap_or(Scalar::Text(text)))
}
