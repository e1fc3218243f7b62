//! The choice among upstreams.

use std::sync::atomic::{AtomicUsize, Ordering};

use ferrogate_types::route::LoadBalancingPolicy;
use http::HeaderName;
use http::header::HOST;
use parking_lot::Mutex;
use xxhash_rust::xxh64::Xxh64;

use super::registry::UpstreamState;
use crate::compile::Compiler;
use crate::connection::Connection;
use crate::exchange::Exchange;
use crate::head::RequestHead;

/// A compiled policy with its memory.
#[derive(Debug)]
pub(super) enum Policy {
    Random,
    RoundRobin(AtomicUsize),
    WeightedRoundRobin {
        weights: Box<[u32]>,
        credit: Mutex<Box<[i64]>>,
    },
    LeastConn,
    First,
    IpHash,
    ClientIpHash,
    Header(HeaderName),
}

/// What a choice may depend on.
pub(super) struct Choice<'a> {
    /// How many upstreams there are.
    pub(super) count: usize,
    /// The upstream at an index.
    pub(super) state: &'a dyn Fn(usize) -> &'a UpstreamState,
    /// Whether the upstream at an index may be taken.
    pub(super) usable: &'a dyn Fn(usize) -> bool,
    pub(super) request: &'a dyn RequestHead,
    pub(super) connection: &'a Connection,
    pub(super) exchange: &'a Exchange,
}

impl Policy {
    pub(super) fn compile(
        policy: &LoadBalancingPolicy,
        upstreams: usize,
        compiler: &mut Compiler<'_>,
    ) -> Self {
        match policy {
            LoadBalancingPolicy::Random => Self::Random,
            LoadBalancingPolicy::RoundRobin => Self::RoundRobin(AtomicUsize::new(0)),
            LoadBalancingPolicy::WeightedRoundRobin(weights) => {
                if weights.len() != upstreams {
                    compiler.error(format!(
                        "has {} weights for {upstreams} upstreams",
                        weights.len()
                    ));
                } else if weights.iter().all(|weight| *weight == 0) {
                    compiler.error("has only weights of zero");
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
            LoadBalancingPolicy::Header(field) => {
                if let Ok(name) = HeaderName::from_bytes(field.as_bytes()) {
                    return Self::Header(name);
                }
                compiler.error(format!("balances by `{field}`, which is no header field"));
                Self::Random
            }
        }
    }

    /// Picks a usable upstream, if there is one.
    pub(super) fn pick(&self, choice: &Choice<'_>) -> Option<usize> {
        match self {
            Self::Random => choice.random(|_| 0),
            Self::LeastConn => choice.random(UpstreamState::in_flight),
            Self::First => choice.usable().next(),
            // The counter moves on past unusable upstreams too: else the neighbour of a dead one would get twice its share.
            // It is incremented before use, so the first pick is the second upstream.
            Self::RoundRobin(counter) => (0..choice.count)
                .map(|_| counter.fetch_add(1, Ordering::Relaxed).wrapping_add(1) % choice.count)
                .find(|at| (choice.usable)(*at))
                // Others moved the counter meanwhile, and this walk saw some upstreams twice.
                .or_else(|| choice.usable().next()),
            Self::WeightedRoundRobin { weights, credit } => {
                smooth(weights, &mut credit.lock(), choice)
            }
            Self::IpHash => choice.by_hash(ip_text(choice.connection.peer_ip()).as_bytes()),
            Self::ClientIpHash => choice.by_hash(ip_text(choice.exchange.client_ip()).as_bytes()),
            Self::Header(name) if *name == HOST => match choice.request.authority() {
                [] => choice.random(|_| 0),
                host => choice.by_hash(host),
            },
            Self::Header(name) => match choice.request.headers().get(name) {
                Some(value) => choice.by_hash(value.as_bytes()),
                None => choice.random(|_| 0),
            },
        }
    }
}

impl Choice<'_> {
    fn usable(&self) -> impl Iterator<Item = usize> {
        (0..self.count).filter(|at| (self.usable)(*at))
    }

    /// Any of the upstreams with the lowest cost, each as likely as the other.
    fn random(&self, cost: impl Fn(&UpstreamState) -> u32) -> Option<usize> {
        let mut best: Option<(usize, u32)> = None;
        let mut ties = 0_usize;
        for at in self.usable() {
            let cost = cost((self.state)(at));
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
            hasher.update((self.state)(at).dial().as_bytes());
            hasher.update(key);
            hasher.digest()
        };
        // Of equal hashes, which one address written twice has, the first wins.
        self.usable()
            .map(|at| (hash(at), std::cmp::Reverse(at)))
            .max()
            .map(|(_, at)| at.0)
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
