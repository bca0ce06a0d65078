//! What names a cell: [`Identity`], made by plans, result rows and baselines alike. All code that
//! groups, joins, orders, finds or names cells does it by this type.
//!
//! Deliberately absent: counts, and where an identity comes from.

use crate::policy::PolicyChoice;
use crate::units::show_bytes;
use std::collections::{BTreeMap, BTreeSet};

/// A part as results write it.
trait Written {
    fn written(&self) -> String;
}

impl Written for String {
    fn written(&self) -> String {
        self.clone()
    }
}

impl Written for u64 {
    fn written(&self) -> String {
        self.to_string()
    }
}

impl Written for Option<u64> {
    fn written(&self) -> String {
        self.map_or(String::new(), |number| number.to_string())
    }
}

macro_rules! parts {
    ($($(#[$about:meta])* $part:ident $field:ident: $type:ty;)*) => {
        /// Everything that names a cell. The order is the stable order of result rows.
        #[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct Identity {
            $($(#[$about])* pub $field: $type,)*
        }

        /// A part of an [`Identity`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Part { $($part,)* }

        impl Part {
            /// Returns the column of `results.csv` that has this part.
            pub const fn column(self) -> &'static str {
                match self { $(Part::$part => stringify!($field),)* }
            }
        }

        impl Identity {
            /// Returns a part as its column writes it.
            pub fn text(&self, part: Part) -> String {
                match part { $(Part::$part => self.$field.written(),)* }
            }

            /// Returns the identity without some parts: equal for cells that differ in nothing else.
            #[must_use]
            pub fn without(&self, parts: &[Part]) -> Identity {
                let mut rest = self.clone();
                for part in parts {
                    match part { $(Part::$part => rest.$field = Default::default(),)* }
                }
                rest
            }
        }
    };
}

parts! {
    /// The name of the trace.
    Trace trace: String;
    /// Bytes of a page.
    PageSize page_size: u64;
    /// The digest of the trace. It differs between page sizes.
    Digest trace_digest: String;
    /// Which part of the trace was read; empty for all of it.
    Filter filter: String;
    /// The name of the policy in its table.
    Policy policy: String;
    /// The parameters that differ from their defaults, in the table's spelling.
    Params params: String;
    /// The seed of a randomized policy.
    Seed seed: Option<u64>;
    /// The window of a variable-space policy, in references.
    Tau tau: Option<u64>;
    /// Frames of memory; `None` without a limit.
    Frames frames: Option<u64>;
    /// Slots of the swap device; `None` without a limit.
    SwapLimit swap_limit: Option<u64>;
    /// The origin of the mappings.
    Mappings mappings: String;
    /// What an illegal reference did; empty if no reference can be illegal.
    OnSegfault on_segfault: String;
    /// How frames were divided among processes.
    Allocation allocation: String;
    /// When reference bits were set; with the shape of the TLBs, if it depends on them.
    AccessedBit accessed_bit: String;
    /// The commit limit: the most bytes that all processes together may have promised.
    CommitLimit commit_limit: Option<u64>;
    /// References replayed before counting began.
    WarmupRefs warmup_refs: u64;
    /// How a page is mapped that its last owner reads from swap; empty if none is written then.
    SwapIn swap_in: String;
    /// Whether the source of a copy stays; empty if nothing is copied.
    PinCowSource pin_cow_source: String;
    /// Whether forks copy entries for pages of files; empty if no fork found any.
    ForkFilePtes fork_file_ptes: String;
    /// Which free frame is taken; empty if no page loses its last owner.
    FreeFrames free_frames: String;
    /// The layout of addresses; empty if any address is taken.
    Layout layout: String;
    /// What becomes of unmapped pages of files; empty if there are none.
    PageCache page_cache: String;
    /// Whether reads and writes of files count; empty if there are none.
    FileIo file_io: String;
    /// What a reference beyond the end of its file is; empty if there is none.
    BeyondEof beyond_eof: String;
    /// The model of memory; empty without `--model`.
    Model model: String;
    /// What a segment is; empty for models without such a choice, as all that follow.
    Segments segments: String;
    /// The hole that a segment is placed in.
    Fit fit: String;
    /// What leaves memory as a whole.
    SwapUnit swap_unit: String;
    /// What is done when no hole is large enough.
    Relief relief: String;
    /// The window in which what is not referenced is idle; empty if nothing looks for that.
    Idle idle: String;
}

/// The policy, its parameters and its seed.
pub const POLICY: [Part; 3] = [Part::Policy, Part::Params, Part::Seed];

/// The settings of the model. Counts under different settings are not comparable.
pub const MODEL: [Part; 20] = [
    Part::Mappings,
    Part::OnSegfault,
    Part::Allocation,
    Part::AccessedBit,
    Part::SwapLimit,
    Part::CommitLimit,
    Part::SwapIn,
    Part::PinCowSource,
    Part::ForkFilePtes,
    Part::FreeFrames,
    Part::Layout,
    Part::PageCache,
    Part::FileIo,
    Part::BeyondEof,
    Part::Model,
    Part::Segments,
    Part::Fit,
    Part::SwapUnit,
    Part::Relief,
    Part::Idle,
];

/// The parts that say which model of memory a cell has, and how that model uses memory.
pub const MEMORY_MODEL: [Part; 6] = [
    Part::Model,
    Part::Segments,
    Part::Fit,
    Part::SwapUnit,
    Part::Relief,
    Part::Idle,
];

/// Parts that tables of earlier versions do not have, each with what every run did then. Such a table
/// reads as if the part were empty.
pub const LATER: [(Part, &str); 14] = [
    (Part::SwapIn, "read-only"),
    (Part::PinCowSource, "off"),
    (Part::ForkFilePtes, "copy"),
    (Part::FreeFrames, "lifo"),
    (Part::Layout, ""),
    (Part::PageCache, "drop"),
    (Part::FileIo, "ignore"),
    (Part::BeyondEof, "zero"),
    (Part::Model, "paging"),
    (Part::Segments, ""),
    (Part::Fit, ""),
    (Part::SwapUnit, ""),
    (Part::Relief, ""),
    (Part::Idle, ""),
];

/// The parts in which the cells of one run differ, in the order of their columns. Each line of the
/// tables beside `results.csv` begins with them.
pub const IN_A_RUN: [Part; 10] = [
    Part::Trace,
    Part::Digest,
    Part::Filter,
    Part::PageSize,
    Part::Policy,
    Part::Params,
    Part::Seed,
    Part::Tau,
    Part::Frames,
    Part::Model,
];

/// The parts that names include only if they are unusual, with their usual values.
const UNUSUAL: [(Part, &[&str]); 22] = [
    (Part::Filter, &[""]),
    (Part::Mappings, &["", "recorded", "permissive"]),
    (Part::OnSegfault, &["", "kill"]),
    (Part::Allocation, &["", "global"]),
    (Part::AccessedBit, &["", "every"]),
    (Part::SwapLimit, &[""]),
    (Part::CommitLimit, &[""]),
    (Part::SwapIn, &["", "writable"]),
    (Part::PinCowSource, &["", "on"]),
    (Part::ForkFilePtes, &["", "copy"]),
    (Part::FreeFrames, &["", "lifo"]),
    (Part::Layout, &[""]),
    (Part::PageCache, &["", "keep"]),
    (Part::FileIo, &["", "ignore"]),
    (Part::BeyondEof, &["", "zero"]),
    (Part::Model, &["", "paging"]),
    (Part::Segments, &["", "vma"]),
    (Part::Fit, &["", "first"]),
    (Part::SwapUnit, &[""]),
    (Part::Relief, &["", "compact"]),
    (Part::Idle, &[""]),
    (Part::WarmupRefs, &["0"]),
];

/// The page size that names leave out.
const USUAL_PAGE: u64 = 4096;

impl Identity {
    /// Sets a policy and its parameters in the spelling of the table, which has one for aliases, other
    /// case and defaults that are written out. A policy that the table does not have stays as it is.
    #[must_use]
    pub fn with_policy(mut self, policy: &str, params: &str) -> Identity {
        let written = label(policy, params);
        (self.policy, self.params) = match written.parse::<PolicyChoice>() {
            Ok(choice) => (choice.spec().name.to_owned(), choice.params()),
            Err(_) => (policy.to_owned(), params.to_owned()),
        };
        self
    }

    /// Returns the cell with the [later](LATER) parts that it lacks, where `now` has any: what every run
    /// did before there was such a part.
    #[must_use]
    pub fn completed(&self, now: &Identity) -> Identity {
        let mut cell = self.clone();
        for (part, before) in LATER {
            if cell.text(part).is_empty() && !now.text(part).is_empty() {
                *cell.later(part) = before.to_owned();
            }
        }
        cell
    }

    /// Returns one of the [later](LATER) parts, to be changed.
    fn later(&mut self, part: Part) -> &mut String {
        match part {
            Part::SwapIn => &mut self.swap_in,
            Part::PinCowSource => &mut self.pin_cow_source,
            Part::ForkFilePtes => &mut self.fork_file_ptes,
            Part::FreeFrames => &mut self.free_frames,
            Part::Layout => &mut self.layout,
            Part::PageCache => &mut self.page_cache,
            Part::FileIo => &mut self.file_io,
            Part::BeyondEof => &mut self.beyond_eof,
            Part::Model => &mut self.model,
            Part::Segments => &mut self.segments,
            Part::Fit => &mut self.fit,
            Part::SwapUnit => &mut self.swap_unit,
            Part::Relief => &mut self.relief,
            Part::Idle => &mut self.idle,
            other => unreachable!("{other:?} was always there"),
        }
    }

    /// Returns the setting of the cell: everything but the policy and its memory. Counts of one setting
    /// are comparable, and may share a table or a chart.
    pub fn setting(&self) -> Identity {
        self.without(&POLICY).without(&[Part::Tau, Part::Frames])
    }

    /// Returns the line of a chart on which the cell is a point: everything but its size of memory. If
    /// the cell has a window, that is its size, and its limit of frames stays part of the line.
    pub fn line(&self) -> Identity {
        match self.tau {
            Some(_) => self.without(&[Part::Tau]),
            None => self.without(&[Part::Frames]),
        }
    }

    /// Returns the policy with its parameters: `clock:load-bit=0`.
    pub fn policy_label(&self) -> String {
        label(&self.policy, &self.params)
    }

    /// Returns the policy with its parameters and its seed: `random, seed 2`.
    pub fn seeded_label(&self) -> String {
        let seed = self.seed.map(|seed| format!(", seed {seed}"));
        self.policy_label() + &seed.unwrap_or_default()
    }

    /// Returns the memory in words, with the seed (`64 frames`, `tau 300`), and the page size if it is
    /// not 4 KiB.
    pub fn memory(&self) -> String {
        self.memory_words().join(", ")
    }

    fn memory_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        words.extend(self.tau.map(|tau| format!("tau {tau}")));
        words.extend(self.frames.map(|frames| match frames {
            1 => "1 frame".to_owned(),
            frames => format!("{frames} frames"),
        }));
        words.extend(self.seed.map(|seed| format!("seed {seed}")));
        if ![0, USUAL_PAGE].contains(&self.page_size) {
            words.push(format!("pages of {}", show_bytes(self.page_size)));
        }
        words
    }

    /// Returns the unusual parts of the setting, except trace and page size: `allocation=equal`.
    pub fn unusual(&self) -> impl Iterator<Item = String> {
        self.unusual_of(&UNUSUAL)
    }

    fn unusual_of(&self, parts: &[(Part, &[&str])]) -> impl Iterator<Item = String> + use<> {
        let word = |(part, usual): &(Part, &[&str])| {
            let text = self.text(*part);
            (!usual.contains(&&*text)).then(|| format!("{}={text}", part.column()))
        };
        parts
            .iter()
            .filter_map(word)
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Returns the cell in words without its trace and policy: `64 frames, warmup_refs=1000`.
    pub fn place(&self) -> String {
        let mut words = self.memory_words();
        words.extend(self.unusual());
        words.join(", ")
    }

    /// Returns the cell in words: `cc1, lru, 64 frames`. Empty parts are not named.
    pub fn name(&self) -> String {
        let words = [self.trace.clone(), self.policy_label(), self.place()];
        let words = words.into_iter().filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(", ")
    }

    /// Returns the cell as globs and `--explain` name it: `cc1/lru/64`, `cc1/ws/tau=300`. Page size,
    /// seed, filter, model and warm-up follow if they are unusual: `cc1/lru/64/64KiB/warmup_refs=1000`.
    /// A model without policies has an empty word in place of one.
    pub fn path(&self) -> String {
        let mut words = vec![self.trace.clone(), self.policy_label(), self.size()];
        if self.page_size != USUAL_PAGE {
            words.push(show_bytes(self.page_size));
        }
        words.extend(self.seed.map(|seed| format!("seed={seed}")));
        let named = |part: Part| {
            [Part::Filter, Part::WarmupRefs].contains(&part) || MEMORY_MODEL.contains(&part)
        };
        let named: Vec<_> = UNUSUAL
            .into_iter()
            .filter(|(part, _)| named(*part))
            .collect();
        words.extend(self.unusual_of(&named));
        words.join("/")
    }

    /// Returns the frames as globs name them, `64`; or the window, if there is one: `tau=300`.
    pub fn size(&self) -> String {
        match (self.tau, self.frames) {
            (Some(tau), _) => format!("tau={tau}"),
            (None, frames) => frames.written(),
        }
    }

    /// Returns the first of `parts` in which two cells differ, with both texts.
    pub fn difference(&self, other: &Identity, parts: &[Part]) -> Option<(Part, String, String)> {
        parts.iter().find_map(|&part| {
            let (here, there) = (self.text(part), other.text(part));
            (here != there).then_some((part, here, there))
        })
    }
}

fn label(policy: &str, params: &str) -> String {
    match params {
        "" => policy.to_owned(),
        params => format!("{policy}:{params}"),
    }
}

/// Groups cells by setting. Returns each setting with the indices of its cells, in the stable order.
/// Without a limit, frames are not divided: such a cell joins the groups of every allocation.
pub fn by_setting(cells: &[Identity]) -> Vec<(Identity, Vec<usize>)> {
    let mut groups: BTreeMap<Identity, Vec<usize>> = BTreeMap::new();
    let (limited, unlimited): (Vec<usize>, Vec<usize>) =
        (0..cells.len()).partition(|&place| cells[place].frames.is_some());
    for place in limited {
        groups
            .entry(cells[place].setting())
            .or_default()
            .push(place);
    }
    for place in unlimited {
        let setting = cells[place].setting();
        let undivided = |of: &Identity| of.without(&[Part::Allocation]);
        let mut alone = true;
        for (other, group) in &mut groups {
            if undivided(other) == undivided(&setting) {
                group.push(place);
                alone = false;
            }
        }
        if alone {
            groups.insert(setting, vec![place]);
        }
    }
    for group in groups.values_mut() {
        group.sort_by_key(|&place| (&cells[place], place));
    }
    groups.into_iter().collect()
}

/// Labels for the policies of cells that are shown together. A label has the seed if cells of the
/// policy have several.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    several: BTreeSet<String>,
}

impl Labels {
    /// Returns the labels for `cells`.
    pub fn of<'i>(cells: impl IntoIterator<Item = &'i Identity>) -> Labels {
        let mut seeds: BTreeMap<String, BTreeSet<Option<u64>>> = BTreeMap::new();
        for cell in cells {
            seeds
                .entry(cell.policy_label())
                .or_default()
                .insert(cell.seed);
        }
        seeds.retain(|_, seeds| seeds.len() > 1);
        Labels {
            several: seeds.into_keys().collect(),
        }
    }

    /// Returns the label of a cell's policy: `random, seed 2`, or `random` if there is one seed.
    pub fn label(&self, cell: &Identity) -> String {
        let label = cell.policy_label();
        if self.several.contains(&label) {
            cell.seeded_label()
        } else {
            label
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(policy: &str, params: &str) -> Identity {
        Identity {
            trace: "t".into(),
            page_size: 4096,
            frames: Some(64),
            allocation: "global".into(),
            accessed_bit: "every".into(),
            ..Identity::default()
        }
        .with_policy(policy, params)
    }

    #[test]
    fn a_policy_is_what_was_parsed() {
        for (policy, params, label) in [
            ("Clock", "", "clock"),
            ("clock", "load-bit=1", "clock"),
            ("working-set-clock", "", "wsclock"),
            ("2Q", "kout=0.50:kin=0.1", "2q:kin=0.1"),
            ("lru", "estimate from 1%", "lru:estimate from 1%"),
        ] {
            assert_eq!(cell(policy, params).policy_label(), label);
        }
    }

    #[test]
    fn cells_are_named_by_what_is_unusual() {
        let usual = cell("lru", "");
        assert_eq!(usual.name(), "t, lru, 64 frames");
        assert_eq!(usual.path(), "t/lru/64");
        let other = Identity {
            page_size: 65536,
            filter: "data-only".into(),
            warmup_refs: 9,
            seed: Some(2),
            allocation: "equal".into(),
            ..usual.clone()
        };
        assert_eq!(
            other.name(),
            "t, lru, 64 frames, seed 2, pages of 64KiB, filter=data-only, allocation=equal, warmup_refs=9"
        );
        assert_eq!(
            other.path(),
            "t/lru/64/64KiB/seed=2/filter=data-only/warmup_refs=9"
        );
        assert_eq!(
            other.without(&POLICY).place(),
            "64 frames, pages of 64KiB, filter=data-only, allocation=equal, warmup_refs=9"
        );
        assert_eq!(usual.without(&POLICY).name(), "t, 64 frames");
        let window = Identity {
            tau: Some(300),
            frames: None,
            ..usual
        };
        assert_eq!(window.path(), "t/lru/tau=300");
    }

    #[test]
    fn settings_are_apart_and_what_is_undivided_belongs_to_each() {
        let with = |policy: &str, frames, allocation: &str| Identity {
            frames,
            allocation: allocation.into(),
            ..cell(policy, "")
        };
        let cells = [
            with("lru", Some(8), "global"),
            with("lru", Some(4), "equal"),
            with("ws", None, "global"),
            with("fifo", Some(8), "global"),
        ];
        let groups = by_setting(&cells).into_iter();
        let groups: Vec<(String, Vec<usize>)> = groups
            .map(|(setting, places)| (setting.allocation, places))
            .collect();
        assert_eq!(
            groups,
            [
                ("equal".into(), vec![1, 2]),
                ("global".into(), vec![3, 0, 2])
            ]
        );
        assert_eq!(by_setting(&cells[2..3])[0].1, [0]);
    }

    #[test]
    fn a_seed_is_named_where_there_are_several() {
        let seeded = |seed| Identity {
            seed: Some(seed),
            ..cell("random", "")
        };
        let one = Labels::of(&[seeded(1), cell("lru", "")]);
        assert_eq!(one.label(&seeded(1)), "random");
        let two = Labels::of(&[seeded(1), seeded(2), cell("lru", "")]);
        assert_eq!(two.label(&seeded(2)), "random, seed 2");
        assert_eq!(two.label(&cell("lru", "")), "lru");
    }
}
