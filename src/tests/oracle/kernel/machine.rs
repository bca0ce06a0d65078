//! The state of the machine, its settings and its counts, and one line after the other.

use super::lines::{Kind, Line, PAGE, Rights};
use super::replacement::Replacement;
use super::space::{FileId, Mapping, Shows, Space};

/// A page of memory, private or shared: its place among the pages.
pub type PageId = usize;

/// What an illegal reference does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSegfault {
    Kill,
    Skip,
    Abort,
}

/// The settings of a replay; those of the command line by the same names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub policy: String,
    pub frames: usize,
    pub keep_page_cache: bool,
    pub swap_in_writable: bool,
    pub pin_cow_source: bool,
    pub copy_file_ptes: bool,
    pub free_frames_lifo: bool,
    pub count_file_io: bool,
    /// A reference beyond the last page of a file is a SIGBUS.
    pub fault_beyond_eof: bool,
    /// Slots of the swap device; as many as needed if absent.
    pub swap_slots: Option<usize>,
    pub on_segfault: OnSegfault,
    /// 32 bits, user space up to 3 GiB.
    pub i386: bool,
    /// References that fill memory before counting begins.
    pub warmup: u64,
}

/// What a trace does that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

/// Why a replay ends.
#[derive(Clone, Debug)]
pub enum Stop {
    Refused(Refused),
    /// A dirty page found no slot.
    SwapFull,
}

pub type Done = Result<(), Stop>;

pub fn refused(why: impl Into<String>) -> Stop {
    Stop::Refused(Refused(why.into()))
}

/// The columns of `results.csv` of the same names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub swap_full: bool,
    pub refs: u64,
    pub reads: u64,
    pub writes: u64,
    pub ifetches: u64,
    pub processes: u64,
    pub distinct_pages: u64,
    pub segfaults: u64,
    pub protection_faults: u64,
    pub bus_errors: u64,
    pub refs_dropped: u64,
    pub hits: u64,
    pub fills: u64,
    pub refills: u64,
    pub maps: u64,
    pub cow_copies: u64,
    pub cow_reuses: u64,
    pub minor_faults: u64,
    pub major_faults: u64,
    pub resident_sum: u64,
    pub peak_resident: u64,
    pub resident_end: u64,
    pub evictions_clean: u64,
    pub evictions_dirty: u64,
    pub freed: u64,
    pub freed_dirty: u64,
    pub prefetched: u64,
    pub populated: u64,
    pub originals: u64,
    pub io_hits: u64,
    pub io_loads: u64,
    pub dirty_end: u64,
    pub swapped_end: u64,
    pub dropped_end: u64,
    pub untouched_end: u64,
    pub swap_slots: u64,
    pub swap_slots_peak: u64,
    pub swap_reads: u64,
    pub file_reads: u64,
}

/// What a page holds, and so where it comes from and goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Private memory; zeros at first, and then what is in its slot.
    Private,
    /// Shared memory without a file.
    Memory { memory: usize, index: u64 },
    /// A page of a file that is memory, or one beyond the end of a file.
    FileInMemory { file: FileId, index: u64 },
    /// A page of a file on a device.
    File { file: FileId, index: u64 },
}

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub holds: Holds,
    pub frame: Option<usize>,
    pub dirty: bool,
    pub has_slot: bool,
    /// It has been in memory.
    pub came_in: bool,
    /// Nobody has it any more, and nobody will.
    pub gone: bool,
}

/// A file from its first mention to its unlinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    pub number: u32,
    /// `None` if nothing has stated it.
    pub length: Option<u64>,
    pub unlinked: bool,
    /// Unlinked, and nobody maps it any more.
    pub gone: bool,
    /// As its last mapping stated.
    pub swap_backed: bool,
}

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub state: State,
    /// The address space it uses; that of another process while it is a `vfork` child.
    pub space: usize,
    /// Who made it by `vfork`, as long as it uses that process's memory.
    pub lender: Option<u32>,
    /// The process whose address space it is; its own number but for a `vfork` child.
    pub owner: u32,
}

impl Process {
    pub fn lives(&self) -> bool {
        self.state == State::Lives
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Lives,
    /// By an exit.
    Ended,
    /// By an illegal reference.
    Killed,
}

/// The machine.
#[derive(Clone, Debug)]
pub struct Machine {
    pub settings: Settings,
    /// The trace states mappings.
    pub has_mappings: bool,
    pub counts: Counts,
    /// The counts when counting began.
    pub before: Option<Box<Counts>>,
    pub processes: Vec<Process>,
    pub running: u32,
    /// Address spaces; those of processes that ended are empty.
    pub spaces: Vec<Space>,
    pub pages: Vec<Page>,
    pub files: Vec<File>,
    /// How many pieces of shared memory without a file there have been.
    pub memories: usize,
    /// The page in each frame.
    pub frames: Vec<Option<PageId>>,
    /// The frames that were in use and are free, in the order in which they were freed.
    pub freed_frames: Vec<usize>,
    pub replacement: Replacement,
    /// Processes that count in `processes`.
    pub counted: Vec<u32>,
    /// The machine after the original of a copy came in, which stays though the copy finds no frame.
    pub with_original: Option<Box<Machine>>,
}

impl Machine {
    pub fn new(settings: &Settings, has_mappings: bool) -> Machine {
        Machine {
            settings: settings.clone(),
            has_mappings,
            counts: Counts::default(),
            before: (settings.warmup == 0).then(Box::default),
            processes: Vec::new(),
            running: 0,
            spaces: Vec::new(),
            pages: Vec::new(),
            files: Vec::new(),
            memories: 0,
            frames: vec![None; settings.frames],
            freed_frames: Vec::new(),
            replacement: Replacement::named(&settings.policy, settings.frames),
            counted: Vec::new(),
            with_original: None,
        }
    }

