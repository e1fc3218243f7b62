//! Why a gateway did not do what it was asked, with what to do next.

use std::error::Error;

use ferrogate_upstream::{CallError, CallErrorKind, EndpointError};
use http::StatusCode;
use serde_json::Value;

use super::{Remote, Reply};
use crate::console::Failure;

/// A URL that names no gateway. What is wrong with it is told without a password that may be in it.
pub(super) fn url(url: &str, error: &EndpointError) -> Failure {
    let text = if url.starts_with("unix") {
        "a gateway's Unix socket cannot be called yet; name an address such as `http://127.0.0.1:2019`"
            .to_owned()
    } else {
        format!("the address of the gateway: {error}")
    };
    Failure::Misused(text)
}

/// No answer.
pub(super) fn unreachable(remote: &Remote, error: &CallError) -> Failure {
    let at = remote.origin();
    let cause = chain(error);
    Failure::Failed(match error.kind() {
        CallErrorKind::Connect => format!(
            "nothing listens at `{at}`; start a gateway with `admin` among its global options, or name one with `--gateway-url` or `FERROGATE_URL`"
        ),
        CallErrorKind::Dns => format!(
            "the name in `{at}` is not known here; look at `--gateway-url` and `FERROGATE_URL`"
        ),
        CallErrorKind::Tls => format!(
            "no TLS with `{at}`: {cause}; write `http://` if it speaks none, and name the authority of its certificate with `SSL_CERT_FILE` if it is one of your own"
        ),
        CallErrorKind::Protocol | CallErrorKind::Reset { .. } => format!(
            "what listens at `{at}` does not answer in HTTP: {cause}; if it speaks TLS, write `https://`"
        ),
        // A server in the clear waits for the rest of what it takes for a request.
        CallErrorKind::ConnectTimeout if at.starts_with("https") => format!(
            "no TLS with `{at}` in time; is the address right? Write `http://` if it speaks none"
        ),
        _ if error.is_timeout() => {
            format!(
                "`{at}` does not answer in time: {cause}; is the address right, and reachable from here?"
            )
        }
        _ => format!("`{at}` cannot be asked: {cause}"),
    })
}

/// An answer that broke off.
pub(super) fn transport(remote: &Remote, error: &dyn Error) -> Failure {
    let at = remote.origin();
    Failure::Failed(format!(
        "the answer of `{at}` broke off: {}; whether it was done is not known",
        chain(error)
    ))
}

/// An answer that sends elsewhere.
pub(super) fn redirected(remote: &Remote, status: StatusCode) -> Failure {
    Failure::Failed(format!(
        "`{}` sends elsewhere ({}), where the key would go along; name the gateway itself with `--gateway-url`",
        remote.origin(),
        status.as_u16()
    ))
}

/// An answer that no admin API gives.
pub(super) fn stranger(remote: &Remote, status: StatusCode) -> Failure {
    Failure::Failed(format!(
        "`{}` answers ({}), but not as an admin API; it is on the address of the global option `admin`, and on sites whose `ai_gateway` has `admin on`",
        remote.origin(),
        status.as_u16()
    ))
}

/// An answer that refuses.
pub(super) fn refused(remote: &Remote, reply: &Reply) -> Failure {
    let error = &reply.value["error"];
    let (Some(message), code) = (
        error["message"].as_str(),
        error["code"].as_str().unwrap_or("none"),
    ) else {
        return stranger(remote, reply.status);
    };
    // Where the admin API stands, what is not there has a name of its own.
    if reply.status == StatusCode::NOT_FOUND
        && !matches!(code, "resource_not_found" | "path_not_found")
    {
        return stranger(remote, reply.status);
    }
    let next = match (reply.status.as_u16(), code) {
        (401, _) if !remote.shows_key() => "; show a key with `--api-key` or `FERROGATE_API_KEY`",
        (401, _) => "; look at `--api-key` and `FERROGATE_API_KEY`",
        (403, "scope_denied") => {
            "; reading takes a key with `admin.read`, changing one with `admin.write`"
        }
        (403, "tenant_denied") => "; ask with a key that belongs to no tenant",
        (412, _) => "; look at it again, then give `--if-match` its new version",
        (503, _) => "; nothing was changed, try again in a moment",
        _ => "",
    };
    let about = match error["param"].as_str() {
        Some(param) if !message.contains(param) => format!(" (`{}`)", plain(param)),
        _ => String::new(),
    };
    let mut text = format!(
        "{} {}: {}{about}{next}",
        reply.status.as_u16(),
        plain(code),
        plain(message)
    );
    let settings = reply.value["settings"].as_array();
    if let Some(settings) = settings.filter(|_| code == "upgrade_required") {
        let settings: Vec<&str> = settings.iter().filter_map(Value::as_str).collect();
        text = format!(
            "409 upgrade_required: only a new process can take a change of {}; restart the gateway with this configuration. Nothing was changed",
            plain(&settings.join(", "))
        );
    }
    Failure::Failed(text)
}

/// A text of the gateway for a terminal, which must not obey it.
pub(crate) fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    plain(&text)
}
