//! The choice among upstreams.

use std::sync::atomic::{AtomicUsize, Ordering};

use ferrogate_types::Placeholder;
use ferrogate_types::route::LoadBalancingPolicy;
use http::header::HOST;
use http::{HeaderName, HeaderValue};
use parking_lot::Mutex;
use xxhash_rust::xxh64::Xxh64;

use super::candidate::Candidate;
use super::registry::UpstreamState;
use super::sticky::Sticky;
use crate::compile::Compiler;
use crate::placeholder::{View, write_value};

/// A compiled policy with its memory.
#[derive(Debug)]
pub(super) enum Policy {
    Random,
    RandomChoose(usize),
    RoundRobin(AtomicUsize),
    WeightedRoundRobin {
        weights: Box<[u32]>,
        credit: Mutex<Box<[i64]>>,
    },
    LeastConn,
    First,
    IpHash,
    ClientIpHash,
    UriHash,
    Header(HeaderName, Box<Policy>),
    Query(Placeholder, Box<Policy>),
    Cookie(Sticky, Box<Policy>),
}

/// What a choice may depend on.
pub(super) struct Choice<'a> {
    /// The upstreams.
    pub(super) candidates: &'a [std::sync::Arc<Candidate>],
    /// Whether the upstream at an index may be taken.
    pub(super) usable: &'a dyn Fn(usize) -> bool,
    pub(super) view: View<'a>,
    /// Whether `X-Forwarded-Proto` of the peer is believed.
    pub(super) trusted_peer: bool,
}

/// An upstream that was picked.
pub(super) struct Picked {
    pub(super) index: usize,
    /// A cookie that brings the client back to it.
    pub(super) cookie: Option<HeaderValue>,
}

impl Policy {
    pub(super) fn compile(
        policy: &LoadBalancingPolicy,
        upstreams: Option<usize>,
        compiler: &mut Compiler<'_>,
    ) -> Self {
        let inner = |fallback: &LoadBalancingPolicy, compiler: &mut Compiler<'_>| {
            Box::new(Self::compile(fallback, upstreams, compiler))
        };
        match policy {
            LoadBalancingPolicy::Random => Self::Random,
            LoadBalancingPolicy::RandomChoose(count) => {
                Self::RandomChoose(usize::try_from(*count).unwrap_or(usize::MAX))
            }
            LoadBalancingPolicy::RoundRobin => Self::RoundRobin(AtomicUsize::new(0)),
            LoadBalancingPolicy::WeightedRoundRobin(weights) => {
                match upstreams {
                    Some(upstreams) if weights.len() != upstreams => compiler.error(format!(
                        "has {} weights for {upstreams} upstreams",
                        weights.len()
                    )),
                    _ if weights.iter().all(|weight| *weight == 0) => {
                        compiler.error("has only weights of zero");
                    }
                    _ => {}
                }
                let credit = Mutex::new(vec![0; weights.len()].into());
                Self::WeightedRoundRobin {
                    weights: weights.as_slice().into(),
                    credit,
                }
            }
            LoadBalancingPolicy::LeastConn => Self::LeastConn,
            LoadBalancingPolicy::First => Self::First,
            LoadBalancingPolicy::IpHash => Self::IpHash,
            LoadBalancingPolicy::ClientIpHash => Self::ClientIpHash,
            LoadBalancingPolicy::UriHash => Self::UriHash,
            LoadBalancingPolicy::Header { field, fallback } => {
                if let Ok(name) = HeaderName::from_bytes(field.as_bytes()) {
                    return Self::Header(name, inner(fallback, compiler));
                }
                compiler.error(format!("balances by `{field}`, which is no header field"));
                Self::Random
            }
            LoadBalancingPolicy::Query { key, fallback } => Self::Query(
                Placeholder::QueryParam(key.clone()),
                inner(fallback, compiler),
            ),
            LoadBalancingPolicy::Cookie {
                name,
                secret,
                max_age,
                fallback,
            } => match Sticky::new(name, secret, *max_age) {
                Ok(sticky) => Self::Cookie(sticky, inner(fallback, compiler)),
                Err(message) => {
                    compiler.error(message);
                    Self::Random
                }
            },
        }
    }

    /// Picks a usable upstream, if there is one.
    pub(super) fn pick(&self, choice: &Choice<'_>) -> Option<Picked> {
        let head = choice.view.head;
        let index = match self {
            Self::Random => choice.random(choice.usable(), |_| 0),
            Self::RandomChoose(count) => {
                let some = fastrand::choose_multiple(choice.usable(), *count);
                choice.random(some.into_iter(), UpstreamState::in_flight)
            }
            Self::LeastConn => choice.random(choice.usable(), UpstreamState::in_flight),
            Self::First => choice.usable().next(),
            // The counter moves on past unusable upstreams too: else the neighbour of a dead one would get twice its share.
            // It is incremented before use, so the first pick is the second upstream.
            Self::RoundRobin(counter) => {
                let count = choice.candidates.len();
                (0..count)
                    .map(|_| counter.fetch_add(1, Ordering::Relaxed).wrapping_add(1) % count)
                    .find(|at| (choice.usable)(*at))
                    // Others moved the counter meanwhile, and this walk saw some upstreams twice.
                    .or_else(|| choice.usable().next())
            }
            Self::WeightedRoundRobin { weights, credit } => {
                smooth(weights, &mut credit.lock(), choice)
            }
            Self::IpHash => choice.by_hash(ip_text(choice.view.connection.peer_ip()).as_bytes()),
            Self::ClientIpHash => {
                choice.by_hash(ip_text(choice.view.exchange.client_ip()).as_bytes())
            }
            Self::UriHash => choice.by_hash(head.path_and_query()),
            Self::Header(name, fallback) => {
                let key = if *name == HOST {
                    Some(head.authority()).filter(|host| !host.is_empty())
                } else {
                    head.headers().get(name).map(HeaderValue::as_bytes)
                };
                match key {
                    Some(key) => choice.by_hash(key),
                    None => return fallback.pick(choice),
                }
            }
            Self::Query(parameter, fallback) => {
                let mut key = String::new();
                write_value(parameter, &choice.view, &mut key);
                if key.is_empty() {
                    return fallback.pick(choice);
                }
                choice.by_hash(key.as_bytes())
            }
            Self::Cookie(sticky, fallback) => {
                let known = sticky.named(head.headers()).and_then(|value| {
                    choice
                        .usable()
                        .find(|at| choice.state(*at).is_some_and(|it| sticky.is(value, it)))
                });
                if known.is_none() {
                    let mut picked = fallback.pick(choice)?;
                    let state = choice.state(picked.index)?;
                    picked.cookie = sticky.cookie(state, choice.is_secure());
                    return Some(picked);
                }
                known
            }
        };
        index.map(|index| Picked {
            index,
            cookie: None,
        })
    }
}

