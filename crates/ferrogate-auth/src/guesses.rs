//! How often an address may guess.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use ferrogate_types::Subject;
use parking_lot::Mutex;

/// How often an address may present a credential that fits nobody: 20 times at once, and then every six seconds.
/// One that fits somebody is let through all the same, since others may share the address.
///
/// At most 65,536 addresses (IPv6: /64 networks) are remembered; then those that may guess again are forgotten, and
/// if there are none, all of a sixteenth.
#[derive(Debug)]
pub struct Guesses {
    hasher: RandomState,
    pieces: Vec<Mutex<HashMap<Subject, u64>>>,
}

const PIECES: usize = 16;
const PER_PIECE: usize = 4_096;
/// Seconds that one guess costs.
const INTERVAL: u64 = 6;
/// Seconds that may be owed.
const BRIM: u64 = 20 * INTERVAL;

impl Default for Guesses {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            pieces: (0..PIECES).map(|_| Mutex::default()).collect(),
        }
    }
}

impl Guesses {
    /// Whether the address may guess once more; otherwise how long it must wait. `now` is in seconds since 1970.
    pub fn permit(&self, address: IpAddr, now: u64) -> Result<(), Duration> {
        let subject = Subject::address(address);
        let Some(piece) = self.piece(&subject) else {
            return Ok(());
        };
        let owed = piece.lock().get(&subject).map_or(0, |&at| owed(at, now));
        match (owed + INTERVAL).checked_sub(BRIM) {
            Some(wait) if wait > 0 => Err(Duration::from_secs(wait)),
            _ => Ok(()),
        }
    }

    /// Counts a guess that was wrong.
    pub fn failed(&self, address: IpAddr, now: u64) {
        let subject = Subject::address(address);
        let Some(piece) = self.piece(&subject) else {
            return;
        };
        let mut piece = piece.lock();
        if piece.len() >= PER_PIECE && !piece.contains_key(&subject) {
            piece.retain(|_, at| owed(*at, now) > 0);
            if piece.len() >= PER_PIECE {
                piece.clear();
            }
        }
        let at = piece.entry(subject).or_insert(now);
        *at = now.saturating_add((owed(*at, now) + INTERVAL).min(BRIM));
    }

    fn piece(&self, subject: &Subject) -> Option<&Mutex<HashMap<Subject, u64>>> {
        let index = self.hasher.hash_one(subject) % PIECES as u64;
        self.pieces.get(usize::try_from(index).unwrap_or_default())
    }
}

/// Seconds owed. Never more than can be: the wall clock may have been set back.
fn owed(at: u64, now: u64) -> u64 {
    at.saturating_sub(now).min(BRIM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_guess_twenty_times_and_then_slowly() {
        let guesses = Guesses::default();
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap());
        for _ in 0..20 {
            assert_eq!(guesses.permit(one, 1_000), Ok(()));
            guesses.failed(one, 1_000);
        }
        assert_eq!(guesses.permit(one, 1_000), Err(Duration::from_secs(6)));
        assert_eq!(guesses.permit(other, 1_000), Ok(()));
        assert_eq!(guesses.permit(one, 1_006), Ok(()));
        // A clock that is set back locks nobody out for longer.
        assert_eq!(guesses.permit(one, 10), Err(Duration::from_secs(6)));
        guesses.failed(one, 10);
        assert_eq!(guesses.permit(one, 20), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_guesser_and_memory_is_bounded() {
        let guesses = Guesses::default();
        for host in 0..40_u128 {
            guesses.failed(std::net::Ipv6Addr::from((7 << 64) + host).into(), 0);
        }
        let host = std::net::Ipv6Addr::from((7_u128 << 64) + 99);
        assert!(guesses.permit(host.into(), 0).is_err());
        for address in 0..200_000_u32 {
            guesses.failed(std::net::Ipv4Addr::from(address).into(), 0);
        }
        let remembered: usize = guesses.pieces.iter().map(|piece| piece.lock().len()).sum();
        assert!(remembered <= PIECES * PER_PIECE);
    }
}
