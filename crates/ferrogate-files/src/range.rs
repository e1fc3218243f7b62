//! The `Range` field.

/// A range of bytes: where it begins, and how many there are.
pub(crate) type Span = (u64, u64);

/// What a `Range` field asks of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ranges {
    /// The whole file: there is no field, or one that is to be ignored.
    Whole,
    /// These ranges, in the order asked.
    Some(Vec<Span>),
    /// Nothing the file has.
    Unsatisfiable,
}

/// More ranges than this are an attack rather than a wish.
const MAX_RANGES: usize = 64;

impl Ranges {
    /// Reads a field for a file of `size` bytes. Source: RFC 9110, sections 14.1.2 and 14.2.
    pub(crate) fn parse(field: &str, size: u64) -> Self {
        let Some(list) = field.strip_prefix("bytes=") else {
            return Self::Whole;
        };
        let mut spans = Vec::new();
        let mut any = false;
        for item in list
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            any = true;
            if spans.len() == MAX_RANGES {
                return Self::Whole;
            }
            match span(item, size) {
                Ok(Some(span)) => spans.push(span),
                Ok(None) => {}
                Err(Malformed) => return Self::Whole,
            }
        }
        if !any {
            return Self::Whole;
        }
        if spans.is_empty() {
            return Self::Unsatisfiable;
        }
        // Overlapping ranges could make a small file into a huge answer.
        let total: u64 = spans.iter().map(|(_, length)| length).sum();
        if spans.len() > 1 && total > size {
            return Self::Whole;
        }
        Self::Some(spans)
    }
}

struct Malformed;

fn span(item: &str, size: u64) -> Result<Option<Span>, Malformed> {
    let (first, last) = item.split_once('-').ok_or(Malformed)?;
    let number = |text: &str| {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse::<u64>().map_err(|_| Malformed)
        } else {
            Err(Malformed)
        }
    };
    match (first.trim(), last.trim()) {
        ("", "") => Err(Malformed),
        ("", suffix) => {
            let length = number(suffix)?.min(size);
            Ok((length > 0).then(|| (size - length, length)))
        }
        (first, last) => {
            let first = number(first)?;
            let end = match last {
                "" => size,
                last => {
                    let last = number(last)?;
                    if last < first {
                        return Err(Malformed);
                    }
                    last.saturating_add(1).min(size)
                }
            };
            Ok((first < size).then(|| (first, end - first)))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_read_as_written() {
        use Ranges::{Some, Unsatisfiable, Whole};
        for (field, expected) in [
            ("bytes=0-4", Some(vec![(0, 5)])),
            ("bytes=5-", Some(vec![(5, 5)])),
            ("bytes=-3", Some(vec![(7, 3)])),
            ("bytes=-99", Some(vec![(0, 10)])),
            ("bytes=8-99", Some(vec![(8, 2)])),
            ("bytes=0-0, 9-9", Some(vec![(0, 1), (9, 1)])),
            ("bytes=0-1,20-30", Some(vec![(0, 2)])),
            ("bytes=10-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=20-30,40-", Unsatisfiable),
            ("bytes=0-9,0-9", Whole),
            ("bytes=4-3", Whole),
            ("bytes=a-3", Whole),
            ("bytes=+1-3", Whole),
            ("bytes=", Whole),
            ("bytes=-", Whole),
            ("lines=0-3", Whole),
        ] {
            assert_eq!(Ranges::parse(field, 10), expected, "{field}");
        }
        assert_eq!(Ranges::parse("bytes=0-", 0), Unsatisfiable);
        assert_eq!(
            Ranges::parse(&format!("bytes={}", "0-0,".repeat(65)), 1000),
            Whole
        );
    }

    proptest! {
        #[test]
        fn ranges_lie_in_the_file(field in "bytes=[0-9, -]{0,30}", size in 0_u64..100) {
            if let Ranges::Some(spans) = Ranges::parse(&field, size) {
                for (at, length) in spans {
                    prop_assert!(length > 0 && at + length <= size);
                }
            }
        }
    }
}
