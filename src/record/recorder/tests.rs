//! The recorder on pieces of logs as valgrind writes them, with a made-up system.

use super::super::system::{FileFacts, FileKey, Inherited};
use super::*;
use crate::trace::model::event::Backing;
use std::path::{Path, PathBuf};

/// A system of one program at 0x108000, its stack, and valgrind.
pub(super) struct Fake;

const LISTING: &str = "\
00108000-0010a000 r-xp 00000000 fe:00 7   /bin/prog
00110000-00111000 rw-p 00000000 00:00 0 
58000000-58002000 r-xp 00000000 fe:00 9   /vg/lackey
1002001000-1002002000 rwxp 00000000 00:00 0 
1ffefff000-1fff001000 rw-p 00000000 00:00 0 
";

impl System for Fake {
    fn mappings(&self, pid: u32) -> Option<String> {
        (pid < 90).then(|| LISTING.to_owned())
    }
    fn tool(&self, _: u32) -> Option<PathBuf> {
        Some("/vg/lackey".into())
    }
    fn descriptor(&self, _: u32, _: u32) -> Option<FileFacts> {
        None
    }
    fn folder(&self, _: u32) -> Option<PathBuf> {
        Some("/home".into())
    }
    fn inherited(&self) -> Vec<Inherited> {
        Vec::new()
    }
    fn file(&self, path: &Path) -> Option<FileFacts> {
        let inode = if path == Path::new("/bin/prog") {
            7
        } else {
            20
        };
        path.is_absolute().then(|| FileFacts {
            key: FileKey { device: 1, inode },
            length: if path.starts_with("/dev/gpu") {
                0
            } else {
                5000
            },
            path: path.into(),
            in_memory: path.starts_with("/dev/shm"),
            cached: !path.starts_with("/dev/gpu"),
            links: 1,
            through_link: false,
        })
    }
}

/// A sink that keeps one line per access or event.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) lines: Vec<String>,
    most: Option<usize>,
}

impl RecordingSink for Lines {
    fn accesses(&mut self, accesses: &[Access]) -> io::Result<bool> {
        for a in accesses {
            self.lines
                .push(format!("{} {} {:x}", a.pid, a.kind.letter(), a.addr));
        }
        Ok(self.most.is_none_or(|most| self.lines.len() < most))
    }
    fn event(&mut self, process: u32, event: Event) -> io::Result<()> {
        let text = match event {
            Event::Map(m) => {
                let (fixed, name) = (m.fixed, &m.name);
                let file = match m.backing {
                    Backing::Anonymous => String::new(),
                    Backing::File { file, offset, .. } => format!(" file {file}+{offset}"),
                };
                let grows = if m.grows_down { " grows" } else { "" };
                let grows = if m.swap_backed { " swap-backed" } else { grows };
                let fixed = if fixed { " fixed" } else { "" };
                format!(
                    "map {:x}+{:x} {}{file}{grows}{fixed} {name}",
                    m.start, m.length, m.protection
                )
            }
            other => format!("{other:x?}"),
        };
        self.lines.push(format!("{process} {}", text.trim_end()));
        Ok(())
    }
}

/// Records these pieces. Leaves out the mappings of a beginning program.
fn record(pieces: &[(u32, &str)]) -> (Vec<String>, Vec<ProcessSummary>, Repairs) {
    record_with(RecordOptions::default(), pieces)
}

/// The same with options.
pub(super) fn record_with(
    options: RecordOptions,
    pieces: &[(u32, &str)],
) -> (Vec<String>, Vec<ProcessSummary>, Repairs) {
    let mut recorder = Recorder::new(Fake, options, Lines::default());
    for (pid, bytes) in pieces {
        recorder.take(*pid, bytes.as_bytes()).unwrap();
    }
    let (mut lines, told, repairs) = recorder.finish().unwrap();
    let initial = |line: &String| {
        line.contains("prog") && line.contains("108000")
            || line.contains("[stack]")
            || line.contains("map 110000")
    };
    lines.lines.retain(|line| !initial(line));
    (lines.lines, told, repairs)
}

pub(super) const START: &str =
    "==5== Lackey, an example Valgrind tool\n==5== Command: ./prog x\nI  00108010,3\n";

