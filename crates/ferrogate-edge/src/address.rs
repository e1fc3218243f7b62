//! Sets of IP addresses.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// Address ranges, merged and sorted: asking costs a binary search.
///
/// An IPv4 address inside IPv6 (`::ffff:10.0.0.1`) is the IPv4 address, in the set as in the question.
#[derive(Clone, Debug, Default)]
pub struct IpSet {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl IpSet {
    /// The union of some ranges.
    pub fn new<'a>(nets: impl IntoIterator<Item = &'a IpNet>) -> Self {
        let mut set = Self::default();
        for net in nets {
            match (net.network().to_canonical(), net.broadcast().to_canonical()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => set.v4.push((first.into(), last.into())),
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    set.v6.push((first.into(), last.into()));
                    // A range wider than the mapped block holds all of IPv4.
                    if (first..=last).contains(&Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0)) {
                        set.v4.push((0, u32::MAX));
                    }
                }
                // The mapped block is aligned, so a range is inside, around or apart from it.
                (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
                    set.v4.push((0, u32::MAX));
                }
            }
        }
        merge(&mut set.v4);
        merge(&mut set.v6);
        set
    }

    /// Whether the address is in one of the ranges.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => within(&self.v4, address.into()),
            IpAddr::V6(address) => within(&self.v6, address.into()),
        }
    }

    /// Whether there is no range at all.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

fn merge<T: Copy + Ord>(ranges: &mut Vec<(T, T)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let overlaps = next.0 <= kept.1;
        if overlaps {
            kept.1 = kept.1.max(next.1);
        }
        overlaps
    });
}

fn within<T: Copy + Ord>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after
        .checked_sub(1)
        .and_then(|at| ranges.get(at))
        .is_some_and(|(_, last)| address <= *last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mapped_addresses_are_ipv4() {
        let nets: Vec<IpNet> = [
            "10.0.0.0/8",
            "192.168.1.7/32",
            "fd00::/8",
            "::ffff:172.16.0.0/108",
        ]
        .iter()
        .map(|net| net.parse().unwrap())
        .collect();
        let set = IpSet::new(&nets);
        for (address, expected) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("11.0.0.0", false),
            ("192.168.1.7", true),
            ("192.168.1.8", false),
            ("172.31.255.255", true),
            ("172.32.0.0", false),
            ("fd12::1", true),
            ("fe80::1", false),
        ] {
            assert_eq!(
                set.contains(address.parse().unwrap()),
                expected,
                "{address}"
            );
        }
        let everything = IpSet::new(&["::/0".parse().unwrap()]);
        assert!(everything.contains("1.2.3.4".parse().unwrap()));
        assert!(IpSet::default().is_empty());
    }

    proptest! {
        #[test]
        fn agrees_with_asking_each_range(
            nets in proptest::collection::vec((any::<u32>(), 4_u8..=32), 0..8),
            address in any::<u32>(),
        ) {
            let nets: Vec<IpNet> =
                nets.iter().map(|(bits, length)| IpNet::new(IpAddr::V4((*bits).into()), *length).unwrap()).collect();
            let address = IpAddr::V4(address.into());
            let expected = nets.iter().any(|net| net.contains(&address));
            prop_assert_eq!(IpSet::new(&nets).contains(address), expected);
        }
    }
}
