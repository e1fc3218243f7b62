//! The `encode` directive.

use serde::Serialize;

use super::ResponseMatcher;

/// The `encode` directive.
#[derive(Clone, Debug, Serialize)]
pub struct Encode {
    /// In the order of preference among those a client likes equally.
    pub formats: Vec<EncodeFormat>,
    /// Bodies must be longer than this many bytes; 512 by default.
    pub minimum_length: u64,
    /// Which answers are encoded; those of a compressible type when absent.
    pub matcher: Option<ResponseMatcher>,
}

/// An encoding with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EncodeFormat {
    /// RFC 1952.
    Gzip {
        /// 1 (fast) to 9 (small); 5 by default.
        level: u32,
    },
    /// RFC 8878.
    Zstd {
        /// As the library counts, 1 to 19; 3 by default.
        level: i32,
        /// A checksum at the end of the frame.
        checksum: bool,
    },
    /// RFC 7932.
    Br {
        /// 0 (fast) to 11 (small); 4 by default.
        level: u32,
    },
}
