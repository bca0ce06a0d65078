//! Recording programs. Where valgrind is not installed, what needs it is left out, aloud.

use super::harness::{Done, Sandbox, signal};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

// A test that tests nothing must say so.
#[allow(clippy::print_stderr)]
fn has_valgrind() -> bool {
    let found = Command::new("valgrind").arg("--version").output().is_ok();
    if !found {
        eprintln!("valgrind is not installed: this test tests nothing");
    }
    found
}

#[test]
fn a_program_is_recorded_and_keeps_its_streams_and_exit_code() {
    if !has_valgrind() {
        return;
    }
    let sandbox = Sandbox::new();
    let script =
        "printf '%s\\n' c a b | $PAGEBENCH record -o r.pbt -- sh -c 'cat; echo oops >&2; exit 7'";
    let done = sandbox.shell(script).code(7);
    assert_eq!(done.out, "c\na\nb\n");
    let done = done.err(&["oops\n", "r.pbt: ", "  process 2: ", "100.0 % of "]);
    assert!(!done.err.contains("unknown"), "{}", done.err);
    assert_eq!(sandbox.files("."), ["r.pbt"]);
    let head = sandbox.run("head r.pbt -n 2000000").code(0).out;
    for event in [
        "name=[stack]",
        "name=libc.so.6",
        " brk ",
        // The shell runs a command that is not its last one by vfork, of which valgrind makes a fork.
        " vfork 2",
        "2  exec",
        "2  exit",
        "1  exit",
    ] {
        assert!(head.contains(event), "{event}");
    }
    // No recording is replaced, whether or not it was named, unless that is asked for.
    sandbox.run("record true").code(0);
    sandbox
        .run("record true")
        .code(2)
        .err(&["true.pbt: exists already", "--force"]);
    sandbox
        .run("record -o true.pbt true")
        .code(2)
        .err(&["-o true.pbt: exists already", "--force"]);
    sandbox
        .run("record -q --force -o true.pbt true")
        .code(0)
        .no_message();
    sandbox
        .shell("$PAGEBENCH record -o k.pbt sh -c 'kill -9 $$'")
        .code(137);
}

#[test]
fn a_limit_ends_the_program() {
    if !has_valgrind() {
        return;
    }
    let sandbox = Sandbox::new();
    let endless = "record -o r.pbt --data-only --limit 50k -- sh -c";
    let mut args: Vec<&str> = endless.split(' ').collect();
    args.push("while :; do :; done");
    let done = sandbox.run_args(args).code(0);
    done.err(&["the limit is reached", "r.pbt: 50.0 k references"]);
    let stat = sandbox.run("stat r.pbt").code(0).out;
    assert!(stat.contains("50000"), "{stat}");
}

#[test]
fn an_interrupted_recording_is_kept() {
    if !has_valgrind() {
        return;
    }
    let sandbox = Sandbox::new();
    for (name, code) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        // Waits for its input, which does not come.
        let mut child = sandbox.spawn("record --force -o r.pbt -- cat");
        let stdin = child.stdin.take().unwrap();
        sleep(Duration::from_millis(2500));
        signal(&child, name);
        let done = Done::new("record".into(), child.wait_with_output().unwrap());
        done.code(code).err(&["r.pbt: "]);
        drop(stdin);
        assert_eq!(sandbox.files("."), ["r.pbt"]);
        sandbox.run("stat r.pbt").code(0);
    }
}

/// Expects that the process of which the file `pid` has the number has ended, whether or not its new parent
/// has noticed.
#[track_caller]
fn assert_ended(sandbox: &Sandbox) {
    let script = "p=$(cat pid); kill -0 $p 2> /dev/null && ! grep -q '^State:.Z' /proc/$p/status && echo alive";
    for _ in 0..100 {
        if sandbox.shell(script).out.is_empty() {
            return;
        }
        sleep(Duration::from_millis(50));
    }
    panic!("process {} runs on", sandbox.text("pid"));
}

/// A signal before valgrind said anything: no recording, and the code of the signal. A program that ignores
/// it is killed.
#[test]
fn an_interrupt_before_the_first_reference_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "bin/valgrind",
        "#!/bin/sh\necho $$ > pid\ntrap '' INT\nexec sleep 60\n",
    );
    sandbox.shell("chmod +x bin/valgrind").code(0);
    for (name, code, word) in [("HUP", 129, "hung up"), ("INT", 130, "interrupted")] {
        let child =
            sandbox.spawn_shell("PATH=$PWD/bin:$PATH; exec \"$PAGEBENCH\" record -o r.pbt -- true");
        while !sandbox.exists("pid") || sandbox.read("pid").is_empty() {
            sleep(Duration::from_millis(5));
        }
        signal(&child, name);
        let done = Done::new("record".into(), child.wait_with_output().unwrap());
        done.code(code)
            .err(&["error: nothing was recorded, and nothing written", word]);
        assert_ended(&sandbox);
        sandbox.shell("rm pid").code(0);
        assert_eq!(sandbox.files("."), ["bin"]);
    }
}

