//! Ids for calls of tools where a provider gives none.

/// What every id made here begins with.
const BEGIN: &str = "call_gw";

/// An id for a call: the same for the same call, another for its neighbour. Nothing has to be kept between turns,
/// and a target whose dialect needs no ids recognises it.
pub(crate) fn make(seeds: &[&str], place: usize) -> String {
    let mut bytes = Vec::with_capacity(seeds.iter().map(|seed| seed.len() + 1).sum());
    for seed in seeds {
        bytes.extend_from_slice(seed.as_bytes());
        bytes.push(0);
    }
    format!("{BEGIN}{:016x}_{place}", crate::echo::fnv1a(&bytes))
}

/// Whether an id was made here, so that the provider of the call knows of none.
pub(crate) fn is_made(id: &str) -> bool {
    id.strip_prefix(BEGIN)
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(hash, place)| {
            hash.len() == 16
                && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
                && !place.is_empty()
                && place.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_ids_are_known_and_differ() {
        assert!(is_made(&make(&["r", "f", "{}"], 3)));
        assert_ne!(make(&["ab", "c"], 0), make(&["a", "bc"], 0));
        assert_ne!(make(&["a"], 0), make(&["a"], 1));
        for id in [
            "",
            "call_1",
            "call_gw_1",
            "call_gw0123456789abcdef",
            "call_gw0123456789abcdef_",
        ] {
            assert!(!is_made(id), "{id}");
        }
    }
}
