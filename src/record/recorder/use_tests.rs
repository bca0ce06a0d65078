//! Files that are read, written, named anew and removed; ranges that are populated; libraries of
//! valgrind's own. On pieces of logs as valgrind writes them.

use super::RecordOptions;
use super::tests::{START, record_with};

/// A line of a call that returned `result`.
fn call(text: &str, result: u64) -> String {
    format!(
        "SYSCALL[5,1](0) {text} --> [async] ... \nSYSCALL[5,1](0) ... [async] --> Success(0x{result:x}) \n"
    )
}

fn open(path: &str, flags: u64, result: u64) -> String {
    call(
        &format!("sys_openat ( 4294967196, 0x10a004({path}), {flags}, 384 )"),
        result,
    )
}

fn lines(options: RecordOptions, log: &[String]) -> Vec<String> {
    let log = [START.to_owned(), log.concat()].concat();
    let (lines, ..) = record_with(options, &[(5, &log)]);
    lines[1..].to_vec()
}

const IO: RecordOptions = RecordOptions {
    keep_preloads: false,
    file_io: true,
    notes_kernel_writes: false,
};

#[test]
fn reads_and_writes_are_of_files_and_places() {
    let log = [
        open("a, b", 2, 4),
        call("sys_read ( 4, 0x1ff, 100 )", 100),
        call("sys_dup ( 4 )", 5),
        call("sys_read ( 5, 0x1ff, 7 )", 7), // The copy shares the position.
        call("sys_lseek ( 4, 4096, 0 )", 4096),
        call("sys_writev ( 5, 0x1ff, 2 )", 40),
        call("sys_pread64 ( 4, 0x1ff, 50, 800 )", 50), // The position stays.
        call("sys_read ( 4, 0x1ff, 1 )", 1),
        call("sys_read ( 4, 0x1ff, 1 )", 0), // The end.
        call("sys_read ( 9, 0x1ff, 1 )", 1), // Who knows.
        call("sys_close ( 4 )", 0),
        call("sys_read ( 4, 0x1ff, 1 )", 1),
        call("sys_read ( 5, 0x1ff, 1 )", 1),
        call("sys_fcntl[ARG3=='arg'] ( 5, 4, 1024 )", 0), // It appends from now on.
        call("sys_write ( 5, 0x1ff, 10 )", 10),           // At its end, 5000.
        call("sys_write ( 5, 0x1ff, 10 )", 10),
        call("sys_sendfile ( 5, 5, 0x7, 10 )", 5), // From a place that nobody knows, to the end.
    ];
    let range = |name: &str, offset: u64, length: u64| {
        format!("1 {name}(FileRange {{ file: 1, offset: {offset:x}, length: {length:x} }})")
    };
    let expected = [
        range("Read", 0, 100),
        range("Read", 100, 7),
        range("Write", 4096, 40),
        range("Read", 800, 50),
        range("Read", 4136, 1),
        range("Read", 4137, 1),
        "1 Length { file: 1, bytes: 1392 }".into(),
        range("Write", 5000, 10),
        "1 Length { file: 1, bytes: 139c }".into(),
        range("Write", 5010, 10),
        "1 Length { file: 1, bytes: 13a1 }".into(),
        range("Write", 5020, 5),
    ];
    assert_eq!(lines(IO, &log), expected);
    assert!(lines(RecordOptions::default(), &log).is_empty());
}

#[test]
fn files_are_gone_with_their_last_name() {
    let mapped = |path: &str, at: u64| {
        let map = "sys_mmap ( 0x0, 4096, 1, 1, 4, 0 )".to_owned();
        [open(path, 0, 4), call(&map, at)].concat()
    };
    let log = [
        mapped("a", 0x400_0000),
        call("sys_rename ( 0x1(a), 0x2(b) )", 0),
        call("sys_unlink ( 0x1(a) )", 0), // There is none of that name that the trace knows.
        call("sys_link ( 0x1(b), 0x2(c) )", 0),
        call("sys_unlinkat ( 4294967196, 0x1(b) )", 0),
        call("sys_unlink ( 0x1(/home/c) )", 0),
        // A file that is truncated at its opening.
        open("d", 0o1000, 6),
    ];
    let seen = lines(RecordOptions::default(), &log);
    assert_eq!(
        seen,
        [
            "1 map 4000000+1000 r-- file 1+0 a",
            "1 Unlink { file: 1 }",
            "1 Length { file: 1, bytes: 0 }"
        ]
    );
}

#[test]
fn another_program_has_the_descriptors_that_stay_open() {
    let exec = "SYSCALL[5,1](59) sys_execve ( 0x1(/bin/true), 0x2, 0x3 )==5== Lackey, an example\n==5== Command: /bin/true\n";
    let log = [
        open("a", 0o200_0000, 4),
        open("a", 0, 5),
        call("sys_read ( 5, 0x1ff, 3 )", 3),
        exec.to_owned(),
        call("sys_read ( 4, 0x1ff, 3 )", 3), // Another file, of which the log does not tell.
        call("sys_read ( 5, 0x1ff, 3 )", 3),
    ];
    let seen = lines(IO, &log);
    let read: Vec<&String> = seen.iter().filter(|line| line.contains("Read")).collect();
    assert_eq!(read.len(), 2, "{seen:?}");
    assert!(read[1].contains("offset: 3,"), "{read:?}");
}

