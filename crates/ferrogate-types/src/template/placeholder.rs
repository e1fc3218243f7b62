//! The names in braces.

use super::{FileFact, SystemFact, TlsFact, UpstreamFact};

/// What a placeholder stands for. Doc lines show the short form; the long form of Caddy is accepted too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Placeholder {
    /// `{host}`: the host without its port.
    Host,
    /// `{hostport}`: the host with its port, as sent.
    HostPort,
    /// `{port}`: the port of the host header, empty if none.
    Port,
    /// `{labels.N}`: the label at that index, 0 being the right-most.
    HostLabel(usize),
    /// `{method}`.
    Method,
    /// `{orig_method}`.
    OrigMethod,
    /// `{uri}`: path and query as they are now.
    Uri,
    /// `{path}`: the decoded path.
    Path,
    /// `{path.N}`: the path segment at that index.
    PathSegment(usize),
    /// `{dir}`: the path up to and with the last slash.
    PathDir,
    /// `{file}`: the last path segment.
    PathFile,
    /// `{file.base}`: the last path segment without its extension.
    PathFileBase,
    /// `{file.ext}`: the extension with its dot.
    PathFileExt,
    /// `{query}`: the query without `?`.
    Query,
    /// `{?query}`: the query with `?`, or nothing.
    PrefixedQuery,
    /// `{query.K}`: one query parameter, decoded, several joined with commas.
    QueryParam(String),
    /// `{orig_uri}`: before any rewrite.
    OrigUri,
    /// `{orig_path}`.
    OrigPath,
    /// `{orig_query}`.
    OrigQuery,
    /// `{orig_?query}`.
    OrigPrefixedQuery,
    /// `{orig_dir}`.
    OrigPathDir,
    /// `{orig_file}`.
    OrigPathFile,
    /// `{http.request.orig_uri.path.file.base}`.
    OrigPathFileBase,
    /// `{http.request.orig_uri.path.file.ext}`.
    OrigPathFileExt,
    /// `{%uri}`: path and query, escaped to stand in a query.
    UriEscaped,
    /// `{%path}`: the decoded path, escaped to stand in a query.
    PathEscaped,
    /// `{%query}`: the query, escaped to stand in a query.
    QueryEscaped,
    /// `{%?query}`: the query with `?`, escaped to stand in a query, or nothing.
    PrefixedQueryEscaped,
    /// `{header.F}`: a request header, lines joined with commas.
    Header(String),
    /// `{cookie.N}`.
    Cookie(String),
    /// `{scheme}`: `http` or `https`.
    Scheme,
    /// `{http.request.proto}`: `HTTP/1.1`, `HTTP/2.0`.
    Proto,
    /// `{http.request.proto_name}`: `HTTP/1.1`, `HTTP/2`.
    ProtoName,
    /// `{remote}`: address and port of the peer.
    Remote,
    /// `{remote_host}`.
    RemoteHost,
    /// `{remote_port}`.
    RemotePort,
    /// `{http.request.remote.host/24,64}`: the network the peer is in, by the length of the prefix for IPv4 and, if given,
    /// for IPv6.
    RemotePrefix(u8, Option<u8>),
    /// `{http.request.local}`: address and port of this end.
    Local,
    /// `{http.request.local.host}`.
    LocalHost,
    /// `{http.request.local.port}`.
    LocalPort,
    /// `{client_ip}`: the client's address as trusted proxies tell it.
    ClientIp,
    /// `{uuid}`: random, the same throughout one request.
    Uuid,
    /// `{http.request.duration}`: the time since the request arrived, like `1.5ms`.
    Duration,
    /// `{http.request.duration_ms}`: milliseconds since the request arrived.
    DurationMs,
    /// `{tls_version}`.
    TlsVersion,
    /// `{tls_cipher}`.
    TlsCipher,
    /// `{http.request.tls.*}`, other facts of the TLS session.
    Tls(TlsFact),
    /// `{re.NAME.GROUP}`, `{re.GROUP}`: what an expression of a matcher found.
    Regexp(String),
    /// `{file_match.*}`: the file a matcher found.
    FileMatch(FileFact),
    /// `{http.auth.user.id}`: who `basic_auth` let in.
    UserId,
    /// `{vars.V}`.
    Var(String),
    /// `{http.response.header.F}`: a response header as set so far.
    ResponseHeader(String),
    /// `{upstream_hostport}`: the chosen upstream's address.
    UpstreamHostPort,
    /// `{rp.status_code}`.
    UpstreamStatus,
    /// `{rp.header.F}`: a header of the upstream's answer.
    UpstreamHeader(String),
    /// `{rp.*}`, other facts of the upstream.
    Upstream(UpstreamFact),
    /// `{resp.status_code}`: of the answer `intercept` took.
    InterceptStatus,
    /// `{resp.status_text}`.
    InterceptStatusText,
    /// `{resp.header.F}`.
    InterceptHeader(String),
    /// `{err.status_code}`.
    ErrorStatus,
    /// `{err.status_text}`.
    ErrorStatusText,
    /// `{err.message}`.
    ErrorMessage,
    /// `{err.id}`: finds the failure in the log.
    ErrorId,
    /// `{err.trace}`: the directive that failed.
    ErrorTrace,
    /// `{env.NAME}`: read when the configuration is loaded.
    Env(String),
    /// `{file.PATH}`: the file's text without its last line end, read when the configuration is loaded.
    File(String),
    /// `{system.hostname}`.
    SystemHostname,
    /// `{system.slash}`, `{system.os}`, `{system.arch}`, `{system.wd}`.
    System(SystemFact),
    /// `{time.now}`: date and time in UTC.
    TimeNow,
    /// `{time.now.year}`.
    TimeYear,
    /// `{time.now.common_log}`: as in the Common Log Format.
    TimeCommonLog,
    /// `{time.now.unix}`: seconds.
    TimeUnix,
    /// `{time.now.unix_ms}`.
    TimeUnixMs,
    /// `{time.now.http}`: an IMF-fixdate.
    TimeHttp,
    /// `{http.shutting_down}`: `true` or `false`.
    ShuttingDown,
    /// Anything else, as written between the braces.
    Unknown(String),
}

