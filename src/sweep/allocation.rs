//! How the frames of memory are divided among the processes of a trace. Knows nothing of policies.

use crate::space::Resolved;
use crate::units::did_you_mean;
use std::str::FromStr;

/// The most processes among which frames are divided: each has structures of its own.
const PROCESSES_MAX: usize = 1024;

/// How frames are divided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Allocation {
    /// Not at all: the victim may be a page of any process.
    #[default]
    Global,
    /// Every process of the trace has the same share.
    Equal,
    /// Shares are as the numbers of distinct pages that the processes touch.
    Proportional,
    /// Shares are as these numbers, in the order of the trace's processes.
    Weights(Vec<u64>),
}

impl Allocation {
    /// The word of the result column `allocation`.
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

    /// Frames of each process; `None` if they are not divided. An error, in words, if that cannot
    /// be.
    pub fn quotas(&self, frames: u32, trace: &Resolved) -> Result<Option<Vec<u32>>, String> {
        let processes = trace.trace.dictionary.pids.len();
        let weights = match self {
            Allocation::Global => return Ok(None),
            Allocation::Equal => vec![1; processes],
            Allocation::Proportional => touched(trace, processes),
            Allocation::Weights(weights) if weights.len() == processes => weights.clone(),
            Allocation::Weights(weights) => {
                return Err(format!(
                    "{} weights for {processes} processes",
                    weights.len()
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
                "{frames} frames for {processes} processes: each needs one"
            ));
        }
        // More frames than there are pages are of no use to anybody.
        let most = trace.objects().max(1) as u32;
        let quotas = divide(frames, &weights).into_iter();
        Ok(Some(quotas.map(|quota| quota.min(most)).collect()))
    }
}

/// Distinct pages that each process touches.
fn touched(trace: &Resolved, processes: usize) -> Vec<u64> {
    let mut touched = vec![0; processes];
    for key in &trace.trace.dictionary.pages {
        touched[key.process as usize] += 1;
    }
    touched
}

/// Divides frames by weight: one for each process, then the rest by the largest remainders, the
/// earlier process first where they are equal.
fn divide(frames: u32, weights: &[u64]) -> Vec<u32> {
    let rest = u128::from(frames) - weights.len() as u128;
    let sum = weights.iter().map(|&w| u128::from(w)).sum::<u128>().max(1);
    let parts = weights.iter().map(|&weight| rest * u128::from(weight));
    let mut quotas: Vec<u32> = parts.clone().map(|part| 1 + (part / sum) as u32).collect();
    let mut order: Vec<(u128, usize)> = parts.map(|part| part % sum).zip(0..).collect();
    order.sort_by_key(|&(remainder, process)| (std::cmp::Reverse(remainder), process));
    let mut left = frames - quotas.iter().sum::<u32>();
    for &(_, process) in order.iter().cycle() {
        if left == 0 {
            break;
        }
        quotas[process] += 1;
        left -= 1;
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
                "unknown allocation \"{text}\"{hint}: global, equal, proportional or weights=3/1/1"
            ));
        };
        let weight = |word: &str| match word.trim().parse::<u32>() {
            Ok(weight @ 1..) => Ok(u64::from(weight)),
            _ => Err(format!(
                "\"{word}\" is no weight: a number from 1 to {}",
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
        assert_eq!(divide(3, &[1000, 1, 1]), [1, 1, 1]);
        assert_eq!(divide(7, &[0, 0]), [4, 3]);
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
