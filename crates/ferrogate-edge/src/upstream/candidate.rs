//! An upstream as one route sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use ferrogate_types::route::{Dial, UpstreamAddress};

use super::registry::UpstreamState;

/// An upstream of a route: its address, the state it shares with other routes, and what the route's probes say of it.
#[derive(Debug)]
pub struct Candidate {
    address: UpstreamAddress,
    state: Arc<UpstreamState>,
    probed: Probed,
}

/// The upstreams a choice is made among, in order.
pub type Candidates = Arc<[Arc<Candidate>]>;

/// What active health checks found; healthy until a check says otherwise.
#[derive(Debug, Default)]
struct Probed {
    unhealthy: AtomicBool,
    /// Results in a row that contradict the present state.
    contrary: AtomicU32,
}

impl Candidate {
    pub(super) fn new(address: UpstreamAddress, state: Arc<UpstreamState>) -> Self {
        Self {
            address,
            state,
            probed: Probed::default(),
        }
    }

    /// Where to connect, and how.
    pub fn address(&self) -> &UpstreamAddress {
        &self.address
    }

    /// The address as text: `host:port`, `[ipv6]:port` or `unix//path`.
    pub fn dial(&self) -> &str {
        self.state.dial()
    }

    /// What all routes of the process share of it.
    pub fn state(&self) -> &Arc<UpstreamState> {
        &self.state
    }

    /// Whether active checks call it healthy.
    pub fn is_healthy(&self) -> bool {
        !self.probed.unhealthy.load(Ordering::Relaxed)
    }

    /// Notes a check's result: `passes` good ones in a row bring it back, `fails` bad ones take it out. Says whether that
    /// changed anything. Only one check of a candidate runs at a time.
    pub fn note_probe(&self, good: bool, passes: u32, fails: u32) -> bool {
        let Probed {
            unhealthy,
            contrary,
        } = &self.probed;
        if good != unhealthy.load(Ordering::Relaxed) {
            contrary.store(0, Ordering::Relaxed);
            return false;
        }
        let count = contrary.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let changes = count >= if good { passes } else { fails }.max(1);
        if changes {
            contrary.store(0, Ordering::Relaxed);
            unhealthy.store(!good, Ordering::Relaxed);
        }
        changes
    }
}

/// The address as Caddy writes and hashes it.
pub(super) fn dial_text(dial: &Dial) -> String {
    match dial {
        Dial::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
        Dial::Tcp { host, port } => format!("{host}:{port}"),
        Dial::Unix(path) => format!("unix/{}", path.display()),
        Dial::Template(address) => address.source().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use ferrogate_types::route::UpstreamScheme;

    use super::super::registry::UpstreamRegistry;
    use super::*;

    #[test]
    fn probes_need_as_many_in_a_row_as_asked() {
        let dial = Dial::Unix("/run/x.sock".into());
        let state = UpstreamRegistry::default().state(&dial_text(&dial), 1);
        let candidate = Candidate::new(
            UpstreamAddress {
                scheme: UpstreamScheme::Http,
                dial,
            },
            state,
        );
        for (good, changes, healthy) in [
            (false, false, true),
            (true, false, true),
            (false, false, true),
            (false, false, true),
            (false, true, false),
            (false, false, false),
            (true, false, false),
            (false, false, false),
            (true, false, false),
            (true, true, true),
        ] {
            assert_eq!(candidate.note_probe(good, 2, 3), changes);
            assert_eq!(candidate.is_healthy(), healthy);
        }
    }

    #[test]
    fn addresses_are_written_as_dialled() {
        let tcp = |host: &str| Dial::Tcp {
            host: host.to_owned(),
            port: 80,
        };
        assert_eq!(dial_text(&tcp("a.example")), "a.example:80");
        assert_eq!(dial_text(&tcp("::1")), "[::1]:80");
        assert_eq!(
            dial_text(&Dial::Unix("/run/x.sock".into())),
            "unix//run/x.sock"
        );
    }
}
