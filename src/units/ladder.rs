//! Lists of memory sizes and windows: the grammar of `-m 64,2^4..2^14,1%,64MiB,auto`, and the numbers of
//! frames or references that it gives for a trace.

use super::{PAGE_ID_MAX, PageSize, UnitError, bad, parse_bytes, parse_count, parse_percent};
use std::fmt;
use std::str::FromStr;

/// One amount as written. A trace turns it into a count.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Amount {
    Count(u64),
    Percent(f64),
    Bytes(u64),
}

impl FromStr for Amount {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Amount, UnitError> {
        match parse_percent(text) {
            Some(percent) if percent > 0.0 && percent <= 100.0 => {
                return Ok(Amount::Percent(percent));
            }
            Some(_) => return bad(format!("{text:?} is not a share (above 0%, up to 100%)")),
            None => {}
        }
        if text.trim().ends_with(['B', 'b']) {
            return parse_bytes(text).map(Amount::Bytes);
        }
        match parse_count(text) {
            Ok(count) => Ok(Amount::Count(count)),
            Err(e) => match text.trim().chars().last() {
                Some('K' | 'T' | 'g' | 'm') => bad(format!(
                    "{text:?}: write 64KiB for bytes, 64k for a count of thousands"
                )),
                _ => Err(e),
            },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Factor(f64),
    Add(u64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Term {
    One(Amount),
    Range {
        from: Amount,
        to: Amount,
        step: Step,
    },
    Auto,
}

/// The most values of one ladder. More are likely a typing error.
pub const LADDER_MAX: usize = 10_000;

/// A list of amounts as the user wrote it: `64,128`, `2^4..2^14` (doubling), `10..1000:x1.5`,
/// `100..1000:+100`, `1%,5%` (of the distinct pages), `64MiB`, `auto`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    terms: Vec<Term>,
    text: String,
}

impl Ladder {
    /// Returns the ladder `auto`, whose values the program chooses.
    pub fn auto() -> Ladder {
        Ladder {
            terms: vec![Term::Auto],
            text: "auto".into(),
        }
    }

    /// Returns whether any part is an amount of bytes.
    pub fn has_bytes(&self) -> bool {
        let bytes = |amount: &Amount| matches!(amount, Amount::Bytes(_));
        self.terms.iter().any(|term| match term {
            Term::One(amount) => bytes(amount),
            Term::Range { from, to, .. } => bytes(from) || bytes(to),
            Term::Auto => false,
        })
    }

    /// Returns whether any part is `auto`.
    pub fn has_auto(&self) -> bool {
        self.terms.contains(&Term::Auto)
    }

    /// Refuses amounts of bytes, for windows; `option` is the flag that the message names.
    ///
    /// # Errors
    ///
    /// A part is an amount of bytes.
    pub fn refuse_bytes(&self, option: &str) -> Result<(), UnitError> {
        if self.has_bytes() {
            return bad(format!(
                "{option} {self}: a window is a number of references, not of bytes"
            ));
        }
        Ok(())
    }

    /// Returns numbers of frames for a trace with `pages` distinct pages, in rising order, each once.
    /// `auto` stands for `auto_values`.
    ///
    /// # Errors
    ///
    /// A value is 0 or over [`PAGE_ID_MAX`], or a range is empty or too long.
    pub fn frames(
        &self,
        pages: u64,
        page_size: PageSize,
        auto_values: &[u64],
    ) -> Result<Vec<u64>, UnitError> {
        self.resolve(pages, page_size, auto_values, u64::from(PAGE_ID_MAX))
    }

    /// Returns window lengths for a trace of `refs` references, in rising order, each once. `auto`
    /// stands for `auto_values`.
    ///
    /// # Errors
    ///
    /// A value is 0 or over 2^63 − 1, or a range is empty or too long.
    pub fn windows(
        &self,
        refs: u64,
        page_size: PageSize,
        auto_values: &[u64],
    ) -> Result<Vec<u64>, UnitError> {
        self.resolve(refs, page_size, auto_values, u64::MAX >> 1)
    }

    /// Returns the values, of which percentages are of `whole` and none may be over `max`.
    fn resolve(
        &self,
        whole: u64,
        page_size: PageSize,
        auto_values: &[u64],
        max: u64,
    ) -> Result<Vec<u64>, UnitError> {
        let count = |amount: Amount| match amount {
            Amount::Count(count) => count,
            // A share of a small trace is at least 1.
            Amount::Percent(p) => ((whole as f64 * p / 100.0).round() as u64).max(1),
            Amount::Bytes(bytes) => bytes / page_size.bytes(),
        };
        let mut values = Vec::new();
        for term in &self.terms {
            match *term {
                Term::Auto => values.extend_from_slice(auto_values),
                Term::One(amount) => values.push(count(amount)),
                Term::Range { from, to, step } => {
                    expand(count(from), count(to), step, &mut values)
                        .map_err(|why| UnitError(format!("{:?} {why}", self.text)))?;
                }
            }
        }
        values.sort_unstable();
        values.dedup();
        if values.first() == Some(&0) {
            return bad(format!(
                "{:?} gives 0 (with pages of {page_size}): at least 1 is needed",
                self.text
            ));
        }
        match values.last() {
            Some(&top) if top > max => bad(format!(
                "{:?} gives {top}: at most {max} is allowed",
                self.text
            )),
            _ => Ok(values),
        }
    }
}

/// Appends `from`, then `from` stepped again and again, up to and including `to` if a step meets it.
fn expand(from: u64, to: u64, step: Step, values: &mut Vec<u64>) -> Result<(), String> {
    if from > to {
        return Err(format!("is an empty range: {from} is above {to}"));
    }
    if from == 0 {
        return Err("starts at 0: at least 1 is needed".into());
    }
    let mut exact = from as f64;
    let mut value = from;
    while value <= to {
        values.push(value);
        if values.len() > LADDER_MAX {
            return Err(format!(
                "has more than {LADDER_MAX} values: take a larger step"
            ));
        }
        value = match step {
            Step::Add(n) => match value.checked_add(n) {
                Some(next) => next,
                None => break,
            },
            Step::Factor(f) => {
                // Small values times 1.2 round to themselves: step by 1 at least.
                exact = (exact * f).max(value as f64 + 1.0);
                if exact > u64::MAX as f64 {
                    break;
                } else {
                    exact.round() as u64
                }
            }
        };
    }
    Ok(())
}

impl FromStr for Ladder {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Ladder, UnitError> {
        let terms = text
            .split(',')
            .map(parse_term)
            .collect::<Result<Vec<Term>, UnitError>>()?;
        Ok(Ladder {
            terms,
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse_term(text: &str) -> Result<Term, UnitError> {
    let text = text.trim();
    if text.is_empty() {
        return bad("an empty value in a list (write 64,128)");
    }
    if text == "auto" {
        return Ok(Term::Auto);
    }
    let Some((from, rest)) = text.split_once("..") else {
        let amount: Amount = text.parse()?;
        return match amount {
            Amount::Count(0) | Amount::Bytes(0) => bad(format!("{text:?}: at least 1 is needed")),
            amount => Ok(Term::One(amount)),
        };
    };
    let (to, step) = match rest.split_once(':') {
        None => (rest, Step::Factor(2.0)),
        Some((to, step)) => (to, parse_step(text, step)?),
    };
    let (from, to): (Amount, Amount) = (from.parse()?, to.parse()?);
    if let (Amount::Count(a), Amount::Count(b)) = (from, to)
        && a > b
    {
        return bad(format!("{text:?} is an empty range: {a} is above {b}"));
    }
    Ok(Term::Range { from, to, step })
}

fn parse_step(term: &str, step: &str) -> Result<Step, UnitError> {
    if let Some(add) = step.strip_prefix('+') {
        return match parse_count(add)? {
            0 => bad(format!("{term:?}: a step of +0 never ends")),
            add => Ok(Step::Add(add)),
        };
    }
    let factor = step.strip_prefix('x').and_then(|f| f.parse::<f64>().ok());
    match factor {
        Some(f) if f > 1.0 && f.is_finite() => Ok(Step::Factor(f)),
        _ => bad(format!(
            "{term:?}: the step after ':' is x1.5 (a factor above 1) or +100"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder(text: &str) -> Vec<u64> {
        let ladder: Ladder = text.parse().unwrap();
        ladder
            .resolve(1000, PageSize::DEFAULT, &[7, 9], u64::from(PAGE_ID_MAX))
            .unwrap()
    }

    #[test]
    fn ladders() {
        assert_eq!(ladder("64,128,64"), [64, 128]);
        assert_eq!(ladder("2^4..2^7"), [16, 32, 64, 128]);
        assert_eq!(ladder("10..40:x1.5"), [10, 15, 23, 34]);
        assert_eq!(ladder("1..4:x1.1"), [1, 2, 3, 4]);
        assert_eq!(ladder("100..300:+100"), [100, 200, 300]);
        assert_eq!(ladder("1%,5%,100%"), [10, 50, 1000]);
        assert_eq!(ladder("1MiB"), [256]);
        assert_eq!(ladder("auto,8"), [7, 8, 9]);
        assert_eq!(ladder("2k"), [2000]);
        let auto = "auto..5".parse::<Ladder>().unwrap_err().to_string();
        assert!(!auto.contains("did you mean"), "{auto}");
    }

    #[test]
    fn bad_ladders_say_why() {
        for (text, why) in [
            ("0", "at least 1"),
            ("2^4..2^1", "empty range"),
            ("1..10:x1", "factor above 1"),
            ("1..10:+0", "never ends"),
            ("64K", "64KiB"),
            ("", "empty value"),
            ("1,,2", "empty value"),
            ("lots", "not a count"),
            ("101%", "share"),
            ("2^99", "over 2^64"),
            ("5MB", "MiB"),
        ] {
            let error = text.parse::<Ladder>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        let small: Ladder = "1KiB".parse().unwrap();
        assert!(
            small
                .resolve(9, PageSize::DEFAULT, &[], 100)
                .unwrap_err()
                .0
                .contains("gives 0")
        );
        let long: Ladder = "1..100000:+1".parse().unwrap();
        assert!(
            long.resolve(9, PageSize::DEFAULT, &[], 1 << 30)
                .unwrap_err()
                .0
                .contains("10000")
        );
    }
}
