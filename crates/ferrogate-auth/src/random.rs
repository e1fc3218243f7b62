//! Secrets from the operating system.

use ferrogate_types::Secret;
use ring::rand::{SecureRandom, SystemRandom};

/// The operating system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoEntropy;

/// Letters and digits only: a double click selects all of it, and nothing needs escaping anywhere.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Characters of a secret: 43 of 62 are 256 bits.
pub(crate) const SECRET_LEN: usize = 43;

/// So many random letters and digits.
pub(crate) fn alphanumeric(len: usize) -> Result<String, NoEntropy> {
    let system = SystemRandom::new();
    let mut text = String::with_capacity(len);
    let mut bytes = [0_u8; 64];
    while text.len() < len {
        system.fill(&mut bytes).map_err(|_| NoEntropy)?;
        let fair = bytes
            .iter()
            // The largest multiple of 62 in a byte; what is above would make the first letters likelier.
            .filter(|&&byte| byte < 248)
            .filter_map(|byte| ALPHABET.get(usize::from(byte % 62)));
        text.extend(fair.take(len - text.len()).map(|&byte| char::from(byte)));
    }
    Ok(text)
}

/// `prefix` and 256 random bits.
pub(crate) fn secret(prefix: &str) -> Result<Secret, NoEntropy> {
    Ok(Secret::literal(format!(
        "{prefix}{}",
        alphanumeric(SECRET_LEN)?
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_the_whole_alphabet_and_repeats_nothing() {
        let text = alphanumeric(10_000).unwrap();
        assert_eq!(text.len(), 10_000);
        assert!(ALPHABET.iter().all(|&c| text.contains(char::from(c))));
        assert_ne!(secret("x").unwrap(), secret("x").unwrap());
    }
}
