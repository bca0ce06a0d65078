//! THE table of generators: streams of accesses and events for teaching, tests and benchmarks. For the
//! same parameters and seed a stream is the same on every machine and in every version. Its memory
//! does not grow with its length. Only `fork-server` resembles a program. The command line and its
//! help come from [`TABLE`].
//!
//! Deliberately absent: files, and the references that an access becomes.

mod fork_server;
mod mix;
mod params;
mod patterns;
mod programs;
mod rng;
#[cfg(test)]
mod tests;
mod zipf;

use self::fork_server::Server;
use self::programs::Programs;
use super::model::access::{Access, Kind};
use super::model::event::Event;
use std::fmt;

pub use params::{Param, Unit, Values};
pub use rng::Rng;

/// Every generator, in the order of the documentation.
pub const TABLE: &[Pattern] = &[
    crate::trace::generate::patterns::ZIPF,
    crate::trace::generate::patterns::UNIFORM,
    crate::trace::generate::patterns::LOOP,
    crate::trace::generate::patterns::SEQUENTIAL,
    crate::trace::generate::patterns::STRIDE,
    crate::trace::generate::patterns::PHASES,
    crate::trace::generate::patterns::CHASE,
    crate::trace::generate::patterns::BELADY,
    mix::MIX,
    crate::trace::generate::fork_server::SERVER,
    crate::trace::generate::programs::PROGRAMS,
];

/// One entry of the table.
pub struct Pattern {
    /// The name on the command line.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// One line: which pages are referenced in which order.
    pub about: &'static str,
    /// Its own parameters; [`COMMON`] has those of all patterns.
    pub params: &'static [Param],
    /// The number of references if none is given.
    pub refs: &'static str,
    /// The percentage of writes if none is given.
    pub writes: &'static str,
    /// Arguments of an example.
    pub example: &'static str,
    /// Makes the stream.
    make: Make,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The parameters of every generator. The defaults of `refs` and `writes` are the pattern's.
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
        about: "Percentage of references that write (fork-server: of the children's heap references)",
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

/// Makes something of the values of a pattern's parameters. An error is a lowercase sentence.
type Maker<T> = fn(&Values, Setting, &mut Rng) -> Result<T, String>;

/// Makes a stream.
enum Make {
    /// A sequence of addresses.
    Addresses(Maker<Addresses>),
    /// A server with events.
    Server(Maker<Server>),
    /// Programs with events.
    Programs(Maker<Programs>),
}

/// Properties of a stream other than the pattern's own parameters.
#[derive(Clone, Copy)]
struct Setting {
    /// Number of references.
    refs: u64,
    /// Size of a page in bytes.
    page_bytes: u64,
    /// Number of writes per 2^32 data references.
    write_share: u64,
}

/// A sequence of addresses.
struct Addresses {
    /// Every address lies within the first `pages` pages.
    pages: u64,
    /// Returns the byte address of the reference at a position. Positions count from 0; it is called
    /// in order.
    next: Box<NextAddress>,
}

/// Returns the address at a position.
type NextAddress = dyn FnMut(&mut Rng, u64) -> u64;

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

/// Draws whether a reference writes.
fn read_or_write(rng: &mut Rng, write_share: u64) -> Kind {
    if rng.next_u64() >> 32 < write_share {
        Kind::Write
    } else {
        Kind::Read
    }
}

/// A generated stream: an iterator of its steps.
pub struct Generator {
    stream: Stream,
    rng: Rng,
    /// Number of references made.
    at: u64,
    /// Number of references to make.
    refs: u64,
}

/// The source of the steps.
enum Stream {
    /// Reads and writes of process 0.
    Addresses {
        addresses: Addresses,
        /// Number of writes per 2^32 references.
        write_share: u64,
    },
    Server(Server),
    Programs(Programs),
}

impl Generator {
    /// The stream of `pattern` with these values and pages of `page_bytes` bytes.
    ///
    /// # Errors
    ///
    /// Errors if the values do not fit each other; a lowercase sentence.
    pub fn new(pattern: &Pattern, values: &Values, page_bytes: u64) -> Result<Generator, String> {
        let mut rng = Rng::new(values.count("seed"));
        let refs = values.count("refs");
        let setting = Setting {
            refs,
            page_bytes,
            write_share: (values.real("writes") / 100.0 * 4_294_967_296.0) as u64,
        };
        let stream = match pattern.make {
            Make::Addresses(make) => Stream::Addresses {
                addresses: make(values, setting, &mut rng)?,
                write_share: setting.write_share,
            },
            Make::Server(make) => Stream::Server(make(values, setting, &mut rng)?),
            Make::Programs(make) => Stream::Programs(make(values, setting, &mut rng)?),
        };
        Ok(Generator {
            stream,
            rng,
            at: 0,
            refs,
        })
    }

    /// The stream of a text such as `zipf:pages=1000:alpha=0.9:refs=1M`: a pattern's name, and
    /// `key=value` parameters after colons. Its pages have 4 KiB.
    ///
    /// # Errors
    ///
    /// Errors if there is no such pattern or parameter, or a value is out of range; a lowercase
    /// sentence.
    pub fn parse(text: &str) -> Result<Generator, String> {
        let (pattern, values) = params::parse(text, &[])?;
        Generator::new(pattern, &values, 4096)
    }
}

impl Iterator for Generator {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.at == self.refs {
            return None;
        }
        let rng = &mut self.rng;
        let step = match &mut self.stream {
            Stream::Addresses {
                addresses,
                write_share,
            } => {
                let addr = (addresses.next)(rng, self.at);
                Step::Access(Access::single(read_or_write(rng, *write_share), addr))
            }
            Stream::Server(server) => server.step(rng),
            Stream::Programs(programs) => programs.step(rng),
        };
        self.at += u64::from(matches!(step, Step::Access(_)));
        Some(step)
    }
}

/// Finds a pattern by its name or alias, in upper or lower case.
///
/// # Errors
///
/// Errors if no pattern has this name; the error suggests the nearest one.
pub fn by_name(name: &str) -> Result<&'static Pattern, String> {
    let lower = name.to_ascii_lowercase();
    let is = |pattern: &&Pattern| pattern.name == lower || pattern.aliases.contains(&&*lower);
    TABLE.iter().find(is).ok_or_else(|| {
        let names = TABLE.iter().map(|pattern| pattern.name);
        format!(
            "unknown pattern {name:?}{}",
            crate::units::did_you_mean(&lower, names)
        )
    })
}
