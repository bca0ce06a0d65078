//! The way from valgrind to us: a socket that valgrind and all the processes that it follows
//! inherit, and that tells who wrote what. Knows nothing of what is written.
//!
//! Two things need care. The program may close all descriptors that it does not know, as many do
//! before they start another; but valgrind sets the highest ones aside for itself and lets the
//! program close none of these. So the socket gets the highest number of all, and the limit is
//! lowered so that it is one of those, for valgrind would raise it otherwise. And the system wakes
//! a waiting reader for each line, which costs more than the line: so we do not wait while
//! anything comes, but look again after a moment in which a bulk gathers.

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

/// Descriptors that valgrind sets aside for itself; some versions take fewer.
const RESERVED: u64 = 12;
/// The most descriptors that a program can have open while it is recorded.
const DESCRIPTORS: u64 = 1 << 16;
/// What is read at once, in bytes.
const BULK: usize = 1 << 18;
/// How many bytes (of the system's bookkeeping, not of text) may be under way. More would let the
/// program run ahead of what we ask about it.
const UNDER_WAY: usize = 212_992;
/// How long a bulk gathers.
const GATHER: Duration = Duration::from_micros(100);
/// After so many looks at nothing the program sleeps or waits, and so do we.
const LOOKS: u32 = 20;
/// How long we then wait at most: the caller has other things to look after.
const WAIT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// The end that valgrind writes to. It must be dropped once valgrind runs, or no end would come.
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
    /// Looks at nothing, one after the other.
    idle: u32,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// These bytes, written by this process.
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
/// The system has no such socket, or too few descriptors.
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

/// Makes the hard limit of descriptors such that what valgrind sets aside is all above the soft
/// limit that the program has now; returns it.
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
    /// What came next; waits a moment if nothing did.
    ///
    /// # Errors
    ///
    /// The system's.
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
            // The other end went with something unread.
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
        // A signal may end it: then too something is to be looked after.
        let _ = poll(&mut sockets, Some(&WAIT));
    }
}
