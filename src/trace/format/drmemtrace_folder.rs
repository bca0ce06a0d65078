//! A folder of DynamoRIO's drmemtrace: a file for each thread of one process, merged by the time
//! stamps in them. A thread goes on from one of its time stamps to the next; then the thread with
//! the least stamp follows, and of those with the same the one whose file comes first by name.
//! DynamoRIO's own reader orders threads so, too.
//!
//! Which folder is one trace ([`thread_files`]):
//! - one with a folder `trace` of thread files, as drmemtrace writes it;
//! - one with two or more thread files and nothing else but what drmemtrace writes beside them.
//!
//! The names of thread files end in `.trace` or `.memtrace`, before the ending of a codec, and their
//! content is drmemtrace. What else could be meant is an error that says how to go on.

use super::drmemtrace::{Drmemtrace, Mark, thread_reader};
use super::fixed::FixedReader;
use super::lines::BATCH;
use super::report::ReadReport;
use super::{Known, ReadOptions, RecordReader};
use crate::trace::codec;
use crate::trace::model::access::Access;
use crate::trace::model::error::TraceError;
use crate::units::{Printable, counted};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs;
use std::path::{Path, PathBuf};

/// The most threads of a folder: each has an open file and a few buffers.
const THREADS_MAX: usize = 512;

/// The folder of the final form in what drmemtrace writes, and that of the raw form.
const FINAL: &str = "trace";
const RAW: &str = "raw";

/// What drmemtrace writes beside thread files, without the ending of a codec.
const BESIDE: [&str; 6] = [
    "cpu_schedule.bin",
    "serial_schedule.bin",
    "encodings.bin",
    "modules.log",
    "v2p.textproto",
    "funclist.log",
];

/// Returns the thread files of a folder that is one trace, by name; `None` if the folder is something
/// else, such as a folder of traces.
///
/// # Errors
///
/// Errors if the folder cannot be read, if it has only the raw form or several windows, or if it
/// holds thread files and other files.
pub fn thread_files(folder: &Path) -> Result<Option<Vec<PathBuf>>, TraceError> {
    let below = folder.join(FINAL);
    if below.is_dir() {
        let (threads, _) = sorted_out(&below)?;
        if !threads.is_empty() {
            return Ok(Some(threads));
        }
        let windows = windows_of(&below);
        if let Some(first) = windows.first() {
            let what = format!(
                "a drmemtrace of {}",
                counted(windows.len() as u64, "window")
            );
            let help = format!("name one of them: {}", first.printed());
            return Err(TraceError::new(folder, what).help(help));
        }
    }
    let is_recording = |name: &str| name.starts_with("drmemtrace.") && name.ends_with(".dir");
    let name = folder.file_name().and_then(|name| name.to_str());
    if name.is_some_and(is_recording) && folder.join(RAW).is_dir() {
        let what = "a drmemtrace in its raw form, which cannot be understood alone";
        let help = format!(
            "convert it with DynamoRIO: drrun -t drmemtrace -indir {}; then name the folder again",
            folder.printed()
        );
        return Err(TraceError::new(folder, what).help(help));
    }
    let (threads, others) = sorted_out(folder)?;
    match (threads.len(), others.first()) {
        (0 | 1, _) => Ok(None),
        (_, None) => Ok(Some(threads)),
        (count, Some(other)) => {
            let what = format!(
                "{count} files of drmemtrace, which are the threads of one process, beside others \
                 ({})",
                other.printed()
            );
            let help = "put the thread files into a folder of their own to have them merged, or name \
                        the files one by one";
            Err(TraceError::new(folder, what).help(help))
        }
    }
}

/// Returns the thread files of a folder, and the others, each sorted. Hidden files and what
/// drmemtrace writes beside are left out.
fn sorted_out(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), TraceError> {
    let entries = fs::read_dir(folder).map_err(|e| TraceError::io(folder, "cannot read", e))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let name = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    files.retain(|path| {
        let name = name(path);
        !name.starts_with('.') && !BESIDE.iter().any(|beside| name.starts_with(beside))
    });
    let (named, others): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|path| is_thread_name(&name(path)));
    // Content is looked at only where names fit: every file of a folder is opened otherwise.
    let (threads, more): (Vec<_>, Vec<_>) = named.into_iter().partition(|path| is_thread(path));
    let mut others = [others, more].concat();
    others.sort();
    Ok((threads, others))
}

