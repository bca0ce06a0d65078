//! The models with segments against the naive oracle, state by state, on random traces of events under
//! every fit and relief.

use crate::oracle::places::{self, Places};
use crate::oracle::segments::{
    Counts, Division, Ended, Fit, Oracle, Policy, Relief, Rules, SegmentSnapshot, Snapshot,
};
use crate::oracle::whole::space::Space;
use crate::oracle::whole::{Item, OnSegfault, is_strict};
use crate::support::events::trace_of;
use crate::support::random::Random;
use pagebench::internals::policy::PolicyChoice;
use pagebench::internals::space;
use pagebench::internals::trace::model::access::Kind;
use pagebench::internals::trace::model::event::{
    Advice, Backing, Event, Mapping, Move, Protection,
};
use pagebench::internals::vm::models::{
    self, Ending, ONE, Observer, SegmentJob, SegmentOutcome, Segments, Step, StepAt, SwapUnit, View,
};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

const PAGE: u64 = 4096;

const UNLINKS: bool = true;

/// The cause of steps that are a part of a reference.
const OF_REFERENCE: u64 = u64::MAX;

// Traces.

/// Makes items that make sense.
struct Maker {
    random: Random,
    space: Space,
    items: Vec<Item>,
    next_pid: u32,
    running: u32,
    /// Children that use the memory of their parents, and these parents.
    lent: Vec<(u32, u32)>,
    style: Style,
}

/// What a trace may have.
#[derive(Clone, Copy, Debug)]
struct Style {
    moves: bool,
    forks: bool,
    files: bool,
    stacks: bool,
}

fn items(seed: u64, style: Style) -> Vec<Item> {
    let mut random = Random::new(seed ^ 0x5e65);
    let length = 10 + random.below(200) as usize;
    let mut maker = Maker {
        random,
        space: Space::new(PAGE, true, OnSegfault::Skip),
        items: Vec::new(),
        next_pid: 0,
        running: 0,
        lent: Vec::new(),
        style,
    };
    maker.start();
    while maker.items.len() < length {
        maker.next();
    }
    maker.items
}

impl Maker {
    fn take(&mut self, item: Item) -> bool {
        let mut space = self.space.clone();
        if space.apply(&item).is_err() {
            return false;
        }
        let illegal = space.illegal.len() > self.space.illegal.len();
        if illegal && self.random.percent(90) {
            return false;
        }
        self.space = space;
        self.items.push(item);
        true
    }

    fn event(&mut self, event: Event) -> bool {
        let pid = self.running;
        self.take(Item::Event { pid, event })
    }

    /// A process of which nothing was known.
    fn start(&mut self) {
        self.running = self.next_pid;
        self.next_pid += 1;
        self.map();
        self.map();
        if self.style.stacks && self.random.percent(60) {
            self.stack();
        }
    }

    fn next(&mut self) {
        let living = self.space.living();
        if living.is_empty() || (living.len() < 4 && self.random.percent(4)) {
            return self.start();
        }
        if !living.contains(&self.running) || self.random.percent(25) {
            self.running = living[self.random.below(living.len() as u64) as usize];
        }
        match self.random.percent(70) {
            true => self.access(),
            false => self.change(living.len()),
        };
    }

    fn access(&mut self) -> bool {
        let pid = self.running;
        let mapped = self.space.mapped(pid);
        let page = match mapped.len() as u64 {
            0 => 16,
            some => {
                let (start, end) = mapped[self.random.below(some) as usize];
                let below = self.random.percent(10);
                match start / PAGE {
                    first if below => first.saturating_sub(1 + self.random.below(2)),
                    first => first + self.random.below((end - start) / PAGE),
                }
            }
        };
        let kind = match self.random.below(10) {
            0 => Kind::Ifetch,
            1..5 => Kind::Read,
            _ => Kind::Write,
        };
        self.take(Item::Access { pid, kind, page })
    }

