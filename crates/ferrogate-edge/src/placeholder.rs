//! The values placeholders stand for.

mod tls;
mod typed;
mod upstream;

use std::fmt::{Display, Write as _};

use ferrogate_types::{FileFact, Placeholder};
use http::header::COOKIE;
use http::{HeaderMap, HeaderName, StatusCode, Version};

pub(crate) use self::typed::typed_value;
use crate::connection::Connection;
use crate::escape::{decode, encode_component, target_text};
use crate::exchange::Exchange;
use crate::head::RequestHead;
use crate::host::split_authority;
use crate::path::split_target;
use crate::query::pairs;
use crate::time::GoDuration;

/// Everything a placeholder can be asked about.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    /// The request as it is now.
    pub(crate) head: &'a dyn RequestHead,
    /// Where it came in.
    pub(crate) connection: &'a Connection,
    /// What happened to it so far.
    pub(crate) exchange: &'a Exchange,
    /// The answer's fields as set so far, where there is an answer already.
    pub(crate) response: Option<&'a HeaderMap>,
}

/// Appends a value; `false` when the placeholder means nothing for this request. A value that is merely
/// missing, like a header that was not sent, is empty.
pub(crate) fn write_value(placeholder: &Placeholder, view: &View<'_>, out: &mut String) -> bool {
    let head = view.head;
    let exchange = view.exchange;
    let (path, query) = split_target(head.path_and_query());
    let original = exchange
        .original_target()
        .unwrap_or_else(|| head.path_and_query());
    let (orig_path, orig_query) = split_target(original);
    let (host, port) = split_authority(head.authority());
    match placeholder {
        Placeholder::Host => push_bytes(out, host),
        Placeholder::HostPort => push_bytes(out, head.authority()),
        Placeholder::Port => push_bytes(out, port),
        Placeholder::HostLabel(at) => {
            let label = host
                .rsplit(|byte| *byte == b'.')
                .nth(*at)
                .unwrap_or_default();
            out.push_str(&String::from_utf8_lossy(label).to_lowercase());
        }
        Placeholder::Method => out.push_str(head.method().as_str()),
        Placeholder::OrigMethod => {
            let method = exchange.original_method().unwrap_or_else(|| head.method());
            out.push_str(method.as_str());
        }
        Placeholder::Uri => out.push_str(&target_text(head.path_and_query())),
        Placeholder::Path => push_bytes(out, &decode(path)),
        Placeholder::PathSegment(at) => {
            let decoded = decode(path);
            let body = decoded.strip_prefix(b"/").unwrap_or(&decoded);
            push_bytes(
                out,
                body.split(|byte| *byte == b'/')
                    .nth(*at)
                    .unwrap_or_default(),
            );
        }
        Placeholder::PathDir => push_bytes(out, split_file(&decode(path)).0),
        Placeholder::PathFile => push_bytes(out, split_file(&decode(path)).1),
        Placeholder::PathFileBase => push_bytes(out, file_base(&decode(path))),
        Placeholder::PathFileExt => push_bytes(out, split_extension(split_file(&decode(path)).1).1),
        Placeholder::Query => push_target(out, query),
        Placeholder::PrefixedQuery => push_prefixed(out, query),
        Placeholder::QueryParam(key) => {
            let values = pairs(query.unwrap_or_default())
                .flatten()
                .filter(|(name, _)| **name == *key.as_bytes());
            push_joined(out, values.map(|(_, value)| value));
        }
        Placeholder::OrigUri => out.push_str(&target_text(original)),
        Placeholder::OrigPath => push_bytes(out, &decode(orig_path)),
        Placeholder::OrigQuery => push_target(out, orig_query),
        Placeholder::OrigPrefixedQuery => push_prefixed(out, orig_query),
        Placeholder::OrigPathDir => push_bytes(out, split_file(&decode(orig_path)).0),
        Placeholder::OrigPathFile => push_bytes(out, split_file(&decode(orig_path)).1),
        Placeholder::OrigPathFileBase => push_bytes(out, file_base(&decode(orig_path))),
        Placeholder::OrigPathFileExt => {
            push_bytes(out, split_extension(split_file(&decode(orig_path)).1).1);
        }
        Placeholder::UriEscaped => encode_component(head.path_and_query(), out),
        Placeholder::PathEscaped => encode_component(&decode(path), out),
        Placeholder::QueryEscaped => encode_component(query.unwrap_or_default(), out),
        Placeholder::PrefixedQueryEscaped => {
            let mut prefixed = String::new();
            push_prefixed(&mut prefixed, query);
            encode_component(prefixed.as_bytes(), out);
        }
        Placeholder::Header(field) if field == "host" => push_bytes(out, head.authority()),
        Placeholder::Header(field) => push_lines(out, head.headers(), field),
        Placeholder::Cookie(name) => return push_cookie(out, head.headers(), name),
        Placeholder::Scheme => out.push_str(view.connection.scheme()),
        Placeholder::Proto => out.push_str(proto(head.version())),
        Placeholder::ProtoName => out.push_str(match head.version() {
            Version::HTTP_2 => "HTTP/2",
            Version::HTTP_3 => "HTTP/3",
            version => proto(version),
        }),
        Placeholder::RemotePrefix(v4, v6) => {
            push(
                out,
                view.connection
                    .peer_ip()
                    .and_then(|ip| network(ip, *v4, *v6)),
            );
        }
        Placeholder::Local => push(out, view.connection.local),
        Placeholder::LocalHost => push(
            out,
            view.connection.local.map(|local| local.ip().to_canonical()),
        ),
        Placeholder::LocalPort => push(out, view.connection.local.map(|local| local.port())),
        Placeholder::Remote => push(out, view.connection.peer),
        Placeholder::RemoteHost => push(out, view.connection.peer_ip()),
        Placeholder::RemotePort => push(out, view.connection.peer.map(|peer| peer.port())),
        Placeholder::ClientIp => push(out, exchange.client_ip()),
        Placeholder::Uuid => out.push_str(exchange.uuid()),
        Placeholder::Duration => push(out, Some(GoDuration(exchange.started().elapsed()))),
        Placeholder::DurationMs => push(
            out,
            Some(exchange.started().elapsed().as_secs_f64() * 1_000.0),
        ),
        Placeholder::TlsVersion => {
            return push_known(
                out,
                view.connection.tls.as_ref().map(|tls| tls.version.as_str()),
            );
        }
        Placeholder::TlsCipher => {
            return push_known(
                out,
                view.connection.tls.as_ref().map(|tls| tls.cipher.as_str()),
            );
        }
        Placeholder::Tls(fact) => {
            let tls = view.connection.tls.as_ref();
            return tls.is_some_and(|tls| tls::write(*fact, tls, out));
        }
        Placeholder::Regexp(key) => return push_known(out, exchange.found().group(key)),
        Placeholder::FileMatch(fact) => {
            let file = exchange.found().file();
            return push_known(
                out,
                file.map(|file| match fact {
                    FileFact::Relative => file.relative,
                    FileFact::Absolute => file.absolute,
                    FileFact::Type if file.is_dir => "directory".to_owned(),
                    FileFact::Type => "file".to_owned(),
                    FileFact::Remainder => file.remainder,
                }),
            );
        }
        Placeholder::UserId => return push_known(out, exchange.user()),
        // Caddy keeps the client's address in a variable, so both names lead to it.
        Placeholder::Var(name) if name == "client_ip" => push(out, exchange.client_ip()),
        Placeholder::Var(name) => push(out, exchange.var(name)),
        Placeholder::ResponseHeader(field) => {
            let headers = view.response.unwrap_or_else(|| exchange.response_headers());
            push_lines(out, headers, field);
        }
        Placeholder::UpstreamHostPort => return push_known(out, exchange.upstream()),
        Placeholder::UpstreamStatus => {
            return push_known(out, exchange.upstream_answer().map(|(status, _)| status));
        }
        Placeholder::UpstreamHeader(field) => match exchange.upstream_answer() {
            Some((_, headers)) => push_lines(out, headers, field),
            None => return false,
        },
        Placeholder::Upstream(fact) => return upstream::write(*fact, exchange, out),
        Placeholder::InterceptStatus => {
            return push_known(out, exchange.intercepted().map(|(status, _)| status));
        }
        Placeholder::InterceptStatusText => {
            let status = exchange.intercepted().map(|(status, _)| *status);
            return push_known(out, status.map(status_text));
        }
        Placeholder::InterceptHeader(field) => match exchange.intercepted() {
            Some((_, headers)) => push_lines(out, headers, field),
            None => return false,
        },
        Placeholder::ErrorId => {
            return push_known(out, exchange.error().map(|error| error.id.as_str()));
        }
        Placeholder::ErrorTrace => {
            return push_known(out, exchange.error().map(|error| error.trace.as_str()));
        }
        Placeholder::ErrorStatus => {
            return push_known(out, exchange.error_status());
        }
        Placeholder::ErrorStatusText => {
            return push_known(out, exchange.error_status().map(status_text));
        }
        Placeholder::ErrorMessage => {
            return push_known(out, exchange.error().map(|error| error.message.as_str()));
        }
        // These became literals, or pieces of their own, when the text was compiled.
        Placeholder::Env(_)
        | Placeholder::File(_)
        | Placeholder::SystemHostname
        | Placeholder::System(_)
        | Placeholder::TimeNow
        | Placeholder::TimeYear
        | Placeholder::TimeCommonLog
        | Placeholder::TimeUnix
        | Placeholder::TimeUnixMs
        | Placeholder::TimeHttp
        | Placeholder::ShuttingDown
        | Placeholder::Unknown(_) => return false,
    }
    true
}