/// Returns whether a file may be one of a thread, by its name.
fn is_thread_name(name: &str) -> bool {
    let bare = match name.rsplit_once('.') {
        Some((stem, ending)) if codec::by_ending(ending).is_some() => stem,
        _ => name,
    };
    bare.ends_with(".trace") || bare.ends_with(".memtrace")
}

/// Returns whether the content of a file is drmemtrace in its final form.
fn is_thread(path: &Path) -> bool {
    let head = codec::open(path).and_then(|mut input| {
        let head = super::drmemtrace::HEAD;
        codec::beginning(&mut input.reader, head, |_| true).map_err(|e| codec::read_error(path, e))
    });
    head.is_ok_and(|head| super::drmemtrace::is_final(&head))
}

/// The folders of windows in a folder of the final form.
fn windows_of(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut windows: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            path.is_dir() && name.starts_with("window.")
        })
        .collect();
    windows.sort();
    windows
}

/// Opens the thread files `files` of `folder` as one trace.
///
/// # Errors
///
/// Errors if a file cannot be read or is no drmemtrace, if there are too many, or if they are of
/// several processes.
pub(super) fn open(
    folder: &Path,
    files: &[PathBuf],
    options: &ReadOptions,
) -> Result<Box<dyn RecordReader>, TraceError> {
    if files.len() > THREADS_MAX {
        let what = format!("{} threads, at most {THREADS_MAX} are merged", files.len());
        let help = "merge them with DynamoRIO's own tools, or read the files one by one";
        return Err(TraceError::new(folder, what).help(help));
    }
    let mut threads = Vec::with_capacity(files.len());
    for path in files {
        threads.push(Thread::open(path, options)?);
    }
    let mut pids = threads
        .iter()
        .filter_map(|thread| Some((thread.reader.parser().pid()?, thread)));
    if let Some((pid, first)) = pids.next()
        && let Some((other, thread)) = pids.find(|(other, _)| *other != pid)
    {
        let what = format!(
            "threads of several processes: {} is of process {pid}, {} of process {other}",
            first.path.printed(),
            thread.path.printed()
        );
        let help = "a folder is read as one process: put the files of each process into a folder of \
                    its own, or name them one by one";
        return Err(TraceError::new(folder, what).help(help));
    }
    let next = (0..threads.len())
        .map(|thread| Reverse((0, thread)))
        .collect();
    Ok(Box::new(Merged { threads, next }))
}

/// The file of a thread, read ahead by a batch.
struct Thread {
    path: PathBuf,
    reader: FixedReader<Drmemtrace>,
    /// Accesses that are read but not handed out, from `at` on.
    ahead: Vec<Access>,
    at: usize,
    /// Where in `ahead` the time stamps are, the next one last.
    marks: Vec<Mark>,
    /// What reading met after `ahead`.
    failed: Option<TraceError>,
    ended: bool,
}

impl Thread {
    fn open(path: &Path, options: &ReadOptions) -> Result<Thread, TraceError> {
        let input = codec::open(path)?;
        let reader = thread_reader(input.reader, path.to_path_buf(), options, true)?;
        let mut thread = Thread {
            path: path.to_path_buf(),
            reader,
            ahead: Vec::new(),
            at: 0,
            marks: Vec::new(),
            failed: None,
            ended: false,
        };
        thread.read();
        Ok(thread)
    }

    /// Reads the next batch. All of `ahead` has been handed out.
    fn read(&mut self) {
        self.ahead.clear();
        self.at = 0;
        match self.reader.fill(&mut self.ahead, BATCH) {
            Ok(more) => self.ended = !more,
            Err(error) => (self.failed, self.ended) = (Some(error), true),
        }
        self.marks = self.reader.parser_mut().take_marks();
        self.marks.reverse();
    }

    /// Hands out at most `room` accesses up to the next time stamp. Returns that stamp, or `None` if
    /// the room is used up or the file has ended.
    fn run(&mut self, batch: &mut Vec<Access>, room: usize) -> Result<Option<u64>, TraceError> {
        let goal = batch.len() + room;
        loop {
            let stop = self
                .marks
                .last()
                .map_or(self.ahead.len(), |mark| mark.before);
            let take = (stop - self.at).min(goal - batch.len());
            batch.extend_from_slice(&self.ahead[self.at..self.at + take]);
            self.at += take;
            if self.at == stop
                && let Some(mark) = self.marks.pop()
            {
                return Ok(Some(mark.time));
            }
            if batch.len() >= goal {
                return Ok(None);
            }
            if self.ended {
                return match self.failed.take() {
                    Some(error) => Err(error),
                    None => Ok(None),
                };
            }
            self.read();
        }
    }

