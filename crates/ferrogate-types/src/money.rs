//! Money and prices in integers.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// US dollars in billionths (10⁻⁹): the smallest price per token in use is above one unit per token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i128);

/// US dollars per million units (tokens) unless said otherwise, kept in billionths of a dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(i128);

/// Why an amount was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a plain decimal number.
    #[error("is not a decimal number (write for instance `0.15`)")]
    Number,
    /// Below zero.
    #[error("is negative")]
    Negative,
    /// More than nine decimal places.
    #[error("has more than nine decimal places")]
    TooFine,
    /// Above 10⁹ dollars.
    #[error("is above one billion")]
    TooLarge,
}

const NANOS: i128 = 1_000_000_000;

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// An amount in billionths of a dollar.
    pub fn from_nanos(nanos: i128) -> Self {
        Self(nanos)
    }

    /// Billionths of a dollar.
    pub fn nanos(self) -> i128 {
        self.0
    }

    /// The sum; stays at the largest amount instead of wrapping.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Price {
    /// A price in billionths of a dollar.
    pub fn from_nanos(nanos: i128) -> Self {
        Self(nanos)
    }

    /// Billionths of a dollar.
    pub fn nanos(self) -> i128 {
        self.0
    }

    /// What `units` cost at this price, rounded half up to a billionth of a dollar.
    ///
    /// Multiplies before it divides, once, so that no rounding adds up over a request.
    pub fn charge(self, units: u64) -> Money {
        self.charge_per(units, 1_000_000)
    }

    /// What `units` cost where this is the price of `per` of them, rounded half up to a billionth of a dollar.
    ///
    /// A `per` of zero counts as one.
    pub fn charge_per(self, units: u64, per: u32) -> Money {
        let per = i128::from(per.max(1));
        Money(
            self.0
                .saturating_mul(i128::from(units))
                .saturating_add(per / 2)
                / per,
        )
    }

    /// The price times `factor`, rounded half up to a billionth of a dollar.
    #[must_use]
    pub fn times(self, factor: Self) -> Self {
        Self(self.0.saturating_mul(factor.0).saturating_add(NANOS / 2) / NANOS)
    }
}

fn parse(text: &str) -> Result<i128, MoneyError> {
    if text.starts_with('-') {
        return Err(MoneyError::Negative);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return Err(MoneyError::Number);
    }
    if fraction.len() > 9 {
        return Err(MoneyError::TooFine);
    }
    if whole.len() > 10 {
        return Err(MoneyError::TooLarge);
    }
    let whole: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse().map_err(|_| MoneyError::Number)?
    };
    let nanos = fraction
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0, |nanos, digit| nanos * 10 + i128::from(digit - b'0'));
    let total = whole * NANOS + nanos;
    if total > NANOS * NANOS {
        Err(MoneyError::TooLarge)
    } else {
        Ok(total)
    }
}

fn write(nanos: i128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if nanos < 0 {
        f.write_str("-")?;
    }
    let nanos = nanos.unsigned_abs();
    let (whole, fraction) = (nanos / NANOS.unsigned_abs(), nanos % NANOS.unsigned_abs());
    if fraction == 0 {
        write!(f, "{whole}")
    } else {
        let digits = format!("{fraction:09}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

macro_rules! decimal {
    ($name:ident) => {
        impl FromStr for $name {
            type Err = MoneyError;

            fn from_str(text: &str) -> Result<Self, MoneyError> {
                parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

decimal!(Money);
decimal!(Price);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charges_by_the_million() {
        let price: Price = "0.15".parse().unwrap();
        assert_eq!(price.charge(1_000_000).to_string(), "0.15");
        assert_eq!(price.charge(20).to_string(), "0.000003");
        assert_eq!(price.charge(0), Money::ZERO);
    }

    #[test]
    fn charges_by_the_minute_or_the_piece() {
        let price: Price = "0.006".parse().unwrap();
        assert_eq!(price.charge_per(90, 60).to_string(), "0.009");
        assert_eq!(price.charge_per(3, 1).to_string(), "0.018");
        assert_eq!(price.charge_per(3, 0).to_string(), "0.018");
    }

    #[test]
    fn multiplies() {
        let times = |price: &str, factor: &str| {
            let (price, factor): (Price, Price) = (price.parse().unwrap(), factor.parse().unwrap());
            price.times(factor).to_string()
        };
        assert_eq!(times("0.075", "0.5"), "0.0375");
        assert_eq!(times("2.5", "2"), "5");
        assert_eq!(times("0.000000001", "0.5"), "0.000000001");
    }

    #[test]
    fn writes_what_is_given_back() {
        assert_eq!(Money::from_nanos(-1_500_000_000).to_string(), "-1.5");
        assert_eq!(Money::from_nanos(-1).to_string(), "-0.000000001");
    }

    #[test]
    fn rounds_half_up_once() {
        let price: Price = "0.0000005".parse().unwrap();
        assert_eq!(price.charge(1_000).nanos(), 1);
        assert_eq!(price.charge(999).nanos(), 0);
    }

    #[test]
    fn refuses_with_a_reason() {
        for (text, error) in [
            ("", MoneyError::Number),
            (".", MoneyError::Number),
            ("1,5", MoneyError::Number),
            ("1e3", MoneyError::Number),
            ("-1", MoneyError::Negative),
            ("0.0000000001", MoneyError::TooFine),
            ("10000000000", MoneyError::TooLarge),
        ] {
            assert_eq!(text.parse::<Price>(), Err(error), "{text}");
        }
    }
}