impl Placeholder {
    /// Every name without a parameter, short form first: for suggestions and the reference page.
    pub fn fixed_names() -> impl Iterator<Item = &'static str> {
        FIXED
            .iter()
            .flat_map(|(short, long, _)| [*short, *long])
            .filter(|name| !name.is_empty())
    }

    /// Every prefix that takes a parameter (`header.`, `http.request.header.`).
    pub fn prefixes() -> impl Iterator<Item = &'static str> {
        FAMILIES
            .iter()
            .flat_map(|(short, long, _)| [*short, *long])
            .filter(|name| !name.is_empty())
    }

    /// The full name, as Caddy leaves it in a text when it means nothing.
    pub fn long_name(&self) -> String {
        let family = match self {
            Self::Unknown(name) => return name.clone(),
            Self::HostLabel(at) => format!("http.request.host.labels.{at}"),
            Self::PathSegment(at) => format!("http.request.uri.path.{at}"),
            Self::QueryParam(key) => format!("http.request.uri.query.{key}"),
            Self::Header(field) => format!("http.request.header.{field}"),
            Self::Cookie(name) => format!("http.request.cookie.{name}"),
            Self::Var(name) => format!("http.vars.{name}"),
            Self::Regexp(key) => format!("http.regexp.{key}"),
            Self::ResponseHeader(field) => format!("http.response.header.{field}"),
            Self::UpstreamHeader(field) => format!("http.reverse_proxy.header.{field}"),
            Self::InterceptHeader(field) => format!("http.intercept.header.{field}"),
            Self::Env(name) => format!("env.{name}"),
            Self::File(path) => format!("file.{path}"),
            Self::RemotePrefix(v4, None) => format!("http.request.remote.host/{v4}"),
            Self::RemotePrefix(v4, Some(v6)) => format!("http.request.remote.host/{v4},{v6}"),
            Self::Tls(TlsFact::DnsNames(Some(at))) => {
                format!("http.request.tls.client.san.dns_names.{at}")
            }
            Self::Tls(TlsFact::Emails(Some(at))) => {
                format!("http.request.tls.client.san.emails.{at}")
            }
            Self::Tls(TlsFact::Ips(Some(at))) => format!("http.request.tls.client.san.ips.{at}"),
            Self::Tls(TlsFact::Uris(Some(at))) => format!("http.request.tls.client.san.uris.{at}"),
            _ => String::new(),
        };
        if !family.is_empty() {
            return family;
        }
        let fixed = FIXED.iter().find(|(_, _, placeholder)| placeholder == self);
        fixed.map_or_else(String::new, |(_, long, _)| (*long).to_owned())
    }

    /// The placeholder of a name, written without braces.
    pub fn named(name: &str) -> Self {
        if let Some((_, _, placeholder)) = FIXED
            .iter()
            .find(|(short, long, _)| !name.is_empty() && (*short == name || *long == name))
        {
            return placeholder.clone();
        }
        for (short, long, make) in FAMILIES {
            for prefix in [short, long] {
                let parameter = if prefix.is_empty() {
                    None
                } else {
                    name.strip_prefix(prefix)
                };
                if let Some(placeholder) = parameter.filter(|p| !p.is_empty()).and_then(make) {
                    return placeholder;
                }
            }
        }
        Self::Unknown(name.to_owned())
    }
}

