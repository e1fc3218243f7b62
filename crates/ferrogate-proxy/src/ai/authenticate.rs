//! Who is calling.

use std::net::IpAddr;
use std::sync::Arc;

use ferrogate_auth::{KeyDirectory, Keyring, Principal, TenantTree};
use ferrogate_types::{Scope, clock};
use http::header::{AUTHORIZATION, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderValue, Uri};
use pingora_proxy::Session;

use super::gateway::ModelGateway;
use super::refusal::{Refusal, RefusalCode};
use crate::Shared;
use crate::context::RequestContext;

/// Authenticates a caller of the model surfaces.
pub(crate) async fn caller(
    gateway: &ModelGateway,
    session: &Session,
    context: &RequestContext,
) -> Result<Principal, Refusal> {
    let header = session.req_header();
    let credential = credential(&header.headers, header.uri.query())?;
    if !gateway.auth_required {
        return Ok(Principal::Anonymous);
    }
    if gateway.keys.is_open_to_local_callers() {
        return if is_local(context, &header.headers) {
            Ok(Principal::Anonymous)
        } else {
            Err(Refusal::new(
                RefusalCode::MissingKey,
                "no API key is configured, so only local callers are answered; add an `api_key` to the configuration",
            ))
        };
    }
    let Some(secret) = credential else {
        return Err(Refusal::new(
            RefusalCode::MissingKey,
            "you didn't provide an API key; send it as `Authorization: Bearer KEY`",
        ));
    };
    let now = clock::since_epoch().as_secs();
    let from = context.exchange.client_ip();
    let principal = gateway.keys.authenticate(&secret, from, now).await?;
    principal.require_tenant(&gateway.tenants, now)?;
    principal.require_address(from, &gateway.tenants)?;
    Ok(principal)
}

/// Authenticates somebody who wants to see the metrics or how the gateway is: whoever has `admin.read` at any gateway,
/// the holder of the master key, or a local caller where there never was a credential.
pub(crate) async fn administrator(
    shared: &Shared,
    gateways: &[Arc<ModelGateway>],
    session: &Session,
    context: &RequestContext,
) -> Result<(), Refusal> {
    let Some((principal, tenants)) = find(shared, gateways, session, context).await? else {
        let doors = Doors::of(shared, gateways);
        let open = doors.all().all(|(keys, _)| keys.is_open_to_local_callers());
        if open && is_local(context, &session.req_header().headers) {
            return Ok(());
        }
        return Err(Refusal::new(
            RefusalCode::MissingKey,
            if open {
                "no API key is configured, so only local callers are answered"
            } else {
                "a key with the scope `admin.read` is needed"
            },
        ));
    };
    let now = clock::since_epoch().as_secs();
    principal.require_tenant(&tenants, now)?;
    principal.require_address(context.exchange.client_ip(), &tenants)?;
    Ok(principal.require(Scope::AdminRead, &tenants)?)
}

/// Who shows a credential of any of these gateways; nobody where none is shown.
pub(crate) async fn shown(
    shared: &Shared,
    gateways: &[Arc<ModelGateway>],
    session: &Session,
    context: &RequestContext,
) -> Result<Option<Principal>, Refusal> {
    let found = find(shared, gateways, session, context).await?;
    Ok(found.map(|(principal, _)| principal))
}

async fn find(
    shared: &Shared,
    gateways: &[Arc<ModelGateway>],
    session: &Session,
    context: &RequestContext,
) -> Result<Option<(Principal, Arc<TenantTree>)>, Refusal> {
    // `key` in a query is whose entries are wanted, here.
    let Some(secret) = credential(&session.req_header().headers, None)? else {
        return Ok(None);
    };
    let now = clock::since_epoch().as_secs();
    let from = context.exchange.client_ip();
    let mut refusal = Refusal::new(RefusalCode::InvalidKey, "incorrect API key provided");
    for (keys, tenants) in Doors::of(shared, gateways).all() {
        match keys.authenticate(&secret, from, now).await {
            Ok(principal) => return Ok(Some((principal, Arc::clone(tenants)))),
            Err(ferrogate_auth::AuthError::Unknown) => {}
            Err(error) => refusal = error.into(),
        }
    }
    Err(refusal)
}

/// Where credentials are looked for: at gateways, or without one in the state store and the environment.
struct Doors<'a> {
    gateways: &'a [Arc<ModelGateway>],
    alone: Option<(KeyDirectory, Arc<TenantTree>)>,
}

impl<'a> Doors<'a> {
    fn of(shared: &Shared, gateways: &'a [Arc<ModelGateway>]) -> Self {
        let alone = || {
            let none = Arc::new(Keyring::new(Vec::new()));
            let keys = KeyDirectory::new(none, Arc::clone(&shared.credentials));
            (keys, Arc::default())
        };
        Self {
            gateways,
            alone: gateways.is_empty().then(alone),
        }
    }

    fn all(&self) -> impl Iterator<Item = (&KeyDirectory, &Arc<TenantTree>)> {
        let gateways = self.gateways.iter();
        let alone = self.alone.iter();
        gateways
            .map(|gateway| (&*gateway.keys, &gateway.tenants))
            .chain(alone.map(|(keys, tenants)| (keys, tenants)))
    }
}