    fn change(&mut self, living: usize) -> bool {
        let (start, length) = self.range();
        match self.random.below(100) {
            0..25 => self.map(),
            25..38 => self.event(Event::Unmap { start, length }),
            38..52 => {
                let protection = self.protection();
                self.event(Event::Protect {
                    start,
                    length,
                    protection,
                })
            }
            52..66 => {
                let end = (48 + self.random.below(8)) * PAGE;
                self.event(Event::Brk { end })
            }
            66..71 => self.style.stacks && self.stack(),
            71..80 => self.style.moves && self.moves(),
            80..89 => living < 4 && self.style.forks && self.fork(),
            89..92 => living > 1 && self.event(Event::Exit),
            92..94 => self.event(Event::Exec),
            94..96 if UNLINKS => {
                let file = self.random.below(2) as u32;
                self.event(Event::Unlink { file })
            }
            _ => {
                let advice = match self.random.percent(50) {
                    true => Advice::WillNeed,
                    false => Advice::DontNeed,
                };
                self.event(Event::Advise {
                    start,
                    length,
                    advice,
                })
            }
        }
    }

    /// A range, mostly of what is mapped or a part of it.
    fn range(&mut self) -> (u64, u64) {
        let mapped = self.space.mapped(self.running);
        if mapped.is_empty() || self.random.percent(25) {
            let start = (16 + self.random.below(20)) * PAGE;
            return (start, (1 + self.random.below(6)) * PAGE);
        }
        let (start, end) = mapped[self.random.below(mapped.len() as u64) as usize];
        let pages = (end - start) / PAGE;
        let first = match self.random.percent(50) {
            true => 0,
            false => self.random.below(pages),
        };
        let length = match self.random.percent(50) {
            true => pages - first,
            false => 1 + self.random.below(pages - first),
        };
        (start + first * PAGE, length * PAGE)
    }

    fn protection(&mut self) -> Protection {
        let text = match self.random.below(10) {
            0 => "---",
            1..3 => "r--",
            3 => "rwx",
            4 => "r-x",
            _ => "rw-",
        };
        Protection::parse(text).expect("a protection")
    }

    fn map(&mut self) -> bool {
        let start = (16 + self.random.below(20)) * PAGE;
        let pages = 1 + self.random.below(6);
        let mut mapping = Mapping::anonymous(start, pages * PAGE, self.protection());
        mapping.fixed = self.random.percent(30);
        mapping.shared = self.random.percent(25);
        if self.style.files && self.random.percent(50) {
            let file = self.random.below(2) as u32;
            mapping.backing = Backing::File {
                file,
                offset: self.random.below(2) * 2 * PAGE,
                length: 16 * PAGE,
            };
            mapping.swap_backed = file == 1;
            if self.random.percent(60) {
                mapping.length = 2 * PAGE;
            }
            if self.random.percent(40) {
                mapping.protection = Protection::RX;
            }
        }
        self.event(Event::Map(Box::new(mapping)))
    }

    fn stack(&mut self) -> bool {
        let (end, pages) = (72 - 8 * self.random.below(2), 1 + self.random.below(4));
        let mut mapping = Mapping::anonymous((end - pages) * PAGE, pages * PAGE, Protection::RW);
        mapping.grows_down = true;
        self.event(Event::Map(Box::new(mapping)))
    }

    fn moves(&mut self) -> bool {
        let (old_start, old_length) = self.range();
        let pages = old_length / PAGE;
        let new_length = match self.random.percent(60) {
            true => pages,
            false => 1 + self.random.below(pages + 3),
        };
        let new_start = match self.random.percent(40) {
            true => old_start,
            false => (16 + self.random.below(20)) * PAGE,
        };
        let keep = self.random.percent(10) && !self.style.files;
        let fixed = new_start != old_start && self.random.percent(50);
        self.event(Event::Move(Box::new(Move {
            old_start,
            old_length,
            new_start,
            new_length: new_length * PAGE,
            fixed,
            keep,
        })))
    }

    fn fork(&mut self) -> bool {
        let child = self.next_pid;
        let done = match self.random.percent(20) {
            true => {
                self.lent.push((child, self.running));
                self.event(Event::Vfork { child })
            }
            false => self.event(Event::Fork { child }),
        };
        self.next_pid += u32::from(done);
        done
    }
}

// The two sides.

/// When something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// After this reference, counted from 1.
    Reference(u64),
    /// After a step that is a part of the next reference.
    Within,
    /// After a step of an event.
    Event,
}

/// What a replay shows after each reference and each step.
#[derive(Default)]
struct Seen {
    pids: Vec<u32>,
    all: Vec<(Moment, Snapshot)>,
}

