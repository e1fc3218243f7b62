//! Byte sizes as configuration writes them.

/// Why a size was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Not a number followed by a unit.
    #[error("is not a size (write for instance `64KiB` or `10MB`)")]
    Number,
    /// A unit that does not exist.
    #[error("has the unknown unit `{0}` (use B, KB, MB, GB, KiB, MiB or GiB)")]
    Unit(String),
    /// More bytes than a `u64` holds.
    #[error("is too large")]
    TooLarge,
}

/// Reads a size in bytes: `KB MB GB` (and `K M G`) are powers of 1000, `KiB MiB GiB` powers of 1024, no
/// unit is bytes; case does not matter and one blank may stand before the unit.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let text = text.trim();
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = unit.trim_start();
    let scale = UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))
        .map(|&(_, scale)| scale)
        .ok_or_else(|| SizeError::Unit(unit.to_owned()))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') || fraction.len() > 9 {
        return Err(SizeError::Number);
    }
    let whole: u64 = whole.parse().map_err(|_| SizeError::TooLarge)?;
    let mut bytes = u128::from(whole) * u128::from(scale);
    if !fraction.is_empty() {
        let digits: u128 = fraction.parse().map_err(|_| SizeError::Number)?;
        let places = 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| SizeError::Number)?);
        bytes += digits * u128::from(scale) / places;
    }
    u64::try_from(bytes).map_err(|_| SizeError::TooLarge)
}

const UNITS: [(&str, u64); 15] = [
    ("", 1),
    ("B", 1),
    ("K", 1_000),
    ("KB", 1_000),
    ("KiB", 1 << 10),
    ("M", 1_000_000),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("G", 1_000_000_000),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("T", 1_000_000_000_000),
    ("TB", 1_000_000_000_000),
    ("TiB", 1 << 40),
    ("Ki", 1 << 10),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes() {
        for (text, bytes) in [
            ("5", 5),
            ("1KB", 1000),
            ("1kib", 1024),
            ("10 MB", 10_000_000),
            ("1.5MiB", 1_572_864),
            ("2G", 2_000_000_000),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_with_a_reason() {
        for (text, error) in [
            ("", SizeError::Number),
            ("MB", SizeError::Number),
            ("-1", SizeError::Unit("-1".into())),
            ("1XB", SizeError::Unit("XB".into())),
            ("99999999999999999999", SizeError::TooLarge),
            ("18446744073709551615K", SizeError::TooLarge),
        ] {
            assert_eq!(parse_size(text), Err(error), "{text}");
        }
    }
}
