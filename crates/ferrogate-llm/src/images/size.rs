//! The size of a picture.

use std::fmt;
use std::str::FromStr;

/// Width and height in pixels, 1 to 16384 each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

/// The longest side anybody could mean.
const LONGEST: u32 = 16_384;

impl FromStr for Size {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (width, height) = text.split_once('x').ok_or(())?;
        let side = |text: &str| {
            text.parse()
                .ok()
                .filter(|side| (1..=LONGEST).contains(side))
        };
        match (side(width), side(height)) {
            (Some(width), Some(height)) => Ok(Self { width, height }),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl Size {
    pub(super) const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    pub(super) fn longest(self) -> u32 {
        self.width.max(self.height)
    }

    pub(super) fn is_square_of(self, side: u32) -> bool {
        self.width == side && self.height == side
    }

    /// How much wider one is than the other, as a logarithm: twice as wide is as far as half as wide.
    fn distance(self, width: u32, height: u32) -> f64 {
        let shape = |width: u32, height: u32| (f64::from(width) / f64::from(height)).ln();
        (shape(self.width, self.height) - shape(width, height)).abs()
    }

    /// The ratio, written `3:2`, that comes nearest; `1:1` of none.
    pub(super) fn nearest_ratio<'r>(self, ratios: &[&'r str]) -> &'r str {
        let distance = |ratio: &str| {
            let sides = ratio.split_once(':').and_then(|(width, height)| {
                Some((width.parse::<u32>().ok()?, height.parse::<u32>().ok()?))
            });
            sides.map_or(f64::MAX, |(width, height)| self.distance(width, height))
        };
        ratios
            .iter()
            .copied()
            .min_by(|one, other| distance(one).total_cmp(&distance(other)))
            .unwrap_or("1:1")
    }

    /// The size of a list that comes nearest in shape, and among those of one shape in width.
    pub(super) fn nearest(self, sizes: &[Self]) -> Self {
        let key = |size: &Self| {
            let shape = self.distance(size.width, size.height);
            (shape, self.width.abs_diff(size.width))
        };
        let nearer = |one: &&Self, other: &&Self| {
            let (one, other) = (key(one), key(other));
            one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))
        };
        sizes.iter().min_by(nearer).copied().unwrap_or(self)
    }

    /// Both sides in steps of so many pixels, within bounds.
    pub(super) fn stepped(self, step: u32, least: u32, most: u32) -> Self {
        let side = |side: u32| (side.saturating_add(step / 2) / step * step).clamp(least, most);
        Self::new(side(self.width), side(self.height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_width_and_height_and_nothing_else() {
        assert_eq!("1536x1024".parse(), Ok(Size::new(1536, 1024)));
        for nonsense in ["", "x", "1024", "0x5", "1024x99999", "-1x1", "4x4x4", "big"] {
            assert_eq!(nonsense.parse::<Size>(), Err(()), "{nonsense}");
        }
    }

    #[test]
    fn finds_what_is_nearest() {
        let ratios = ["1:1", "3:4", "4:3", "9:16", "16:9"];
        for (size, ratio) in [
            ("1024x1024", "1:1"),
            ("1536x1024", "4:3"),
            ("1024x1536", "3:4"),
            ("1792x1024", "16:9"),
            ("1x16384", "9:16"),
        ] {
            assert_eq!(size.parse::<Size>().unwrap().nearest_ratio(&ratios), ratio);
        }
        let sizes = [
            Size::new(512, 512),
            Size::new(1024, 1024),
            Size::new(1152, 768),
            Size::new(576, 384),
        ];
        for (size, nearest) in [
            ("1536x1024", "1152x768"),
            ("256x256", "512x512"),
            ("1024x1024", "1024x1024"),
        ] {
            let size: Size = size.parse().unwrap();
            assert_eq!(size.nearest(&sizes).to_string(), nearest);
        }
        assert_eq!(
            Size::new(1000, 9000).stepped(16, 320, 4096),
            Size::new(1008, 4096)
        );
    }
}