/// Short name, long name, meaning. Source: Caddy's documentation of shorthands.
const FIXED: &[(&str, &str, Placeholder)] = &[
    ("host", "http.request.host", Placeholder::Host),
    ("hostport", "http.request.hostport", Placeholder::HostPort),
    ("port", "http.request.port", Placeholder::Port),
    ("method", "http.request.method", Placeholder::Method),
    (
        "orig_method",
        "http.request.orig_method",
        Placeholder::OrigMethod,
    ),
    ("uri", "http.request.uri", Placeholder::Uri),
    ("path", "http.request.uri.path", Placeholder::Path),
    ("dir", "http.request.uri.path.dir", Placeholder::PathDir),
    ("file", "http.request.uri.path.file", Placeholder::PathFile),
    (
        "file.base",
        "http.request.uri.path.file.base",
        Placeholder::PathFileBase,
    ),
    (
        "file.ext",
        "http.request.uri.path.file.ext",
        Placeholder::PathFileExt,
    ),
    ("query", "http.request.uri.query", Placeholder::Query),
    (
        "?query",
        "http.request.uri.prefixed_query",
        Placeholder::PrefixedQuery,
    ),
    ("orig_uri", "http.request.orig_uri", Placeholder::OrigUri),
    (
        "orig_path",
        "http.request.orig_uri.path",
        Placeholder::OrigPath,
    ),
    (
        "orig_query",
        "http.request.orig_uri.query",
        Placeholder::OrigQuery,
    ),
    (
        "orig_?query",
        "http.request.orig_uri.prefixed_query",
        Placeholder::OrigPrefixedQuery,
    ),
    (
        "orig_dir",
        "http.request.orig_uri.path.dir",
        Placeholder::OrigPathDir,
    ),
    (
        "orig_file",
        "http.request.orig_uri.path.file",
        Placeholder::OrigPathFile,
    ),
    (
        "",
        "http.request.orig_uri.path.file.base",
        Placeholder::OrigPathFileBase,
    ),
    (
        "",
        "http.request.orig_uri.path.file.ext",
        Placeholder::OrigPathFileExt,
    ),
    ("%uri", "http.request.uri_escaped", Placeholder::UriEscaped),
    (
        "%path",
        "http.request.uri.path_escaped",
        Placeholder::PathEscaped,
    ),
    (
        "%query",
        "http.request.uri.query_escaped",
        Placeholder::QueryEscaped,
    ),
    (
        "%?query",
        "http.request.uri.prefixed_query_escaped",
        Placeholder::PrefixedQueryEscaped,
    ),
    ("scheme", "http.request.scheme", Placeholder::Scheme),
    ("", "http.request.proto_name", Placeholder::ProtoName),
    ("", "http.request.local", Placeholder::Local),
    ("", "http.request.local.host", Placeholder::LocalHost),
    ("", "http.request.local.port", Placeholder::LocalPort),
    ("", "http.request.duration", Placeholder::Duration),
    ("", "http.auth.user.id", Placeholder::UserId),
    (
        "resp.status_code",
        "http.intercept.status_code",
        Placeholder::InterceptStatus,
    ),
    (
        "resp.status_text",
        "http.intercept.status_text",
        Placeholder::InterceptStatusText,
    ),
    ("err.id", "http.error.id", Placeholder::ErrorId),
    ("err.trace", "http.error.trace", Placeholder::ErrorTrace),
    ("", "time.now", Placeholder::TimeNow),
    ("", "time.now.year", Placeholder::TimeYear),
    ("", "time.now.common_log", Placeholder::TimeCommonLog),
    ("", "http.request.proto", Placeholder::Proto),
    ("remote", "http.request.remote", Placeholder::Remote),
    (
        "remote_host",
        "http.request.remote.host",
        Placeholder::RemoteHost,
    ),
    (
        "remote_port",
        "http.request.remote.port",
        Placeholder::RemotePort,
    ),
    ("client_ip", "http.vars.client_ip", Placeholder::ClientIp),
    ("uuid", "http.request.uuid", Placeholder::Uuid),
    ("", "http.request.duration_ms", Placeholder::DurationMs),
    (
        "tls_version",
        "http.request.tls.version",
        Placeholder::TlsVersion,
    ),
    (
        "tls_cipher",
        "http.request.tls.cipher_suite",
        Placeholder::TlsCipher,
    ),
    (
        "upstream_hostport",
        "http.reverse_proxy.upstream.hostport",
        Placeholder::UpstreamHostPort,
    ),
    (
        "rp.status_code",
        "http.reverse_proxy.status_code",
        Placeholder::UpstreamStatus,
    ),
    (
        "err.status_code",
        "http.error.status_code",
        Placeholder::ErrorStatus,
    ),
    (
        "err.status_text",
        "http.error.status_text",
        Placeholder::ErrorStatusText,
    ),
    (
        "err.message",
        "http.error.message",
        Placeholder::ErrorMessage,
    ),
    (
        "",
        "http.request.tls.resumed",
        Placeholder::Tls(TlsFact::Resumed),
    ),
    (
        "",
        "http.request.tls.proto",
        Placeholder::Tls(TlsFact::Proto),
    ),
    (
        "",
        "http.request.tls.proto_mutual",
        Placeholder::Tls(TlsFact::ProtoMutual),
    ),
    (
        "",
        "http.request.tls.server_name",
        Placeholder::Tls(TlsFact::ServerName),
    ),
    ("", "http.request.tls.ech", Placeholder::Tls(TlsFact::Ech)),
    (
        "tls_client_fingerprint",
        "http.request.tls.client.fingerprint",
        Placeholder::Tls(TlsFact::Fingerprint),
    ),
    (
        "",
        "http.request.tls.client.public_key",
        Placeholder::Tls(TlsFact::PublicKey),
    ),
    (
        "",
        "http.request.tls.client.public_key_sha256",
        Placeholder::Tls(TlsFact::PublicKeySha256),
    ),
    (
        "tls_client_issuer",
        "http.request.tls.client.issuer",
        Placeholder::Tls(TlsFact::Issuer),
    ),
    (
        "tls_client_serial",
        "http.request.tls.client.serial",
        Placeholder::Tls(TlsFact::Serial),
    ),
    (
        "tls_client_subject",
        "http.request.tls.client.subject",
        Placeholder::Tls(TlsFact::Subject),
    ),
    (
        "tls_client_certificate_pem",
        "http.request.tls.client.certificate_pem",
        Placeholder::Tls(TlsFact::CertificatePem),
    ),
    (
        "tls_client_certificate_der_base64",
        "http.request.tls.client.certificate_der_base64",
        Placeholder::Tls(TlsFact::CertificateDer),
    ),
    (
        "",
        "http.request.tls.client.san.dns_names",
        Placeholder::Tls(TlsFact::DnsNames(None)),
    ),
    (
        "",
        "http.request.tls.client.san.emails",
        Placeholder::Tls(TlsFact::Emails(None)),
    ),
    (
        "",
        "http.request.tls.client.san.ips",
        Placeholder::Tls(TlsFact::Ips(None)),
    ),
    (
        "",
        "http.request.tls.client.san.uris",
        Placeholder::Tls(TlsFact::Uris(None)),
    ),
    (
        "file_match.relative",
        "http.matchers.file.relative",
        Placeholder::FileMatch(FileFact::Relative),
    ),
    (
        "file_match.absolute",
        "http.matchers.file.absolute",
        Placeholder::FileMatch(FileFact::Absolute),
    ),
    (
        "file_match.type",
        "http.matchers.file.type",
        Placeholder::FileMatch(FileFact::Type),
    ),
    (
        "file_match.remainder",
        "http.matchers.file.remainder",
        Placeholder::FileMatch(FileFact::Remainder),
    ),
    (
        "rp.upstream.address",
        "http.reverse_proxy.upstream.address",
        Placeholder::Upstream(UpstreamFact::Address),
    ),
    (
        "rp.upstream.host",
        "http.reverse_proxy.upstream.host",
        Placeholder::Upstream(UpstreamFact::Host),
    ),
    (
        "rp.upstream.port",
        "http.reverse_proxy.upstream.port",
        Placeholder::Upstream(UpstreamFact::Port),
    ),
    (
        "rp.upstream.requests",
        "http.reverse_proxy.upstream.requests",
        Placeholder::Upstream(UpstreamFact::Requests),
    ),
    (
        "rp.upstream.max_requests",
        "http.reverse_proxy.upstream.max_requests",
        Placeholder::Upstream(UpstreamFact::MaxRequests),
    ),
    (
        "rp.upstream.fails",
        "http.reverse_proxy.upstream.fails",
        Placeholder::Upstream(UpstreamFact::Fails),
    ),
    (
        "rp.upstream.latency",
        "http.reverse_proxy.upstream.latency",
        Placeholder::Upstream(UpstreamFact::Latency),
    ),
    (
        "rp.upstream.latency_ms",
        "http.reverse_proxy.upstream.latency_ms",
        Placeholder::Upstream(UpstreamFact::LatencyMs),
    ),
    (
        "rp.upstream.duration",
        "http.reverse_proxy.upstream.duration",
        Placeholder::Upstream(UpstreamFact::AttemptDuration),
    ),
    (
        "rp.upstream.duration_ms",
        "http.reverse_proxy.upstream.duration_ms",
        Placeholder::Upstream(UpstreamFact::AttemptDurationMs),
    ),
    (
        "rp.duration",
        "http.reverse_proxy.duration",
        Placeholder::Upstream(UpstreamFact::Duration),
    ),
    (
        "rp.duration_ms",
        "http.reverse_proxy.duration_ms",
        Placeholder::Upstream(UpstreamFact::DurationMs),
    ),
    (
        "rp.retries",
        "http.reverse_proxy.retries",
        Placeholder::Upstream(UpstreamFact::Retries),
    ),
    (
        "rp.status_text",
        "http.reverse_proxy.status_text",
        Placeholder::Upstream(UpstreamFact::StatusText),
    ),
    (
        "rp.is_transport_error",
        "http.reverse_proxy.is_transport_error",
        Placeholder::Upstream(UpstreamFact::IsTransportError),
    ),
    (
        "rp.active.target_upstream",
        "http.reverse_proxy.active.target_upstream",
        Placeholder::Upstream(UpstreamFact::HealthTarget),
    ),
    ("", "system.slash", Placeholder::System(SystemFact::Slash)),
    ("", "system.os", Placeholder::System(SystemFact::Os)),
    ("", "system.arch", Placeholder::System(SystemFact::Arch)),
    (
        "",
        "system.wd",
        Placeholder::System(SystemFact::WorkingDirectory),
    ),
    ("", "system.hostname", Placeholder::SystemHostname),
    ("", "time.now.unix", Placeholder::TimeUnix),
    ("", "time.now.unix_ms", Placeholder::TimeUnixMs),
    ("", "time.now.http", Placeholder::TimeHttp),
    ("", "http.shutting_down", Placeholder::ShuttingDown),
];

