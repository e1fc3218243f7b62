//! `issuer` and `cert_issuer`: who issues certificates.

use ferrogate_types::Secret;

use super::dns::{self, HasDns};
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::pem::PemKind;
use crate::caddyfile::syntax::{Block, Place};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{
    AcmeIssuer, ChainPreference, DnsChallenge, InternalIssuer, Issuer, ZerosslIssuer,
};

const ACME: Kind = Kind {
    noun: "issuer option",
    place: "in `issuer acme`",
};
const INTERNAL: Kind = Kind {
    noun: "issuer option",
    place: "in `issuer internal`",
};
const ZEROSSL: Kind = Kind {
    noun: "issuer option",
    place: "in `issuer zerossl`",
};
const CHAINS: Kind = Kind {
    noun: "option",
    place: "in `preferred_chains`",
};

impl HasDns for AcmeIssuer {
    fn dns(&mut self, _: Place) -> &mut DnsChallenge {
        self.dns.get_or_insert_default()
    }
}

/// The options of an issuer at ZeroSSL.
pub(crate) struct Zerossl(ZerosslIssuer);

impl HasDns for Zerossl {
    fn dns(&mut self, _: Place) -> &mut DnsChallenge {
        self.0.dns.get_or_insert_default()
    }
}

const ACME_DNS: [Row<AcmeIssuer>; 6] = dns::rows();
const ZEROSSL_DNS: [Row<Zerossl>; 6] = dns::rows();

/// Every option of `issuer acme`.
pub(crate) const ACME_OPTIONS: &[Row<AcmeIssuer>] = &{
    let [dns, resolvers, delay, timeout, ttl, domain] = ACME_DNS;
    [
        Row::new(
            "dir",
            "dir URL",
            "The directory; Let's Encrypt by default.",
            |cx, line, acme| {
                let url = directory(cx, line);
                set_directory(acme, url);
            },
        ),
        Row::new(
            "test_dir",
            "test_dir URL",
            "The directory to try again with after a failure.",
            |cx, line, acme| acme.test_directory = directory(cx, line),
        ),
        Row::new(
            "email",
            "email ADDRESS",
            "The account's address.",
            |cx, line, acme| acme.email = line.text(cx),
        ),
        Row::new(
            "profile",
            "profile NAME",
            "The certificate profile.",
            |cx, line, acme| acme.profile = line.text(cx),
        ),
        Row::new(
            "timeout",
            "timeout DURATION",
            "For one request to the authority.",
            |cx, line, acme| acme.timeout = line.duration(cx),
        ),
        Row::new(
            "lifetime",
            "lifetime DURATION",
            "The lifetime to ask for.",
            |cx, line, acme| acme.lifetime = line.duration(cx),
        ),
        Row::new(
            "disable_http_challenge",
            "disable_http_challenge",
            "Never uses HTTP-01.",
            |cx, line, acme| acme.http_challenge = !line.flag(cx),
        ),
        Row::new(
            "disable_tlsalpn_challenge",
            "disable_tlsalpn_challenge",
            "Never uses TLS-ALPN-01.",
            |cx, line, acme| acme.tls_alpn_challenge = !line.flag(cx),
        ),
        Row::new(
            "alt_http_port",
            "alt_http_port PORT",
            "Where HTTP-01 is answered.",
            |cx, line, acme| acme.alt_http_port = line.port(cx),
        ),
        Row::new(
            "alt_tlsalpn_port",
            "alt_tlsalpn_port PORT",
            "Where TLS-ALPN-01 is answered.",
            |cx, line, acme| acme.alt_tls_alpn_port = line.port(cx),
        ),
        Row::new(
            "eab",
            "eab KEY_ID MAC_KEY",
            "The external account.",
            |cx, line, acme| acme.external_account = super::external_account(cx, line),
        ),
        Row::many(
            "trusted_roots",
            "trusted_roots PEM...",
            "Roots to trust when speaking to the authority.",
            |cx, line, acme| {
                for word in line.list(cx, 1..=usize::MAX).unwrap_or_default() {
                    acme.trusted_roots
                        .extend(cx.pem(word, PemKind::Certificate));
                }
            },
        ),
        Row::new(
            "preferred_chains",
            "preferred_chains [smallest] [{ root_common_name NAME... | any_common_name NAME... }]",
            "Which of several chains is taken.",
            |cx, line, acme| acme.preferred_chains = preferred_chains(cx, line),
        ),
        dns,
        resolvers,
        delay,
        timeout,
        ttl,
        domain,
    ]
};

/// Every option of `issuer internal`.
pub(crate) const INTERNAL_OPTIONS: &[Row<InternalIssuer>] = &[
    Row::new(
        "ca",
        "ca ID",
        "The authority; local by default.",
        |cx, line, internal| {
            if let Some(ca) = line.text(cx) {
                internal.ca = ca;
            }
        },
    ),
    Row::new(
        "lifetime",
        "lifetime DURATION",
        "The lifetime of certificates; 12h by default.",
        |cx, line, internal| {
            internal.lifetime = line.duration(cx).unwrap_or(internal.lifetime);
        },
    ),
    Row::new(
        "sign_with_root",
        "sign_with_root",
        "Signs with the root and not with an intermediate.",
        |cx, line, internal| internal.sign_with_root = line.flag(cx),
    ),
];