/// The reason phrase of a status, empty for one that has none.
pub fn status_text(status: u16) -> &'static str {
    StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default()
}

/// The network an address is in, by the length of its prefix; nothing without a length for its kind.
fn network(ip: std::net::IpAddr, v4: u8, v6: Option<u8>) -> Option<ipnet::IpNet> {
    let length = if ip.is_ipv4() { v4 } else { v6? };
    ipnet::IpNet::new(ip, length).ok().map(|net| net.trunc())
}

fn proto(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

/// The path up to and with its last slash, and what follows.
fn split_file(path: &[u8]) -> (&[u8], &[u8]) {
    path.split_at(memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1))
}

/// The last segment without its extension. A path that ends in a slash has no file; its base is then the folder's
/// name, and that of the root the slash, as in Caddy.
fn file_base(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/');
    let folder = path.split_at(end.map_or(0, |last| last + 1)).0;
    match (split_file(path).1, folder) {
        (b"", b"") => b"/",
        (b"", folder) => split_file(folder).1,
        (file, _) => split_extension(file).0,
    }
}

fn split_extension(file: &[u8]) -> (&[u8], &[u8]) {
    file.split_at(memchr::memrchr(b'.', file).unwrap_or(file.len()))
}

fn push(out: &mut String, value: Option<impl Display>) {
    if let Some(value) = value {
        // Writing to a string cannot fail.
        let _infallible = write!(out, "{value}");
    }
}