type Family = (&'static str, &'static str, fn(&str) -> Option<Placeholder>);

/// Short prefix, long prefix, constructor from the parameter.
const FAMILIES: &[Family] = &[
    ("labels.", "http.request.host.labels.", |p| {
        p.parse().ok().map(Placeholder::HostLabel)
    }),
    ("path.", "http.request.uri.path.", |p| {
        p.parse().ok().map(Placeholder::PathSegment)
    }),
    ("query.", "http.request.uri.query.", |p| {
        Some(Placeholder::QueryParam(p.to_owned()))
    }),
    ("header.", "http.request.header.", |p| {
        Some(Placeholder::Header(p.to_ascii_lowercase()))
    }),
    ("cookie.", "http.request.cookie.", |p| {
        Some(Placeholder::Cookie(p.to_owned()))
    }),
    ("re.", "http.regexp.", |p| {
        Some(Placeholder::Regexp(p.to_owned()))
    }),
    ("remote_host/", "http.request.remote.host/", |p| {
        let (v4, v6) = match p.split_once(',') {
            Some((v4, v6)) => (v4, Some(prefix_length(v6, 128)?)),
            None => (p, None),
        };
        Some(Placeholder::RemotePrefix(prefix_length(v4, 32)?, v6))
    }),
    ("", "http.request.tls.client.san.dns_names.", |p| {
        Some(Placeholder::Tls(TlsFact::DnsNames(Some(p.parse().ok()?))))
    }),
    ("", "http.request.tls.client.san.emails.", |p| {
        Some(Placeholder::Tls(TlsFact::Emails(Some(p.parse().ok()?))))
    }),
    ("", "http.request.tls.client.san.ips.", |p| {
        Some(Placeholder::Tls(TlsFact::Ips(Some(p.parse().ok()?))))
    }),
    ("", "http.request.tls.client.san.uris.", |p| {
        Some(Placeholder::Tls(TlsFact::Uris(Some(p.parse().ok()?))))
    }),
    ("resp.header.", "http.intercept.header.", |p| {
        Some(Placeholder::InterceptHeader(p.to_ascii_lowercase()))
    }),
    ("vars.", "http.vars.", |p| {
        Some(Placeholder::Var(p.to_owned()))
    }),
    ("", "http.response.header.", |p| {
        Some(Placeholder::ResponseHeader(p.to_ascii_lowercase()))
    }),
    ("rp.header.", "http.reverse_proxy.header.", |p| {
        Some(Placeholder::UpstreamHeader(p.to_ascii_lowercase()))
    }),
    ("", "env.", |p| Some(Placeholder::Env(p.to_owned()))),
    // `{file.base}` and `{file.ext}` are in the fixed table, which is asked first.
    ("", "file.", |p| Some(Placeholder::File(p.to_owned()))),
];

fn prefix_length(text: &str, longest: u8) -> Option<u8> {
    text.parse().ok().filter(|length| *length <= longest)
}
