//! Bodies made smaller on their way to the client.

use std::io::{self, Write as _};

use brotli::CompressorWriter;
use bytes::Bytes;
use ferrogate_types::route::EncodeFormat;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A body under way through an encoder.
pub(crate) enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Br(Box<CompressorWriter<Vec<u8>>>),
}

/// Brotli's input buffer in bytes, and its window: 2^19 bytes, half a megabyte for each answer under way.
const BROTLI_BUFFER: usize = 4 << 10;
const BROTLI_WINDOW: u32 = 19;
/// The window of zstd, as a power of two: RFC 8878 asks decoders to support no more than 8 MiB, and memory is per answer.
const ZSTD_WINDOW: u32 = 19;

impl Encoder {
    /// An encoder of this format; fails when the library refuses its settings or memory.
    pub(crate) fn new(format: EncodeFormat) -> io::Result<Self> {
        Ok(match format {
            EncodeFormat::Gzip { level } => {
                Self::Gzip(GzEncoder::new(Vec::new(), Compression::new(level.min(9))))
            }
            EncodeFormat::Zstd { level, checksum } => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), level)?;
                encoder.window_log(ZSTD_WINDOW)?;
                encoder.include_checksum(checksum)?;
                Self::Zstd(encoder)
            }
            EncodeFormat::Br { level } => Self::Br(Box::new(CompressorWriter::new(
                Vec::new(),
                BROTLI_BUFFER,
                level.min(11),
                BROTLI_WINDOW,
            ))),
        })
    }

    /// Encodes a piece; what comes out may be empty. With `flush` all of the piece comes out.
    pub(crate) fn encode(&mut self, piece: &[u8], flush: bool) -> io::Result<Bytes> {
        match self {
            Self::Gzip(encoder) => {
                encoder.write_all(piece)?;
                if flush {
                    encoder.flush()?;
                }
                Ok(std::mem::take(encoder.get_mut()).into())
            }
            Self::Zstd(encoder) => {
                encoder.write_all(piece)?;
                if flush {
                    encoder.flush()?;
                }
                Ok(std::mem::take(encoder.get_mut()).into())
            }
            Self::Br(encoder) => {
                encoder.write_all(piece)?;
                if flush {
                    encoder.flush()?;
                }
                Ok(std::mem::take(encoder.get_mut()).into())
            }
        }
    }

    /// What is left, with the end of the format.
    pub(crate) fn finish(self) -> io::Result<Bytes> {
        Ok(match self {
            Self::Gzip(encoder) => encoder.finish()?.into(),
            Self::Zstd(encoder) => encoder.finish()?.into(),
            Self::Br(encoder) => encoder.into_inner().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn decoded(format: EncodeFormat, encoded: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let read = match format {
            EncodeFormat::Gzip { .. } => {
                flate2::read::GzDecoder::new(encoded).read_to_end(&mut out)
            }
            EncodeFormat::Zstd { .. } => zstd::stream::read::Decoder::new(encoded)
                .unwrap()
                .read_to_end(&mut out),
            EncodeFormat::Br { .. } => {
                brotli::Decompressor::new(encoded, 4096).read_to_end(&mut out)
            }
        };
        // What was flushed may be read before the format has ended.
        drop(read);
        out
    }

    #[test]
    fn what_went_in_comes_out() {
        let pieces = [
            &b"hello hello hello "[..],
            &vec![b'x'; 100_000],
            b"",
            b"end",
        ];
        for format in [
            EncodeFormat::Gzip { level: 5 },
            EncodeFormat::Zstd {
                level: 3,
                checksum: true,
            },
            EncodeFormat::Br { level: 4 },
        ] {
            let mut encoder = Encoder::new(format).unwrap();
            let mut encoded: Vec<u8> = Vec::new();
            let mut given: Vec<u8> = Vec::new();
            for piece in pieces {
                encoded.extend(encoder.encode(piece, true).unwrap());
                given.extend(piece);
                assert_eq!(decoded(format, &encoded), given, "{format:?} is flushed");
            }
            encoded.extend(encoder.finish().unwrap());
            assert_eq!(decoded(format, &encoded), given, "{format:?}");
            assert!(encoded.len() < given.len() / 10, "{format:?}");
        }
    }
}
