//! Trust pools: authorities that are trusted.

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::pem::PemKind;
use crate::caddyfile::syntax::{Block, Segment, Token};
use crate::caddyfile::table::{Kind, Row};
use crate::model::TrustSource;

const KIND: Kind = Kind {
    noun: "trust pool source",
    place: "as a trust pool",
};
const OPTION: Kind = Kind {
    noun: "option",
    place: "in this trust pool",
};

/// Every source of a trust pool.
pub(crate) const SOURCES: &[Row<Vec<TrustSource>>] = &[
    Row::many(
        "file",
        "file PEM... | { pem_file PEM... }",
        "PEM files.",
        |cx, line, pool| {
            let words = words(cx, line, &["pem_file"]);
            let files = words
                .iter()
                .filter_map(|word| cx.pem(word, PemKind::Certificate));
            pool.extend(files.map(TrustSource::File));
        },
    ),
    Row::many(
        "inline",
        "inline BASE64... | { trust_der BASE64... }",
        "Certificates written out.",
        |cx, line, pool| {
            let words = words(cx, line, &["trust_der"]);
            let certificates = words.iter().filter_map(|word| cx.inline_certificate(word));
            pool.extend(certificates.map(TrustSource::Inline));
        },
    ),
    Row::many(
        "pki_root",
        "pki_root CA... | { authority CA... }",
        "Roots of this process.",
        |cx, line, pool| {
            pool.extend(texts(cx, line, &["authority"]).map(TrustSource::PkiRoot));
        },
    ),
    Row::many(
        "pki_intermediate",
        "pki_intermediate CA... | { authority CA... }",
        "Intermediates of this process.",
        |cx, line, pool| {
            pool.extend(texts(cx, line, &["authority"]).map(TrustSource::PkiIntermediate));
        },
    ),
    Row::many(
        "storage",
        "storage KEY... | { keys KEY... }",
        "Entries of the storage.",
        |cx, line, pool| {
            pool.extend(texts(cx, line, &["keys"]).map(TrustSource::Storage));
        },
    ),
    Row::many(
        "http",
        "http URL... | { endpoints URL... }",
        "PEM files fetched at start.",
        |cx, line, pool| {
            pool.extend(texts(cx, line, &["endpoints"]).map(TrustSource::Http));
        },
    ),
    Row::many(
        "system",
        "system",
        "The system's roots.",
        |cx, line, pool| {
            if line.flag(cx) {
                pool.push(TrustSource::System);
            }
        },
    ),
    Row::many(
        "combined",
        "combined { SOURCE ... }",
        "Several of these.",
        |cx, line, pool| {
            let Some(block) = line.block(cx) else { return };
            for segment in &block.segments {
                // `source file …` and `file …` mean the same.
                match segment
                    .args
                    .split_first()
                    .filter(|_| segment.name.is_word("source"))
                {
                    Some((name, args)) => source(cx, name, args, segment.block.as_ref(), pool),
                    None => source(
                        cx,
                        &segment.name,
                        &segment.args,
                        segment.block.as_ref(),
                        pool,
                    ),
                }
            }
        },
    ),
];

/// Reads `trust_pool SOURCE …`.
pub(crate) fn read(cx: &mut Cx<'_>, line: &Line<'_>) -> Vec<TrustSource> {
    let mut pool = Vec::new();
    let args = line.with_block(cx, 1..=usize::MAX);
    if let Some((name, rest)) = args.and_then(|(args, _)| args.split_first()) {
        source(cx, name, rest, line.segment.block.as_ref(), &mut pool);
    }
    pool
}

fn source(
    cx: &mut Cx<'_>,
    name: &Token,
    args: &[Token],
    block: Option<&Block>,
    pool: &mut Vec<TrustSource>,
) {
    let segment = Segment {
        name: name.clone(),
        args: args.to_vec(),
        block: block.cloned(),
    };
    let block = Block {
        segments: vec![segment],
    };
    cx.run_block(&block, KIND, SOURCES, pool);
}

/// The arguments of the line and of the lines of its block, which have this name.
fn words(cx: &mut Cx<'_>, line: &Line<'_>, names: &'static [&'static str]) -> Vec<Token> {
    let Some((args, block)) = line.with_block(cx, 0..=usize::MAX) else {
        return Vec::new();
    };
    let mut words = args.to_vec();
    for segment in block.into_iter().flat_map(|block| &block.segments) {
        if names.iter().any(|name| segment.name.is_word(name)) {
            let line = Line::of(segment, "");
            words.extend_from_slice(line.list(cx, 1..=usize::MAX).unwrap_or_default());
        } else {
            cx.unknown(segment, OPTION, names.iter().map(|name| (*name, true)));
        }
    }
    if words.is_empty() {
        // Says that an argument is missing.
        line.with_block(cx, 1..=usize::MAX);
    }
    words
}

fn texts(
    cx: &mut Cx<'_>,
    line: &Line<'_>,
    names: &'static [&'static str],
) -> impl Iterator<Item = String> + use<> {
    words(cx, line, names)
        .into_iter()
        .map(|word| word.text.to_string())
}
