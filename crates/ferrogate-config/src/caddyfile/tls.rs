//! `tls`: certificates of a site, and settings of its connections.

use std::path::PathBuf;

use ferrogate_types::Secret;

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::pem::PemKind;
use super::syntax::{Place, Token};
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{
    Automation, CertificateFiles, ConnectionPolicy, DnsChallenge, ExternalAccount, Issuer, KeyType,
};

pub(crate) mod client_auth;
pub(crate) mod connection;
pub(crate) mod dns;
pub(crate) mod issuer;
pub(crate) mod trust;

use dns::HasDns;

const KIND: Kind = Kind {
    noun: "TLS option",
    place: "in `tls`",
};

/// What `tls` says about a site.
#[derive(Clone, Default)]
pub(crate) struct Draft {
    pub(crate) certificates: Vec<CertificateFiles>,
    pub(crate) load: Vec<PathBuf>,
    /// `tls internal`.
    pub(crate) internal: bool,
    pub(crate) email: Option<String>,
    pub(crate) directory: Option<String>,
    pub(crate) trusted_roots: Vec<PathBuf>,
    pub(crate) external_account: Option<ExternalAccount>,
    pub(crate) dns: Option<DnsChallenge>,
    /// Where the first setting of the DNS challenge stands, which goes into all issuers without their own.
    pub(crate) dns_at: Option<Place>,
    /// Something in it was refused.
    pub(crate) broken: bool,
    /// Where the first setting stands that goes into the default issuers.
    pub(crate) shortcut_at: Option<Place>,
    pub(crate) issuers: Vec<Issuer>,
    issuer_at: Option<Place>,
    /// All but the issuers.
    pub(crate) automation: Automation,
    pub(crate) connection: ConnectionPolicy,
}

impl HasDns for Draft {
    fn dns(&mut self, at: Place) -> &mut DnsChallenge {
        self.dns_at.get_or_insert(at);
        self.dns.get_or_insert_default()
    }
}

const DNS: [Row<Draft>; 6] = dns::rows();

/// Every option of `tls`.
pub(crate) const OPTIONS: &[Row<Draft>] = &{
    let [dns, resolvers, delay, timeout, ttl, domain] = DNS;
    [
        Row::new(
            "protocols",
            "protocols tls1.2|tls1.3 [tls1.3]",
            "The oldest and the newest version.",
            |cx, line, tls| connection::protocols(cx, line, &mut tls.connection),
        ),
        Row::new(
            "ciphers",
            "ciphers SUITE...",
            "Suites of TLS 1.2 by their IANA names.",
            |cx, line, tls| connection::ciphers(cx, line, &mut tls.connection),
        ),
        Row::new(
            "curves",
            "curves GROUP...",
            "Key exchange groups in order of preference.",
            |cx, line, tls| {
                cx.unavailable(
                    line.at(),
                    "a choice of key exchange groups",
                    "leave it out: only safe groups are used",
                );
                tls.connection.curves = connection::curves(cx, line);
            },
        ),
        Row::new(
            "alpn",
            "alpn h2|http/1.1...",
            "Protocols offered.",
            |cx, line, tls| connection::alpn(cx, line, &mut tls.connection),
        ),
        Row::many(
            "load",
            "load FOLDER...",
            "Folders of PEM bundles.",
            |cx, line, tls| {
                cx.unavailable(
                    line.at(),
                    "a folder of certificates",
                    "name the files: `tls CERTIFICATE KEY`",
                );
                let words = line.list(cx, 1..=usize::MAX).unwrap_or_default();
                tls.load
                    .extend(words.iter().filter_map(|word| folder(cx, word)));
            },
        ),
        Row::new("ca", "ca URL", "The ACME directory.", |cx, line, tls| {
            tls.directory = issuer::directory(cx, line);
            tls.shortcut_at.get_or_insert(line.at());
        }),
        Row::new(
            "ca_root",
            "ca_root PEM",
            "The root to trust when speaking to the ACME server.",
            |cx, line, tls| {
                if let Some(word) = line.word(cx) {
                    tls.trusted_roots.extend(cx.pem(word, PemKind::Certificate));
                }
                tls.shortcut_at.get_or_insert(line.at());
            },
        ),
        Row::new(
            "eab",
            "eab KEY_ID MAC_KEY",
            "The external account of the ACME server.",
            |cx, line, tls| {
                tls.external_account = external_account(cx, line);
                tls.shortcut_at.get_or_insert(line.at());
            },
        ),
        dns,
        resolvers,
        delay,
        timeout,
        ttl,
        domain,
        Row::new(
            "key_type",
            "key_type ed25519|p256|p384|rsa2048|rsa4096",
            "The kind of key; p256 by default.",
            |cx, line, tls| tls.automation.key_type = key_type(cx, line),
        ),
        Row::new(
            "on_demand",
            "on_demand",
            "Obtains certificates during handshakes.",
            |cx, line, tls| tls.automation.on_demand = line.flag(cx),
        ),
        Row::new(
            "reuse_private_keys",
            "reuse_private_keys",
            "A renewed certificate keeps its key.",
            |cx, line, tls| tls.automation.reuse_private_keys = line.flag(cx),
        ),
        Row::new(
            "force_automate",
            "force_automate",
            "An own certificate even where a wildcard one would do.",
            |cx, line, tls| tls.automation.force_automate = line.flag(cx),
        ),
        Row::new(
            "renewal_window_ratio",
            "renewal_window_ratio RATIO",
            "The part of the lifetime in which to renew; 0.3333 by default.",
            |cx, line, tls| tls.automation.renewal_window_ratio = line.ratio(cx),
        ),
        Row::new(
            "storage",
            "storage FOLDER",
            "Where accounts and certificates are kept.",
            |cx, line, tls| tls.automation.storage = line.text(cx).map(PathBuf::from),
        ),
        Row::new(
            "client_auth",
            "client_auth { ... }",
            "Asks clients for certificates.",
            |cx, line, tls| {
                cx.unavailable(
                    line.at(),
                    "`client_auth`",
                    "ask for a credential instead: `basic_auth`, `forward_auth`, or the keys of `ai_gateway`",
                );
                tls.connection.client_auth = client_auth::read(cx, line);
            },
        ),
        Row::many(
            "issuer",
            "issuer acme|internal|zerossl [...] [{ ... }]",
            "Who issues certificates; several are tried in order.",
            |cx, line, tls| {
                tls.issuers.extend(issuer::read(cx, line));
                tls.issuer_at.get_or_insert(line.at());
            },
        ),
        Row::instead(
            "get_certificate",
            "certificate managers are plugins of Caddy",
            "name files: `tls CERTIFICATE KEY`",
        ),
        Row::never(
            "insecure_secrets_log",
            "it would write the keys of connections to a file",
        ),
    ]
};

