//! Weights with a decimal point to whole ones.

use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::Token;
use crate::diagnostic::Diagnostic;

/// The largest whole weight.
const MAX: u64 = 1_000_000;

/// The most digits behind a point.
const MAX_DIGITS: usize = 6;

/// Weights in the same proportions, all of them whole; what is no weight is reported and missing.
pub(super) fn whole(cx: &mut Cx<'_>, written: &[Option<Token>]) -> Vec<Option<Token>> {
    let parts: Vec<Option<(u64, &str)>> = written
        .iter()
        .map(|word| word.as_ref().and_then(|word| parts(&word.text)))
        .collect();
    let digits = parts.iter().flatten().map(|(_, rest)| rest.len()).max();
    let digits = digits.unwrap_or_default();
    let mut out = Vec::new();
    for (word, parts) in written.iter().zip(parts) {
        let scaled = parts.and_then(|parts| scale(parts, digits));
        if let (Some(word), None) = (word, scaled) {
            let shown = cx.shown(word);
            cx.say(
                word.at,
                Diagnostic::error("invalid-value", format!("weight `{shown}` cannot be used"))
                    .label("too large or too fine beside the others, or no number")
                    .hint("write for instance 70 and 30, or 0.7 and 0.3"),
            );
        }
        out.push(word.as_ref().zip(scaled).map(|(word, weight)| Token {
            text: weight.to_string().into(),
            ..word.clone()
        }));
    }
    out
}

/// What stands before the point, and what behind it without zeros at its end.
fn parts(text: &str) -> Option<(u64, &str)> {
    let (before, behind) = text.split_once('.').unwrap_or((text, ""));
    let behind = behind.trim_end_matches('0');
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(before) && digits(behind) && behind.len() <= MAX_DIGITS)
        .then(|| before.parse().ok())?
        .map(|before| (before, behind))
}

fn scale((before, behind): (u64, &str), digits: usize) -> Option<u64> {
    let fraction: u64 = format!("{behind:0<digits$}0").parse().ok()?;
    let factor = 10_u64.checked_pow(u32::try_from(digits).ok()?)?;
    let whole = before.checked_mul(factor)?.checked_add(fraction / 10)?;
    (whole <= MAX).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, digits: usize, expected: Option<u64>) {
        let scaled = parts(text).and_then(|parts| scale(parts, digits));
        assert_eq!(scaled, expected, "{text}");
    }

    #[test]
    fn proportions_are_kept() {
        check("70", 0, Some(70));
        check("0.7", 1, Some(7));
        check("0.25", 2, Some(25));
        check("0.3", 2, Some(30));
        check("1.0", 0, Some(1));
        check("0", 0, Some(0));
        check("2", 6, None);
        check("1", 6, Some(1_000_000));
        check("-1", 0, None);
        check("1e3", 0, None);
        check("0.0000001", 7, None);
        check("", 0, None);
        check("99999999999999999999", 0, None);
    }
}
