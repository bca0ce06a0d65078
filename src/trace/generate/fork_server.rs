//! A server that forks a child per request: mappings, fork, copy-on-write and exit. The children take
//! turns. It is the only generator with several processes.

use super::zipf::{ALPHA, Zipf};
use super::{Make, Param, Pattern, Rng, Setting, Step, Unit, Values, read_or_write};
use crate::trace::model::access::{Access, Kind};
use crate::trace::model::event::{Backing, Event, Mapping, Protection};
use std::collections::VecDeque;

pub(super) const SERVER: Pattern = Pattern {
    name: "fork-server",
    aliases: &["server"],
    about: "A server that forks a child for each request: mappings, copy-on-write, exits",
    params: &[
        Param {
            name: "pages",
            unit: Unit::Count("PAGES"),
            default: "1000",
            min: 1.0,
            max: (1u64 << 24) as f64,
            about: "Pages of the heap, which the server writes first and its children share",
        },
        Param {
            name: "children",
            unit: Unit::Count("PROCESSES"),
            default: "4",
            min: 1.0,
            max: 10_000.0,
            about: "Largest number of children at a time",
        },
        Param {
            name: "work",
            unit: Unit::Count("REFERENCES"),
            default: "2000",
            min: 500.0,
            max: (1u64 << 40) as f64,
            about: "References of a child before it exits",
        },
        Param {
            name: "quantum",
            unit: Unit::Count("REFERENCES"),
            default: "100",
            min: 1.0,
            max: (1u64 << 20) as f64,
            about: "References of a child before the next one runs",
        },
        ALPHA,
    ],
    refs: "200k",
    writes: "30",
    example: "--pages 2000 --children 8 --refs 500k -o server.pbt",
    make: Make::Server(Server::new),
};

/// Number of pages of the program, and of the scratch memory that each child maps for itself.
const TEXT_PAGES: u64 = 16;
const SCRATCH_PAGES: u64 = 4;
/// First bytes of both and of the heap: multiples of every page size, in user space.
const TEXT: u64 = 1 << 32;
const SCRATCH: u64 = 1 << 36;
const HEAP: u64 = 1 << 40;
/// Largest heap in bytes.
const HEAP_MAX: u64 = 1 << 46;

/// The server itself.
const PARENT: u32 = 1;

pub(super) struct Server {
    page_bytes: u64,
    /// Number of writes per 2^32 heap references of a child.
    write_share: u64,
    /// Number of pages of the heap.
    pages: u64,
    zipf: Zipf,
    /// Largest number of children at a time.
    children: usize,
    refs_per_child: u64,
    /// Number of references of a turn.
    quantum: u64,
    /// Steps to emit before anything else is worked out.
    next: VecDeque<Step>,
    /// Number of heap pages that the server has written.
    written: u64,
    /// The children, the next one to run first, and the references left to each.
    alive: VecDeque<(u32, u64)>,
    /// References left in this turn.
    turn: u64,
    last_pid: u32,
}

impl Server {
    fn new(values: &Values, setting: Setting, rng: &mut Rng) -> Result<Server, String> {
        let (pages, page_bytes) = (values.count("pages"), setting.page_bytes);
        if pages.saturating_mul(page_bytes) > HEAP_MAX {
            return Err(format!(
                "--pages: a heap of {pages} pages of {page_bytes} bytes is over 64TiB"
            ));
        }
        let mut server = Server {
            page_bytes,
            write_share: setting.write_share,
            pages,
            zipf: Zipf::new(pages, values.real("alpha"), rng),
            children: values.count("children") as usize,
            refs_per_child: values.count("work"),
            quantum: values.count("quantum"),
            next: VecDeque::new(),
            written: 0,
            alive: VecDeque::new(),
            turn: 0,
            last_pid: PARENT,
        };
        let text = Mapping {
            backing: Backing::File {
                file: 1,
                offset: 0,
                length: TEXT_PAGES * page_bytes,
            },
            name: "server".into(),
            ..Mapping::anonymous(TEXT, TEXT_PAGES * page_bytes, Protection::RX)
        };
        let heap = Mapping {
            name: "[heap]".into(),
            ..Mapping::anonymous(HEAP, pages * page_bytes, Protection::RW)
        };
        for mapping in [text, heap] {
            server.event(PARENT, Event::Map(Box::new(mapping)));
        }
        Ok(server)
    }

    fn event(&mut self, pid: u32, event: Event) {
        self.next.push_back(Step::Event { pid, event });
    }

    fn access(&mut self, pid: u32, kind: Kind, addr: u64) {
        let access = Access::single(kind, addr);
        self.next.push_back(Step::Access(Access { pid, ..access }));
    }

    /// Emits what the server does between two turns: it accepts a request if it has fewer than
    /// `children` children.
    fn accept(&mut self) {
        self.access(PARENT, Kind::Ifetch, TEXT);
        self.access(PARENT, Kind::Read, HEAP);
        if self.alive.len() < self.children {
            self.last_pid += 1;
            let child = self.last_pid;
            self.event(PARENT, Event::Fork { child });
            let scratch =
                Mapping::anonymous(SCRATCH, SCRATCH_PAGES * self.page_bytes, Protection::RW);
            self.event(child, Event::Map(Box::new(scratch)));
            self.alive.push_front((child, self.refs_per_child));
        }
        self.turn = self.quantum;
    }

    /// Emits one reference of the child whose turn it is.
    fn run_child(&mut self, rng: &mut Rng) {
        let Some((pid, left)) = self.alive.front_mut() else {
            self.turn = 0;
            return;
        };
        let pid = *pid;
        *left -= 1;
        let ended = *left == 0;
        self.turn -= 1;
        // A third are fetches, a tenth go to its own memory, the rest to the heap.
        let (kind, addr) = match rng.below(30) {
            0..10 => (Kind::Ifetch, TEXT + rng.below(TEXT_PAGES) * self.page_bytes),
            10..13 => (
                Kind::Write,
                SCRATCH + rng.below(SCRATCH_PAGES) * self.page_bytes,
            ),
            _ => {
                let addr = HEAP + self.zipf.draw(rng) * self.page_bytes;
                (read_or_write(rng, self.write_share), addr)
            }
        };
        self.access(pid, kind, addr);
        if ended {
            self.event(pid, Event::Exit);
            self.alive.pop_front();
            self.turn = 0;
        } else if self.turn == 0 {
            self.alive.rotate_left(1);
        }
    }
}

impl Server {
    /// Returns the next step.
    pub(super) fn step(&mut self, rng: &mut Rng) -> Step {
        loop {
            if let Some(step) = self.next.pop_front() {
                return step;
            }
            if self.written < self.pages {
                let addr = HEAP + self.written * self.page_bytes;
                self.access(PARENT, Kind::Write, addr);
                self.written += 1;
            } else if self.turn == 0 {
                self.accept();
            } else {
                self.run_child(rng);
            }
        }
    }
}
