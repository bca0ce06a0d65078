//! Pseudo-random traces with mapping events, which all make sense, and the product's trace of
//! them. The same seed gives the same trace everywhere.

use super::random::Random;
use crate::oracle::whole::space::Space;
use crate::oracle::whole::{Item, OnSegfault};
use pagebench::internals::trace::model::access::Kind;
use pagebench::internals::trace::model::dense::Trace;
use pagebench::internals::trace::model::densify::Densifier;
use pagebench::internals::trace::model::event::{
    Advice, Backing, Event, EventAt, FileRange, Mapping, Move, Protection,
};
use pagebench::internals::trace::model::refs::{Meta, PageKey, pack};
use pagebench::internals::units::PageSize;

/// What a trace is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Mappings of all kinds.
    Mapped,
    /// No mapping is told of: forks, new programs, exits, and events that are idle.
    Permissive,
    /// Forks mostly, of processes with private pages.
    Forks,
    /// Files mostly, shared and private, and advice.
    Files,
    /// Mappings that move, grow and shrink.
    Moves,
    /// Files that are mapped, unmapped, read, written, cut and unlinked.
    Cache,
    /// One process with more pages than a cluster of the swap device has slots.
    Wide,
}

pub const STYLES: [Style; 7] = [
    Style::Mapped,
    Style::Permissive,
    Style::Forks,
    Style::Files,
    Style::Moves,
    Style::Cache,
    Style::Wide,
];

/// The most processes alive at the same time.
const PROCESSES: usize = 5;
/// Mappings lie below this many granules, the heap and the stack above.
const ARENA: u64 = 24;
/// Where heaps begin, in granules.
const HEAP: u64 = 40;
/// Where stacks end, in granules.
const STACK: u64 = 64;
/// Files of the traces; the length of each, in bytes, ends within a granule. The last is memory.
const FILES: u64 = 4;

struct Maker {
    random: Random,
    style: Style,
    page_size: u64,
    granule: u64,
    /// Of a thousand accesses, how many may be illegal.
    illegal: u64,
    items: Vec<Item>,
    /// The items, with illegal accesses left out.
    space: Space,
    next_pid: u32,
    running: u32,
}

/// A trace of so many items.
pub fn items(style: Style, page_size: u64, length: usize, seed: u64) -> Vec<Item> {
    let mut random = Random::new(seed ^ 0xe7e7);
    let illegal = [0, 10, 100][random.below(3) as usize];
    let mut maker = Maker {
        style,
        page_size,
        granule: page_size.min(4096),
        illegal,
        items: Vec::new(),
        space: Space::new(page_size, style != Style::Permissive, OnSegfault::Skip),
        next_pid: 10 + random.below(3) as u32,
        running: 0,
        random,
    };
    maker.new_process();
    while maker.items.len() < length {
        maker.next();
    }
    maker.items
}

impl Maker {
    fn next(&mut self) {
        let living = self.space.living();
        let one_more = living.len() < PROCESSES && self.random.below(1000) < 3;
        if living.is_empty() || (one_more && self.style != Style::Wide) {
            return self.new_process();
        }
        if !living.contains(&self.running) || self.random.percent(15) {
            self.running = living[self.random.below(living.len() as u64) as usize];
        }
        let events = match self.style {
            Style::Mapped => 20,
            Style::Permissive => 8,
            Style::Forks | Style::Files | Style::Moves => 14,
            Style::Cache => 30,
            Style::Wide => 1,
        };
        match self.random.percent(events) {
            true => self.event(),
            false => self.access(),
        };
    }

    /// Takes an item if it makes sense.
    fn take(&mut self, item: Item) -> bool {
        let mut space = self.space.clone();
        if space.apply(&item).is_err() {
            return false;
        }
        if space.illegal.len() > self.space.illegal.len() && self.random.below(1000) >= self.illegal
        {
            return false;
        }
        self.space = space;
        self.items.push(item);
        true
    }

    fn take_event(&mut self, event: Event) -> bool {
        let pid = self.running;
        self.take(Item::Event { pid, event })
    }

