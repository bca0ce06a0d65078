//! Segmented LRU: each reference lifts a page one segment, an overfull segment drops its oldest one
//! down, and pages leave from the lowest.

use crate::policy::params::MILLION;
use crate::policy::prelude::*;
use crate::policy::support::lists::Lists;

/// The segment into which pages are loaded. It has all frames that the protected segments leave.
const PROBATIONARY: usize = 0;

/// LRU lists one above the other.
pub struct Slru {
    /// Frames by segment.
    segments: Lists,
    /// The highest segment.
    top: usize,
    /// The most pages of each protected segment.
    size: u32,
    /// The segment of the last victim.
    victim_segment: usize,
}

impl<'t> PolicyType<'t> for Slru {
    const SPEC: Spec = Spec {
        name: "slru",
        aliases: &["segmented-lru"],
        family: Family::Research,
        about: "segmented LRU: a page must be referenced again to be protected",
        cite: "R. Karedla, J. S. Love, B. G. Wherry, \"Caching strategies to improve disk system performance\", IEEE Computer 27(3), 1994",
        choices: "the paper has two segments; here there can be more, of which all but the lowest are protected and share that fraction of the frames equally, rounded down. The probationary one has no size of its own. A page that a protected segment drops goes to the front of the segment below it. With too few frames for a protected segment to hold a page, a hit only moves the page to the front of the segment that it is in. libCacheSim 0.3.5 loads pages straight into protected segments while memory fills and limits the probationary one, too: slru:segments=4:protected=0.75 on 1 2 3 4 5 1 2 with 4 frames gives 6 misses there, 7 here.",
        sees: Sees::Hits,
        complexity: "hit O(1); fault O(1), O(segments) where low ones are empty",
        bytes: "9 bytes a frame",
        repeats: HitSensitivity::All,
        params: &[
            Param::count(
                "segments",
                Some(2),
                2..=16,
                "segments, the probationary one included",
            ),
            Param::fraction(
                "protected",
                Some(MILLION / 5 * 4),
                0..=MILLION,
                "share of the frames for the protected segments together",
            ),
        ],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'t>) -> Slru {
        let segments = setup.number("segments") as u32;
        let protected = setup.fraction_of("protected", setup.capacity);
        Slru {
            segments: Lists::new(segments as usize, setup.frames),
            top: segments as usize - 1,
            size: protected / (segments - 1),
            victim_segment: PROBATIONARY,
        }
    }
}

impl Policy for Slru {
    #[inline(always)]
    fn hit(&mut self, at: PageAccess) {
        let from = self.segments.list_of(at.frame).expect("it is resident");
        let to = (from + 1).min(self.top);
        self.segments.move_front(to, at.frame);
        if self.segments.len(to) > self.size {
            // It may be the page itself, if protected segments have no room at all.
            let oldest = self.segments.back(to).expect("it is overfull");
            self.segments.move_front(to - 1, oldest);
        }
    }

    fn victim(&mut self, _frames: &mut Frames, request: VictimRequest) -> FrameId {
        let of = |segment| Some((segment, self.segments.back_but(segment, request.spare)?));
        let lowest = (0..=self.top).find_map(of);
        let (segment, frame) = lowest.expect("every frame is taken");
        self.victim_segment = segment;
        self.segments.remove(frame);
        frame
    }

    fn loaded(&mut self, _frames: &mut Frames, at: PageAccess) {
        self.segments.push_front(PROBATIONARY, at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, frame: FrameId) {
        self.segments.remove(frame);
    }
}

impl Explain for Slru {
    fn why(&self, evicted: &Evicted) -> String {
        let last = evicted.seen.last();
        match self.victim_segment {
            PROBATIONARY => format!("at the end of the probationary segment, {last}"),
            _ => format!("nothing is on probation: at the end of the protected segment, {last}"),
        }
    }

    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        let name = |segment| match segment {
            PROBATIONARY => "probationary".to_owned(),
            _ if self.top == 1 => "protected".to_owned(),
            _ => format!("protected {segment}"),
        };
        let names: Vec<String> = (0..=self.top).map(name).collect();
        let from_top = names.iter().enumerate().rev();
        let names = from_top.map(|(segment, name)| (segment, name.as_str()));
        let title = "by segment, most recent first";
        Some(FrameOrder::lists(title, &self.segments, names))
    }
}
