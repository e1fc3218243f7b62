//! `encode`.

use ferrogate_types::route::{Encode, EncodeFormat, Handler, ResponseMatcher};

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::syntax::Token;
use super::table::{Kind, Row};

const KIND: Kind = Kind {
    noun: "option",
    place: "in `encode`",
};
const ZSTD: Kind = Kind {
    noun: "option",
    place: "in `zstd`",
};

/// Bodies of so many bytes and fewer are not worth it.
const MINIMUM_LENGTH: u64 = 512;

const GZIP: EncodeFormat = EncodeFormat::Gzip { level: 5 };
const ZSTD_DEFAULT: EncodeFormat = EncodeFormat::Zstd {
    level: 3,
    checksum: true,
};
const BR: EncodeFormat = EncodeFormat::Br { level: 4 };

/// The formats with their usual settings.
const FORMATS: &[(&str, EncodeFormat)] = &[("gzip", GZIP), ("zstd", ZSTD_DEFAULT), ("br", BR)];

/// Caddy's names for levels of zstd, and the library's levels that compress about as much.
const ZSTD_LEVELS: &[(&str, i32)] = &[("fastest", 1), ("default", 3), ("better", 7), ("best", 11)];

/// What stands in `encode`.
#[derive(Default)]
pub(crate) struct Draft {
    formats: Vec<EncodeFormat>,
    minimum_length: Option<u64>,
    matcher: Option<ResponseMatcher>,
}

/// Settings of zstd.
pub(crate) struct Zstd {
    level: i32,
    checksum: bool,
}

/// Every option of `encode`.
pub(crate) const OPTIONS: &[Row<Draft>] = &[
    Row::new(
        "gzip",
        "gzip [LEVEL]",
        "RFC 1952, level 1 to 9; 5 by default.",
        |cx, line, draft| {
            let Some(args) = line.list(cx, 0..=1) else {
                return;
            };
            match args.first() {
                None => draft.add(GZIP),
                Some(word) => draft.level(cx, word, 1..=9, |level| EncodeFormat::Gzip { level }),
            }
        },
    ),
    Row::new(
        "zstd",
        "zstd [LEVEL] [{ level LEVEL ; disable_checksum }]",
        "RFC 8878, level 1 to 19 or `fastest`, `default`, `better`, `best`; 3 by default.",
        zstd,
    ),
    Row::new(
        "br",
        "br [LEVEL]",
        "RFC 7932, level 0 to 11; 4 by default.",
        |cx, line, draft| {
            let Some(args) = line.list(cx, 0..=1) else {
                return;
            };
            match args.first() {
                None => draft.add(BR),
                Some(word) => draft.level(cx, word, 0..=11, |level| EncodeFormat::Br { level }),
            }
        },
    ),
    Row::new(
        "minimum_length",
        "minimum_length BYTES",
        "Bodies must be longer than this; 512 by default.",
        |cx, line, draft| draft.minimum_length = line.number(cx, 0..=u64::MAX),
    ),
    Row::new(
        "match",
        "match RESPONSE_MATCHER | match { ... }",
        "Which answers are encoded; those of a compressible type by default.",
        |cx, line, draft| draft.matcher = cx.response_matcher(line.segment),
    ),
];

/// Every option of `zstd`.
pub(crate) const ZSTD_OPTIONS: &[Row<Zstd>] = &[
    Row::new(
        "level",
        "level LEVEL",
        "How hard it tries.",
        |cx, line, zstd| {
            if let Some(level) = line.word(cx).and_then(|word| zstd_level(cx, word)) {
                zstd.level = level;
            }
        },
    ),
    Row::new(
        "disable_checksum",
        "disable_checksum",
        "No checksum at the end.",
        |cx, line, zstd| zstd.checksum = !line.flag(cx),
    ),
];

pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some((args, block)) = line.with_block(cx, 0..=FORMATS.len()) else {
        return;
    };
    let mut draft = Draft::default();
    for word in args {
        if let Some(format) = cx.one_of(word, "encoding", FORMATS) {
            draft.add(format);
        }
    }
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut draft);
    }
    if draft.formats.is_empty() {
        draft.formats = vec![ZSTD_DEFAULT, GZIP];
    }
    let encode = Encode {
        formats: draft.formats,
        minimum_length: draft.minimum_length.unwrap_or(MINIMUM_LENGTH),
        matcher: draft.matcher,
    };
    body.push(cx, line, Handler::Encode(encode));
}

impl Draft {
    /// Adds a format, or gives one that is there other settings.
    fn add(&mut self, format: EncodeFormat) {
        let same = |other: &&mut EncodeFormat| {
            std::mem::discriminant(*other) == std::mem::discriminant(&format)
        };
        match self.formats.iter_mut().find(same) {
            Some(other) => *other = format,
            None => self.formats.push(format),
        }
    }

    fn level(
        &mut self,
        cx: &mut Cx<'_>,
        word: &Token,
        range: std::ops::RangeInclusive<u64>,
        format: fn(u32) -> EncodeFormat,
    ) {
        let level = cx.number(word, range);
        if let Some(level) = level.and_then(|level| u32::try_from(level).ok()) {
            self.add(format(level));
        }
    }
}

fn zstd(cx: &mut Cx<'_>, line: &Line<'_>, draft: &mut Draft) {
    let Some((args, block)) = line.with_block(cx, 0..=1) else {
        return;
    };
    let mut zstd = Zstd {
        level: 3,
        checksum: true,
    };
    if let Some(word) = args.first() {
        let Some(level) = zstd_level(cx, word) else {
            return;
        };
        zstd.level = level;
    }
    if let Some(block) = block {
        cx.run_block(block, ZSTD, ZSTD_OPTIONS, &mut zstd);
    }
    draft.add(EncodeFormat::Zstd {
        level: zstd.level,
        checksum: zstd.checksum,
    });
}

fn zstd_level(cx: &mut Cx<'_>, word: &Token) -> Option<i32> {
    if word.text.starts_with(|c: char| c.is_ascii_digit()) {
        let level = cx.number(word, 1..=19)?;
        return i32::try_from(level).ok();
    }
    cx.one_of(word, "level of zstd", ZSTD_LEVELS)
}
