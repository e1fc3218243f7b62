//! Hashes of passwords as text.

/// How a password was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// `$2b$COST$SALT-AND-HASH`
    Bcrypt,
    /// `$argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT$HASH`
    Argon2id,
}

/// The hash itself: as written when it begins with `$`, otherwise decoded from base64.
pub(super) fn decode(text: &str) -> Option<String> {
    if text.starts_with('$') {
        return Some(text.to_owned());
    }
    String::from_utf8(base64(text)?)
        .ok()
        .filter(|hash| hash.starts_with('$'))
}

/// Which algorithm made a hash; what is wrong with one that none made.
pub(super) fn check(hash: &str) -> Result<Algorithm, &'static str> {
    let parts: Vec<&str> = hash.split('$').collect();
    match parts.as_slice() {
        ["", "2a" | "2b" | "2x" | "2y", cost, digest] => bcrypt(cost, digest),
        ["", "2a" | "2b" | "2x" | "2y", ..] => Err("not a whole bcrypt hash"),
        ["", "argon2id", version, costs, salt, digest] => argon2id(version, costs, salt, digest),
        ["", "argon2id", ..] => Err("not a whole argon2id hash"),
        ["", "argon2i" | "argon2d", ..] => Err("a weaker kind of argon2 than `argon2id`"),
        _ => Err("not made by bcrypt or argon2id"),
    }
}

fn bcrypt(cost: &str, digest: &str) -> Result<Algorithm, &'static str> {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'/';
    if cost.len() != 2 || !cost.parse().is_ok_and(|cost: u8| (4..=31).contains(&cost)) {
        return Err("the cost of a bcrypt hash is a number from 04 to 31");
    }
    if digest.len() != 53 || !digest.bytes().all(letters) {
        return Err("a bcrypt hash has 53 letters after its cost");
    }
    Ok(Algorithm::Bcrypt)
}

fn argon2id(
    version: &str,
    costs: &str,
    salt: &str,
    digest: &str,
) -> Result<Algorithm, &'static str> {
    if version != "v=19" {
        return Err("argon2id hashes have the version 19");
    }
    let number = |field: Option<&str>, name: &str| {
        field
            .and_then(|field| field.strip_prefix(name))
            .and_then(|number| number.parse::<u32>().ok())
            .filter(|&number| number > 0)
    };
    let mut fields = costs.split(',');
    let memory = number(fields.next(), "m=");
    let passes = number(fields.next(), "t=");
    let lanes = number(fields.next(), "p=");
    let (Some(memory), Some(_), Some(lanes), None) = (memory, passes, lanes, fields.next()) else {
        return Err("the costs of an argon2id hash are written `m=KIB,t=PASSES,p=LANES`");
    };
    // RFC 9106, section 3.1, and a bound on what one login may cost us.
    if memory < lanes.saturating_mul(8) || memory > 1 << 20 {
        return Err("the memory of an argon2id hash lies between 8 KiB a lane and 1 GiB");
    }
    let long_enough = |text: &str, least: usize| base64(text).is_some_and(|b| b.len() >= least);
    if !long_enough(salt, 8) || !long_enough(digest, 4) {
        return Err("salt or digest of the argon2id hash is not whole");
    }
    Ok(Algorithm::Argon2id)
}

/// Decodes base64 with the usual alphabet, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if digits.len() % 4 == 1 || text.len() - digits.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xFF).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BCRYPT: &str = "$2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG";
    const ARGON2ID: &str = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21l$RdescudvJCsgt3ub+b27tA";

    #[test]
    fn hashes_are_told_apart() {
        for (hash, expected) in [
            (BCRYPT, Ok(Algorithm::Bcrypt)),
            (ARGON2ID, Ok(Algorithm::Argon2id)),
        ] {
            assert_eq!(check(hash), expected, "{hash}");
        }
        for (hash, part) in [
            ("$2a$14$Zkx19XLiW6VYouLHR5Nmf", "53 letters"),
            (&BCRYPT.replace("$14$", "$99$"), "cost"),
            ("$2a$14", "whole bcrypt"),
            (&ARGON2ID.replace("v=19", "v=16"), "version"),
            (&ARGON2ID.replace("m=65536", "m=1"), "memory"),
            (&ARGON2ID.replace(",p=4", ""), "costs"),
            ("$argon2i$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "weaker"),
            ("$1$abc$def", "not made by"),
        ] {
            assert!(check(hash).unwrap_err().contains(part), "{hash}");
        }
    }

    #[test]
    fn base64_of_a_hash_counts() {
        let encoded =
            "JDJhJDE0JFpreDE5WExpVzZWWW91TEhSNU5tZk9GVTB6MkdUTm1wa1QvNXFxUjdoeDRJaldKUERoanZH";
        assert_eq!(decode(encoded).as_deref(), Some(BCRYPT));
        assert_eq!(decode(BCRYPT).as_deref(), Some(BCRYPT));
        for text in ["secret", "c2VjcmV0", "a", "====", "JDJ*"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