    /// A process of which nothing was known.
    fn new_process(&mut self) {
        self.running = self.next_pid;
        self.next_pid += 1 + self.random.below(3) as u32;
        match self.style {
            Style::Permissive => {
                self.access();
            }
            Style::Wide => {
                let mapping = Mapping {
                    start: 0,
                    length: 700 * self.page_size,
                    ..self.mapping()
                };
                let backing = Backing::Anonymous;
                let shared = false;
                let protection = Protection::RW;
                self.take_event(Event::Map(Box::new(Mapping {
                    backing,
                    shared,
                    protection,
                    ..mapping
                })));
            }
            Style::Mapped | Style::Forks | Style::Files | Style::Moves | Style::Cache => {
                for _ in 0..3 {
                    self.map();
                }
                self.stack();
            }
        }
    }

    // Accesses.

    fn access(&mut self) -> bool {
        let (pid, mut last) = (self.running, None);
        for item in self.items.iter().rev().take(6) {
            if let &Item::Access { page, .. } = item
                && item.pid() == pid
                && self.style != Style::Wide
                && self.random.percent(40)
            {
                last = Some(page);
                break;
            }
        }
        let page = match last {
            Some(page) => page,
            None => self.page(),
        };
        let kind = match self.random.below(10) {
            1.. if self.style == Style::Wide => Kind::Write,
            0 => Kind::Ifetch,
            1..=5 => Kind::Read,
            _ => Kind::Write,
        };
        self.take(Item::Access { pid, kind, page })
    }

    /// A page that may be mapped.
    fn page(&mut self) -> u64 {
        if self.style == Style::Permissive {
            return self.random.below(12);
        }
        let mapped = self.space.mapped(self.running);
        if mapped.is_empty() || self.random.percent(4) {
            // Anywhere: below a stack, in a hole, behind all mappings, out of reach of the stack,
            // behind user space.
            return match self.random.below(12) {
                0 => (1 << 56) / self.page_size + self.random.below(2),
                1 => u64::MAX / self.page_size,
                2 => (1 << 24) / self.page_size,
                _ => self.random.below(STACK + 4) * self.granule / self.page_size,
            };
        }
        let (start, end) = mapped[self.random.below(mapped.len() as u64) as usize];
        // Few pages of a long stack.
        let near = match self.style {
            Style::Wide => end - start,
            _ => (end - start).min(16 * self.granule),
        };
        let first = match self.random.percent(50) {
            true => start,
            false => end - near,
        };
        (first + self.random.below(near)) / self.page_size
    }

    // Events.

    fn event(&mut self) -> bool {
        let living = self.space.living().len();
        let (forks, exits) = match self.style {
            Style::Permissive => (45, 60),
            Style::Forks => (35, 42),
            Style::Cache => (4, 10),
            _ => (8, 11),
        };
        match self.random.below(100) {
            chance if self.style == Style::Wide || chance < forks => match self.style {
                Style::Wide => self.advise(),
                _ => living < PROCESSES && self.fork(),
            },
            chance if chance < exits => living > 1 && self.take_event(Event::Exit),
            chance if chance < exits + 3 => self.exec(),
            _ => match self.style {
                Style::Permissive => self.idle(),
                Style::Moves if self.random.percent(60) => self.moves(),
                Style::Cache if self.random.percent(85) => self.file_event(),
                Style::Files if self.random.percent(10) => self.length(),
                Style::Files if self.random.percent(10) => self.populate(),
                Style::Files if self.random.percent(40) => self.advise(),
                Style::Files if self.random.percent(60) => self.map(),
                _ => self.mapping_event(),
            },
        }
    }

    fn mapping_event(&mut self) -> bool {
        let (start, length) = self.range();
        match self.random.below(100) {
            94.. => self.populate(),
            86..90 => self.moves(),
            90..94 => self.length(),
            0..30 => self.map(),
            30..42 => self.take_event(Event::Unmap { start, length }),
            42..54 => {
                let protection = self.protection();
                self.take_event(Event::Protect {
                    start,
                    length,
                    protection,
                })
            }
            54..66 => {
                let end = (HEAP + self.random.below(10)) * self.granule;
                let end = self.crooked(end);
                self.take_event(Event::Brk { end })
            }
            66..70 => self.stack(),
            _ => self.advise(),
        }
    }

