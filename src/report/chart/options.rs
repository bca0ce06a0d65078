//! What a user may choose about a chart: its size, title, logarithmic axes and the memory size that it
//! shows.

use crate::units::counted;
use std::str::FromStr;

use super::theme::{HEIGHT, WIDTH};

/// Least and greatest width and height of a picture in pixels.
pub const PIXELS: std::ops::RangeInclusive<u32> = 200..=4000;

/// The largest ratio of the sides of a picture: in a longer strip legends leave no room for curves.
const ASPECT_MAX: u32 = 3;

/// What the user chose.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Width and height in pixels.
    pub pixels: (u32, u32),
    /// The title; the chart's own if absent.
    pub title: Option<String>,
    /// The logarithmic axes; each chart's own choice if absent.
    pub log: Option<Log>,
    /// The memory size of charts that show one.
    pub at: At,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            pixels: (WIDTH, HEIGHT),
            title: None,
            log: None,
            at: At::default(),
        }
    }
}

impl Options {
    /// Returns the axes chosen with `--log`, or `(x, y)` if none were chosen.
    pub fn log_or(&self, x: bool, y: bool) -> Log {
        self.log.unwrap_or(Log { x, y })
    }
}

/// Returns the size of a picture in pixels. A missing side follows from the other.
///
/// # Errors
///
/// Errors if a side is outside [`PIXELS`], or if one side is more than [`ASPECT_MAX`] times the other.
pub fn pixels(width: Option<u32>, height: Option<u32>) -> Result<(u32, u32), String> {
    let other = |side: u32, own: u32, other: u32| {
        let exact = u64::from(side) * u64::from(other) / u64::from(own);
        u32::try_from(exact).unwrap_or(u32::MAX)
    };
    let size = match (width, height) {
        (None, None) => (WIDTH, HEIGHT),
        (Some(width), Some(height)) => (width, height),
        (Some(width), None) => (width, other(width, WIDTH, HEIGHT)),
        (None, Some(height)) => (other(height, HEIGHT, WIDTH), height),
    };
    if !PIXELS.contains(&size.0) || !PIXELS.contains(&size.1) {
        let (least, most) = (PIXELS.start(), PIXELS.end());
        return Err(format!(
            "{} x {} pixels: each side has from {least} to {most}",
            size.0, size.1
        ));
    }
    if size.0 > size.1 * ASPECT_MAX || size.1 > size.0 * ASPECT_MAX {
        return Err(format!(
            "{} x {} pixels: one side is more than {ASPECT_MAX} times the other",
            size.0, size.1
        ));
    }
    Ok(size)
}

/// Which axes are logarithmic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// The axis from left to right.
    pub x: bool,
    /// The axis from bottom to top.
    pub y: bool,
}

impl FromStr for Log {
    type Err = String;

    fn from_str(text: &str) -> Result<Log, String> {
        let mut log = Log { x: false, y: false };
        if text.trim() == "none" {
            return Ok(log);
        }
        for axis in text.split(',') {
            match axis.trim() {
                "x" => log.x = true,
                "y" => log.y = true,
                _ => return Err("write x, y, x,y or none".to_owned()),
            }
        }
        Ok(log)
    }
}

/// One size of memory. Charts show the measured size that is nearest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum At {
    /// A number of frames.
    Frames(u64),
    /// A share of the distinct pages, above 0 and at most 1.
    Share(f64),
}

impl Default for At {
    fn default() -> At {
        At::Share(0.1)
    }
}

impl At {
    /// Returns the nearest of `sizes`, by their ratio to this one; the smaller of two that are as near.
    pub fn nearest(self, sizes: impl Iterator<Item = u64>, distinct: u64) -> Option<u64> {
        let wanted = match self {
            At::Frames(frames) => frames as f64,
            At::Share(share) => share * distinct as f64,
        };
        let far = |frames: u64| libm::log2(frames.max(1) as f64 / wanted.max(1.0)).abs();
        sizes.min_by(|a, b| far(*a).total_cmp(&far(*b)).then(a.cmp(b)))
    }
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            At::Frames(1) => f.write_str("1 frame"),
            At::Frames(frames) => f.write_str(&counted(*frames, "frame")),
            At::Share(share) => write!(f, "{} % of the pages", share * 100.0),
        }
    }
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<At, String> {
        let text = text.trim();
        let at = match text.strip_suffix('%') {
            Some(share) => share
                .trim()
                .parse()
                .ok()
                .filter(|share| *share > 0.0 && *share <= 100.0)
                .map(|share: f64| At::Share(share / 100.0)),
            None => text.parse().ok().filter(|n| *n > 0).map(At::Frames),
        };
        at.ok_or_else(|| "write a number of frames, 64, or a share of the pages, 10%".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_side_gives_the_other() {
        assert_eq!(pixels(None, None), Ok((1600, 1000)));
        assert_eq!(pixels(Some(800), None), Ok((800, 500)));
        assert_eq!(pixels(None, Some(500)), Ok((800, 500)));
        for (width, height) in [
            (Some(100), None),
            (Some(u32::MAX), None),
            (Some(1000), Some(300)),
        ] {
            assert!(pixels(width, height).is_err(), "{width:?} {height:?}");
        }
    }

    #[test]
    fn words_read() {
        assert_eq!("x,y".parse(), Ok(Log { x: true, y: true }));
        assert_eq!("none".parse(), Ok(Log { x: false, y: false }));
        assert_eq!("64".parse(), Ok(At::Frames(64)));
        assert_eq!("10%".parse(), Ok(At::Share(0.1)));
        for text in ["", "0", "0%", "101%", "nan%", "-1", "x"] {
            assert!(text.parse::<At>().is_err(), "{text}");
        }
        for text in ["", "z", "x,none"] {
            assert!(text.parse::<Log>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_nearest_size_is_by_ratio() {
        let sizes = || [16, 64, 256].into_iter();
        assert_eq!(At::Frames(32).nearest(sizes(), 1), Some(16));
        assert_eq!(At::Frames(33).nearest(sizes(), 1), Some(64));
        assert_eq!(At::Share(0.1).nearest(sizes(), 2250), Some(256));
        assert_eq!(At::Share(0.1).nearest(std::iter::empty(), 2250), None);
    }
}
