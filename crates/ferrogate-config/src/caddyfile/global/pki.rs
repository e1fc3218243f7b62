//! `pki`: authorities of this process.

use std::path::PathBuf;
use std::time::Duration;

use super::Settings;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::pem::PemKind;
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{CertificateAuthority, KeyPairFiles};

const PKI: Kind = Kind {
    noun: "option",
    place: "in `pki`",
};
const CA: Kind = Kind {
    noun: "option",
    place: "in `ca`",
};
const PAIR: Kind = Kind {
    noun: "option",
    place: "among the files of an authority",
};

/// Every option of `pki`.
pub(crate) const OPTIONS: &[Row<Vec<CertificateAuthority>>] = &[Row::many(
    "ca",
    "ca [ID] { ... }",
    "An authority; local by default.",
    authority,
)];

/// Every option of `ca`.
pub(crate) const CA_OPTIONS: &[Row<CertificateAuthority>] = &[
    Row::new(
        "name",
        "name TEXT",
        "What people call it.",
        |cx, line, ca| {
            ca.name = line.text(cx);
        },
    ),
    Row::new(
        "root_cn",
        "root_cn TEXT",
        "The common name of its root.",
        |cx, line, ca| {
            ca.root_cn = line.text(cx);
        },
    ),
    Row::new(
        "intermediate_cn",
        "intermediate_cn TEXT",
        "The common name of its intermediate.",
        |cx, line, ca| ca.intermediate_cn = line.text(cx),
    ),
    Row::new(
        "intermediate_lifetime",
        "intermediate_lifetime DURATION",
        "The lifetime of its intermediate; 7d by default.",
        |cx, line, ca| {
            ca.intermediate_lifetime = line.duration(cx).unwrap_or(ca.intermediate_lifetime);
        },
    ),
    Row::new(
        "maintenance_interval",
        "maintenance_interval DURATION",
        "How often to look at its certificates; 10m by default.",
        |cx, line, ca| {
            ca.maintenance_interval = line.duration(cx).unwrap_or(ca.maintenance_interval);
        },
    ),
    Row::new(
        "renewal_window_ratio",
        "renewal_window_ratio RATIO",
        "The part of the lifetime in which to renew; 0.2 by default.",
        |cx, line, ca| ca.renewal_window_ratio = line.ratio(cx),
    ),
    Row::new(
        "root",
        "root { cert PEM ; key PEM }",
        "A root that exists.",
        |cx, line, ca| {
            ca.root = pair(cx, line);
        },
    ),
    Row::new(
        "intermediate",
        "intermediate { cert PEM ; key PEM }",
        "An intermediate that exists.",
        |cx, line, ca| ca.intermediate = pair(cx, line),
    ),
];

/// The files of a certificate and its key.
type Pair = (Option<PathBuf>, Option<PathBuf>);

const PAIR_OPTIONS: &[Row<Pair>] = &[
    Row::new("cert", "cert PEM", "The certificate.", |cx, line, pair| {
        pair.0 = line
            .word(cx)
            .and_then(|word| cx.pem(word, PemKind::Certificate));
    }),
    Row::new("key", "key PEM", "The key.", |cx, line, pair| {
        pair.1 = line.word(cx).and_then(|word| cx.pem(word, PemKind::Key));
    }),
    Row::new(
        "format",
        "format pem_file",
        "The form of the files.",
        |cx, line, _| {
            if let Some(word) = line.word(cx) {
                cx.one_of(word, "format", &[("pem_file", ())]);
            }
        },
    ),
];

pub(super) fn read(cx: &mut Cx<'_>, line: &Line<'_>, settings: &mut Settings) {
    line.options(cx, PKI, OPTIONS, &mut settings.tls.authorities);
}

fn authority(cx: &mut Cx<'_>, line: &Line<'_>, authorities: &mut Vec<CertificateAuthority>) {
    let Some((args, block)) = line.with_block(cx, 0..=1) else {
        return;
    };
    let id = args.first().map_or("local", |word| &word.text);
    if authorities.iter().any(|ca| ca.id == id) {
        cx.say(
            line.at(),
            Diagnostic::error(
                "duplicate-authority",
                format!("authority `{id}` is described twice"),
            )
            .label("second description"),
        );
        return;
    }
    let mut ca = CertificateAuthority {
        id: id.to_owned(),
        name: None,
        root_cn: None,
        intermediate_cn: None,
        intermediate_lifetime: Duration::from_hours(7 * 24),
        maintenance_interval: Duration::from_mins(10),
        renewal_window_ratio: None,
        root: None,
        intermediate: None,
    };
    if let Some(block) = block {
        cx.run_block(block, CA, CA_OPTIONS, &mut ca);
    }
    authorities.push(ca);
}

fn pair(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<KeyPairFiles> {
    let mut pair: Pair = (None, None);
    let block = line.block(cx)?;
    let errors = cx.report.error_count();
    cx.run_block(block, PAIR, PAIR_OPTIONS, &mut pair);
    if pair.0.is_none() && errors == cx.report.error_count() {
        cx.say(
            line.at(),
            Diagnostic::error("missing-key", "the certificate is missing")
                .label("only a key here")
                .hint(line.syntax()),
        );
    }
    let (certificate, key) = pair;
    certificate.map(|certificate| KeyPairFiles { certificate, key })
}
