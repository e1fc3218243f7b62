//! A mask, from transparent where OpenAI's callers want a change to ink where providers do.
//!
//! Only masks are read here, so only the forms of PNG that have transparency for each pixel. Source: RFC 2083 (PNG).

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::answer::PNG;
use crate::protocol::Untranslatable;

/// The colour of what is to change; everything else has the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Black,
    White,
}

/// Pixels that are looked at: what Nova Canvas takes at most, and a moment's work.
const MOST_PIXELS: u64 = 4_194_304;

/// The mask in black and white, as base64 of a PNG.
pub(super) fn drawn(base64: &str, ink: Ink) -> Result<String, Untranslatable> {
    let wrong = || {
        Untranslatable::new(
            "mask",
            "the mask must be a PNG of at most 4194304 pixels with an alpha channel of 8 bits, and not interlaced",
        )
    };
    let bytes = STANDARD.decode(base64).map_err(|_| wrong())?;
    let inked = redraw(&bytes, ink).ok_or_else(wrong)?;
    Ok(STANDARD.encode(inked))
}

struct Header {
    width: u32,
    height: u32,
    /// Bytes of a pixel, the last of which is its alpha.
    depth: usize,
}

fn redraw(png: &[u8], ink: Ink) -> Option<Vec<u8>> {
    let mut rest = png.strip_prefix(PNG)?;
    let mut header = None;
    let mut packed = Vec::new();
    while let Some((kind, data, behind)) = chunk(rest) {
        match kind {
            b"IHDR" => header = Some(read_header(data)?),
            b"IDAT" => packed.extend_from_slice(data),
            b"IEND" => break,
            _ => {}
        }
        rest = behind;
    }
    let header = header?;
    let mut rows = ZlibDecoder::new(packed.as_slice());
    let width = usize::try_from(header.width).ok()?;
    let mut above = vec![0; width * header.depth];
    let mut line = vec![0; width * header.depth + 1];
    let mut drawn = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mut inked = Vec::with_capacity(width + 1);
    for _ in 0..header.height {
        rows.read_exact(&mut line).ok()?;
        let (filter, row) = line.split_first_mut()?;
        unfilter(*filter, row, &above, header.depth)?;
        inked.clear();
        inked.push(0);
        let pixels = row.chunks_exact(header.depth);
        inked.extend(pixels.map(|pixel| {
            let changes = pixel.last() == Some(&0);
            if changes == (ink == Ink::Black) {
                0
            } else {
                255
            }
        }));
        drawn.write_all(&inked).ok()?;
        above.copy_from_slice(row);
    }
    let mut out = PNG.to_vec();
    let mut ihdr = [header.width.to_be_bytes(), header.height.to_be_bytes()].concat();
    // Eight bits of grey; deflate, the usual filters, no interlacing.
    ihdr.extend([8, 0, 0, 0, 0]);
    write_chunk(&mut out, *b"IHDR", &ihdr)?;
    write_chunk(&mut out, *b"IDAT", &drawn.finish().ok()?)?;
    write_chunk(&mut out, *b"IEND", &[])?;
    Some(out)
}

/// The next chunk: its type, its data, what follows.
fn chunk(rest: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (data, rest) = rest.split_at_checked(length)?;
    let (_checksum, rest) = rest.split_first_chunk::<4>()?;
    Some((kind, data, rest))
}

fn read_header(data: &[u8]) -> Option<Header> {
    let (width, rest) = data.split_first_chunk::<4>()?;
    let (height, rest) = rest.split_first_chunk::<4>()?;
    let (width, height) = (u32::from_be_bytes(*width), u32::from_be_bytes(*height));
    let depth = match rest {
        // Grey with alpha; colour with alpha.
        [8, 4, 0, 0, 0] => 2,
        [8, 6, 0, 0, 0] => 4,
        _ => return None,
    };
    let pixels = u64::from(width) * u64::from(height);
    (1..=MOST_PIXELS).contains(&pixels).then_some(Header {
        width,
        height,
        depth,
    })
}