/// `tls` in a site.
pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    body.site.tls_at = Some(line.at());
    let errors = cx.report.error_count();
    let mut draft = body.site.tls.take().unwrap_or_default();
    read(cx, line, &mut draft);
    draft.broken |= errors != cx.report.error_count();
    body.site.tls = Some(draft);
}

fn read(cx: &mut Cx<'_>, line: &Line<'_>, draft: &mut Draft) {
    let Some((args, block)) = line.with_block(cx, 0..=2) else {
        return;
    };
    match args {
        [certificate, key] => {
            let certificate = cx.pem(certificate, PemKind::Certificate);
            let key = cx.pem(key, PemKind::Key);
            draft.certificates.extend(
                certificate
                    .zip(key)
                    .map(|(certificate, key)| CertificateFiles { certificate, key }),
            );
        }
        [mode] => mode_of(cx, line, mode, draft),
        _ if block.is_none_or(|block| block.segments.is_empty()) => cx.say(
            line.at(),
            Diagnostic::error("argument-count", "`tls` says nothing")
                .label("no certificate is named")
                .hint(line.syntax()),
        ),
        _ => {}
    }
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, draft);
    }
    if let (Some(issuer_at), Some(shortcut_at)) = (draft.issuer_at, draft.shortcut_at) {
        cx.say(
            shortcut_at,
            Diagnostic::error(
                "contradiction",
                "settings of the default issuers cannot be mixed with `issuer`",
            )
            .label("belongs to the default issuers")
            .also(issuer_at.span, "replaces them")
            .hint("move it into the block of `issuer acme`"),
        );
    }
    if let Some(issuer_at) = draft.issuer_at.filter(|_| draft.internal) {
        cx.say(
            issuer_at,
            Diagnostic::error("contradiction", "`tls internal` names the issuer already")
                .label("a second one")
                .hint("leave `internal` out and write `issuer internal`"),
        );
    }
}

/// The only argument of `tls`.
fn mode_of(cx: &mut Cx<'_>, line: &Line<'_>, mode: &Token, draft: &mut Draft) {
    match &*mode.text {
        "internal" => draft.internal = true,
        "force_automate" => draft.automation.force_automate = true,
        text if text.contains('@') => {
            draft.email = Some(text.to_owned());
            draft.shortcut_at.get_or_insert(mode.at);
        }
        _ => {
            let shown = cx.shown(mode);
            cx.say(
                mode.at,
                Diagnostic::error("invalid-value", format!("`tls {shown}` is not known"))
                    .label("expected `internal`, `force_automate`, an e-mail address, or two files")
                    .hint(line.syntax()),
            );
        }
    }
}

/// The kind of key a line names.
pub(crate) fn key_type(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<KeyType> {
    const TYPES: &[(&str, KeyType)] = &[
        ("ed25519", KeyType::Ed25519),
        ("p256", KeyType::P256),
        ("p384", KeyType::P384),
        ("rsa2048", KeyType::Rsa2048),
        ("rsa4096", KeyType::Rsa4096),
    ];
    let word = line.word(cx)?;
    cx.one_of(word, "kind of key", TYPES)
}

/// Key id and MAC key.
pub(crate) fn external_account(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<ExternalAccount> {
    let [key_id, mac_key] = line.words(cx)?;
    let mac_key: Secret = cx.secret(mac_key)?;
    Some(ExternalAccount {
        key_id: key_id.text.to_string(),
        mac_key,
    })
}

/// A folder that is there.
pub(crate) fn folder(cx: &mut Cx<'_>, word: &Token) -> Option<PathBuf> {
    let path = PathBuf::from(&*word.text);
    let found = path.is_dir().then_some(path);
    cx.checked(word, "folder", found.ok_or("does not exist"))
}