    /// One line of a trace.
    pub fn step(&mut self, line: &Line) -> Done {
        match *line {
            Line::Switch(pid) => {
                self.running = pid;
                Ok(())
            }
            Line::Access {
                kind,
                address,
                size,
            } => {
                let last = address.saturating_add(size.max(1) - 1);
                (address / PAGE..=last / PAGE).try_for_each(|number| {
                    self.all_or_nothing(|machine| machine.reference(kind, number))
                })
            }
            _ => {
                let process = self.process(self.running);
                match process.state {
                    State::Lives => self.event(line),
                    State::Killed => {
                        self.event_of_killed(line);
                        Ok(())
                    }
                    State::Ended => Err(refused("an event of a process that has exited")),
                }
            }
        }
    }

    /// The children of a process that was killed never live.
    fn event_of_killed(&mut self, line: &Line) {
        if let Line::Fork { child } | Line::Vfork { child } = *line {
            self.processes.push(Process {
                pid: child,
                state: State::Killed,
                space: usize::MAX,
                lender: None,
                owner: child,
            });
        }
    }

    /// The process; it begins if it is new.
    pub fn process(&mut self, pid: u32) -> Process {
        if let Some(&process) = self.processes.iter().find(|process| process.pid == pid) {
            return process;
        }
        let space = self.new_space(Space::default());
        let process = Process {
            pid,
            state: State::Lives,
            space,
            lender: None,
            owner: pid,
        };
        self.processes.push(process);
        process
    }

    pub fn process_mut(&mut self, pid: u32) -> &mut Process {
        self.processes
            .iter_mut()
            .find(|process| process.pid == pid)
            .expect("a process")
    }

    /// Without mappings everything is private memory.
    pub fn new_space(&mut self, mut space: Space) -> usize {
        if !self.has_mappings && space.mappings.is_empty() {
            let rights = Rights {
                read: true,
                write: true,
                execute: true,
            };
            let (start, end) = (0, (1 << 56) / PAGE);
            let shows = Shows::Zeros;
            space.mappings.push(Mapping {
                start,
                end,
                rights,
                shared: false,
                grows_down: false,
                shows,
                has_private: false,
            });
        }
        self.spaces.push(space);
        self.spaces.len() - 1
    }

    /// The address space of the running process.
    pub fn here(&mut self) -> usize {
        self.process(self.running).space
    }

    /// A reference to a page.
    fn reference(&mut self, kind: Kind, number: u64) -> Done {
        let process = self.process(self.running);
        match process.state {
            State::Lives => {}
            State::Killed => {
                self.counts.refs_dropped += 1;
                return Ok(());
            }
            State::Ended => return Err(refused("a reference of a process that has exited")),
        }
        let user_end = if self.settings.i386 { 3 << 30 } else { 1 << 56 };
        if self.settings.i386 && number >= (4 << 30) / PAGE {
            return Err(refused("beyond the layout"));
        }
        if number >= user_end / PAGE {
            self.counts.protection_faults += 1;
            return self.illegal();
        }
        if self.spaces[process.space].mapping(number).is_none() {
            self.spaces[process.space].grow_stack(number, (8 << 20) / PAGE);
        }
        match self.spaces[process.space].mapping(number) {
            None => {
                self.counts.segfaults += 1;
                return self.illegal();
            }
            Some(mapping) if !mapping.rights.allow(kind) => {
                self.counts.protection_faults += 1;
                return self.illegal();
            }
            Some(mapping) if self.settings.fault_beyond_eof && mapping.is_beyond_end(number) => {
                self.counts.bus_errors += 1;
                return self.illegal();
            }
            Some(_) => {}
        }
        self.legal(kind, number)
    }

    /// The running process counts.
    pub fn count_process(&mut self) {
        let pid = self.process(self.running).owner;
        if !self.counted.contains(&pid) {
            self.counted.push(pid);
        }
    }

    fn illegal(&mut self) -> Done {
        match self.settings.on_segfault {
            OnSegfault::Skip => Ok(()),
            OnSegfault::Abort => Err(refused("an illegal reference")),
            OnSegfault::Kill => {
                self.kill(self.running);
                Ok(())
            }
        }
    }

    fn kill(&mut self, pid: u32) {
        self.leave_space(pid);
        self.process_mut(pid).state = State::Killed;
    }

    /// A legal reference: the access itself, and what is counted of it.
    fn legal(&mut self, kind: Kind, number: u64) -> Done {
        let space = self.here();
        self.access(space, number, kind == Kind::Write)?;
        self.count_process();
        self.counts.refs += 1;
        *match kind {
            Kind::Fetch => &mut self.counts.ifetches,
            Kind::Read => &mut self.counts.reads,
            Kind::Write => &mut self.counts.writes,
        } += 1;
        let resident = self.resident();
        self.counts.resident_sum += resident;
        self.counts.peak_resident = self.counts.peak_resident.max(resident);
        if self.counts.refs == self.settings.warmup {
            self.before = Some(Box::new(self.counts.clone()));
            self.counts.peak_resident = 0;
        }
        Ok(())
    }

    /// What finds no slot for a page that must leave did not happen.
    pub fn all_or_nothing(&mut self, of: impl FnOnce(&mut Machine) -> Done) -> Done {
        self.with_original = None;
        let before = self.clone();
        let done = of(self);
        if matches!(done, Err(Stop::SwapFull)) {
            let original = self.with_original.take();
            *self = original.map_or(before, |machine| *machine);
        }
        done
    }

    pub fn resident(&self) -> u64 {
        self.frames.iter().flatten().count() as u64
    }
}