/// Undoes a line's filter. RFC 2083, section 6.
fn unfilter(filter: u8, row: &mut [u8], above: &[u8], depth: usize) -> Option<()> {
    if filter > 4 {
        return None;
    }
    for at in 0..row.len() {
        let before = at.checked_sub(depth);
        let left = before.and_then(|at| row.get(at)).copied().unwrap_or(0);
        let corner = before.and_then(|at| above.get(at)).copied().unwrap_or(0);
        let up = above.get(at).copied().unwrap_or(0);
        let guess = match filter {
            0 => 0,
            1 => left,
            2 => up,
            3 => left.midpoint(up),
            _ => paeth(left, up, corner),
        };
        let byte = row.get_mut(at)?;
        *byte = byte.wrapping_add(guess);
    }
    Some(())
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let guess = i16::from(left) + i16::from(up) - i16::from(corner);
    let far = |byte: u8| (guess - i16::from(byte)).abs();
    if far(left) <= far(up) && far(left) <= far(corner) {
        left
    } else if far(up) <= far(corner) {
        up
    } else {
        corner
    }
}

fn write_chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) -> Option<()> {
    out.extend(u32::try_from(data.len()).ok()?.to_be_bytes());
    let from = out.len();
    out.extend(kind);
    out.extend_from_slice(data);
    let checksum = crc32fast::hash(out.get(from..)?);
    out.extend(checksum.to_be_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PNG of these filtered lines.
    fn png(head: [u8; 5], width: u32, height: u32, lines: &[u8]) -> String {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(lines).unwrap();
        let packed = packed.finish().unwrap();
        let ihdr = [&width.to_be_bytes()[..], &height.to_be_bytes(), &head].concat();
        let (front, back) = packed.split_at(packed.len() / 2);
        let mut out = PNG.to_vec();
        write_chunk(&mut out, *b"IHDR", &ihdr).unwrap();
        write_chunk(&mut out, *b"tEXt", b"k\0v").unwrap();
        write_chunk(&mut out, *b"IDAT", front).unwrap();
        write_chunk(&mut out, *b"IDAT", back).unwrap();
        write_chunk(&mut out, *b"IEND", &[]).unwrap();
        STANDARD.encode(out)
    }

    /// The grey values, line by line.
    fn greys(base64: &str) -> Vec<u8> {
        let bytes = STANDARD.decode(base64).unwrap();
        let mut rest = bytes.strip_prefix(PNG).unwrap();
        let mut lines = Vec::new();
        while let Some((kind, data, behind)) = chunk(rest) {
            if kind == b"IDAT" {
                ZlibDecoder::new(data).read_to_end(&mut lines).unwrap();
            }
            rest = behind;
        }
        lines
    }

    #[test]
    fn transparent_becomes_ink_whatever_the_filter() {
        // Two pixels a line, grey with alpha: 10 opaque, 20 transparent; each line filtered another way.
        let lines = [
            [0, 10, 255, 20, 0],
            [1, 10, 255, 10, 1],
            [2, 0, 0, 0, 0],
            [3, 5, 128, 5, 129],
            [4, 0, 0, 0, 0],
        ];
        let mask = png([8, 4, 0, 0, 0], 2, 5, &lines.concat());
        let black = drawn(&mask, Ink::Black).unwrap();
        assert_eq!(greys(&black), [0, 255, 0].repeat(5));
        let white = drawn(&mask, Ink::White).unwrap();
        assert_eq!(greys(&white), [0, 0, 255].repeat(5));
        let colour = png([8, 6, 0, 0, 0], 1, 2, &[0, 1, 2, 3, 0, 0, 1, 2, 3, 4]);
        let black = drawn(&colour, Ink::Black).unwrap();
        assert_eq!(greys(&black), [0, 0, 0, 255]);
    }

    #[test]
    fn what_has_no_transparency_is_refused() {
        let line = [0, 1, 2, 3, 4];
        for mask in [
            String::new(),
            "not base64!".to_owned(),
            STANDARD.encode(PNG),
            png([8, 2, 0, 0, 0], 1, 1, &line),
            png([8, 6, 0, 0, 1], 1, 1, &line),
            png([16, 6, 0, 0, 0], 1, 1, &line),
            png([8, 6, 0, 0, 0], 0, 1, &line),
            // More lines than there are, and more pixels than are looked at.
            png([8, 6, 0, 0, 0], 1, 2, &line),
            png([8, 6, 0, 0, 0], u32::MAX, u32::MAX, &line),
            png([8, 6, 0, 0, 0], 1, 1, &[9, 1, 2, 3, 4]),
        ] {
            assert_eq!(drawn(&mask, Ink::Black).unwrap_err().param, "mask");
        }
    }
}
