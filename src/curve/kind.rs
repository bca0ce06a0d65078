//! Which curve is wanted, at which sizes, and the points that come of it.

use super::sizes::{POINTS, lane_sizes, spread};
use super::{CurveError, CurveInputs, Filling, Point, Wanted};
use crate::policy::{CurveKind, ParamError, PolicyChoice, PolicyId, TABLE};
use crate::units::did_you_mean;
use std::fmt;
use std::mem::discriminant;
use std::str::FromStr;

impl CurveKind {
    /// Every kind, without parameters.
    pub const ALL: [CurveKind; 6] = [
        CurveKind::Lru,
        CurveKind::Opt,
        CurveKind::Ws,
        CurveKind::Vmin,
        CurveKind::Fifo,
        CurveKind::Clock { load_bit: true },
    ];

    /// Returns the curve of a policy with its parameters, if there is one.
    pub fn of(policy: &PolicyChoice) -> Option<CurveKind> {
        let spec = policy.spec();
        match spec.curve? {
            // One that walks frame numbers is replayed: a curve has no frames.
            CurveKind::Clock { .. } => {
                let in_order_of_load = policy.params.get(spec, "order") == Some(0);
                in_order_of_load.then(|| CurveKind::Clock {
                    load_bit: policy.params.get(spec, "load-bit") == Some(1),
                })
            }
            kind => policy.params().is_empty().then_some(kind),
        }
    }

    /// Returns the name: that of the policy.
    pub fn name(self) -> &'static str {
        let is_same = |kind: CurveKind| discriminant(&kind) == discriminant(&self);
        let mut policies = TABLE.iter();
        let policy = policies.find(|spec| spec.curve.is_some_and(is_same));
        policy.expect("every kind is of a policy").name
    }

    /// Returns the parameters that differ from their defaults, as policies write them.
    pub fn params(self) -> &'static str {
        match self {
            CurveKind::Clock { load_bit: false } => "load-bit=0",
            _ => "",
        }
    }

    /// Returns the smallest number of sizes for which one pass beats that many replays. Measured;
    /// affects speed only.
    pub fn pays_from(self) -> usize {
        match self {
            CurveKind::Vmin => 1,
            CurveKind::Ws | CurveKind::Fifo | CurveKind::Clock { .. } => 2,
            CurveKind::Lru => 3,
            CurveKind::Opt => 16,
        }
    }

    /// Returns true if the lists of bursts suffice: the curve reads no single reference.
    pub fn needs_lists_only(self) -> bool {
        self == CurveKind::Lru
    }

    /// Returns true if memory is a window in references, not a number of frames.
    pub fn has_windows(self) -> bool {
        matches!(self, CurveKind::Ws | CurveKind::Vmin)
    }

    /// Returns true if the points have write-backs. Those of OPT and VMIN would depend on which of
    /// the pages that are never used again leaves first.
    pub fn has_write_backs(self) -> bool {
        !matches!(self, CurveKind::Opt | CurveKind::Vmin)
    }

    /// Returns the points of the curve at the memory `wanted`.
    pub fn points(
        self,
        source: &CurveInputs<'_>,
        wanted: &Wanted,
    ) -> Result<Vec<Point>, CurveError> {
        let trace = source.trace;
        Ok(match self {
            CurveKind::Lru => {
                let least = wanted.least_frames(trace.distinct());
                let curve = source.lru(least)?;
                assert!(curve.least as u64 <= least, "from {} frames", curve.least);
                let filling = Filling::new(&curve.first_uses, trace.len() as u64);
                wanted.at_frames(&curve.faults, Some(&curve.write_backs), &filling)
            }
            CurveKind::Opt => {
                let curve = super::opt(trace)?;
                wanted.at_frames(&curve.faults, None, &curve.filling)
            }
            CurveKind::Ws | CurveKind::Vmin => {
                let intervals = source.intervals(wanted.least_tau())?;
                let taus = wanted.taus.all(|| spread(intervals.longest(), POINTS));
                let one = |&tau: &u64| match self {
                    CurveKind::Ws => intervals.working_set(tau),
                    _ => intervals.vmin(tau),
                };
                taus.iter().map(one).collect()
            }
            CurveKind::Fifo => in_lanes(wanted, source, |sizes| source.fifo(sizes)),
            CurveKind::Clock { load_bit } => {
                in_lanes(wanted, source, |sizes| source.clock(sizes, load_bit))
            }
        })
    }
}

/// Returns the points of a curve that one pass gives at [`LANES`](super::LANES) numbers of
/// frames; `counts` returns the faults and dirty victims at the sizes it is given.
fn in_lanes(
    wanted: &Wanted,
    source: &CurveInputs<'_>,
    counts: impl Fn(&[u64]) -> Vec<(u64, u64)>,
) -> Vec<Point> {
    let filling = source.filling();
    let sizes = wanted
        .frames
        .all(|| lane_sizes(source.trace.distinct() as u64));
    let point = |(&frames, (faults, dirty)): (&u64, _)| filling.point(frames, faults, Some(dirty));
    sizes.iter().zip(counts(&sizes)).map(point).collect()
}

impl fmt::Display for CurveKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self.params() {
            "" => Ok(()),
            params => write!(f, ":{params}"),
        }
    }
}

impl FromStr for CurveKind {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<CurveKind, ParamError> {
        let name = text.split(':').next().unwrap_or_default().trim();
        if PolicyId::named(name).is_err() {
            let known = CurveKind::ALL.map(CurveKind::name);
            let hint = did_you_mean(&name.to_lowercase(), known.into_iter());
            let known = known.join(", ");
            return Err(ParamError(format!(
                "no curve {text:?}{hint} (there are: {known})"
            )));
        }
        let policy: PolicyChoice = text.parse()?;
        CurveKind::of(&policy).ok_or_else(|| {
            ParamError(format!(
                "no curve of {policy}: replay it at each size (pagebench run -p {policy})"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_read_and_print() {
        for (text, shown) in [
            ("LRU", "lru"),
            ("belady", "opt"),
            ("vmin", "vmin"),
            ("clock:load-bit=0", "clock:load-bit=0"),
            ("clock:load-bit=1", "clock"),
        ] {
            assert_eq!(text.parse::<CurveKind>().unwrap().to_string(), shown);
        }
        for (text, why) in [
            ("vmni", "did you mean \"vmin\""),
            ("lur", "did you mean \"lru\""),
            ("ws:limit=3", "no curve of ws:limit=3"),
            ("vmin:k=1", "unknown parameter"),
            ("clock:order=frame", "no curve of clock:order=frame"),
            ("lru-k:k=1", "no curve"),
            ("clock:load-bti=0", "did you mean \"load-bit\""),
            ("", "there are: lru"),
        ] {
            let error = text.parse::<CurveKind>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        for kind in CurveKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert!(CurveKind::ALL.is_sorted());
    }
}
