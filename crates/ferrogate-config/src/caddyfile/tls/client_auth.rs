//! `client_auth`: certificates of clients.

use std::path::PathBuf;

use super::trust;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::pem::PemKind;
use crate::caddyfile::syntax::{Segment, Token};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{ClientAuth, ClientAuthMode, LeafSource, TrustSource};

const KIND: Kind = Kind {
    noun: "option",
    place: "in `client_auth`",
};
const LOADER: Kind = Kind {
    noun: "source of certificates",
    place: "in `verifier leaf`",
};

/// `client_auth` as it is read.
#[derive(Default)]
pub(crate) struct Draft {
    mode: Option<ClientAuthMode>,
    trust_pool: Vec<TrustSource>,
    leafs: Vec<LeafSource>,
}

/// Every option of `client_auth`.
pub(crate) const OPTIONS: &[Row<Draft>] = &[
    Row::new(
        "mode",
        "mode request|require|verify_if_given|require_and_verify",
        "What is asked of a client.",
        |cx, line, auth| {
            const MODES: &[(&str, ClientAuthMode)] = &[
                ("request", ClientAuthMode::Request),
                ("require", ClientAuthMode::Require),
                ("verify_if_given", ClientAuthMode::VerifyIfGiven),
                ("require_and_verify", ClientAuthMode::RequireAndVerify),
            ];
            auth.mode = line
                .word(cx)
                .and_then(|word| cx.one_of(word, "mode", MODES));
        },
    ),
    Row::new(
        "trust_pool",
        "trust_pool SOURCE ...",
        "Authorities that may have issued the certificate.",
        |cx, line, auth| auth.trust_pool.extend(trust::read(cx, line)),
    ),
    Row::many(
        "verifier",
        "verifier leaf [file PEM...] [{ file PEM... ; folder FOLDER... }]",
        "Only these certificates.",
        verifier,
    ),
    Row::many(
        "trusted_ca_cert",
        "trusted_ca_cert BASE64",
        "An authority written out.",
        |cx, line, auth| {
            cx.deprecated(line, "trust_pool inline { trust_der BASE64 }");
            let certificate = line.word(cx).and_then(|word| cx.inline_certificate(word));
            auth.trust_pool.extend(certificate.map(TrustSource::Inline));
        },
    ),
    Row::many(
        "trusted_ca_cert_file",
        "trusted_ca_cert_file PEM",
        "An authority in a file.",
        |cx, line, auth| {
            cx.deprecated(line, "trust_pool file PEM");
            let file = line
                .word(cx)
                .and_then(|word| cx.pem(word, PemKind::Certificate));
            auth.trust_pool.extend(file.map(TrustSource::File));
        },
    ),
    Row::many(
        "trusted_leaf_cert",
        "trusted_leaf_cert BASE64",
        "A client's certificate written out.",
        |cx, line, auth| {
            cx.deprecated(line, "verifier leaf file PEM");
            let certificate = line.word(cx).and_then(|word| cx.inline_certificate(word));
            auth.leafs.extend(certificate.map(LeafSource::Inline));
        },
    ),
    Row::many(
        "trusted_leaf_cert_file",
        "trusted_leaf_cert_file PEM",
        "A client's certificate in a file.",
        |cx, line, auth| {
            cx.deprecated(line, "verifier leaf file PEM");
            let file = line
                .word(cx)
                .and_then(|word| cx.pem(word, PemKind::Certificate));
            auth.leafs.extend(file.map(LeafSource::File));
        },
    ),
];

/// Every source of `verifier leaf`.
pub(crate) const LOADERS: &[Row<Vec<LeafSource>>] = &[
    Row::many("file", "file PEM...", "PEM files.", |cx, line, leafs| {
        for word in line.list(cx, 1..=usize::MAX).unwrap_or_default() {
            leafs.extend(cx.pem(word, PemKind::Certificate).map(LeafSource::File));
        }
    }),
    Row::many(
        "folder",
        "folder FOLDER...",
        "Folders of PEM files.",
        |cx, line, leafs| {
            for word in line.list(cx, 1..=usize::MAX).unwrap_or_default() {
                let folder: Option<PathBuf> = super::folder(cx, word);
                leafs.extend(folder.map(LeafSource::Folder));
            }
        },
    ),
    Row::many(
        "pem",
        "pem BASE64...",
        "Certificates written out.",
        |cx, line, leafs| {
            for word in line.list(cx, 1..=usize::MAX).unwrap_or_default() {
                leafs.extend(cx.inline_certificate(word).map(LeafSource::Inline));
            }
        },
    ),
    Row::many(
        "storage",
        "storage KEY...",
        "Entries of the storage.",
        |cx, line, leafs| {
            leafs.extend(line.texts(cx).into_iter().map(LeafSource::Storage));
        },
    ),
];

/// Reads `client_auth { … }`.
pub(super) fn read(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<ClientAuth> {
    let mut draft = Draft::default();
    let block = line.block(cx)?;
    let errors = cx.report.error_count();
    cx.run_block(block, KIND, OPTIONS, &mut draft);
    let verifies = matches!(
        draft.mode,
        Some(ClientAuthMode::VerifyIfGiven | ClientAuthMode::RequireAndVerify)
    );
    let nothing = draft.trust_pool.is_empty() && draft.leafs.is_empty();
    if nothing && errors == cx.report.error_count() {
        if draft.mode.is_none() {
            cx.say(
                line.at(),
                Diagnostic::error("argument-count", "`client_auth` says nothing")
                    .label("neither a mode nor whom to trust")
                    .hint("write for instance `trust_pool file CA.pem`"),
            );
        } else if verifies {
            cx.say(
                line.at(),
                Diagnostic::warning(
                    "client-auth-system",
                    "certificates of clients are checked against the roots of the system",
                )
                .label("anybody with a certificate of a public authority is let in")
                .hint("name your own authority: `trust_pool file CA.pem`"),
            );
        }
    }
    let default = if draft.trust_pool.is_empty() {
        ClientAuthMode::Require
    } else {
        ClientAuthMode::RequireAndVerify
    };
    Some(ClientAuth {
        mode: draft.mode.unwrap_or(default),
        trust_pool: draft.trust_pool,
        leafs: draft.leafs,
    })
}

fn verifier(cx: &mut Cx<'_>, line: &Line<'_>, auth: &mut Draft) {
    let Some((args, block)) = line.with_block(cx, 1..=usize::MAX) else {
        return;
    };
    let Some((kind, rest)) = args.split_first() else {
        return;
    };
    if cx.one_of(kind, "verifier", &[("leaf", ())]).is_none() {
        return;
    }
    if let Some((loader, words)) = rest.split_first() {
        load(cx, loader, words, &mut auth.leafs);
    }
    if let Some(block) = block {
        cx.run_block(block, LOADER, LOADERS, &mut auth.leafs);
    }
}

fn load(cx: &mut Cx<'_>, loader: &Token, words: &[Token], leafs: &mut Vec<LeafSource>) {
    let segment = Segment {
        name: loader.clone(),
        args: words.to_vec(),
        block: None,
    };
    let block = crate::caddyfile::syntax::Block {
        segments: vec![segment],
    };
    cx.run_block(&block, LOADER, LOADERS, leafs);
}
