//! THE table of generators: streams of accesses and events that are the same on every machine and in
//! every version for the same parameters and seed, in memory that does not grow with their length.
//! For teaching, tests and benchmarks; but for the server they say nothing about programs. The
//! command line and its help are derived from [`TABLE`].
//!
//! Deliberately absent: files, and what references an access becomes.

mod mix;
mod pages;
mod params;
mod rng;
mod server;
#[cfg(test)]
mod tests;

use super::event::Event;
use super::record::{Access, Kind};
use std::fmt;

pub use params::{Param, Unit, Values};
pub use rng::{Rng, mixed};

/// Every generator, in the order of the documentation.
pub const TABLE: &[Pattern] = &[
    pages::ZIPF,
    pages::UNIFORM,
    pages::LOOP,
    pages::SEQUENTIAL,
    pages::STRIDE,
    pages::PHASES,
    pages::CHASE,
    pages::BELADY,
    mix::MIX,
    server::SERVER,
];

/// One entry of the table.
pub struct Pattern {
    /// The name on the command line.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// One line: in what order what is referenced.
    pub about: &'static str,
    /// Its own parameters; [`COMMON`] has those of all.
    pub params: &'static [Param],
    /// The number of references if none is given.
    pub refs: &'static str,
    /// The percentage of writes if none is given.
    pub writes: &'static str,
    /// Arguments of an example.
    pub example: &'static str,
    /// Makes it.
    make: Make,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The parameters of every generator; defaults of `refs` and `writes` are the generator's.
pub const COMMON: [Param; 3] = [
    Param {
        name: "refs",
        unit: Unit::Count("REFERENCES"),
        default: "",
        min: 1.0,
        max: (1u64 << 40) as f64,
        about: "References in all",
    },
    Param {
        name: "writes",
        unit: Unit::Real("PERCENT"),
        default: "",
        min: 0.0,
        max: 100.0,
        about: "Writes, in percent of the references (fork-server: of the references of children to the heap)",
    },
    Param {
        name: "seed",
        unit: Unit::Count("NUMBER"),
        default: "1",
        min: 0.0,
        max: u64::MAX as f64,
        about: "Seed of the pseudo-random numbers",
    },
];

/// Makes something of values; what is wrong is a lowercase sentence.
type Maker<T> = fn(&Values, &mut Setting<'_>) -> Result<Box<T>, String>;

/// Makes a generator.
enum Make {
    /// One that says which address is next.
    Pages(Maker<dyn Pages>),
    /// One that makes whole steps.
    Steps(Maker<dyn Steps>),
}

/// What a generator is made for.
struct Setting<'a> {
    rng: &'a mut Rng,
    /// References in all.
    refs: u64,
    /// Bytes of a page.
    page_bytes: u64,
    /// Of 2^32 data references so many write.
    write_share: u64,
}

/// Says where a stream of references goes.
trait Pages {
    /// The byte address of the reference at this position, counted from 0 and asked in order.
    fn address(&mut self, rng: &mut Rng, at: u64) -> u64;

    /// Addresses are below so many pages.
    fn pages(&self) -> u64;
}

/// Says what happens in order.
trait Steps {
    /// The next step; `at` references were made before it.
    fn step(&mut self, rng: &mut Rng, at: u64) -> Step;
}

/// One step of a generated trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An access.
    Access(Access),
    /// An event of a process.
    Event {
        /// The process.
        pid: u32,
        /// What happens; the child of a fork is a process id.
        event: Event,
    },
}

/// Steps from addresses, each read or written, all of process 0.
struct ReadOrWritten {
    pages: Box<dyn Pages>,
    write_share: u64,
}

impl Steps for ReadOrWritten {
    fn step(&mut self, rng: &mut Rng, at: u64) -> Step {
        let addr = self.pages.address(rng, at);
        Step::Access(Access {
            pid: 0,
            kind: read_or_write(rng, self.write_share),
            addr,
            size: 1,
        })
    }
}

fn read_or_write(rng: &mut Rng, write_share: u64) -> Kind {
    match rng.next_u64() >> 32 < write_share {
        true => Kind::Write,
        false => Kind::Read,
    }
}

/// A generated stream: an iterator of its steps.
pub struct Generator {
    steps: Box<dyn Steps>,
    rng: Rng,
    /// References made, of so many.
    at: u64,
    refs: u64,
}

impl Generator {
    /// The stream of these values, with pages of so many bytes.
    ///
    /// # Errors
    ///
    /// The values do not fit each other; a lowercase sentence.
    pub fn new(pattern: &Pattern, values: &Values, page_bytes: u64) -> Result<Generator, String> {
        let mut rng = Rng::new(values.count("seed"));
        let refs = values.count("refs");
        let mut setting = Setting {
            rng: &mut rng,
            refs,
            page_bytes,
            write_share: (values.real("writes") / 100.0 * 4_294_967_296.0) as u64,
        };
        let steps: Box<dyn Steps> = match pattern.make {
            Make::Pages(make) => Box::new(ReadOrWritten {
                write_share: setting.write_share,
                pages: make(values, &mut setting)?,
            }),
            Make::Steps(make) => make(values, &mut setting)?,
        };
        Ok(Generator {
            steps,
            rng,
            at: 0,
            refs,
        })
    }

    /// The stream of a pattern's name and `key=value` parameters between colons, as
    /// `zipf:pages=1000:alpha=0.9:refs=1M`, with pages of 4 KiB.
    ///
    /// # Errors
    ///
    /// There is no such pattern or parameter, or a value is out of range; a lowercase sentence.
    pub fn parse(text: &str) -> Result<Generator, String> {
        let (pattern, values, _) = params::parse(text, &[])?;
        Generator::new(pattern, &values, 4096)
    }
}

impl Iterator for Generator {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.at == self.refs {
            return None;
        }
        let step = self.steps.step(&mut self.rng, self.at);
        self.at += u64::from(matches!(step, Step::Access(_)));
        Some(step)
    }
}

/// The pattern of a name or alias, in upper or lower case.
///
/// # Errors
///
/// There is none; the error names the nearest.
pub fn by_name(name: &str) -> Result<&'static Pattern, String> {
    let lower = name.to_ascii_lowercase();
    let is = |pattern: &&Pattern| pattern.name == lower || pattern.aliases.contains(&&*lower);
    TABLE.iter().find(is).ok_or_else(|| {
        let names = TABLE.iter().map(|pattern| pattern.name);
        format!(
            "unknown pattern \"{name}\"{}",
            crate::units::did_you_mean(&lower, names)
        )
    })
}
