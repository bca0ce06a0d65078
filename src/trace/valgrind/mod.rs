//! Recordings of running programs: valgrind's lackey writes every access and every system call of
//! a program and its children, and from this log come the accesses, processes and mappings of a
//! trace.
//!
//! # How the log comes
//!
//! Lackey writes its lines one by one, and a line of an access does not say which process it is
//! of. Files do not do: the text is some twenty bytes an access, and with one file per process the
//! order between processes is lost, and with it what a process did between fork and exec (the file
//! is begun anew). A pipe that all inherit keeps the order but not the writers. So the log goes
//! into a *socket* that all processes inherit (`channel`): the kernel notes the writer of each
//! line, and delivers the lines of all processes in the order in which they were written. What
//! this order says is what happened: nothing that one process could know of another comes too
//! early. Processes that run at the same time interleave as they did in this recording; another
//! recording of the same program interleaves them otherwise.
//!
//! # Where mappings come from
//!
//! The log shows the system calls with their arguments and results (`log`, `calls`). What is in
//! place before the first line (the program, its loader, its stack) the system tells, in
//! `/proc/PID/maps` (`maps`, `system`). An access outside of all that gets a mapping of its own
//! before it (`process`), so that a strict replay meets no illegal access, and these are counted.
//!
//! Deliberately absent: what mappings mean for pages and frames (`space`), files of traces.

pub mod areas;
pub mod calls;
#[cfg(target_os = "linux")]
pub mod channel;
pub mod files;
pub mod log;
pub mod maps;
pub mod process;
pub mod recorder;
pub mod system;

pub use recorder::{Recorder, Repairs, Sink, Told};
pub use system::Live;