/// Every option of `issuer zerossl`.
pub(crate) const ZEROSSL_OPTIONS: &[Row<Zerossl>] = &{
    let [dns, resolvers, delay, timeout, ttl, domain] = ZEROSSL_DNS;
    [
        Row::new(
            "validity_days",
            "validity_days N",
            "How many days certificates are valid.",
            |cx, line, zerossl| zerossl.0.validity_days = line.number32(cx, 1..=3650),
        ),
        Row::new(
            "alt_http_port",
            "alt_http_port PORT",
            "Where the challenge is answered.",
            |cx, line, zerossl| zerossl.0.alt_http_port = line.port(cx),
        ),
        dns,
        resolvers,
        delay,
        timeout,
        ttl,
        domain,
    ]
};

const CHAIN_OPTIONS: &[Row<Option<ChainPreference>>] = &[
    Row::new(
        "root_common_name",
        "root_common_name NAME...",
        "The first whose root has one of these names.",
        |cx, line, chains| *chains = Some(ChainPreference::RootCommonName(line.texts(cx))),
    ),
    Row::new(
        "any_common_name",
        "any_common_name NAME...",
        "The first that has one of these names anywhere.",
        |cx, line, chains| *chains = Some(ChainPreference::AnyCommonName(line.texts(cx))),
    ),
];

#[derive(Clone, Copy)]
enum Name {
    Acme,
    Internal,
    Zerossl,
}

/// Reads `issuer NAME …`.
pub(crate) fn read(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<Issuer> {
    const NAMES: &[(&str, Name)] = &[
        ("acme", Name::Acme),
        ("internal", Name::Internal),
        ("zerossl", Name::Zerossl),
    ];
    let (args, block) = line.with_block(cx, 1..=2)?;
    let (name, rest) = args.split_first()?;
    match (cx.one_of(name, "issuer", NAMES)?, rest.first()) {
        (Name::Acme, url) => {
            let mut acme = AcmeIssuer::default();
            if let Some(word) = url {
                let url = url_of(&word.text);
                set_directory(&mut acme, cx.checked(word, "directory", url));
            }
            options(cx, block, ACME, ACME_OPTIONS, &mut acme);
            Some(Issuer::Acme(Box::new(acme)))
        }
        (Name::Zerossl, Some(key)) => {
            let api_key: Secret = cx.secret(key)?;
            let mut zerossl = Zerossl(ZerosslIssuer {
                api_key,
                validity_days: None,
                alt_http_port: None,
                dns: None,
            });
            options(cx, block, ZEROSSL, ZEROSSL_OPTIONS, &mut zerossl);
            Some(Issuer::Zerossl(zerossl.0))
        }
        (Name::Zerossl, None) => {
            cx.say(
                line.at(),
                Diagnostic::error(
                    "argument-count",
                    "`issuer zerossl` needs the key of the API",
                )
                .label("expected on this line")
                .hint("syntax: issuer zerossl API_KEY [{ ... }]"),
            );
            None
        }
        (Name::Internal, Some(surplus)) => {
            cx.say(
                surplus.at,
                Diagnostic::error("argument-count", "`issuer internal` takes no argument")
                    .label("one too many")
                    .hint("syntax: issuer internal { ca ID ; lifetime DURATION ; sign_with_root }"),
            );
            None
        }
        (Name::Internal, None) => {
            let mut internal = InternalIssuer::default();
            options(cx, block, INTERNAL, INTERNAL_OPTIONS, &mut internal);
            Some(Issuer::Internal(internal))
        }
    }
}

fn options<S>(
    cx: &mut Cx<'_>,
    block: Option<&Block>,
    kind: Kind,
    table: &'static [Row<S>],
    state: &mut S,
) {
    if let Some(block) = block {
        cx.run_block(block, kind, table, state);
    }
}

/// The directory's URL that a line gives.
pub(crate) fn directory(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<String> {
    let word = line.word(cx)?;
    cx.checked(word, "directory", url_of(&word.text))
}

/// Another directory than Let's Encrypt's has no staging environment that is known.
fn set_directory(acme: &mut AcmeIssuer, url: Option<String>) {
    if let Some(url) = url {
        acme.directory = url;
        acme.test_directory = None;
    }
}

fn url_of(text: &str) -> Result<String, &'static str> {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .filter(|rest| !rest.is_empty() && !rest.starts_with(['/', ':']));
    host.map(|_| text.to_owned())
        .ok_or("is not a URL (write for instance `https://ca.example.com/directory`)")
}

/// Reads `preferred_chains …`.
pub(crate) fn preferred_chains(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<ChainPreference> {
    let (args, block) = line.with_block(cx, 0..=1)?;
    let mut chains = None;
    if let Some(block) = block {
        cx.run_block(block, CHAINS, CHAIN_OPTIONS, &mut chains);
    }
    if let Some(word) = args.first()
        && cx.one_of(word, "preference", &[("smallest", ())]).is_some()
    {
        chains = Some(ChainPreference::Smallest);
    }
    chains
}
