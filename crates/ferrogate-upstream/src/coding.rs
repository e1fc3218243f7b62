//! Bodies that come compressed although nobody asked for it, as some proxies in front of providers do.

use std::io::{self, Write};

use bytes::{Buf, Bytes};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName};

/// Input decoded at once: what becomes of it is handed out before more is read, so that a small body that stands for a
/// huge one takes little room.
const PIECE: usize = 4096;
/// The window of zstd, as a power of two: RFC 8878 asks decoders to support no more than 8 MiB.
const WINDOW: u32 = 23;

/// Undoes a content coding, piece by piece.
pub(crate) struct Decoder {
    format: Format,
    input: Bytes,
}

enum Format {
    Gzip(flate2::write::MultiGzDecoder<Vec<u8>>),
    Deflate(flate2::write::ZlibDecoder<Vec<u8>>),
    Brotli(Box<brotli::DecompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Decoder<'static, Vec<u8>>),
}

/// A coding that is not one of `gzip`, `deflate`, `br` and `zstd`, or several.
#[derive(Debug, thiserror::Error)]
#[error("the content coding `{0}` is not understood")]
pub(crate) struct UnknownCoding(String);

impl Decoder {
    /// The decoder for a body with these headers, which then speak of the decoded body; `None` where it is as it is.
    pub(crate) fn of(headers: &mut HeaderMap) -> Result<Option<Self>, UnknownCoding> {
        let mut codings = headers.get_all(CONTENT_ENCODING).iter();
        let coding = match (codings.next(), codings.next()) {
            (None, _) => return Ok(None),
            (Some(one), None) => String::from_utf8_lossy(one.as_bytes()).to_ascii_lowercase(),
            (Some(_), Some(_)) => return Err(UnknownCoding("several".to_owned())),
        };
        let out = Vec::new;
        // Source: RFC 9110 section 8.4.1; `x-gzip` is the old name of `gzip`.
        let format = match coding.trim() {
            "" | "identity" => return Ok(None),
            "gzip" | "x-gzip" => Format::Gzip(flate2::write::MultiGzDecoder::new(out())),
            "deflate" => Format::Deflate(flate2::write::ZlibDecoder::new(out())),
            "br" => Format::Brotli(Box::new(brotli::DecompressorWriter::new(out(), PIECE))),
            "zstd" => {
                let decoder = zstd::stream::write::Decoder::new(out());
                let mut decoder = decoder.map_err(|error| UnknownCoding(error.to_string()))?;
                decoder
                    .window_log_max(WINDOW)
                    .map_err(|error| UnknownCoding(error.to_string()))?;
                Format::Zstd(decoder)
            }
            _ => return Err(UnknownCoding(coding)),
        };
        for name in [CONTENT_ENCODING, CONTENT_LENGTH] as [HeaderName; 2] {
            headers.remove(name);
        }
        Ok(Some(Self {
            format,
            input: Bytes::new(),
        }))
    }

    /// Takes the next piece of the coded body, once all of the one before was handed out.
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.input = piece;
    }

    /// The next decoded piece; `None` when more of the coded body is needed.
    pub(crate) fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        while self.input.has_remaining() {
            let some = self.input.split_to(self.input.len().min(PIECE));
            let decoded = self.format.decode(&some)?;
            if !decoded.is_empty() {
                return Ok(Some(decoded.into()));
            }
        }
        Ok(None)
    }

    /// What is left at the end of the coded body: an error when that is not its end, as far as the coding tells (`deflate`
    /// and `zstd` do not; what is cut there is no whole JSON and no whole stream).
    pub(crate) fn finish(&mut self) -> io::Result<Option<Bytes>> {
        let rest = self.format.finish()?;
        Ok((!rest.is_empty()).then(|| rest.into()))
    }
}

impl Format {
    fn decode(&mut self, input: &[u8]) -> io::Result<Vec<u8>> {
        // Flushed, so that an event comes out with the packet that brought it.
        match self {
            Self::Gzip(decoder) => feed(decoder, input)?,
            Self::Deflate(decoder) => feed(decoder, input)?,
            Self::Brotli(decoder) => feed(decoder.as_mut(), input)?,
            Self::Zstd(decoder) => feed(decoder, input)?,
        }
        Ok(self.take())
    }

    fn finish(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(decoder) => decoder.try_finish()?,
            Self::Deflate(decoder) => decoder.try_finish()?,
            Self::Brotli(decoder) => decoder.close()?,
            Self::Zstd(decoder) => decoder.flush()?,
        }
        Ok(self.take())
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Deflate(decoder) => decoder.get_mut(),
            Self::Brotli(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.get_mut(),
        })
    }
}

fn feed(decoder: &mut impl Write, input: &[u8]) -> io::Result<()> {
    decoder.write_all(input)?;
    decoder.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn encoded(coding: &str, text: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::default();
        match coding {
            "gzip" => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            "deflate" => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            "br" => {
                let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
                encoder.write_all(text).unwrap();
                encoder.into_inner()
            }
            _ => zstd::encode_all(text, 3).unwrap(),
        }
    }

    fn decoder(coding: &'static str) -> Decoder {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("7"));
        let decoder = Decoder::of(&mut headers).unwrap().unwrap();
        assert!(headers.is_empty());
        decoder
    }

    fn decode(coding: &'static str, coded: &[u8], piece: usize) -> io::Result<Vec<u8>> {
        let mut decoder = decoder(coding);
        let mut whole = Vec::new();
        for chunk in coded.chunks(piece) {
            decoder.push(Bytes::copy_from_slice(chunk));
            while let Some(decoded) = decoder.next_piece()? {
                whole.extend_from_slice(&decoded);
            }
        }
        whole.extend_from_slice(&decoder.finish()?.unwrap_or_default());
        Ok(whole)
    }

    #[test]
    fn undoes_every_coding_however_it_is_cut() {
        let text = "data: {\"text\":\"a line that comes again and again\"}\n\n".repeat(500);
        for coding in ["gzip", "deflate", "br", "zstd"] {
            let coded = encoded(coding, text.as_bytes());
            for piece in [1, 7, coded.len()] {
                assert_eq!(
                    decode(coding, &coded, piece).unwrap(),
                    text.as_bytes(),
                    "{coding}"
                );
            }
        }
    }

    #[test]
    fn what_is_cut_or_broken_is_an_error() {
        for coding in ["gzip", "br"] {
            let coded = encoded(coding, &[b'x'; 9000]);
            let cut = coded.split_at(coded.len() - 3).0;
            assert!(decode(coding, cut, 5).is_err(), "{coding}");
        }
        for coding in ["gzip", "deflate", "zstd"] {
            assert!(
                decode(coding, b"not compressed at all", 5).is_err(),
                "{coding}"
            );
        }
    }

    #[test]
    fn a_bomb_comes_out_in_pieces() {
        let coded = encoded("gzip", &vec![0; 64 << 20]);
        let mut decoder = decoder("gzip");
        decoder.push(coded.into());
        let first = decoder.next_piece().unwrap().unwrap();
        assert!(first.len() <= 8 << 20, "{}", first.len());
    }

    #[test]
    fn what_is_not_coded_passes_and_what_is_unknown_does_not() {
        let of = |coding: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
            Decoder::of(&mut headers)
        };
        assert!(Decoder::of(&mut HeaderMap::new()).unwrap().is_none());
        assert!(of("identity").unwrap().is_none());
        assert!(of("gzip, br").is_err() && of("compress").is_err());
    }
}
