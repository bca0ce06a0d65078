//! Divides the frames of memory among the processes of a trace. Knows nothing of policies.

use crate::space::{ProcessUse, Resolved};
use crate::units::{counted, did_you_mean};
use std::str::FromStr;

/// The most processes among which frames are divided: each has data structures of its own.
const PROCESSES_MAX: usize = 1024;

/// How frames are divided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Allocation {
    /// They are not divided: the victim may be a page of any process.
    #[default]
    Global,
    /// Every process that brings pages in has the same share.
    Equal,
    /// The share of a process is proportional to the number of distinct pages that its legal
    /// references touch.
    Proportional,
    /// Shares are proportional to these numbers, one for each process of the trace that brings pages
    /// in, in the trace's order.
    Weights(Vec<u64>),
}

impl Allocation {
    /// Returns the text of the result column `allocation`.
    pub fn name(&self) -> String {
        match self {
            Allocation::Global => "global".into(),
            Allocation::Equal => "equal".into(),
            Allocation::Proportional => "proportional".into(),
            Allocation::Weights(weights) => {
                let all: Vec<String> = weights.iter().map(u64::to_string).collect();
                format!("weights={}", all.join("/"))
            }
        }
    }

    /// Returns the frames of each process of the trace, 0 for a process that brings no page in; `None`
    /// if frames are not divided. Errors if there are too few frames or weights, or too many
    /// processes.
    pub fn quotas(&self, frames: u32, trace: &Resolved) -> Result<Option<Vec<u32>>, String> {
        let uses = trace.uses();
        let processes = trace.processes();
        let weights: Vec<u64> = match self {
            Allocation::Global => return Ok(None),
            Allocation::Equal => vec![1; processes],
            Allocation::Proportional => {
                let takers = uses.iter().filter(|of| of.needs_frames());
                takers.map(|of| of.pages).collect()
            }
            Allocation::Weights(weights) if weights.len() == processes => weights.clone(),
            Allocation::Weights(weights) => {
                return Err(format!(
                    "{} for {}: give one for each process that references a page",
                    counted(weights.len() as u64, "weight"),
                    match processes {
                        1 => "1 process".to_owned(),
                        _ => format!("{processes} processes"),
                    }
                ));
            }
        };
        if processes > PROCESSES_MAX {
            return Err(format!(
                "{processes} processes: frames are divided among at most {PROCESSES_MAX}"
            ));
        }
        if (frames as usize) < processes {
            return Err(format!(
                "{} for {processes} processes: each needs one",
                counted(frames, "frame")
            ));
        }
        // A process cannot use more frames than there are pages.
        let most = trace.objects().max(1) as u32;
        let mut shares = divide(frames, &weights).into_iter();
        let quota = |of: &ProcessUse| {
            if of.needs_frames() {
                shares.next().map_or(0, |share| share.min(most))
            } else {
                0
            }
        };
        Ok(Some(uses.iter().map(quota).collect()))
    }
}

/// Divides frames in proportion to weights, by the largest remainders; of equal remainders the earlier
/// process comes first. Then each process without a frame gets one from the process with the most
/// frames, the earliest of these. If all weights are 0, they count as 1. `frames` is at least the
/// number of weights.
fn divide(frames: u32, weights: &[u64]) -> Vec<u32> {
    let equal = weights.iter().all(|&weight| weight == 0);
    let weights = weights
        .iter()
        .map(|&weight| u128::from(weight.max(u64::from(equal))));
    let sum = weights.clone().sum::<u128>().max(1);
    let parts = weights.map(|weight| u128::from(frames) * weight);
    let mut quotas: Vec<u32> = parts.clone().map(|part| (part / sum) as u32).collect();
    let mut order: Vec<(u128, usize)> = parts.map(|part| part % sum).zip(0..).collect();
    order.sort_by_key(|&(remainder, process)| (std::cmp::Reverse(remainder), process));
    let given: u32 = quotas.iter().sum();
    for &(_, process) in order.iter().take((frames - given) as usize) {
        quotas[process] += 1;
    }
    for without in 0..quotas.len() {
        if quotas[without] == 0 {
            let first = (0..quotas.len())
                .rev()
                .max_by_key(|&process| quotas[process]);
            quotas[first.expect("there is a process")] -= 1;
            quotas[without] = 1;
        }
    }
    quotas
}

impl FromStr for Allocation {
    type Err = String;

    fn from_str(text: &str) -> Result<Allocation, String> {
        let text = text.trim();
        match text {
            "global" => return Ok(Allocation::Global),
            "equal" => return Ok(Allocation::Equal),
            "proportional" => return Ok(Allocation::Proportional),
            _ => {}
        }
        let names = ["global", "equal", "proportional", "weights"];
        let Some(list) = text.strip_prefix("weights=") else {
            let hint = did_you_mean(text, names.into_iter());
            return Err(format!(
                "unknown allocation {text:?}{hint}: global, equal, proportional or weights=3/1/1"
            ));
        };
        let weight = |word: &str| match word.trim().parse::<u32>() {
            Ok(weight @ 1..) => Ok(u64::from(weight)),
            _ => Err(format!(
                "{word:?} is not a weight: write a number from 1 to {}",
                u32::MAX
            )),
        };
        let weights = list
            .split(['/', ','])
            .map(weight)
            .collect::<Result<_, _>>()?;
        Ok(Allocation::Weights(weights))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_divided_without_rest() {
        // Silberschatz, Operating System Concepts, allocation of frames: 62 frames for processes
        // of 10 and 127 pages: 4 and 57 in proportion; here the frame left over is given out too.
        assert_eq!(divide(62, &[10, 127]), [5, 57]);
        assert_eq!(divide(93, &[1; 5]), [19, 19, 19, 18, 18]);
        assert_eq!(divide(10, &[9, 1]), [9, 1]);
        assert_eq!(divide(100, &[9, 1]), [90, 10]);
        assert_eq!(divide(100, &[99, 1]), [99, 1]);
        // 12.6, 5.4 and 2: the largest remainder is the first's.
        assert_eq!(divide(20, &[63, 27, 10]), [13, 5, 2]);
        assert_eq!(divide(7, &[0, 0]), [4, 3]);
    }

    #[test]
    fn each_has_a_frame_of_the_largest_share() {
        assert_eq!(divide(3, &[1000, 1, 1]), [1, 1, 1]);
        assert_eq!(divide(10, &[1000, 1, 0]), [8, 1, 1]);
        // 1.99, 1.99 and 0.02: two, two and none.
        assert_eq!(divide(4, &[100, 100, 1]), [1, 2, 1]);
        assert_eq!(divide(5, &[u64::MAX, u64::MAX, 0, 0]), [1, 2, 1, 1]);
        assert!(divide(0, &[]).is_empty());
    }

    #[test]
    fn words_read() {
        let weights = Allocation::Weights(vec![3, 1]);
        assert_eq!("weights=3/1".parse(), Ok(weights.clone()));
        assert_eq!("weights=3,1".parse(), Ok(weights.clone()));
        assert_eq!(weights.name().parse(), Ok(weights));
        assert_eq!("equal".parse(), Ok(Allocation::Equal));
        for text in ["", "local", "weights=", "weights=1,0", "weights=a"] {
            assert!(text.parse::<Allocation>().is_err(), "{text}");
        }
        let wrong = "equall".parse::<Allocation>().unwrap_err();
        assert!(wrong.contains("did you mean"), "{wrong}");
    }
}