/// The native run of `--measure` ends with its children; the recording stays.
#[test]
fn an_interrupted_measurement_keeps_the_recording() {
    if !has_valgrind() {
        return;
    }
    let sandbox = Sandbox::new();
    // Under valgrind the program ends; natively, when the recording is there, it waits.
    sandbox.write(
        "p.sh",
        "test -e r.pbt || exit 0\nsleep 61 &\necho $! > pid\nwait\n",
    );
    for (name, code) in [("HUP", 129), ("TERM", 143)] {
        let child = sandbox
            .spawn_shell("exec \"$PAGEBENCH\" record --measure -o r.pbt -- sh p.sh < /dev/null");
        while !sandbox.exists("pid") || sandbox.read("pid").is_empty() {
            sleep(Duration::from_millis(5));
        }
        signal(&child, name);
        let done = Done::new("record".into(), child.wait_with_output().unwrap());
        done.code(code)
            .err(&["r.pbt is kept, and was not compared"]);
        assert_ended(&sandbox);
        sandbox.shell("rm pid r.pbt").code(0);
    }
}

#[test]
fn what_cannot_be_recorded_is_said_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.run("record").code(2).err(&["<COMMAND>"]);
    sandbox
        .shell("PATH= $PAGEBENCH record -- /bin/sh")
        .code(1)
        .err(&[
            "error: valgrind is not installed",
            "sudo apt install valgrind",
        ]);
    if has_valgrind() {
        sandbox
            .run("record -- no-such-program -x")
            .code(2)
            .err(&["error: no-such-program: no program that can be run"]);
        sandbox
            .run("record -o no/where.pbt -- true")
            .code(1)
            .err(&["error: no/where.pbt: cannot write"]);
        // valgrind itself refuses to begin.
        sandbox
            .shell("VALGRIND_OPTS=--no-such-option $PAGEBENCH record -o r.pbt true")
            .code(1)
            .err(&["nothing was recorded, and nothing written"]);
    }
    assert!(sandbox.files(".").is_empty());
}

/// The faults of a native run stand beside those that the recording predicts; input that cannot be read
/// twice is refused.
#[test]
fn a_native_run_is_measured() {
    if !has_valgrind() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox
        .shell("echo x | $PAGEBENCH record --measure -o r.pbt cat")
        .code(2)
        .err(&["error: --measure runs the program twice"]);
    sandbox.write("in.txt", "b\na\n");
    let done = sandbox.shell("$PAGEBENCH record --measure -o r.pbt sort < in.txt");
    let done = done.code(0);
    assert_eq!(done.out, "a\nb\n");
    let numbers = |text: &str, words: &str| -> Vec<u64> {
        let line = text.lines().find(|line| line.contains(words));
        let line = line.unwrap_or_else(|| panic!("{words}: {text}"));
        let numbers = line.split(|c: char| !c.is_ascii_digit());
        numbers.filter_map(|number| number.parse().ok()).collect()
    };
    let measured = numbers(&done.err, "measured without valgrind: ");
    let predicted = numbers(&done.err, "anonymous memory and copies");
    let files = numbers(&done.err, "pages of files  ");
    // The kernel never maps more than it must one by one, and always needs the written pages.
    assert!(measured[0] > 50, "{}", done.err);
    assert!(files[1] < files[0], "{}", done.err);
    let near = |one: u64, other: u64| one.abs_diff(other) * 4 < other;
    assert!(
        near(predicted[1] + files[1], measured[0] + measured[1]),
        "{}",
        done.err
    );
    sandbox
        .run("record --measure --limit 5 -o r.pbt true")
        .code(2)
        .err(&["cannot be used with"]);
}

#[test]
fn files_are_recorded_where_asked() {
    if !has_valgrind() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("in.txt", "b\na\n");
    sandbox
        .shell("$PAGEBENCH record --file-io -o r.pbt -- cat in.txt > out.txt")
        .code(0);
    sandbox.run("convert r.pbt -o r.txt").code(0);
    let text = sandbox.text("r.txt");
    let of = |name: &str, bytes: &str| {
        let mut lines = text.lines().filter(|line| line.starts_with(name));
        lines.any(|line| line.ends_with(bytes))
    };
    assert!(of("read ", " 0 4"), "no read of in.txt");
    assert!(of("write ", " 0 4"), "no write of out.txt");
    assert!(!text.contains("vgpreload"), "a library of valgrind's own");
    sandbox
        .shell("$PAGEBENCH record --keep-preloads -o k.pbt -- cat in.txt")
        .code(0);
    sandbox.run("convert k.pbt -o k.txt").code(0);
    let text = sandbox.text("k.txt");
    assert!(text.contains("name=[valgrind]vgpreload_core"));
    assert!(!text.lines().any(|line| line.starts_with("read ")));
}
