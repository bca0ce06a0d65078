//! Stages of reading on threads of their own: bytes decompressed ahead of the parser
//! ([`BytesAhead`]), and accesses parsed ahead of the assembler ([`batches`]). Each stage
//! passes full buffers on through a bounded channel and gets empty ones back, so that memory stays
//! at a few of them. Order, errors and their positions are those of reading without threads.
//!
//! Knows nothing of codecs, formats and pages.

pub(super) use crate::trace::format::Known;
use crate::trace::format::RecordReader;
use crate::trace::model::access::{Access, Packed};
use crate::trace::model::error::TraceError;
use crate::trace::model::event::EventRecord;
use std::io::{self, BufRead, ErrorKind, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Size of every read buffer in bytes: large enough that calls through `dyn` do not count, small
/// enough that a few of them fit into a core's second-level cache.
pub(in crate::trace) const BUFFER: usize = 256 * 1024;

/// Number of full buffers that may wait.
const WAITING: usize = 4;

/// Buffers, or batches of accesses, read on the calling thread before a second thread is started.
const IN_PLACE: usize = 4;

/// Lower limit of the accesses of a batch, except for the last.
const BATCH: usize = 8 * 1024;

/// A message of the reading thread.
enum Message {
    /// The next bytes: a buffer, and how many at its beginning are valid, at least 1.
    Bytes(Vec<u8>, usize),
    /// The end of the stream.
    End,
    /// An error, after which nothing is read.
    Fault(io::Error),
}

/// What reads the bytes.
enum Stage {
    /// The calling thread, for this number of buffers more.
    InPlace(Box<dyn Read + Send>, usize),
    /// A thread; used buffers go back to it.
    Thread(Receiver<Message>, SyncSender<Vec<u8>>),
    /// Nothing: the stream has ended.
    Ended,
    /// Nothing: reading failed with this error.
    Failed(ErrorKind, String),
}

/// A buffered reader whose bytes are read by a thread ahead of their use. Short streams are read
/// in place.
pub(in crate::trace) struct BytesAhead {
    stage: Stage,
    buffer: Vec<u8>,
    /// Bytes of the buffer already consumed.
    used: usize,
    /// End of the content of the buffer.
    end: usize,
}

impl BytesAhead {
    /// Returns a reader of `inner`. Reads nothing before it is asked to.
    pub fn new(inner: Box<dyn Read + Send>) -> BytesAhead {
        BytesAhead {
            stage: Stage::InPlace(inner, IN_PLACE),
            buffer: Vec::new(),
            used: 0,
            end: 0,
        }
    }

    /// Gets the next buffer; an empty one at the end of the stream.
    fn next(&mut self) -> io::Result<()> {
        (self.used, self.end) = (0, 0);
        if let Stage::InPlace(_, 0) = self.stage {
            self.start();
        }
        let message = match &mut self.stage {
            Stage::InPlace(inner, left) => {
                *left = left.saturating_sub(1);
                match read_some(inner, &mut self.buffer) {
                    Ok(0) => Message::End,
                    Ok(end) => {
                        self.end = end;
                        return Ok(());
                    }
                    Err(e) => Message::Fault(e),
                }
            }
            Stage::Thread(full, empty) => {
                // If the thread has ended, the buffer is not needed.
                let _ = empty.try_send(std::mem::take(&mut self.buffer));
                full.recv().unwrap_or_else(|_| {
                    Message::Fault(io::Error::other("the thread that reads ahead has ended"))
                })
            }
            Stage::Ended => Message::End,
            Stage::Failed(kind, what) => Message::Fault(io::Error::new(*kind, what.clone())),
        };
        match message {
            Message::Bytes(bytes, end) => (self.buffer, self.end) = (bytes, end),
            Message::End => self.stage = Stage::Ended,
            Message::Fault(error) => {
                self.stage = Stage::Failed(error.kind(), error.to_string());
                return Err(error);
            }
        }
        Ok(())
    }

    /// Starts a thread that reads from here on. Goes on in place if none can be started.
    fn start(&mut self) {
        let Stage::InPlace(inner, _) = std::mem::replace(&mut self.stage, Stage::Ended) else {
            return;
        };
        let (to_user, full) = sync_channel(WAITING);
        let (empty, from_user) = sync_channel(WAITING + 2);
        // The reader goes to the thread by a channel, so that it is not lost if there is none.
        let (hand_over, taken) = sync_channel(1);
        let body = move || {
            if let Ok(inner) = taken.recv() {
                read_all(inner, &to_user, &from_user);
            }
        };
        let started = thread::Builder::new().name("read".into()).spawn(body);
        self.stage = match started {
            Err(_) => Stage::InPlace(inner, usize::MAX),
            Ok(_) => match hand_over.send(inner) {
                Ok(()) => Stage::Thread(full, empty),
                Err(back) => Stage::InPlace(back.0, usize::MAX),
            },
        };
    }
}

/// The body of the thread: reads to the end, or until the receiver is gone.
fn read_all(
    mut inner: Box<dyn Read + Send>,
    full: &SyncSender<Message>,
    empty: &Receiver<Vec<u8>>,
) {
    loop {
        let mut buffer = empty.try_recv().unwrap_or_default();
        let message = match read_some(&mut inner, &mut buffer) {
            Ok(0) => Message::End,
            Ok(end) => Message::Bytes(buffer, end),
            Err(e) => Message::Fault(e),
        };
        let more = matches!(message, Message::Bytes(..));
        if full.send(message).is_err() || !more {
            return;
        }
    }
}

/// Reads the next bytes to the beginning of `buffer`. Returns how many; 0 at the end.
fn read_some(inner: &mut dyn Read, buffer: &mut Vec<u8>) -> io::Result<usize> {
    buffer.resize(BUFFER, 0);
    loop {
        match inner.read(buffer) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl Read for BytesAhead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let n = bytes.len().min(into.len());
        into[..n].copy_from_slice(&bytes[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for BytesAhead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used >= self.end {
            self.next()?;
        }
        Ok(&self.buffer[self.used..self.end])
    }

    fn consume(&mut self, amount: usize) {
        self.used = (self.used + amount).min(self.end);
    }
}

/// Accesses and events read at a time, and what the reader knew of the trace then.
#[derive(Default)]
pub(in crate::trace) struct Batch {
    /// The first accesses, packed; no event precedes the last of them.
    pub packed: Vec<Packed>,
    /// The accesses after those.
    pub accesses: Vec<Access>,
    /// The events between `accesses`.
    pub events: Vec<EventRecord>,
    /// What was known after the last of them.
    pub known: Known,
}

impl Batch {
    /// Returns the number of accesses.
    fn len(&self) -> usize {
        self.packed.len() + self.accesses.len()
    }

    /// Replaces everything by what `reader` reads next: `goal` accesses or a little more, in pieces of
    /// at most `most`. Returns false at the end of the trace.
    fn read(
        &mut self,
        reader: &mut dyn RecordReader,
        goal: usize,
        most: usize,
    ) -> Result<bool, TraceError> {
        self.packed.clear();
        self.accesses.clear();
        self.events.clear();
        let mut more = true;
        while more && self.len() < goal && self.events.len() < BATCH {
            let filled = match self.accesses.is_empty() && self.events.is_empty() {
                true => reader.fill_packed(&mut self.packed, &mut self.accesses, most),
                // Packed accesses come first in a batch.
                false => reader.fill(&mut self.accesses, most),
            };
            reader.take_events(&mut self.events);
            more = filled?;
        }
        self.known = reader.known();
        Ok(more)
    }
}

/// What to read next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::trace) enum Wanted {
    /// At least this number of accesses, which is 1 or more; `u64::MAX` without a limit.
    Accesses(u64),
    /// No access, but the events before the next one. An error after the last access does not count.
    Events,
    /// Nothing.
    Nothing,
}

impl Wanted {
    /// Returns how many accesses and events may be read at a time, so that nothing after the last one
    /// wanted is read.
    pub fn most(self) -> usize {
        match self {
            Wanted::Accesses(count) => usize::try_from(count).unwrap_or(usize::MAX),
            Wanted::Events | Wanted::Nothing => 1,
        }
    }
}

/// Calls `take` with what `reader` reads, batch by batch and in order, until it wants nothing more.
/// Calls it at least once, even without an access. `wanted` is what is wanted at first. A thread reads
/// a long trace ahead, unless reading must stop at a certain access, as with a limit on a pipe that
/// stays open. Returns what the reader knew after the last access wanted.
pub(in crate::trace) fn batches(
    mut reader: &mut dyn RecordReader,
    mut wanted: Wanted,
    take: &mut dyn FnMut(&mut Batch) -> Result<Wanted, TraceError>,
) -> Result<Known, TraceError> {
    let mut batch = Batch::default();
    let mut pieces = 0;
    while wanted != Wanted::Nothing {
        if pieces == IN_PLACE && wanted == Wanted::Accesses(u64::MAX) {
            match threaded(reader, &mut batch.known, take) {
                Ok(done) => return done.map(|()| batch.known),
                // No thread could be had.
                Err(back) => reader = back,
            }
        }
        pieces += 1;
        let known = batch.known;
        let read = batch.read(reader, 1, wanted.most());
        let more = match wanted {
            Wanted::Accesses(_) => read?,
            _ => {
                batch.known = known;
                read.unwrap_or(false)
            }
        };
        wanted = take(&mut batch)?;
        if !more {
            break;
        }
    }
    Ok(batch.known)
}

/// The part of [`batches`] with a thread. Returns the reader as an error if no thread could be started.
fn threaded<'a>(
    reader: &'a mut dyn RecordReader,
    known: &mut Known,
    take: &mut dyn FnMut(&mut Batch) -> Result<Wanted, TraceError>,
) -> Result<Result<(), TraceError>, &'a mut dyn RecordReader> {
    thread::scope(|scope| {
        let (to_user, full) = sync_channel(WAITING);
        let (empty, from_user) = sync_channel::<Batch>(WAITING + 2);
        // The reader goes to the thread by a channel, so that it is not lost if there is none.
        let (hand_over, taken) = sync_channel::<&'a mut dyn RecordReader>(1);
        let parse = move || {
            let Ok(reader) = taken.recv() else { return };
            loop {
                let mut batch = from_user.try_recv().unwrap_or_default();
                let more = batch.read(reader, BATCH, usize::MAX);
                let last = !matches!(more, Ok(true));
                if to_user.send((batch, more)).is_err() || last {
                    return;
                }
            }
        };
        // If it cannot be started, the other end of `hand_over` is gone with it.
        let _ = thread::Builder::new()
            .name("parse".into())
            .spawn_scoped(scope, parse);
        hand_over.send(reader).map_err(|back| back.0)?;
        while let Ok((mut batch, more)) = full.recv() {
            let wanted = more.and_then(|more| Ok(take(&mut batch)? != Wanted::Nothing && more));
            *known = batch.known;
            match wanted {
                Ok(true) => drop(empty.try_send(batch)),
                end => return Ok(end.map(drop)),
            }
        }
        // Only a panic ends the thread without a last batch; the scope passes it on.
        Ok(Ok(()))
    })
}

#[cfg(test)]
mod tests;
