//! The header that makes a file of bare samples.
//!
//! Source: Microsoft's and IBM's "Multimedia Programming Interface and Data Specifications 1.0", the WAVE form.

/// How samples of 16 bits are to be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Samples {
    /// Samples a second.
    pub(super) rate: u32,
    /// Samples at once.
    pub(super) channels: u16,
}

impl Samples {
    /// Reads `audio/L16;codec=pcm;rate=24000`; `None` for anything that is not bare samples of 16 bits. RFC 2586.
    pub(super) fn of(media_type: &str) -> Option<Self> {
        let mut parts = media_type.split(';').map(str::trim);
        let kind = parts.next()?;
        if !["audio/l16", "audio/pcm"]
            .iter()
            .any(|known| kind.eq_ignore_ascii_case(known))
        {
            return None;
        }
        let mut samples = Self {
            rate: 24_000,
            channels: 1,
        };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            if name.eq_ignore_ascii_case("rate") {
                samples.rate = value.parse().ok()?;
            } else if name.eq_ignore_ascii_case("channels") {
                samples.channels = value.parse().ok()?;
            }
        }
        Some(samples)
    }

    /// The samples with a header; `None` where there are more than a header can tell.
    pub(super) fn to_wav(self, pcm: &[u8]) -> Option<Vec<u8>> {
        let length = u32::try_from(pcm.len()).ok()?;
        let frame = self.channels.checked_mul(2)?;
        let mut wav = Vec::with_capacity(pcm.len() + 44);
        wav.extend_from_slice(b"RIFF");
        wav.extend_from_slice(&length.checked_add(36)?.to_le_bytes());
        wav.extend_from_slice(b"WAVEfmt ");
        wav.extend_from_slice(&16_u32.to_le_bytes());
        // Bare samples.
        wav.extend_from_slice(&1_u16.to_le_bytes());
        wav.extend_from_slice(&self.channels.to_le_bytes());
        wav.extend_from_slice(&self.rate.to_le_bytes());
        wav.extend_from_slice(&self.rate.checked_mul(u32::from(frame))?.to_le_bytes());
        wav.extend_from_slice(&frame.to_le_bytes());
        wav.extend_from_slice(&16_u16.to_le_bytes());
        wav.extend_from_slice(b"data");
        wav.extend_from_slice(&length.to_le_bytes());
        wav.extend_from_slice(pcm);
        Some(wav)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_told_by_their_media_type() {
        let samples = |rate, channels| Some(Samples { rate, channels });
        for (media_type, expected) in [
            ("audio/L16;codec=pcm;rate=24000", samples(24_000, 1)),
            ("audio/l16; rate=16000; channels=2", samples(16_000, 2)),
            ("audio/pcm", samples(24_000, 1)),
            ("audio/L16;rate=many", None),
            ("audio/wav", None),
        ] {
            assert_eq!(Samples::of(media_type), expected, "{media_type}");
        }
    }

    #[test]
    fn a_header_goes_before_the_samples() {
        let samples = Samples {
            rate: 24_000,
            channels: 1,
        };
        let wav = samples.to_wav(&[1, 2, 3, 4]).unwrap();
        let expected: [&[u8]; 9] = [
            b"RIFF",
            &[40, 0, 0, 0],
            b"WAVEfmt \x10\0\0\0",
            // Format and channels, then 24,000 samples and 48,000 bytes a second.
            &[1, 0, 1, 0],
            &[0xc0, 0x5d, 0, 0],
            &[0x80, 0xbb, 0, 0],
            // Bytes at once, bits of a sample.
            &[2, 0, 16, 0],
            b"data\x04\0\0\0",
            &[1, 2, 3, 4],
        ];
        assert_eq!(wav, expected.concat());
        let absurd = Samples {
            rate: u32::MAX,
            channels: 2,
        };
        assert_eq!(absurd.to_wav(&[]), None);
    }
}
