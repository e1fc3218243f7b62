//! Marks of what is worth caching.

use crate::Lossy;
use crate::chat::CacheMark;
use crate::json::Writer;
use crate::lossy::Field;

/// Writes marks so that Anthropic accepts them: at most four, and none for an hour behind one for five minutes.
///
/// Source: Anthropic's documentation, "Prompt caching". Marks are counted in the order in which they are written,
/// which is the order in which they are evaluated: tools, instructions, turns.
#[derive(Debug)]
pub(super) struct Breakpoints {
    /// The caller speaks the dialect and knows the rules.
    own: bool,
    /// The earliest, which are left out: each later one covers more of the prompt.
    excess: usize,
    short_seen: bool,
}

/// The most marks of a request.
const MOST: usize = 4;
/// The longest time that a short mark keeps, in seconds.
const SHORT: u32 = 300;

impl Breakpoints {
    /// For a request with so many marks.
    pub(super) fn new(own: bool, marks: usize) -> Self {
        Self {
            own,
            excess: if own { 0 } else { marks.saturating_sub(MOST) },
            short_seen: false,
        }
    }

    /// Writes the next mark, if there is one, into the object that is open.
    pub(super) fn write(&mut self, mark: Option<CacheMark>, w: &mut Writer, lossy: &mut Lossy) {
        let Some(mark) = mark else { return };
        if self.excess > 0 {
            self.excess -= 1;
            lossy.lose(Field::Cache);
            return;
        }
        w.key("cache_control").open().text("type", "ephemeral");
        if self.own {
            w.text_if("ttl", mark.ttl().as_deref());
        } else if let Some(seconds) = mark.seconds {
            let long = seconds > SHORT && !self.short_seen;
            self.short_seen |= !long;
            w.text("ttl", if long { "1h" } else { "5m" });
        } else {
            self.short_seen = true;
        }
        w.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;

    fn check(own: bool, marks: &[Option<u32>], expected: &str) {
        let mut points = Breakpoints::new(own, marks.len());
        let mut lossy = Lossy::new(Dialect::OpenAiChat);
        let mut written = Vec::new();
        for seconds in marks {
            let mut w = Writer::default();
            let mark = CacheMark { seconds: *seconds };
            w.open();
            points.write(Some(mark), &mut w, &mut lossy);
            w.close();
            let text = w.into_text();
            written.push(match () {
                () if text == "{}" => "-",
                () if text.contains("1h") => "1h",
                () if text.contains("5m") => "5m",
                () if text.contains("30m") => "30m",
                () => "*",
            });
        }
        assert_eq!(written.join(" "), expected);
        assert_eq!(lossy.is_empty(), !written.contains(&"-"));
    }

    #[test]
    fn four_are_kept_and_hours_come_first() {
        check(false, &[Some(1800), None], "1h *");
        check(false, &[Some(300), Some(3600)], "5m 5m");
        check(false, &[None, None, None, None, Some(3600)], "- * * * 5m");
        check(true, &[None, Some(1800), None, None, None], "* 30m * * *");
    }
}
