//! What a budget counts.

use std::fmt;
use std::str::FromStr;

use ferrogate_types::{Money, Usage};
use serde::{Serialize, Serializer};

/// What the amounts of an account are. Amounts are `i64`: 9.2 billion dollars or 9.2 · 10¹⁸ tokens, which a `BIGINT`
/// of a database and an integer of JSON hold as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Input and output tokens.
    Tokens,
    /// Billionths of a US dollar.
    NanoDollars,
    /// Calls that were sent.
    Requests,
}

/// What a call may use at most, or has used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spend {
    /// Each kind of token apart.
    pub usage: Usage,
    /// What it costs; nothing when the model has no price. A price of zero is a price.
    pub cost: Option<Money>,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 3] = [Self::Tokens, Self::NanoDollars, Self::Requests];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::NanoDollars => "usd",
            Self::Requests => "requests",
        }
    }

    /// The amount of a call in this unit; nothing for money without a price.
    pub fn measure(self, spend: &Spend) -> Option<i64> {
        match self {
            Self::Tokens => Some(i64::try_from(spend.usage.total()).unwrap_or(i64::MAX)),
            Self::NanoDollars => spend
                .cost
                .map(|cost| i64::try_from(cost.nanos()).unwrap_or(i64::MAX)),
            Self::Requests => Some(1),
        }
    }

    /// An amount for people and for JSON: dollars as decimals, the rest as integers.
    pub fn display(self, amount: i64) -> impl fmt::Display {
        Amount(self, amount)
    }
}

struct Amount(Unit, i64);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(unit, amount) = *self;
        if unit != Unit::NanoDollars {
            return write!(f, "{amount}");
        }
        let sign = if amount < 0 { "-" } else { "" };
        write!(
            f,
            "{sign}{}",
            Money::from_nanos(i128::from(amount.unsigned_abs()))
        )
    }
}

impl FromStr for Unit {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|unit| unit.as_str() == text)
            .ok_or(())
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_a_call_in_each_unit() {
        let mut spend = Spend {
            usage: Usage {
                input: 7,
                output: 3,
                ..Usage::default()
            },
            cost: None,
        };
        let measure = |spend: &Spend| Unit::ALL.map(|unit| unit.measure(spend));
        assert_eq!(measure(&spend), [Some(10), None, Some(1)]);
        spend.cost = Some(Money::ZERO);
        assert_eq!(measure(&spend), [Some(10), Some(0), Some(1)]);
        spend.cost = Some(Money::from_nanos(i128::MAX));
        assert_eq!(measure(&spend)[1], Some(i64::MAX));
    }

    #[test]
    fn prints_amounts_for_people() {
        let rows = [
            (Unit::Tokens, 1_500, "1500"),
            (Unit::NanoDollars, 1_500_000_000, "1.5"),
            (Unit::NanoDollars, -250_000_000, "-0.25"),
        ];
        for (unit, amount, text) in rows {
            assert_eq!(unit.display(amount).to_string(), text);
        }
    }
}