impl Observer for Seen {
    fn after(&mut self, view: &View<'_, '_>, position: u64, cause: Option<&StepAt>) {
        let mut snapshot = Snapshot::default();
        let owners = |segment| {
            let owners = view.owners(segment).iter();
            let mut owners: Vec<(u32, u64)> = owners
                .map(|&(process, address)| (self.pids[process as usize], address))
                .collect();
            owners.sort_unstable();
            owners
        };
        for placed in view.placed() {
            let owners = owners(placed.item);
            snapshot.memory.push((placed.start, placed.end, owners));
        }
        snapshot.memory.sort();
        let mut ids = BTreeSet::new();
        for (process, &pid) in self.pids.iter().enumerate() {
            ids.extend(view.segments_of(process as u32).map(|(_, id)| id));
            if view.is_out(process as u32) {
                snapshot.out.push(pid);
            }
        }
        for id in ids {
            let state = view.state(id);
            snapshot.segments.push(SegmentSnapshot {
                owners: owners(id),
                bytes: state.bytes,
                place: state.place,
                known: state.known,
                copy: state.copy,
                dirty: state.dirty && state.place.is_some(),
            });
        }
        snapshot.segments.sort();
        snapshot.out.sort_unstable();
        snapshot.counts = counts_of(view.counts());
        let moment = match cause {
            None => Moment::Reference(position),
            Some(at) if matches!(at.step, Step::Copy { written: true, .. }) => {
                Moment::Reference(at.position + 1)
            }
            Some(at) if at.cause == OF_REFERENCE => Moment::Within,
            Some(_) => Moment::Event,
        };
        self.all.push((moment, snapshot));
    }
}

fn counts_of(counts: &models::SegmentCounts) -> Counts {
    Counts {
        fills: counts.fills,
        refills: counts.refills,
        copies: counts.copies,
        major: counts.major,
        swap_ins: counts.swap_ins,
        swap_outs: counts.swap_outs,
        swap_bytes_in: counts.swap_bytes_in,
        swap_bytes_out: counts.swap_bytes_out,
        file_bytes_in: counts.file_bytes_in,
        compactions: counts.compactions,
        bytes_moved: counts.bytes_moved,
        bytes_grown: counts.bytes_grown,
        bytes_copied: counts.bytes_copied,
        unfit: counts.unfit,
    }
}

/// The processes of a trace, as it numbers them.
fn pids_of(items: &[Item]) -> Vec<u32> {
    let mut pids = Vec::new();
    for item in items {
        let mut all = vec![item.pid()];
        if let Item::Event {
            event: Event::Fork { child } | Event::Vfork { child },
            ..
        } = item
        {
            all.push(*child);
        }
        for pid in all {
            if !pids.contains(&pid) {
                pids.push(pid);
            }
        }
    }
    pids
}

fn product(items: &[Item], rules: &Rules) -> Result<(SegmentOutcome, Seen), String> {
    let options = space::Options {
        on_segfault: space::OnSegfault::Skip,
        changes: true,
        ..space::Options::default()
    };
    let resolved = space::resolve(trace_of(items, PAGE), &options).map_err(|e| format!("{e:?}"))?;
    let division = match rules.division {
        Division::Vma => Segments::Vma,
        Division::Classic => Segments::Classic,
        Division::Whole => Segments::Whole,
    };
    let segmented = models::segmented(&resolved, division).map_err(|e| format!("{e:?}"))?;
    let policy: PolicyChoice = match rules.policy {
        Policy::Lru => "lru",
        Policy::Fifo => "fifo",
        Policy::Clock => "clock",
    }
    .parse()
    .map_err(|e| format!("{e:?}"))?;
    let job = SegmentJob {
        trace: &resolved.trace,
        segmented: &segmented,
        policy: &policy,
        seed: 0,
        rules: models::Rules {
            memory: rules.memory,
            fit: match rules.fit {
                Fit::First => models::Fit::First,
                Fit::Next => models::Fit::Next,
                Fit::Best => models::Fit::Best,
                Fit::Worst => models::Fit::Worst,
            },
            unit: match rules.programs {
                true => SwapUnit::Process,
                false => SwapUnit::Segment,
            },
            relief: match rules.relief {
                Relief::Compact => models::Relief::Compact,
                Relief::Swap => models::Relief::Swap,
                Relief::Evict => models::Relief::Evict,
            },
            swap: rules.swap,
        },
        warmup: 0,
        plain: true,
        idle: None,
    };
    let mut seen = Seen {
        pids: pids_of(items),
        ..Seen::default()
    };
    let outcome = models::replay_observed(&job, &mut seen);
    let fast = models::replay(&SegmentJob {
        plain: false,
        ..job
    });
    if fast != outcome {
        return Err(format!("both ways:\n{fast:?}\n{outcome:?}"));
    }
    let idle = models::replay(&SegmentJob {
        plain: false,
        idle: Some(rules.tau as u64),
        ..job
    });
    let mut without = idle.clone();
    without.counts.idle_sum = None;
    if without != outcome {
        return Err(format!(
            "idle bytes change counts:\n{without:?}\n{outcome:?}"
        ));
    }
    Ok((idle, seen))
}