fn push_known(out: &mut String, value: Option<impl Display>) -> bool {
    let known = value.is_some();
    push(out, value);
    known
}

fn push_bytes(out: &mut String, bytes: &[u8]) {
    out.push_str(&String::from_utf8_lossy(bytes));
}

fn push_target(out: &mut String, query: Option<&[u8]>) {
    out.push_str(&target_text(query.unwrap_or_default()));
}

fn push_prefixed(out: &mut String, query: Option<&[u8]>) {
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        out.push('?');
        push_target(out, Some(query));
    }
}

fn push_joined<T: AsRef<[u8]>>(out: &mut String, values: impl Iterator<Item = T>) {
    for (at, value) in values.enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_bytes(out, value.as_ref());
    }
}

fn push_lines(out: &mut String, headers: &HeaderMap, field: &str) {
    // A name that is no field name was never sent.
    if let Ok(name) = HeaderName::from_bytes(field.as_bytes()) {
        push_joined(out, headers.get_all(name).iter());
    }
}

fn push_cookie(out: &mut String, headers: &HeaderMap, name: &str) -> bool {
    let lines = headers
        .get_all(COOKIE)
        .into_iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let value = lines.map(<[u8]>::trim_ascii).find_map(|pair| {
        let (key, value) = pair.split_at(memchr::memchr(b'=', pair)?);
        (key == name.as_bytes()).then(|| value.get(1..).unwrap_or_default())
    });
    value.map(|value| push_bytes(out, value)).is_some()
}

#[cfg(test)]
mod tests;
