//! The way of the log from valgrind to us: a socket that valgrind and all the processes that it follows
//! inherit. The kernel reports the writer of each piece. The text is not looked at.
//!
//! Two things need care. First, a program may close all descriptors that it does not know, as many do
//! before they start another program. But valgrind reserves the highest descriptors for itself and
//! does not let the program close them. So the socket gets the highest number of all, and the limit
//! is lowered so that this number is a reserved one; otherwise valgrind would raise the limit.
//! Second, the system wakes a waiting reader for each line, which costs more than the line. So the
//! reader does not wait while text arrives, but sleeps a moment in which a bulk gathers.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair, sockopt,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

/// Number of descriptors that valgrind reserves for itself; some versions reserve fewer.
const RESERVED: u64 = 12;
/// Largest number of descriptors that a program can have open while it is recorded.
const DESCRIPTORS: u64 = 1 << 16;
/// Number of bytes that are read at once.
const BULK: usize = 1 << 18;
/// Size of the socket's buffer in bytes (of the system's bookkeeping, not of text). With a larger one
/// the program would run further ahead of what we ask the system about it.
const UNDER_WAY: usize = 212_992;
/// How long to sleep while a bulk gathers.
const GATHER: Duration = Duration::from_micros(100);
/// Number of reads without text after which the reader waits for text: the program then sleeps or waits.
const LOOKS: u32 = 20;
/// The longest wait: the caller also has other things to look after.
const WAIT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// The end that valgrind writes to. It must be dropped once valgrind runs; otherwise the reader never
/// sees the end.
#[derive(Debug)]
pub struct Writing(OwnedFd);

impl Writing {
    /// The descriptor that valgrind inherits: for `--log-fd`.
    pub fn descriptor(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

/// The end that we read from.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
    buffer: Vec<u8>,
    /// Number of consecutive reads without text.
    idle: u32,
}

/// The result of one read.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// Bytes, and the process that wrote them.
    Bytes(u32, &'a [u8]),
    /// Nothing for now.
    Nothing,
    /// Every process that could write has ended.
    End,
}

/// Opens a channel. The limit of open descriptors is lowered for this process and those that it
/// starts from now on.
///
/// # Errors
///
/// Errors if the system has no such socket, or too few descriptors.
pub fn open() -> io::Result<(Writing, Channel)> {
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    sockopt::set_socket_passcred(&ours, true)?;
    sockopt::set_socket_send_buffer_size(&theirs, UNDER_WAY)?;
    fcntl_setfl(&ours, fcntl_getfl(&ours)? | OFlags::NONBLOCK)?;
    let limit = lower_limit()?;
    let theirs = fcntl_dupfd_cloexec(&theirs, limit as i32 - 1)?;
    fcntl_setfd(&theirs, FdFlags::empty())?;
    let channel = Channel {
        socket: ours,
        buffer: vec![0; BULK],
        idle: 0,
    };
    Ok((Writing(theirs), channel))
}

/// Sets both descriptor limits to the old soft limit (at most [`DESCRIPTORS`]) plus [`RESERVED`],
/// within the old hard limit, and returns it. What valgrind reserves then lies above what the program
/// could open before.
fn lower_limit() -> io::Result<u64> {
    let now = getrlimit(Resource::Nofile);
    let soft = now.current.unwrap_or(DESCRIPTORS).min(DESCRIPTORS);
    let hard = now.maximum.unwrap_or(u64::MAX);
    let limit = soft.saturating_add(RESERVED).min(hard);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        },
    )?;
    Ok(limit)
}

impl Channel {
    /// Reads the next text. Waits a moment if there is none.
    ///
    /// # Errors
    ///
    /// Errors if the system cannot read.
    pub fn receive(&mut self) -> io::Result<Received<'_>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut self.buffer)];
        let message = match recvmsg(
            &self.socket,
            &mut slices,
            &mut ancillary,
            RecvFlags::empty(),
        ) {
            Ok(message) => message,
            Err(Errno::AGAIN | Errno::INTR) => {
                self.wait();
                return Ok(Received::Nothing);
            }
            // The other end was closed before it had read everything.
            Err(Errno::CONNRESET) => return Ok(Received::End),
            Err(error) => return Err(error.into()),
        };
        if message.bytes == 0 {
            return Ok(Received::End);
        }
        self.idle = 0;
        let writer = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmCredentials(writer) => Some(writer.pid),
            _ => None,
        });
        let pid = writer.map_or(0, |pid| pid.as_raw_nonzero().get() as u32);
        Ok(Received::Bytes(pid, &self.buffer[..message.bytes]))
    }

    fn wait(&mut self) {
        self.idle = self.idle.saturating_add(1);
        if self.idle < LOOKS {
            return std::thread::sleep(GATHER);
        }
        let mut sockets = [PollFd::new(&self.socket, PollFlags::IN)];
        // A signal may end the wait: then, too, the caller has something to look after.
        let _ = poll(&mut sockets, Some(&WAIT));
    }
}