/// What is seen before each reference and after it.
type States = Vec<(Snapshot, Snapshot)>;

/// What the replay showed before and after each reference.
fn states_of(seen: &Seen) -> States {
    let mut states = States::new();
    let mut before = Snapshot::default();
    for (moment, snapshot) in &seen.all {
        match *moment {
            Moment::Event => before = snapshot.clone(),
            Moment::Within => {}
            Moment::Reference(number) => {
                assert_eq!(number, states.len() as u64 + 1, "each reference once");
                states.push((before, snapshot.clone()));
                before = snapshot.clone();
            }
        }
    }
    states
}

/// Runs the oracle: what it was before and after each reference, and how it ended.
fn expected(items: &[Item], rules: &Rules) -> (Oracle, States, Option<Ended>) {
    let mut oracle = Oracle::new(*rules);
    let mut states = States::new();
    let mut before = Snapshot::default();
    for item in items {
        match oracle.apply(item) {
            Err(ended) => return (oracle, states, Some(ended)),
            Ok(legal) => {
                oracle.assert_laws();
                let now = oracle.snapshot();
                match legal {
                    true => states.push((before, now.clone())),
                    false if matches!(item, Item::Access { .. }) => continue,
                    false => {}
                }
                before = now;
            }
        }
    }
    (oracle, states, None)
}

fn compare(items: &[Item], rules: &Rules) -> Result<(), String> {
    if !is_strict(items) {
        return Ok(());
    }
    let (oracle, wanted, ended) = expected(items, rules);
    let (outcome, seen) = product(items, rules)?;
    let got = states_of(&seen);
    for (number, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
        same(&got.0, &wanted.0).map_err(|why| format!("before reference {number}: {why}"))?;
        same(&got.1, &wanted.1).map_err(|why| format!("after reference {number}: {why}"))?;
    }
    let ending = outcome.ended.as_ref().map(|(ending, refs)| {
        let ending = match *ending {
            Ending::DoesNotFit { bytes, .. } => Ended::DoesNotFit(bytes),
            Ending::SwapFull => Ended::SwapFull,
            ref other => panic!("no ending of segments: {other:?}"),
        };
        (ending, *refs)
    });
    let wanted_ending = ended.map(|ended| (ended, oracle.sums.refs));
    if ending != wanted_ending {
        return Err(format!("ended: got {ending:?}, expected {wanted_ending:?}"));
    }
    if got.len() != wanted.len() {
        return Err(format!(
            "references: got {}, expected {}",
            got.len(),
            wanted.len()
        ));
    }
    if ended.is_some() {
        return Ok(());
    }
    let (counts, sums) = (&outcome.counts, &oracle.sums);
    let whole = [
        (
            "counts",
            format!("{:?}", counts_of(counts)),
            format!("{:?}", oracle.counts),
        ),
        ("refs", outcome.refs.to_string(), sums.refs.to_string()),
        (
            "resident",
            counts.resident_sum.to_string(),
            sums.resident.to_string(),
        ),
        (
            "untouched",
            counts.untouched_sum.to_string(),
            sums.untouched.to_string(),
        ),
        (
            "idle",
            format!("{:?}", counts.idle_sum),
            format!("{:?}", Some(u128::from(sums.idle))),
        ),
        (
            "swap_end",
            counts.swap_end.to_string(),
            oracle.swapped().to_string(),
        ),
        (
            "swap_peak",
            counts.swap_peak.to_string(),
            sums.swap_peak.to_string(),
        ),
    ];
    for (name, got, wanted) in whole {
        if got != wanted {
            return Err(format!("at the end {name}: got {got}, expected {wanted}"));
        }
    }
    let fixed = |number: f64| number / ONE as f64;
    let fractions = [
        (
            "sum",
            fixed(counts.fragmentation_sum as f64),
            sums.fragmentation,
        ),
        (
            "worst",
            fixed(counts.fragmentation_worst as f64),
            sums.fragmentation_worst,
        ),
    ];
    for (name, got, wanted) in fractions {
        if (got - wanted).abs() > 1e-6 {
            return Err(format!(
                "fragmentation, {name}: got {got}, expected {wanted}"
            ));
        }
    }
    Ok(())
}

