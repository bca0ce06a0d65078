//! Nothing behind the last record wanted is read: no bad record there does harm or is counted, and a
//! pipe may stay open.

use super::harness::{Done, Sandbox};
use std::io::Write;
use std::time::{Duration, Instant};

const GOOD_THEN_BAD: &str = "I  0401ab70,3\n L 0401ab70,300\nx\nx\nx\n L 0401ab70,4\n";

#[test]
fn bad_records_behind_a_limit_do_no_harm() {
    let sandbox = Sandbox::new();
    sandbox.write("t.lackey", GOOD_THEN_BAD);
    sandbox.write(
        "e.txt",
        "# pagebench trace 1\nR 1000\nfork 2\nswitch x\nR 2000\n",
    );
    for output in ["s.pbt", "s.plain", "s.csv", "s.din"] {
        for limit in [1, 2] {
            let line =
                format!("convert t.lackey --format lackey --limit {limit} --force -o {output}");
            sandbox.run(&line).code(0);
            let done = sandbox.run(&format!("{line} --skip-bad")).code(0);
            assert!(!done.err.contains("skipped"), "{}", done.err);
        }
        let line = format!("convert t.lackey --format lackey --limit 3 --force -o {output}");
        sandbox.run(&line).code(3).err(&["t.lackey:3: "]);
        sandbox
            .run(&format!("{line} --skip-bad"))
            .code(0)
            .err(&["warning: t.lackey: 3 bad records skipped"]);
        // The events before the next reference are taken as far as they can be read.
        let line = format!("convert e.txt --limit 1 --force -o {output}");
        sandbox.run(&line).code(0);
        sandbox
            .run("convert e.txt -o x.pbt")
            .code(3)
            .err(&["e.txt:4: "]);
    }
    for command in ["stat", "run -p lru -m 2 --no-charts --force -o out"] {
        let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
        for trace in ["t.lackey --format lackey --limit 2", "e.txt --limit 1"] {
            let done = sandbox.run(&format!("{name} {trace} {rest}")).code(0);
            assert!(!done.err.contains("skipped"), "{}", done.err);
        }
    }
    sandbox.run("convert e.txt --limit 1 -o e.pbt").code(0);
    sandbox.run("stat e.pbt").code(0).out(&["1 fork"]);
}

#[test]
fn head_prints_what_is_good_and_counts_what_is_skipped() {
    let sandbox = Sandbox::new();
    sandbox.write("t.trc", "1\n2\n3\n4\n5\nx\n6\n");
    let records = |done: &Done| done.out.lines().count() - 1;
    for (options, code, good) in [
        ("-n 3", 0, 3),
        ("-n 5", 0, 5),
        ("-n 6", 3, 5),
        ("", 3, 5),
        ("-n 6 --skip-bad", 0, 6),
        ("-n 5 --skip-bad", 0, 5),
        ("-n 0", 0, 0),
    ] {
        let done = sandbox
            .run(&format!("head t.trc --format lirs {options}"))
            .code(code);
        assert_eq!(records(&done), good, "{options}: {}", done.out);
        assert_eq!(
            done.err.contains("t.trc:6: "),
            code == 3,
            "{options}: {}",
            done.err
        );
        let skipped = done.err.contains("warning: t.trc: 1 bad record skipped");
        assert_eq!(skipped, good == 6, "{options}: {}", done.err);
    }
    // Events are records, too.
    sandbox.write(
        "e.txt",
        "# pagebench trace 1\nR 1000\nfork 2\nexit\nmap x\n",
    );
    sandbox.run("head e.txt -n 3").code(0).out(&["exit"]);
    let done = sandbox.run("head e.txt").code(3).err(&["e.txt:5: "]);
    assert_eq!(records(&done), 3);
}

/// Runs with these bytes on a pipe that is not closed before the program ends.
fn with_open_pipe(sandbox: &Sandbox, args: &str, input: &str) -> Done {
    let mut child = sandbox.spawn(args);
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(input.as_bytes()).unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{args} waits for the end of the pipe"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(pipe);
    Done::new(args.to_owned(), child.wait_with_output().unwrap())
}

#[test]
fn a_pipe_that_stays_open_is_not_waited_for() {
    let sandbox = Sandbox::new();
    let plain = "# pagebench trace 1\nR 1000\nR 2000\nR 3000\n";
    let lackey = "I  0401ab70,3\n L 0401ab70,4\n";
    let csv = "addr\n1\n2\n3\n";
    let run = "-p lru -m 2 --no-charts -q --force -o out";
    for (args, input) in [
        ("head - -n 2 --format lirs".to_owned(), "1\n2\n3\n"),
        ("head - -n 3 --format lirs".into(), "1\n2\n3\n"),
        ("head - -n 1 --format lirs".into(), "1\n"),
        ("head - -n 2".into(), plain),
        ("head - -n 2 --format csv".into(), csv),
        ("stat - --limit 3 --format lirs".into(), "1\n2\n3\n"),
        (
            "convert - --limit 2 --format lackey -q -o t.pbt".into(),
            lackey,
        ),
        (
            "convert - --limit 2 --format lackey -q -o t.txt".into(),
            lackey,
        ),
        (
            "convert - --skip 1 --limit 1 --format csv -q --force -o t.pbt".into(),
            csv,
        ),
        // Events may stand before the next reference.
        ("convert - --limit 2 -q --force -o t.pbt".into(), plain),
        ("convert - --limit 2 -q -o t.din".into(), plain),
        (format!("run - --limit 2 --format lackey {run}"), lackey),
    ] {
        with_open_pipe(&sandbox, &args, input).code(0);
    }
}
