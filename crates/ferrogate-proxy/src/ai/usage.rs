//! What a caller may still spend.

use std::time::Instant;

use ferrogate_billing::{AccountState, Period};
use ferrogate_policy::{LimitKind, RateState};
use ferrogate_types::{Subject, TenantId, Timestamp, UserId, clock};
use http::Method;
use pingora_proxy::Session;
use serde_json::{Value, json};

use super::gateway::ModelGateway;
use super::{Stop, authenticate};
use crate::Shared;
use crate::answer::{self, Reply};
use crate::context::RequestContext;

/// Where it is told.
pub(crate) const PATH: &str = "/v1/usage";

/// Answers `GET /v1/usage`: where each budget stands that the caller's calls are charged to, the key's own first, and
/// then each rate. Any valid key may ask.
pub(crate) async fn answer(
    shared: &Shared,
    gateway: &ModelGateway,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<(), Stop> {
    let principal = authenticate::caller(gateway, session, context).await?;
    let reply = if matches!(session.req_header().method, Method::GET | Method::HEAD) {
        let subjects = principal.subjects(&gateway.tenants);
        let chain = shared.books.ledger.book().chain_of(&subjects);
        let limits = chain.states(clock::since_epoch());
        let rates = gateway.limits.states(&subjects, Instant::now());
        let rates = rates
            .iter()
            .map(|(subject, kind, state)| rate(subject, *kind, *state));
        let body = json!({
            "object": "usage",
            "key": principal.key().map(|key| key.id().as_str()),
            "tenant": principal.tenant().map(TenantId::as_str),
            "user": principal.user().map(UserId::as_str),
            "limits": limits.iter().map(row).chain(rates).collect::<Vec<_>>(),
        });
        Reply::json(200, body.to_string())
    } else {
        Reply::not_allowed("GET, HEAD")
    };
    answer::send(session, context, reply)
        .await
        .map_err(|_| Stop::ClientGone)
}

/// A rate as a limit row: what is used of it comes back steadily, and is all back at `resets_at`.
fn rate(subject: &Subject, kind: LimitKind, state: RateState) -> Value {
    let unit = match kind {
        LimitKind::Concurrency => "concurrency",
        kind => kind.as_str(),
    };
    let period = (kind != LimitKind::Concurrency).then_some("minute");
    let resets_at = period.map(|_| Timestamp::from_epoch(clock::since_epoch() + state.reset));
    json!({
        "id": format!("{subject}:{unit}"),
        "scope": subject.to_string(),
        "unit": unit,
        "period": period,
        "timezone": null,
        "limit": state.limit,
        "spent": state.limit.saturating_sub(state.remaining),
        "reserved": 0,
        "left": state.remaining,
        "resets_at": resets_at,
        "on_exceed": "block",
    })
}

/// A limit row of the contract: dollars as decimals in a string, tokens as integers.
fn row(state: &AccountState) -> Value {
    let spec = &*state.spec;
    let amount = |amount: i64| match spec.unit {
        ferrogate_billing::Unit::NanoDollars => json!(spec.unit.display(amount).to_string()),
        _ => json!(amount),
    };
    json!({
        "id": spec.id.as_str(),
        "scope": spec.subject.to_string(),
        "unit": spec.unit,
        "period": spec.period.as_str(),
        "timezone": (spec.period != Period::Total).then(|| spec.zone.to_string()),
        "limit": amount(spec.limit),
        "spent": amount(state.spent.saturating_add(state.elsewhere)),
        "reserved": amount(state.reserved),
        "left": amount(state.left()),
        "resets_at": state.resets_at().map(Timestamp::from_epoch),
        "on_exceed": spec.on_exceed.to_string(),
    })
}