impl Choice<'_> {
    fn usable(&self) -> impl Iterator<Item = usize> {
        (0..self.candidates.len()).filter(|at| (self.usable)(*at))
    }

    fn state(&self, index: usize) -> Option<&UpstreamState> {
        self.candidates
            .get(index)
            .map(|candidate| &**candidate.state())
    }

    /// Any of those with the lowest cost, each as likely as the other.
    fn random(
        &self,
        among: impl Iterator<Item = usize>,
        cost: impl Fn(&UpstreamState) -> u32,
    ) -> Option<usize> {
        let mut best: Option<(usize, u32)> = None;
        let mut ties = 0_usize;
        for at in among {
            let cost = cost(self.state(at)?);
            match best {
                Some((_, lowest)) if cost > lowest => continue,
                Some((_, lowest)) if cost == lowest => ties += 1,
                _ => ties = 1,
            }
            if fastrand::usize(..ties) == 0 {
                best = Some((at, cost));
            }
        }
        best.map(|(at, _)| at)
    }

    /// Rendezvous hashing, so that an upstream that goes moves only its own keys: the highest xxHash64 of address and
    /// key wins. Caddy computes the same.
    fn by_hash(&self, key: &[u8]) -> Option<usize> {
        let hash = |at: usize| {
            let mut hasher = Xxh64::new(0);
            hasher.update(self.state(at).map_or("", UpstreamState::dial).as_bytes());
            hasher.update(key);
            hasher.digest()
        };
        // Of equal hashes, which one address written twice has, the first wins.
        self.usable()
            .map(|at| (hash(at), std::cmp::Reverse(at)))
            .max()
            .map(|(_, at)| at.0)
    }

    /// Whether the client speaks TLS to us or to a proxy that is believed.
    fn is_secure(&self) -> bool {
        let told = || {
            let proto = self.view.head.headers().get("x-forwarded-proto");
            proto.is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
        };
        self.view.connection.tls.is_some() || (self.trusted_peer && told())
    }
}

fn ip_text(ip: Option<std::net::IpAddr>) -> String {
    ip.map(|ip| ip.to_string()).unwrap_or_default()
}

/// Smooth weighted round robin: everyone earns its weight, the richest pays for all.
fn smooth(weights: &[u32], credit: &mut [i64], choice: &Choice<'_>) -> Option<usize> {
    let mut total = 0;
    let mut richest: Option<(usize, i64)> = None;
    for at in choice.usable() {
        let (Some(weight), Some(credit)) = (weights.get(at), credit.get_mut(at)) else {
            continue;
        };
        if *weight == 0 {
            continue;
        }
        total += i64::from(*weight);
        *credit += i64::from(*weight);
        if richest.is_none_or(|(_, most)| *credit > most) {
            richest = Some((at, *credit));
        }
    }
    let (at, _) = richest?;
    if let Some(credit) = credit.get_mut(at) {
        *credit -= total;
    }
    Some(at)
}
