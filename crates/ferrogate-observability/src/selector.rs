//! Which loggers write to a log.

/// The loggers that write to a log, by prefixes of their names: `http.log` is `http.log` and all of `http.log.…`.
///
/// The longest prefix that fits decides, like Caddy's. No includes mean everything.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// These do; all when empty.
    pub include: Vec<String>,
    /// These do not.
    pub exclude: Vec<String>,
}

impl Selector {
    /// Whether entries of this logger are wanted.
    pub fn allows(&self, logger: &str) -> bool {
        let longest = |prefixes: &[String]| {
            let fitting = prefixes.iter().filter(|prefix| covers(prefix, logger));
            fitting.map(String::len).max()
        };
        match (longest(&self.include), longest(&self.exclude)) {
            (Some(included), Some(excluded)) => included > excluded,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => self.include.is_empty(),
        }
    }
}

fn covers(prefix: &str, logger: &str) -> bool {
    logger
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || prefix.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        let check = |include: &[&str], exclude: &[&str], logger: &str, expected: bool| {
            let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
            let selector = Selector {
                include: own(include),
                exclude: own(exclude),
            };
            assert_eq!(
                selector.allows(logger),
                expected,
                "{include:?} {exclude:?} {logger}"
            );
        };
        check(&[], &[], "a", true);
        check(&["a"], &[], "a", true);
        check(&["a"], &[], "a.b", true);
        check(&["a"], &[], "ab", false);
        check(&["a"], &[], "b", false);
        check(&[], &["a"], "a.b", false);
        check(&[], &["a"], "b", true);
        check(&["a.b"], &["a"], "a.b.c", true);
        check(&["a"], &["a.b"], "a.b.c", false);
        check(&["a"], &["a.b"], "a.c", true);
    }
}
