//! The DNS-01 challenge: who sets records, and how they are looked for.

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::Place;
use crate::caddyfile::table::Row;
use crate::model::{DnsChallenge, DnsProvider, PropagationTimeout};

/// A block in which the challenge is set up.
pub(crate) trait HasDns: 'static {
    /// The challenge, about which something stands at this place.
    fn dns(&mut self, at: Place) -> &mut DnsChallenge;
}

/// The options of the challenge, which stand in `tls` as well as in issuers.
pub(crate) const fn rows<S: HasDns>() -> [Row<S>; 6] {
    [
        Row::new(
            "dns",
            "dns [PROVIDER [ARGUMENT...]] [{ NAME VALUE... }]",
            "Proves names by DNS records.",
            |cx, line, state: &mut S| {
                let provider = provider(cx, line);
                state.dns(line.at()).provider = provider;
            },
        ),
        Row::new(
            "resolvers",
            "resolvers SERVER...",
            "DNS servers that are asked for the record.",
            |cx, line, state: &mut S| {
                let resolvers = line.texts(cx);
                state.dns(line.at()).resolvers = resolvers;
            },
        ),
        Row::new(
            "propagation_delay",
            "propagation_delay DURATION",
            "How long to wait before looking for the record.",
            |cx, line, state: &mut S| {
                let delay = line.duration(cx);
                state.dns(line.at()).propagation_delay = delay;
            },
        ),
        Row::new(
            "propagation_timeout",
            "propagation_timeout DURATION|-1",
            "How long to look for the record; 2m by default.",
            |cx, line, state: &mut S| {
                let timeout = line.word(cx).and_then(|word| {
                    if &*word.text == "-1" {
                        Some(PropagationTimeout::Never)
                    } else {
                        cx.duration(word).map(PropagationTimeout::For)
                    }
                });
                state.dns(line.at()).propagation_timeout = timeout;
            },
        ),
        Row::new(
            "dns_ttl",
            "dns_ttl DURATION",
            "The record's time to live.",
            |cx, line, state: &mut S| {
                let ttl = line.duration(cx);
                state.dns(line.at()).ttl = ttl;
            },
        ),
        Row::new(
            "dns_challenge_override_domain",
            "dns_challenge_override_domain DOMAIN",
            "The domain to put the record into.",
            |cx, line, state: &mut S| {
                let domain = line.text(cx);
                state.dns(line.at()).override_domain = domain;
            },
        ),
    ]
}

/// `PROVIDER [ARGUMENT...] [{ NAME VALUE... }]`; nothing means the global one.
///
/// Which options a provider has is the provider's business; all values are handled as secrets.
pub(crate) fn provider(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<DnsProvider> {
    let (args, block) = line.with_block(cx, 0..=8)?;
    let (name, arguments) = args.split_first()?;
    let arguments = arguments
        .iter()
        .filter_map(|word| cx.secret(word))
        .collect();
    let mut options = Vec::new();
    for segment in block.into_iter().flat_map(|block| &block.segments) {
        let line = Line::of(segment, "NAME VALUE...");
        let words = line.list(cx, 0..=8).unwrap_or_default();
        let values = words.iter().filter_map(|word| cx.secret(word)).collect();
        options.push((segment.name.text.to_string(), values));
    }
    Some(DnsProvider {
        name: name.text.to_string(),
        arguments,
        options,
    })
}
