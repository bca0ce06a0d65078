//! Recordings of running programs: valgrind's lackey writes every access and every system call of
//! a program and its children, and from this log come the accesses, processes and mappings of a
//! trace.
//!
//! # How the log comes
//!
//! Lackey writes its lines one by one, and the line of an access does not name its process. Files do
//! not help: the text is some twenty bytes per access, and with one file per process the order
//! between processes is lost, together with what a process did between fork and exec (the file is
//! begun anew). A pipe that all inherit keeps the order but not the writers. So the log goes into a
//! *socket* that all processes inherit (`log_socket`): the kernel notes the writer of each line, and
//! delivers the lines of all processes in the order in which they were written. This order is that
//! of the events: nothing that one process could know of another comes too early. Processes that run
//! at the same time interleave as they did in this recording; another recording of the same program
//! interleaves them differently.
//!
//! # Where mappings come from
//!
//! The log shows the system calls with their arguments and results (`log_line`, `calls`). The mappings that
//! exist before the first line (the program, its loader, its stack) come from `/proc/PID/maps`
//! (`proc_maps`, `system`). An access outside of all these gets a mapping of its own before it
//! (`process`), so that a strict replay meets no illegal access. Such repairs are counted.
//!
//! Deliberately absent: the effect of mappings on pages and frames (`space`), trace files.

mod allowed;
mod areas;
mod calls;
mod descriptors;
mod file_use;
mod files;
mod log_line;
#[cfg(target_os = "linux")]
pub mod log_socket;
#[cfg(target_os = "linux")]
pub mod native;
mod proc_maps;
mod process;
mod recorder;
pub mod recording_file;
#[cfg(target_os = "linux")]
pub mod session;
mod system;

pub use recorder::{ProcessSummary, RecordOptions, Recorder, RecordingSink, Repairs};
pub use system::Live;