fn same(got: &Snapshot, wanted: &Snapshot) -> Result<(), String> {
    let mut got = got.clone();
    // What nobody has is of no matter until it is gone.
    got.memory.retain(|(.., owners)| !owners.is_empty());
    if got.memory != wanted.memory {
        return Err(format!(
            "memory:\n  got      {}\n  expected {}\n  {:?}\n  {:?}",
            map(&got),
            map(wanted),
            got.counts,
            wanted.counts,
        ));
    }
    let states = |snapshot: &Snapshot| format!("{:?}\n    {:?}", snapshot.segments, snapshot.out);
    if states(&got) != states(wanted) {
        return Err(format!(
            "\n  got {}\n  expected {}",
            states(&got),
            states(wanted)
        ));
    }
    match got.counts == wanted.counts {
        true => Ok(()),
        false => Err(format!(
            "\n  got      {:?}\n  expected {:?}",
            got.counts, wanted.counts
        )),
    }
}

/// Memory in pages.
fn map(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    for (start, end, owners) in &snapshot.memory {
        let _ = write!(text, "{}-{}:", start / PAGE, end / PAGE);
        for (pid, address) in owners {
            let _ = write!(text, "{pid}@{:x} ", address / PAGE);
        }
    }
    text
}

fn caught(items: &[Item], rules: &Rules) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| compare(items, rules))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

fn sensible(items: &[Item]) -> bool {
    let mut space = Space::new(PAGE, true, OnSegfault::Skip);
    items.iter().all(|item| space.apply(item).is_ok())
}

/// The shortest trace found that still fails, and why it does.
fn shrunk(items: &[Item], rules: &Rules, why: String) -> (Vec<Item>, String) {
    let (mut shortest, mut why) = (items.to_vec(), why);
    let mut piece = shortest.len();
    while piece > 0 {
        let mut at = 0;
        while at < shortest.len() {
            let mut fewer = shortest.clone();
            fewer.drain(at..(at + piece).min(fewer.len()));
            match sensible(&fewer).then(|| caught(&fewer, rules)) {
                Some(Err(reason)) => (shortest, why) = (fewer, reason),
                _ => at += piece,
            }
        }
        piece /= 2;
    }
    (shortest, why)
}

/// Items as lines of the plain format.
fn show(items: &[Item]) -> String {
    let mut text = String::new();
    let mut running = None;
    for item in items {
        if running != Some(item.pid()) {
            running = Some(item.pid());
            let _ = writeln!(text, "switch {}", item.pid());
        }
        let _ = match item {
            Item::Access { kind, page, .. } => {
                writeln!(text, "{} {:x}", kind.letter(), page * PAGE)
            }
            Item::Event { event, .. } => writeln!(text, "{}", line(event)),
        };
    }
    text
}

fn line(event: &Event) -> String {
    match event {
        Event::Map(m) => {
            let mut text = format!("map {:x} {} {}", m.start, m.length, m.protection);
            if let Backing::File {
                file,
                offset,
                length,
            } = m.backing
            {
                let _ = write!(text, " file={file},{offset},{length}");
            }
            for (set, word) in [
                (m.shared, "shared"),
                (m.fixed, "fixed"),
                (m.grows_down, "grows-down"),
                (m.swap_backed, "swap-backed"),
            ] {
                if set {
                    let _ = write!(text, " {word}");
                }
            }
            text
        }
        Event::Unmap { start, length } => format!("unmap {start:x} {length}"),
        Event::Protect {
            start,
            length,
            protection,
        } => format!("protect {start:x} {length} {protection}"),
        Event::Brk { end } => format!("brk {end:x}"),
        Event::Move(m) => format!(
            "move {:x} {} {:x} {}{}{}",
            m.old_start,
            m.old_length,
            m.new_start,
            m.new_length,
            if m.fixed { " fixed" } else { "" },
            if m.keep { " keep" } else { "" },
        ),
        Event::Fork { child } => format!("fork {child}"),
        Event::Vfork { child } => format!("vfork {child}"),
        Event::Exec => "exec".into(),
        Event::Exit => "exit".into(),
        other => format!("{other:?}"),
    }
}