#[test]
fn a_program_begins_with_its_mappings() {
    let mut recorder = Recorder::new(Fake, RecordOptions::default(), Lines::default());
    // Cut anywhere, it reads the same.
    for byte in START.bytes() {
        recorder.take(5, &[byte]).unwrap();
    }
    let (lines, told, _) = recorder.finish().unwrap();
    let expected = [
        "1 map 108000+2000 r-x file 0+0 prog",
        "1 map 110000+1000 rw-",
        "1 map 1ffefff000+2000 rw- grows [stack]",
        "1 I 108010",
    ];
    assert_eq!(lines.lines, expected);
    assert_eq!(
        (told[0].command.as_str(), told[0].accesses),
        ("./prog x", 1)
    );
}

#[test]
fn calls_change_what_is_mapped() {
    let (lines, ..) = record(&[
        (5, START),
        (
            5,
            "SYSCALL[5,1](12) sys_brk ( 0x0 ) --> [pre-success] Success(0x110000) \n",
        ),
        (
            5,
            "SYSCALL[5,1](12) sys_brk ( 0x112000 ) --> [pre-success] Success(0x112000) \n",
        ),
        (5, " S 00111ff0,8\n"),
        (
            5,
            "SYSCALL[5,1](257) sys_openat ( 4294967196, 0x4b0(a file), 0 ) --> [async] ... \n",
        ),
        (5, "SYSCALL[5,1](257) ... [async] --> Success(0x3) \n"),
        (
            5,
            "SYSCALL[5,1](72) sys_fcntl[ARG3=='arg'] ( 3, 0, 20 )[sync] --> Success(0x14) \n",
        ),
        (
            5,
            "SYSCALL[5,1](3) sys_close ( 3 )[sync] --> Success(0x0) \n",
        ),
        (
            5,
            "SYSCALL[5,1](9) sys_mmap ( 0x0, 8192, 1, 2, 20, 4096 ) --> [pre-success] Success(0x4000000) \n",
        ),
        (
            5,
            "SYSCALL[5,1](9) sys_mmap ( 0x0, 8192, 1, 2, 20, 0 ) --> [pre-fail] Failure(0xc) \n",
        ),
        (
            5,
            "SYSCALL[5,1](10) sys_mprotect ( 0x4001000, 4096, 3 )[sync] --> Success(0x0) \n",
        ),
        (
            5,
            "SYSCALL[5,1](25) sys_mremap ( 0x4000000, 4096, 8192, 0x1 ) --> [pre-success] Success(0x5000000) \n",
        ),
        (
            5,
            "SYSCALL[5,1](11) sys_munmap ( 0x5000000, 8192 )[sync] --> Success(0x0) \n",
        ),
        (
            5,
            "SYSCALL[5,1](11) sys_munmap ( 0x5000000, 8192 )[sync] --> Success(0x0) \n",
        ),
        (
            5,
            "SYSCALL[5,2](28) sys_madvise ( 0x4001000, 4096, 4 ) --> [async] ... \n",
        ),
        (
            5,
            "SYSCALL[5,1](28) sys_madvise ( 0x4001000, 4096, 3 ) --> [async] ... \n",
        ),
        (5, "SYSCALL[5,2](28) ... [async] --> Success(0x0) \n"),
        (5, "SYSCALL[5,1](28) ... [async] --> Failure(0x1) \n"),
    ]);
    let expected = [
        "1 I 108010",
        "1 Unmap { start: 110000, length: 1000 }",
        "1 Brk { end: 110000 }",
        "1 Brk { end: 112000 }",
        "1 W 111ff0",
        "1 map 4000000+2000 r-- file 1+4096 a_file",
        "1 Protect { start: 4001000, length: 1000, protection: Protection { read: true, write: true, execute: false } }",
        "1 Move(Move { old_start: 4000000, old_length: 1000, new_start: 5000000, new_length: 2000, fixed: false, keep: false })",
        "1 Unmap { start: 5000000, length: 2000 }",
        "1 Advise { start: 4001000, length: 1000, advice: DontNeed }",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn accesses_that_the_log_does_not_explain_are_made_legal() {
    let keep = RecordOptions {
        keep_preloads: true,
        ..RecordOptions::default()
    };
    let pieces = [
        (5, START),
        (
            5,
            " L 58001000,8\n S 00109ffc,8\n S 70000000,8\n L 70000008,8\n",
        ),
        (5, " L 1ffeff0000,8\n L ff00000000000000,8\n"),
    ];
    let (lines, _, repairs) = record_with(keep, &pieces);
    let mut expected = vec![
        "1 I 108010",
        "1 map 58000000+2000 r-x file 1+0 [valgrind]lackey",
        "1 R 58001000",
        "1 Protect { start: 109000, length: 1000, protection: Protection { read: true, write: true, execute: true } }",
        "1 map 10a000+1000 rw- [unknown]",
        "1 W 109ffc",
        "1 map 70000000+1000 rw- [unknown]",
        "1 W 70000000",
        "1 R 70000008",
        "1 R 1ffeff0000",
    ];
    assert_eq!(lines, expected);
    let sizes = [&repairs.valgrind, &repairs.unknown, &repairs.widened].map(|pages| pages.len());
    assert_eq!((sizes, repairs.left_out), ([1, 2, 1], 1));
    assert_eq!(repairs.valgrind_left_out, 0);
    // Without valgrind's own.
    let (lines, _, repairs) = record(&pieces);
    expected.retain(|line| !line.contains("5800"));
    assert_eq!(lines, expected);
    assert_eq!((repairs.left_out, repairs.valgrind_left_out), (1, 1));
    // The system knows nothing of a process that is gone.
    let (lines, _, repairs) = record(&[(99, START)]);
    assert_eq!(lines[1], "1 I 108010");
    assert_eq!(repairs.unknown.len(), 1);
    assert_eq!(repairs.widened.len(), 0);
}

#[test]
fn a_child_may_speak_before_its_parent_names_it() {
    let fork = "SYSCALL[5,1](56) sys_clone ( 1200011, 0x0, 0x0, 0x4a2, 0x0 )";
    let (lines, told, _) = record(&[
        (5, START),
        (5, fork),
        (6, "\n --> [pre-success] Success(0x0) \nI  00108020,3\n"),
        (
            5,
            "   clone(fork): process 5 created child 6\n --> [pre-success] Success(0x6) \n",
        ),
        (5, "I  00108030,3\n"),
        (
            6,
            "SYSCALL[6,1](59) sys_execve ( 0x1(/no), 0x2, 0x3 ) --> [pre-fail] Failure(0x2) \n",
        ),
        (
            6,
            "SYSCALL[6,1](59) sys_execve ( 0x1(/bin/true), 0x2, 0x3 )==6== Lackey, an example\n",
        ),
        (6, "==6== Command: /bin/true\nI  00108040,3\n"),
        (
            6,
            "SYSCALL[6,1](231) exit_group( 0 ) --> [pre-success] Success(0x0) \n==6== \n",
        ),
        (
            5,
            "SYSCALL[5,1](61) sys_wait4 ( 6, 0x1, 0, 0x0 ) --> [async] ... \n",
        ),
        (5, "SYSCALL[5,1](61) ... [async] --> Success(0x6) \n"),
        (
            5,
            "SYSCALL[5,1](231) exit_group( 3 ) --> [pre-success] Success(0x0) \n",
        ),
    ]);
    let expected = [
        "1 I 108010",
        "1 Fork { child: 2 }",
        "2 I 108020",
        "1 I 108030",
        "2 Exec",
        "2 I 108040",
        "2 Exit",
        "1 Exit",
    ];
    assert_eq!(lines, expected);
    assert_eq!(told[1].command, "/bin/true");
}

#[test]
fn a_child_of_one_of_two_waits_for_its_name() {
    let named = "   fork: process 5 created child 7\n";
    let (lines, ..) = record(&[
        (5, START),
        (
            5,
            "SYSCALL[5,1](57) sys_fork ( )   fork: process 5 created child 6\n",
        ),
        (5, "SYSCALL[5,1](57) sys_fork ( )"),
        (6, "SYSCALL[6,1](57) sys_fork ( )"),
        (7, "I  00108020,3\n"),
        (8, "I  00108030,3\n"),
        (7, "I  00108021,3\n"),
        (5, named),
        (6, "   fork: process 6 created child 8\n"),
        // Killed: the one that waits for it knows.
        (
            5,
            "SYSCALL[5,1](61) sys_wait4 ( 4294967295, 0x1, 0, 0x0 ) --> [async] ... \n",
        ),
        (5, "SYSCALL[5,1](61) ... [async] --> Success(0x7) \n"),
        // The number comes round.
        (5, "SYSCALL[5,1](57) sys_fork ( )"),
        (7, "I  00108050,3\n"),
    ]);
    let expected = [
        "1 I 108010",
        "1 Fork { child: 2 }",
        "1 Fork { child: 3 }",
        "3 I 108020",
        "3 I 108021",
        "2 Fork { child: 4 }",
        "4 I 108030",
        "3 Exit",
        "1 Fork { child: 5 }",
    ];
    let last = |lines: &[String]| lines.last().cloned();
    assert_eq!(last(&lines).as_deref(), Some("5 I 108050"));
    // With two that fork at once, the second begins as soon as only one is left.
    assert_eq!(lines.len(), expected.len() + 1);
    for line in expected {
        assert!(lines.iter().any(|l| l == line), "{line}: {lines:#?}");
    }
}

#[test]
fn threads_share_their_process() {
    let (lines, told, _) = record(&[
        (5, START),
        (
            5,
            "SYSCALL[5,1](56) sys_clone ( 3d0f00, 0x52, 0x5, 0x5, 0x5 ) --> [pre-success] Success(0x434f) I  00108020,3\n",
        ),
        (
            5,
            "SYSCALL[5,2](60) exit( 0 ) --> [pre-success] Success(0x0) \n\nI  00108030,3\n",
        ),
    ]);
    assert_eq!(lines, ["1 I 108010", "1 I 108020", "1 I 108030"]);
    assert_eq!(told.len(), 1);
}

#[test]
fn a_full_sink_gets_nothing_more() {
    let lines = Lines {
        most: Some(5),
        ..Lines::default()
    };
    let mut recorder = Recorder::new(Fake, RecordOptions::default(), lines);
    assert!(recorder.take(5, START.as_bytes()).unwrap());
    let more = "I  00108010,3\nSYSCALL[5,1](231) exit_group( 0 ) --> [pre-success] Success(0x0) \n";
    assert!(!recorder.take(5, more.as_bytes()).unwrap());
    let (lines, ..) = recorder.finish().unwrap();
    assert_eq!(lines.lines.len(), 5);
}

/// valgrind makes a fork of a vfork and writes so; the number of the call tells.
#[test]
fn a_vfork_that_valgrind_calls_fork() {
    for (number, wanted) in [(57, "1 Fork { child: 2 }"), (58, "1 Vfork { child: 2 }")] {
        let fork =
            format!("SYSCALL[5,1]({number}) sys_fork ( )   fork: process 5 created child 6\n");
        for pieces in [
            // The parent names the child, or the child speaks first.
            &[(5, START), (5, fork.as_str()), (6, "I  00108020,3\n")][..],
            &[
                (5, START),
                (5, &fork[..32]),
                (6, "I  00108020,3\n"),
                (5, &fork[32..]),
            ],
        ] {
            let (lines, ..) = record(pieces);
            assert_eq!(lines, ["1 I 108010", wanted, "2 I 108020"]);
        }
    }
}

/// A child that borrows its parent's memory; what it maps there stays with the parent.
#[test]
fn a_vfork_is_no_copy() {
    let keep = RecordOptions {
        keep_preloads: true,
        ..RecordOptions::default()
    };
    let pieces = [
        (5, START),
        (
            5,
            "SYSCALL[5,1](56) sys_clone ( 4111, 0x1ffeffff00, 0x0, 0x0, 0x0 )",
        ),
        (6, " S 00110010,8\n L 58001000,8\n"),
        (
            6,
            "SYSCALL[6,1](59) sys_execve ( 0x4b0(/bin/true), 0x0, 0x0 )==6== Lackey, an example\n",
        ),
        (6, "==6== Command: /bin/true\nI  00108020,3\n"),
        (5, " --> [pre-success] Success(0x6) \n L 58001008,8\n"),
    ];
    let (lines, ..) = record_with(keep, &pieces);
    let made: Vec<&String> = lines.iter().filter(|line| line.contains("ork")).collect();
    assert_eq!(made, ["1 Vfork { child: 2 }"]);
    let valgrind = |line: &&String| line.contains("58000000");
    assert_eq!(lines.iter().filter(valgrind).count(), 1, "{lines:?}");
    assert!(lines.contains(&"1 R 58001008".to_owned()), "{lines:?}");
}

#[test]
fn files_have_lengths_and_may_be_memory() {
    let open = |path: &str, result: u64| {
        format!(
            "SYSCALL[5,1](257) sys_openat ( 4294967196, 0x4b0({path}), 0 ) --> [async] ... \nSYSCALL[5,1](257) ... [async] --> Success(0x{result:x}) \n"
        )
    };
    let truncate = |length: u64| {
        format!("SYSCALL[5,1](77) sys_ftruncate ( 3, {length} )[sync] --> Success(0x0) \n")
    };
    let log = [
        START.to_owned(),
        open("/dev/shm/x", 3),
        truncate(9000), // Nothing maps it yet.
        "SYSCALL[5,1](9) sys_mmap ( 0x0, 8192, 3, 1, 3, 0 ) --> [pre-success] Success(0x4000000) \n".into(),
        truncate(5000), // That is its length.
        truncate(16384),
        "SYSCALL[5,1](285) sys_fallocate ( 3, 0, 0, 4096 )[sync] --> Success(0x0) \n".into(),
        "SYSCALL[5,1](285) sys_fallocate ( 3, 0, 16384, 1 )[sync] --> Success(0x0) \n".into(),
    ];
    let (lines, ..) = record(&[(5, &log.concat())]);
    let expected = [
        "1 I 108010",
        "1 map 4000000+2000 rw- file 1+0 swap-backed x",
        "1 Length { file: 1, bytes: 4000 }",
        "1 Length { file: 1, bytes: 4001 }",
    ];
    assert_eq!(lines, expected);
}

/// A device has length 0 and no end.
#[test]
fn a_mapping_of_a_device_has_all_of_its_pages() {
    let mut files = Files::new(false);
    let facts = |path: &str| Fake.file(Path::new(path)).unwrap();
    for (path, wanted) in [("/dev/gpu", 0x3000), ("/a", 5000)] {
        let (backing, ..) = files.backing(Some(&facts(path)), 0x1000, 0x3000);
        let Backing::File { length, .. } = backing else {
            panic!("{backing:?}")
        };
        assert_eq!(length, wanted, "{path}");
    }
}

/// Growth and shrinking in place, MREMAP_DONTUNMAP, a target that the log still shows as mapped; and a
/// range of which the log does not show all.
#[test]
fn what_moves_is_known_where_it_is() {
    let remap = |old: u64, length: u64, to: u64, flags: u64, result: u64| {
        format!(
            "SYSCALL[5,1](25) sys_mremap ( 0x{old:x}, {length}, {to}, 0x{flags:x} ) --> [pre-success] Success(0x{result:x}) \n"
        )
    };
    let page = |page: u64| 0x400_0000 + page * 0x1000;
    let log = [
        START.to_owned(),
        "SYSCALL[5,1](9) sys_mmap ( 0x0, 8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x4000000) \n".into(),
        remap(page(0), 0x2000, 0x4000, 1, page(0)),
        " S 04003000,8\n".into(),
        remap(page(0), 0x4000, 0x1000, 1, page(0)),
        remap(page(0), 0x1000, 0x1000, 5, page(8)),
        " S 04008000,8\n S 04000000,8\n".into(),
        remap(page(0), 0x1000, 0x1000, 1, page(8)),
        remap(page(8), 0x2000, 0x1000, 1, page(20)),
        remap(page(20), 0x1000, 0x1000, 1, page(20)),
    ];
    let (lines, _, repairs) = record(&[(5, &log.concat())]);
    let moved = |old: u64, length: u64, new: u64, to: u64, fixed: bool, keep: bool| {
        format!(
            "1 Move(Move {{ old_start: {:x}, old_length: {:x}, new_start: {:x}, new_length: {:x}, fixed: {fixed}, keep: {keep} }})",
            page(old),
            length << 12,
            page(new),
            to << 12
        )
    };
    let expected = [
        "1 I 108010".to_owned(),
        "1 map 4000000+2000 rw-".into(),
        moved(0, 2, 0, 4, false, false),
        "1 W 4003000".into(),
        moved(0, 4, 0, 1, false, false),
        moved(0, 1, 8, 1, false, true),
        "1 W 4008000".into(),
        "1 W 4000000".into(),
        moved(0, 1, 8, 1, true, false),
        "1 Unmap { start: 4008000, length: 2000 }".into(),
        "1 map 4014000+1000 rw- fixed".into(),
    ];
    assert_eq!(lines, expected);
    assert!(repairs.unknown.is_empty() && repairs.widened.is_empty());
}

#[test]
fn no_log_is_too_strange() {
    let log = "SYSCALL[5,1](9) sys_mmap ( 0x0, 99999999999999999999, 1, 2, 20, 0 ) --> [s] Success(0x1) \n\
               SYSCALL[5,1](25) sys_mremap ( 0x0, 4096, 18446744073709551615, 0x1 ) --> [s] Success(0x0) \n\
               SYSCALL[5,1](12) sys_brk ( 0x0 ) --> [s] Success(0x5) \n\
               SYSCALL[5,1](12) sys_brk ( 0x0 ) --> [s] Success(0xfffffffffffff) \n\
               SYSCALL[5,1](9) sys_mmap ( 0x0, 4096, 7, 34, 4294967295, 0 ) --> [s] Success(0xfffffffffff000) \n\
               I  fffffffffffffff8,8\n L 00000000,1\n S 0fffffffffffff,2\n\0\u{1}==\n";
    let mut random = crate::trace::format::testing::Random(3);
    for _ in 0..2000 {
        let mut bytes = log.as_bytes().to_vec();
        for _ in 0..4 {
            let at = random.below(bytes.len());
            bytes[at] = b"0123456789abcf(),x \n=>-[]"[random.below(25)];
        }
        let mut recorder = Recorder::new(Fake, RecordOptions::default(), Lines::default());
        recorder.take(5, &bytes).unwrap();
        recorder.finish().unwrap();
    }
}

/// An mremap of no bytes maps a shared mapping a second time, from the same place in the file on and
/// with the length that the file has by then. Of a private one it is refused.
#[test]
fn a_shared_mapping_may_be_mapped_again() {
    let remap = |old: u64, result: u64| {
        format!(
            "SYSCALL[5,1](25) sys_mremap ( 0x{old:x}, 0, 8192, 0x1 ) --> [pre-success] Success(0x{result:x}) \n"
        )
    };
    let map = |flags: u64, result: u64| {
        format!(
            "SYSCALL[5,1](9) sys_mmap ( 0x0, 8192, 3, {flags}, 3, 4096 ) --> [pre-success] Success(0x{result:x}) \n"
        )
    };
    let log = [
        START.to_owned(),
        "SYSCALL[5,1](257) sys_openat ( 4294967196, 0x4b0(/a), 0 ) --> [async] ... \nSYSCALL[5,1](257) ... [async] --> Success(0x3) \n".into(),
        map(1, 0x400_0000),
        map(2, 0x500_0000),
        "SYSCALL[5,1](77) sys_ftruncate ( 3, 20480 )[sync] --> Success(0x0) \n".into(),
        remap(0x400_1000, 0x600_0000),
        remap(0x500_0000, 0x700_0000),
        remap(0x300_0000, 0x700_0000), // Nothing is there.
        " S 04001000,8\n S 06001000,8\n".into(),
    ];
    let (lines, _, repairs) = record(&[(5, &log.concat())]);
    let expected = [
        "1 I 108010",
        "1 map 4000000+2000 rw- file 1+4096 a",
        "1 map 5000000+2000 rw- file 1+4096 a",
        "1 Length { file: 1, bytes: 5000 }",
        "1 map 6000000+2000 rw- file 1+8192 a",
        "1 W 4001000",
        "1 W 6001000",
    ];
    assert_eq!(lines, expected);
    assert!(repairs.unknown.is_empty());
    let files = Files::default();
    let backing = Backing::File {
        file: 3,
        offset: 0,
        length: 7,
    };
    assert_eq!(
        files.as_long_as_now(backing),
        backing,
        "nothing else is known"
    );
}
