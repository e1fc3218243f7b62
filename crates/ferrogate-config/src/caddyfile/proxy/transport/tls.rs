//! TLS to upstreams.

use super::Transport;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::pem::PemKind;
use crate::caddyfile::tls::trust;
use crate::diagnostic::Diagnostic;
use crate::model::TrustSource;

pub(super) fn server_name(cx: &mut Cx<'_>, line: &Line<'_>, transport: &mut Transport) {
    transport.tls.server_name = line.word(cx).map(|word| cx.template(word));
    transport.tls_at.get_or_insert(line.at());
}

pub(super) fn insecure(cx: &mut Cx<'_>, line: &Line<'_>, transport: &mut Transport) {
    transport.tls.insecure_skip_verify = line.flag(cx);
    transport.tls_at.get_or_insert(line.at());
    cx.say(
        line.at(),
        Diagnostic::warning(
            "insecure-upstream",
            "the certificate of the upstream is not checked",
        )
        .label("anybody between here and there can read and change everything")
        .hint("trust its authority instead: `tls_trust_pool file CA.pem`"),
    );
}

pub(super) fn renegotiation(cx: &mut Cx<'_>, line: &Line<'_>, transport: &mut Transport) {
    transport.tls_at.get_or_insert(line.at());
    let Some(word) = line.word(cx) else { return };
    match &*word.text {
        "once" | "freely" => cx.say(
            word.at,
            Diagnostic::error("not-supported", "TLS is never negotiated anew")
                .label("insecure, and gone from TLS 1.3")
                .hint("write `tls_renegotiation never`, or leave it out"),
        ),
        _ => {
            cx.one_of(word, "value", &[("never", ())]);
        }
    }
}

pub(super) fn except_ports(cx: &mut Cx<'_>, line: &Line<'_>, transport: &mut Transport) {
    for word in line.list(cx, 1..=usize::MAX).unwrap_or_default() {
        let port = cx.number(word, 1..=65535);
        let port = port.and_then(|port| u16::try_from(port).ok());
        transport.tls.except_ports.extend(port);
    }
    transport.tls_at.get_or_insert(line.at());
}

pub(super) fn trust_pool(cx: &mut Cx<'_>, line: &Line<'_>, transport: &mut Transport) {
    transport.tls_at.get_or_insert(line.at());
    let sources = trust::read(cx, line);
    let alone = sources.len() == 1;
    for source in sources {
        let refused = match source {
            TrustSource::File(path) => {
                transport.tls.trust_pool.push(path);
                continue;
            }
            TrustSource::Inline(certificate) => {
                transport.tls.trust_inline.push(certificate);
                continue;
            }
            // What is trusted anyway.
            TrustSource::System if alone => continue,
            TrustSource::System => "system",
            TrustSource::PkiRoot(_) => "pki_root",
            TrustSource::PkiIntermediate(_) => "pki_intermediate",
            TrustSource::Http(_) => "http",
            TrustSource::Storage(_) => "storage",
        };
        cx.say(
            line.at(),
            Diagnostic::error(
                "not-supported",
                format!("trust pool source `{refused}` is not supported for upstreams"),
            )
            .label("only `file` and `inline`, or `system` alone")
            .hint("save the certificates in a file: `tls_trust_pool file CA.pem`"),
        );
    }
}

pub(super) fn trusted_ca_certs(cx: &mut Cx<'_>, line: &Line<'_>, transport: &mut Transport) {
    cx.deprecated(line, "tls_trust_pool file PEM...");
    for word in line.list(cx, 1..=usize::MAX).unwrap_or_default() {
        let file = cx.pem(word, PemKind::Certificate);
        transport.tls.trust_pool.extend(file);
    }
    transport.tls_at.get_or_insert(line.at());
}

pub(super) fn client_auth(cx: &mut Cx<'_>, line: &Line<'_>, transport: &mut Transport) {
    transport.tls_at.get_or_insert(line.at());
    match line.list(cx, 1..=2) {
        Some([certificate, key]) => {
            let certificate = cx.pem(certificate, PemKind::Certificate);
            transport.tls.client_auth = certificate.zip(cx.pem(key, PemKind::Key));
        }
        Some(_) => cx.unavailable(
            line.at(),
            "an automated certificate for upstreams",
            "name files: `tls_client_auth CERTIFICATE KEY`",
        ),
        None => {}
    }
}