    /// Returns whether everything was handed out.
    fn is_over(&self) -> bool {
        let rest = self.at < self.ahead.len() || !self.marks.is_empty();
        self.ended && !rest && self.failed.is_none()
    }
}

/// The threads of a folder, merged.
struct Merged {
    threads: Vec<Thread>,
    /// Min-heap of the last time stamp of each thread that goes on, and the thread.
    next: BinaryHeap<Reverse<(u64, usize)>>,
}

impl RecordReader for Merged {
    fn fill(&mut self, batch: &mut Vec<Access>, max: usize) -> Result<bool, TraceError> {
        let before = batch.len();
        let room = max.min(BATCH);
        while batch.len() - before < room
            && let Some(Reverse((time, number))) = self.next.pop()
        {
            let thread = &mut self.threads[number];
            let left = room - (batch.len() - before);
            let stamp = match thread.run(batch, left) {
                Ok(stamp) => stamp,
                Err(error) => {
                    // Nothing follows an error.
                    self.next.clear();
                    return Err(error);
                }
            };
            match stamp {
                Some(stamp) => self.next.push(Reverse((stamp, number))),
                None if thread.is_over() => {}
                None => self.next.push(Reverse((time, number))),
            }
        }
        Ok(batch.len() > before)
    }

    fn known(&self) -> Known {
        let mut known = Known::default();
        for thread in &self.threads {
            let of_thread = thread.reader.known();
            known.skipped += of_thread.skipped;
            known.kind = known.kind.or(of_thread.kind);
        }
        known
    }