    /// Mostly of what is mapped.
    fn populate(&mut self) -> bool {
        let mapped = self.space.mapped(self.running);
        let (mut start, length) = self.range();
        if !mapped.is_empty() && self.random.percent(60) {
            start = mapped[self.random.below(mapped.len() as u64) as usize].0;
        }
        let write = self.random.percent(50);
        self.take_event(Event::Populate {
            start,
            length,
            write,
        })
    }

    /// A new length of a file, or of none.
    fn length(&mut self) -> bool {
        let units = self.page_size.max(self.granule);
        let bytes = self.random.below(13) * units;
        let bytes = self.crooked(bytes);
        let file = self.random.below(FILES + 1) as u32;
        self.take_event(Event::Length { file, bytes })
    }

    /// A mapping that comes or goes, or something that happens to a file.
    fn file_event(&mut self) -> bool {
        let (start, length) = self.range();
        let file = self.random.below(FILES + 1) as u32;
        match self.random.below(20) {
            0..5 => self.map(),
            5..10 => self.take_event(Event::Unmap { start, length }),
            10 => self.take_event(Event::Unlink { file }),
            11 => self.length(),
            12 => self.advise(),
            _ => {
                let bytes = self.page_size;
                let range = FileRange {
                    file,
                    offset: match self.random.percent(50) {
                        true => self.random.below(10) * bytes,
                        false => self.random.below(10 * bytes),
                    },
                    length: match self.random.percent(50) {
                        true => (1 + self.random.below(3)) * bytes,
                        false => 1 + self.random.below(2 * bytes),
                    },
                };
                let event = match self.random.percent(50) {
                    true => Event::Read(range),
                    false => Event::Write(range),
                };
                self.take_event(event)
            }
        }
    }

    /// A move, mostly of what is mapped or a part of it, and mostly to where nothing is.
    fn moves(&mut self) -> bool {
        let mapped = self.space.mapped(self.running);
        let (mut old_start, mut old_length) = self.range();
        if !mapped.is_empty() && self.random.percent(85) {
            let (start, end) = mapped[self.random.below(mapped.len() as u64) as usize];
            let all = ((end - start) / self.granule).min(12);
            let skipped = match self.random.percent(50) {
                true => 0,
                false => self.random.below(all),
            };
            old_start = start + skipped * self.granule;
            old_length = (1 + self.random.below(all - skipped)) * self.granule;
            if self.random.percent(50) {
                old_length = (all - skipped) * self.granule;
            }
        }
        let (mut new_start, mut new_length) = self.range();
        let keep = self.random.percent(20);
        match self.random.below(10) {
            0..4 => new_length = old_length,
            _ if keep => new_length = old_length,
            _ => {}
        }
        if self.random.percent(25) && !keep {
            new_start = old_start;
        }
        let fixed = new_start != old_start && self.random.percent(60);
        let old_length = self.crooked(old_length);
        self.take_event(Event::Move(Box::new(Move {
            old_start,
            old_length,
            new_start,
            new_length,
            fixed,
            keep,
        })))
    }

    fn fork(&mut self) -> bool {
        let child = self.next_pid;
        self.next_pid += 1 + self.random.below(3) as u32;
        match self.random.percent(30) {
            true => self.take_event(Event::Vfork { child }),
            false => self.take_event(Event::Fork { child }),
        }
    }

    fn exec(&mut self) -> bool {
        let done = self.take_event(Event::Exec);
        if self.style != Style::Permissive {
            self.map();
        }
        done
    }

    /// What means nothing without mappings.
    fn idle(&mut self) -> bool {
        let (start, length) = self.range();
        match self.random.below(5) {
            0 => self.take_event(Event::Unmap { start, length }),
            3 => self.moves(),
            4 => self.populate(),
            1 => self.take_event(Event::Protect {
                start,
                length,
                protection: Protection::RW,
            }),
            _ => self.advise(),
        }
    }

