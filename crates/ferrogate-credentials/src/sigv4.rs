//! AWS Signature Version 4.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::DateTime;
use ferrogate_types::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue};
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};

use crate::encode::{hex, percent};
use crate::error::CredentialError;
use crate::request::OutgoingRequest;

/// A pair of AWS keys, with a session token when they are temporary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsKeys {
    /// The access key id, which is not a secret.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Secret,
    /// The session token of temporary keys.
    pub session_token: Option<Secret>,
}

/// What a signature is good for.
#[derive(Debug, Clone, Copy)]
pub struct SigningScope<'a> {
    /// The region, `us-east-1`.
    pub region: &'a str,
    /// The signing name of the service, `bedrock`.
    pub service: &'a str,
    /// The time since 1970; AWS accepts five minutes of difference.
    pub at: Duration,
}

/// Signs a request: sets `x-amz-date`, `authorization`, and `x-amz-security-token` for temporary keys.
///
/// Headers of an earlier signature are replaced, so that a repeated request can be signed again. Covered are
/// `host`, `content-type`, `accept` and the `x-amz` family; intermediaries change the others.
pub fn sign(
    request: &mut OutgoingRequest<'_>,
    keys: &AwsKeys,
    scope: &SigningScope<'_>,
) -> Result<(), CredentialError> {
    let when = timestamp(scope.at)?;
    let (date, _) = when.split_once('T').unwrap_or((&when, ""));
    request.headers.insert(AMZ_DATE, header(&when)?);
    request.headers.remove(SECURITY_TOKEN);
    if let Some(token) = &keys.session_token {
        let mut value = header(token.expose())?;
        value.set_sensitive(true);
        request.headers.insert(SECURITY_TOKEN, value);
    }

    let names = signed_names(request.headers);
    let signed_headers = names.join(";");
    let canonical = canonical_request(request, &names);
    let place = format!("{date}/{}/{}/aws4_request", scope.region, scope.service);
    let to_sign = format!(
        "{ALGORITHM}\n{when}\n{place}\n{}",
        hex(&Sha256::digest(&canonical))
    );
    let seed = format!("AWS4{}", keys.secret_access_key.expose());
    let key = [date, scope.region, scope.service, "aws4_request"]
        .iter()
        .fold(seed.into_bytes(), |key, part| mac(&key, part));
    let signature = hex(&mac(&key, &to_sign));
    request.set_authorization(header(&format!(
        "{ALGORITHM} Credential={}/{place}, SignedHeaders={signed_headers}, Signature={signature}",
        keys.access_key_id
    ))?);
    Ok(())
}

/// The names of the headers to sign, `host` among them, in order.
fn signed_names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<&str> = headers
        .keys()
        .filter(|name| {
            *name == CONTENT_TYPE
                || *name == ACCEPT
                || (name.as_str().starts_with("x-amz") && *name != TRACE_ID)
        })
        .map(HeaderName::as_str)
        .chain(["host"])
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn canonical_request(request: &OutgoingRequest<'_>, names: &[&str]) -> Vec<u8> {
    let (path, query) = request
        .path_and_query
        .split_once('?')
        .unwrap_or((request.path_and_query, ""));
    let mut text = format!("{}\n", request.method).into_bytes();
    text.extend_from_slice(canonical_path(path).as_bytes());
    text.push(b'\n');
    text.extend_from_slice(canonical_query(query).as_bytes());
    text.push(b'\n');
    for name in names {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        if *name == "host" {
            text.extend_from_slice(request.host.as_bytes());
        } else {
            for (at, value) in request.headers.get_all(*name).iter().enumerate() {
                if at > 0 {
                    text.push(b',');
                }
                push_collapsed(&mut text, value.as_bytes());
            }
        }
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend_from_slice(names.join(";").as_bytes());
    text.push(b'\n');
    text.extend_from_slice(hex(&Sha256::digest(request.body)).as_bytes());
    text
}

/// Each segment of the path on the wire, encoded once more. Only S3, which is no provider, skips this.
fn canonical_path(path: &str) -> String {
    if path.is_empty() {
        return "/".to_owned();
    }
    let mut canonical = String::with_capacity(path.len() + 16);
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            canonical.push('/');
        }
        canonical.extend(percent(segment.as_bytes()));
    }
    canonical
}

/// The pairs of the query in order, each encoded in the one way AWS compares.
fn canonical_query(query: &str) -> String {
    let encode = |text: &str| percent(&percent_decode_str(text).collect::<Vec<u8>>()).to_string();
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encode(name), encode(value))
        })
        .collect();
    pairs.sort_unstable();
    let mut canonical = String::with_capacity(query.len());
    for (name, value) in &pairs {
        let joint = if canonical.is_empty() { "" } else { "&" };
        write!(canonical, "{joint}{name}={value}").expect("a string takes any text");
    }
    canonical
}

/// Adds a value without its outer spaces, inner runs of spaces being one.
fn push_collapsed(text: &mut Vec<u8>, value: &[u8]) {
    let words = value
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty());
    for (at, word) in words.enumerate() {
        if at > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(word);
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn timestamp(at: Duration) -> Result<String, CredentialError> {
    i64::try_from(at.as_secs())
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .map(|time| time.format("%Y%m%dT%H%M%SZ").to_string())
        .ok_or_else(|| {
            CredentialError::configuration("the clock of this machine", "is beyond the calendar")
        })
}

fn header(text: &str) -> Result<HeaderValue, CredentialError> {
    HeaderValue::from_str(text).map_err(|_| {
        CredentialError::configuration(
            "an AWS access key id or session token",
            "has characters that no header can carry",
        )
    })
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");

const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Written by load balancers on the way.
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

#[cfg(test)]
mod tests;