    fn report(&self) -> ReadReport {
        let threads = counted(self.threads.len() as u64, "thread");
        ReadReport {
            notes: vec![format!("{threads} merged by their time stamps")],
            ..ReadReport::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::drmemtrace::tests::{BEGIN, records};
    use super::*;
    use crate::trace::model::access::Kind;
    use std::io::Write;

    const READ: u16 = 0;
    const PID: u16 = 24;
    const STAMP: (u16, u16) = (28, 2);

    /// The bytes of a thread: a header, then time stamps with the addresses read after each.
    fn thread(pid: u64, stamps: &[(u64, &[u64])]) -> Vec<u8> {
        let mut list = BEGIN.to_vec();
        list.retain(|record| record.0 != PID);
        list.push((PID, 4, pid));
        for &(time, addresses) in stamps {
            list.push((STAMP.0, STAMP.1, time));
            list.extend(addresses.iter().map(|&address| (READ, 8, address)));
        }
        records(true, &list)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn snappy(bytes: &[u8]) -> Vec<u8> {
        let mut out = snap::write::FrameEncoder::new(Vec::new());
        out.write_all(bytes).unwrap();
        out.into_inner().unwrap()
    }

    fn read(folder: &Path, at_once: usize) -> Result<Vec<u64>, TraceError> {
        let files = thread_files(folder)?.expect("one trace");
        let mut reader = open(folder, &files, &ReadOptions::default())?;
        let mut all = Vec::new();
        loop {
            let mut batch = Vec::new();
            let more = reader.fill(&mut batch, at_once)?;
            assert!(batch.len() <= at_once);
            assert!(batch.iter().all(|a| a.pid == 9 && a.kind == Kind::Read));
            all.extend(batch.iter().map(|access| access.addr));
            if !more {
                return Ok(all);
            }
        }
    }

    /// What a person would do with the threads: always the one whose last stamp is the least.
    fn naive(threads: &[Vec<(u64, Vec<u64>)>]) -> Vec<u64> {
        let mut pieces: Vec<(u64, usize, usize)> = Vec::new();
        let mut next = vec![0; threads.len()];
        loop {
            let waiting = (0..threads.len()).filter(|&t| next[t] < threads[t].len());
            let Some(thread) = waiting.min_by_key(|&t| (threads[t][next[t]].0, t)) else {
                break;
            };
            pieces.push((threads[thread][next[thread]].0, thread, next[thread]));
            next[thread] += 1;
        }
        pieces
            .into_iter()
            .flat_map(|(_, thread, piece)| threads[thread][piece].1.clone())
            .collect()
    }

    #[test]
    fn threads_are_merged_by_their_time_stamps() {
        let mut state = 3u64;
        let mut draw = |below: u64| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        for round in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let below = folder.path().join("trace");
            fs::create_dir(&below).unwrap();
            let mut threads = Vec::new();
            for number in 0..2 + draw(4) {
                let mut time = draw(5);
                let pieces: Vec<(u64, Vec<u64>)> = (0..1 + draw(6))
                    .map(|piece| {
                        time += draw(4);
                        let many = if round == 0 { 9000 } else { 5 };
                        let addresses = (0..draw(many)).map(|n| number << 40 | piece << 20 | n);
                        (time, addresses.collect())
                    })
                    .collect();
                let borrowed: Vec<(u64, &[u64])> = pieces
                    .iter()
                    .map(|(time, addresses)| (*time, &addresses[..]))
                    .collect();
                let bytes = thread(9, &borrowed);
                let (ending, bytes) = match number % 3 {
                    0 => ("trace", bytes),
                    1 => ("trace.gz", gzip(&bytes)),
                    _ => ("memtrace.sz", snappy(&bytes)),
                };
                fs::write(
                    below.join(format!("drmemtrace.a.{number}.1.{ending}")),
                    bytes,
                )
                .unwrap();
                threads.push(pieces);
            }
            fs::write(below.join("cpu_schedule.bin.zip"), "PK").unwrap();
            let expected = naive(&threads);
            for (folder, at_once) in [(folder.path(), usize::MAX), (&below, 1), (&below, 7)] {
                assert_eq!(read(folder, at_once).unwrap(), expected, "round {round}");
            }
        }
    }

    /// A folder with these files.
    fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    #[test]
    fn what_a_folder_means_is_certain_or_asked() {
        let one = || thread(9, &[(1, &[64])]);
        for files in [
            vec![("a.txt", b"0x10\n".to_vec())],
            vec![
                ("a.trace", b"R 1000\n".to_vec()),
                ("b.trace", b"R 1000\n".to_vec()),
            ],
            // One file is a trace by its own name.
            vec![("a.1.trace", one()), ("b.txt", b"0x10\n".to_vec())],
        ] {
            assert!(thread_files(folder(&files).path()).unwrap().is_none());
        }
        let two = [("a.1.trace", one()), ("a.2.trace", one())];
        let whole = folder(&two);
        assert_eq!(thread_files(whole.path()).unwrap().unwrap().len(), 2);

        let mixed = folder(&[two.to_vec(), vec![("b.txt", b"0x10\n".to_vec())]].concat());
        let asked = thread_files(mixed.path()).unwrap_err();
        assert!(asked.what.contains("2 files of drmemtrace"), "{asked}");
        assert!(asked.help.contains("folder of their own"), "{asked}");

        let raw = folder(&[("drmemtrace.a.1.2.dir/raw/a.raw.lz4", Vec::new())]);
        let asked = thread_files(&raw.path().join("drmemtrace.a.1.2.dir")).unwrap_err();
        assert!(asked.help.contains("drrun -t drmemtrace -indir"), "{asked}");

        let windows = folder(&[
            ("trace/window.0000/a.trace", one()),
            ("trace/window.0001/a.trace", one()),
        ]);
        let asked = thread_files(windows.path()).unwrap_err();
        assert!(asked.help.contains("window.0000"), "{asked}");

        let processes = folder(&[
            ("a.1.trace", one()),
            ("a.2.trace", thread(10, &[(1, &[64])])),
        ]);
        let asked = read(processes.path(), 100).unwrap_err();
        assert!(asked.what.contains("several processes"), "{asked}");
    }

    #[test]
    fn an_error_names_the_file_of_its_thread() {
        let mut cut = thread(9, &[(2, &[64, 128])]);
        cut.pop();
        let files = [
            ("a.1.trace", thread(9, &[(1, &[1]), (3, &[2])])),
            ("a.2.trace", cut),
        ];
        let folder = folder(&files);
        let error = read(folder.path(), 100).unwrap_err();
        assert!(error.path.ends_with("a.2.trace"), "{error}");
        assert!(error.what.contains("cut short"), "{error}");
    }
}
