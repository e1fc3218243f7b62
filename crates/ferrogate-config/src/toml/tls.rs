//! `[tls]`

use super::reader::Reader;
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::pem::PemKind;
use crate::caddyfile::syntax::{Place, Token};
use crate::diagnostic::Diagnostic;
use crate::model::CertificateFiles;

/// TLS as it is read.
#[derive(Default)]
pub(super) struct Tls {
    /// The key `tls` itself.
    pub(super) at: Option<Place>,
    enabled: Option<bool>,
    certificate: Option<Token>,
    key: Option<Token>,
    /// HTTP/2 was switched off.
    pub(super) no_http2: bool,
    acme: bool,
}

/// Every key of `[tls]`.
pub(super) const TLS: Table<Tls> = Table {
    title: "[tls]",
    keys: &[
        Key::new(
            "enabled",
            Shape::Flag,
            "Whether TLS is spoken; `true` with certificates.",
            |_, e, tls| {
                tls.enabled = e.value.get_ref().as_bool();
            },
        ),
        Key::new(
            "cert_path",
            Shape::Text,
            "The certificate chain in PEM, beside this file.",
            |r, e, tls| {
                tls.certificate = Some(path(r, e));
            },
        ),
        Key::new(
            "key_path",
            Shape::Text,
            "The private key in PEM, beside this file.",
            |r, e, tls| {
                tls.key = Some(path(r, e));
            },
        ),
        Key::new(
            "http2",
            Shape::Flag,
            "Whether HTTP/2 is offered; `true` by default.",
            |_, e, tls| {
                tls.no_http2 = e.value.get_ref().as_bool() == Some(false);
            },
        ),
        Key::new(
            "acme",
            Shape::Table,
            "Automatic certificates: only `enabled = false`.",
            |r, e, tls| {
                r.inner(&ACME, e, tls);
            },
        ),
    ],
};

/// Every key of `[tls.acme]`; none matters while it cannot be switched on.
pub(super) const ACME: Table<Tls> = Table {
    title: "[tls.acme]",
    keys: &[
        Key::new(
            "enabled",
            Shape::Flag,
            "Automatic certificates are not available yet: only `false`.",
            |r, e, tls| {
                if e.value.get_ref().as_bool() == Some(true) {
                    tls.acme = true;
                    r.cx.say(
                        e.name.at,
                        Diagnostic::error(
                            "not-available",
                            "automatic certificates are not available yet",
                        )
                        .label("not available yet")
                        .hint("give certificate files: `cert_path` and `key_path` in `[tls]`"),
                    );
                }
            },
        ),
        Key::new(
            "domains",
            Shape::List,
            "The names in the certificate.",
            unused,
        ),
        Key::new(
            "email",
            Shape::Text,
            "Whom the authority writes to.",
            unused,
        ),
        Key::new("directory_url", Shape::Text, "The authority.", unused),
        Key::new(
            "terms_agreed",
            Shape::Flag,
            "Whether its terms are agreed to.",
            unused,
        ),
        Key::new("challenge", Shape::Text, "`http-01` or `dns-01`.", unused),
        Key::new(
            "http_challenge_listen",
            Shape::Text,
            "Where http-01 is answered.",
            unused,
        ),
        Key::new(
            "storage_dir",
            Shape::Text,
            "Where certificates are kept.",
            unused,
        ),
        Key::new(
            "dns_provider",
            Shape::Text,
            "Who serves the DNS zone.",
            unused,
        ),
        Key::new(
            "dns_config",
            Shape::Pairs,
            "The credentials for it.",
            unused,
        ),
        Key::new(
            "dns_hook_set",
            Shape::Text,
            "A program that sets a record.",
            unused,
        ),
        Key::new(
            "dns_hook_cleanup",
            Shape::Text,
            "A program that removes it.",
            unused,
        ),
        Key::new(
            "dns_propagation_delay_secs",
            Shape::Number,
            "How long a record takes.",
            unused,
        ),
        Key::new(
            "renewal_window_secs",
            Shape::Number,
            "How long before the end to renew.",
            unused,
        ),
        Key::new(
            "renewal_check_interval_secs",
            Shape::Number,
            "How often to look.",
            unused,
        ),
        Key::new(
            "renewal_retry_interval_secs",
            Shape::Number,
            "How long to wait after a failure.",
            unused,
        ),
        Key::new(
            "auto_graceful_reload",
            Shape::Flag,
            "Whether a new certificate is taken up.",
            unused,
        ),
    ],
};

impl Reader<'_, '_> {
    /// Whether TLS is spoken, and with which certificate.
    pub(super) fn certificate(&mut self, tls: &Tls) -> (bool, Option<CertificateFiles>) {
        let written = tls.certificate.is_some() || tls.key.is_some();
        let Some(at) = tls
            .at
            .filter(|_| tls.enabled.unwrap_or(written) && !tls.acme)
        else {
            return (false, None);
        };
        let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) else {
            let missing = if tls.certificate.is_none() {
                "cert_path"
            } else {
                "key_path"
            };
            self.cx.say(
                at,
                Diagnostic::error("missing-key", format!("`[tls]` has no `{missing}`"))
                    .label("TLS needs a certificate and its key")
                    .hint("add `cert_path` and `key_path`, or write `enabled = false`"),
            );
            return (true, None);
        };
        let certificate = self.cx.pem(certificate, PemKind::Certificate);
        let key = self.cx.pem(key, PemKind::Key);
        (
            true,
            certificate
                .zip(key)
                .map(|(certificate, key)| CertificateFiles { certificate, key }),
        )
    }
}

/// A path, which is relative to the folder of the configuration.
fn path(reader: &mut Reader<'_, '_>, entry: &Entry<'_>) -> Token {
    let written = reader.value(entry);
    let path = reader.folder.join(&*written.text);
    // Shown as written, and not with the folder.
    Token {
        text: path.to_string_lossy().into(),
        expanded: true,
        ..written
    }
}

/// Of the right type, and without effect while `enabled` is `false`.
fn unused(_: &mut Reader<'_, '_>, _: &Entry<'_>, _: &mut Tls) {}