#[test]
fn populated_ranges_are_recorded() {
    let log = [
        call(
            "sys_mmap ( 0x0, 8192, 3, 32802, 4294967295, 0 )",
            0x400_0000,
        ),
        call(
            "sys_mmap ( 0x0, 8192, 3, 32801, 4294967295, 0 )",
            0x500_0000,
        ),
        call(
            "sys_mmap ( 0x0, 8192, 0, 32802, 4294967295, 0 )",
            0x600_0000,
        ),
        call("sys_madvise ( 0x4000000, 4096, 23 )", 0),
        call("sys_madvise ( 0x5000000, 4096, 22 )", 0),
        call("sys_madvise ( 0x9000000, 4096, 22 )", 0),
    ];
    let populated = |start: u64, length: u64, write: bool| {
        format!("1 Populate {{ start: {start:x}, length: {length:x}, write: {write} }}")
    };
    let seen = lines(RecordOptions::default(), &log);
    let seen: Vec<String> = seen
        .into_iter()
        .filter(|line| !line.contains("map"))
        .collect();
    let expected = [
        populated(0x400_0000, 8192, true),
        populated(0x500_0000, 8192, false),
        populated(0x400_0000, 4096, true),
        populated(0x500_0000, 4096, false),
    ];
    assert_eq!(seen, expected);
}

/// A library of valgrind's own, with what its loader maps over it and changes of it.
#[test]
fn what_valgrind_adds_is_left_out() {
    let log = [
        open("/vg/vgpreload_core-amd64-linux.so", 0, 4),
        call("sys_mmap ( 0x0, 16384, 1, 2, 4, 0 )", 0x400_0000),
        call(
            "sys_mmap ( 0x4002000, 4096, 3, 50, 4294967295, 0 )",
            0x400_2000,
        ),
        call("sys_mprotect ( 0x4002000, 4096, 1 )", 0),
        "I  04000010,3\n L 00108100,4\n S 04003000,8\n".into(),
        call("sys_munmap ( 0x4000000, 16384 )", 0),
    ];
    assert_eq!(lines(RecordOptions::default(), &log), ["1 R 108100"]);
    let keep = RecordOptions {
        keep_preloads: true,
        ..RecordOptions::default()
    };
    let seen = lines(keep, &log);
    let name = "[valgrind]vgpreload_core-amd64-linux.so";
    assert_eq!(seen[0], format!("1 map 4000000+4000 r-- file 1+0 {name}"));
    assert_eq!(seen[1], "1 map 4002000+1000 rw- fixed [valgrind]");
    assert!(
        seen.iter().any(|line| line.starts_with("1 Unmap")),
        "{seen:?}"
    );
    assert!(seen.contains(&"1 I 4000010".to_owned()), "{seen:?}");
}

/// A process id that is used again is another process, with memory of its own.
#[test]
fn process_ids_are_used_again() {
    let fork = "SYSCALL[5,1](57) sys_fork ( )   fork: process 5 created child 6\n";
    let exit = "SYSCALL[6,1](231) exit_group( 0 ) --> [pre-success] Success(0x0) \n";
    let (lines, told, _) = record_with(
        RecordOptions::default(),
        &[
            (5, START),
            (5, fork),
            (6, "I  00108020,3\n"),
            (6, exit),
            (5, fork),
            (6, "I  00108030,3\n"),
            (6, exit),
        ],
    );
    let expected = [
        "1 I 108010",
        "1 Fork { child: 2 }",
        "2 I 108020",
        "2 Exit",
        "1 Fork { child: 3 }",
        "3 I 108030",
        "3 Exit",
    ];
    assert_eq!(lines, expected);
    assert_eq!(told.len(), 3);
}

#[test]
fn pages_that_the_kernel_writes_are_noted_where_asked() {
    let log = [
        START.to_owned(),
        call("sys_read ( 4, 0x7fff0ff0, 100 )", 100),
        call("sys_pread64 ( 4, 0x6fff0ff0, 100, 0 )", 16),
        call("sys_read ( 4, 0x5fff0ff0, 100 )", 0),
    ]
    .concat();
    let notes = |notes_kernel_writes: bool| {
        let options = RecordOptions {
            notes_kernel_writes,
            ..RecordOptions::default()
        };
        let (_, _, repairs) = record_with(options, &[(5, &log)]);
        let mut pages: Vec<_> = repairs.kernel_written.into_iter().collect();
        pages.sort_unstable();
        pages
    };
    let expected = [(1, 0x6fff_0000), (1, 0x7fff_0000), (1, 0x7fff_1000)];
    assert_eq!(notes(true), expected);
    assert!(notes(false).is_empty());
}