    fn map(&mut self) -> bool {
        let mapping = self.mapping();
        self.take_event(Event::Map(Box::new(mapping)))
    }

    fn stack(&mut self) -> bool {
        let pages = 1 + self.random.below(2);
        // Some are so high that they can grow into only a part of what is below.
        let end = match self.random.percent(8) {
            true => (8 << 20) + self.random.below(STACK) * self.granule,
            false => STACK * self.granule,
        };
        let mapping = Mapping {
            start: end - pages * self.granule,
            length: pages * self.granule,
            protection: Protection::RW,
            shared: false,
            fixed: false,
            grows_down: true,
            swap_backed: false,
            backing: Backing::Anonymous,
            page_size: None,
            name: "[stack]".to_owned(),
        };
        self.take_event(Event::Map(Box::new(mapping)))
    }

    fn advise(&mut self) -> bool {
        let (start, length) = self.range();
        let advice = match self.random.percent(50) {
            true => Advice::WillNeed,
            false => Advice::DontNeed,
        };
        self.take_event(Event::Advise {
            start,
            length,
            advice,
        })
    }

    fn mapping(&mut self) -> Mapping {
        let (start, length) = self.range();
        let files = match self.style {
            Style::Mapped | Style::Permissive | Style::Moves | Style::Wide => 45,
            Style::Forks => 20,
            Style::Files | Style::Cache => 85,
        };
        let backing = match self.random.percent(files) {
            true => {
                let file = self.random.below(FILES);
                let units = self.page_size.max(self.granule);
                Backing::File {
                    file: file as u32,
                    offset: self.random.below(4) * units,
                    length: units / 2 + 3 * file * units,
                }
            }
            false => Backing::Anonymous,
        };
        let swap_backed =
            matches!(backing, Backing::File { file, .. } if u64::from(file) == FILES - 1);
        Mapping {
            start,
            length,
            protection: self.protection(),
            shared: self.random.percent(40),
            fixed: self.random.percent(40),
            grows_down: self.random.percent(4),
            swap_backed,
            backing,
            page_size: None,
            name: String::new(),
        }
    }

    fn protection(&mut self) -> Protection {
        Protection {
            read: self.random.percent(92),
            write: self.random.percent(85),
            execute: self.random.percent(50),
        }
    }

    /// A start and a length.
    fn range(&mut self) -> (u64, u64) {
        let above = match self.random.below(8) {
            0 => STACK + 2,
            _ => ARENA,
        };
        let (start, length) = (self.random.below(above), 1 + self.random.below(8));
        let start = self.crooked(start * self.granule);
        (start, self.crooked(length * self.granule))
    }

    /// Mostly the same.
    fn crooked(&mut self, bytes: u64) -> u64 {
        match self.random.percent(12) {
            true => bytes + self.random.below(self.granule),
            false => bytes,
        }
    }
}

/// The product's trace of these items.
pub fn trace_of(items: &[Item], page_size: u64) -> Trace {
    let page_size = PageSize::from_shift(page_size.trailing_zeros() as u8).expect("a page size");
    let mut densifier = Densifier::new();
    let (mut refs, mut kinds, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        let process = densifier.process(item.pid());
        match item {
            &Item::Access { kind, page, .. } => {
                let key = PageKey {
                    process,
                    number: page,
                };
                let id = densifier.id(key).expect("few pages");
                refs.push(pack(id, kind == Kind::Write));
                kinds.push(kind as u8);
            }
            Item::Event { event, .. } => {
                let mut event = event.clone();
                if let Some(child) = event.child_mut() {
                    *child = densifier.process(*child);
                }
                events.push(EventAt {
                    position: refs.len() as u64,
                    process,
                    event,
                    line: 0,
                });
            }
        }
    }
    let meta = Meta {
        page_size,
        ..super::meta("made up")
    };
    Trace::new(meta, densifier.into_dictionary(), refs, kinds, None).with_events(events)
}