// Tests.

const DIVISIONS: [Division; 3] = [Division::Vma, Division::Classic, Division::Whole];
const FITS: [Fit; 4] = [Fit::First, Fit::Next, Fit::Best, Fit::Worst];
const RELIEFS: [Relief; 3] = [Relief::Compact, Relief::Swap, Relief::Evict];
const POLICIES: [Policy; 3] = [Policy::Lru, Policy::Fifo, Policy::Clock];

fn rules_of(seed: u64) -> Rules {
    let mut random = Random::new(seed ^ 0x4175);
    let memory = (4 + random.below(21)) * PAGE;
    Rules {
        division: DIVISIONS[random.below(3) as usize],
        page: PAGE,
        memory,
        fit: FITS[random.below(4) as usize],
        relief: RELIEFS[random.below(3) as usize],
        programs: random.percent(50),
        policy: POLICIES[random.below(3) as usize],
        swap: random.percent(15).then(|| random.below(24) * PAGE),
        tau: 1 + random.below(9) as usize,
    }
}

fn style_of(seed: u64) -> Style {
    let mut random = Random::new(seed ^ 0x571e);
    Style {
        moves: random.percent(50),
        forks: random.percent(60),
        files: random.percent(60),
        stacks: random.percent(60),
    }
}

/// Compares the models on random traces under rules that `of` makes of random ones.
fn agree(seeds: std::ops::Range<u64>, of: impl Fn(Rules) -> Rules) {
    for seed in seeds {
        let rules = of(rules_of(seed));
        let items = items(seed, style_of(seed));
        if let Err(why) = caught(&items, &rules) {
            let (items, why) = shrunk(&items, &rules, why);
            panic!("seed {seed}: {rules:?}\n{}{why}", show(&items));
        }
    }
}

#[test]
fn segments_of_mappings_agree_state_by_state() {
    agree(0..1500, |rules| Rules {
        division: Division::Vma,
        programs: false,
        ..rules
    });
}

#[test]
fn whole_programs_of_mappings_agree_state_by_state() {
    agree(0..1500, |rules| Rules {
        division: Division::Vma,
        programs: true,
        ..rules
    });
}

#[test]
fn sums_of_mappings_agree_state_by_state() {
    agree(0..1500, |rules| Rules {
        division: Division::Classic,
        ..rules
    });
}

#[test]
fn processes_of_one_segment_agree_state_by_state() {
    agree(0..1500, |rules| Rules {
        division: Division::Whole,
        ..rules
    });
}

/// What the model of places counts.
fn places_of(items: &[Item], places: u64) -> Result<Places, String> {
    let options = space::Options {
        on_segfault: space::OnSegfault::Skip,
        changes: true,
        ..space::Options::default()
    };
    let resolved = space::resolve(trace_of(items, PAGE), &options).map_err(|e| format!("{e:?}"))?;
    let out = models::places(&resolved, places, 0);
    let beyond = out.ended.map(|(ending, _)| match ending {
        Ending::Beyond { place, .. } => place,
        other => panic!("no ending of places: {other:?}"),
    });
    Ok(Places {
        refs: out.refs,
        clobbers: out.clobbers,
        foreign_reads: out.foreign_reads,
        first: out.first.map(|first| first.map(|first| first.position)),
        beyond,
    })
}

#[test]
fn places_agree() {
    let mut foreign = 0;
    for seed in 0..2000 {
        let items = items(seed, style_of(seed));
        if !is_strict(&items) {
            continue;
        }
        let places = [40, 80, 1 << 20][seed as usize % 3];
        let space = Space::new(PAGE, true, OnSegfault::Skip);
        let wanted = places::count(&items, space, places);
        foreign += wanted.clobbers + wanted.foreign_reads;
        let got = places_of(&items, places);
        assert_eq!(got, Ok(wanted), "seed {seed}:\n{}", show(&items));
    }
    assert!(
        foreign > 1000,
        "the traces have processes that share places"
    );
}