/// The subprotocol that carries a key. Source: OpenAI's guide "Realtime API with WebSockets", "Connecting in a browser".
pub(super) const KEY_SUBPROTOCOL: &str = "openai-insecure-api-key.";

/// The credential a request shows, in the form any vendor's SDK sends. Two that differ are refused: which one
/// counts must not depend on who looks.
fn credential(headers: &HeaderMap, query: Option<&str>) -> Result<Option<String>, Refusal> {
    let bearer = headers
        .get_all(AUTHORIZATION)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .filter_map(|value| {
            let (scheme, token) = value.split_once(' ')?;
            if scheme.eq_ignore_ascii_case("bearer") {
                return Some(token.trim());
            }
            // AWS's SDKs sign with a key pair: its public half carries the key, and the signature says nothing here.
            let signed = scheme.eq_ignore_ascii_case("aws4-hmac-sha256");
            let (_, scope) = token.split_once("Credential=").filter(|_| signed)?;
            scope.split('/').next()
        });
    let named = ["x-api-key", "api-key", "x-goog-api-key"]
        .into_iter()
        .flat_map(|name| headers.get_all(name))
        .filter_map(|value| value.to_str().ok())
        .map(str::trim);
    let in_query = query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .filter_map(|pair| pair.strip_prefix("key="));
    // Browsers can set no other field of a WebSocket's handshake.
    let subprotocols = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|protocol| protocol.trim().strip_prefix(KEY_SUBPROTOCOL));
    let mut found: Option<&str> = None;
    for shown in bearer
        .chain(named)
        .chain(subprotocols)
        .chain(in_query)
        .filter(|shown| !shown.is_empty())
    {
        match found {
            Some(first) if first != shown => {
                return Err(Refusal::new(
                    RefusalCode::AmbiguousCredentials,
                    "the request shows two different credentials; send one",
                ));
            }
            _ => found = Some(shown),
        }
    }
    Ok(found.map(str::to_owned))
}

/// Whether the peer is on this machine and speaks for itself: a proxy in front would make everybody local, and so
/// would a browser in which a page from elsewhere sends the request.
fn is_local(context: &RequestContext, headers: &HeaderMap) -> bool {
    const FORWARDING: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let local = context
        .connection
        .peer_ip()
        .is_none_or(|ip: IpAddr| ip.is_loopback());
    local
        && !FORWARDING.iter().any(|name| headers.contains_key(*name))
        && headers.get_all(ORIGIN).into_iter().all(is_local_origin)
}

/// Whether a page comes from this machine; `null`, which a page can choose to be, does not.
fn is_local_origin(origin: &HeaderValue) -> bool {
    let Some(url) = origin
        .to_str()
        .ok()
        .and_then(|text| text.parse::<Uri>().ok())
    else {
        return false;
    };
    let host = url.scheme().and(url.host()).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        headers: &[(&'static str, &str)],
        query: Option<&str>,
        expected: Result<Option<&str>, RefusalCode>,
    ) {
        let fields = headers;
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let found = credential(&headers, query).map_err(|refusal| refusal.code());
        assert_eq!(
            found.as_ref().map(Option::as_deref).map_err(|code| *code),
            expected
        );
    }

    #[test]
    fn a_page_from_elsewhere_is_not_local() {
        for (origin, local) in [
            ("http://localhost:3000", true),
            ("http://127.0.0.1", true),
            ("http://[::1]:8080", true),
            ("https://evil.example", false),
            ("http://127.0.0.1.evil.example", false),
            ("http://localhost@evil.example", false),
            ("null", false),
            ("localhost", false),
            ("", false),
        ] {
            let origin = HeaderValue::from_str(origin).unwrap();
            assert_eq!(is_local_origin(&origin), local, "{origin:?}");
        }
    }

    #[test]
    fn reads_a_credential_as_any_sdk_sends_it() {
        check(&[], None, Ok(None));
        check(&[("authorization", "Bearer a")], None, Ok(Some("a")));
        check(&[("authorization", "bearer  a ")], None, Ok(Some("a")));
        check(&[("authorization", "Basic a")], None, Ok(None));
        check(
            &[(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=a/20261120/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=0",
            )],
            None,
            Ok(Some("a")),
        );
        check(&[("x-api-key", "a")], None, Ok(Some("a")));
        check(&[("api-key", "a")], None, Ok(Some("a")));
        check(&[("x-goog-api-key", "a")], None, Ok(Some("a")));
        check(&[], Some("x=1&key=a"), Ok(Some("a")));
        let subprotocols = "realtime, openai-insecure-api-key.a";
        check(
            &[("sec-websocket-protocol", subprotocols)],
            None,
            Ok(Some("a")),
        );
        check(
            &[
                ("sec-websocket-protocol", subprotocols),
                ("authorization", "Bearer b"),
            ],
            None,
            Err(RefusalCode::AmbiguousCredentials),
        );
        check(
            &[("authorization", "Bearer a"), ("x-api-key", "a")],
            None,
            Ok(Some("a")),
        );
        check(
            &[("authorization", "Bearer a"), ("x-api-key", "b")],
            None,
            Err(RefusalCode::AmbiguousCredentials),
        );
        check(
            &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
            None,
            Err(RefusalCode::AmbiguousCredentials),
        );
    }
}
