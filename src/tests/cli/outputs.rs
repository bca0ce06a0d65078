//! Outputs never replace inputs and never vanish: what is compared before any work, what needs --force,
//! which links and modes stay, pairs, full disks, and two processes at once.

use super::check::with_baseline;
use super::harness::{Done, Sandbox};
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// Waits until `is_true`, for at most half a minute.
#[track_caller]
fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed().as_secs() < 30, "waited for {what}");
        sleep(Duration::from_millis(10));
    }
}

/// Writes `input` to the standard input of a child that waits for it, and returns what it came to.
fn feed(mut child: Child, input: &[u8]) -> Done {
    use std::io::Write;
    child.stdin.take().unwrap().write_all(input).unwrap();
    Done::new("fed".into(), child.wait_with_output().unwrap())
}

/// A baseline, traces, an experiment and results, each of which could be written over.
fn with_inputs() -> Sandbox {
    let sandbox = with_baseline();
    sandbox.write("u.txt", sandbox.read("t.txt"));
    sandbox.write(
        "e.toml",
        "schema = 1\nframes = \"8,16\"\npolicy = \"lru,fifo\"\n[[trace]]\npath = \"t.txt\"\n",
    );
    sandbox.write("limits.toml", "max-increase = 0\n");
    sandbox
        .run("run t.txt -p lru,fifo -m 8,16 --no-charts -q -o out")
        .code(0);
    std::fs::create_dir(sandbox.path("m")).unwrap();
    sandbox
        .run("convert t.txt --name t -q -o m/t-lru-8.pbt")
        .code(0);
    sandbox
}

#[test]
fn no_output_replaces_an_input() {
    let sandbox = with_inputs();
    let files = [
        "b.csv",
        "t.txt",
        "u.txt",
        "e.toml",
        "limits.toml",
        "out/results.csv",
        "m/t-lru-8.pbt",
    ];
    let before = files.map(|file| sandbox.read(file));
    let folders = [".", "out", "m"].map(|folder| sandbox.files(folder));
    let mut lines: Vec<String> = [
        "check b.csv t.txt --chart b.png",
        "check b.csv t.txt --accept --chart b.png",
        "check b.csv t.txt --accept --json b.csv",
        "check b.csv t.txt --accept --json b.csv.faults.csv",
        "check b.csv t.txt --junit b.csv.new",
        "check t.txt t.txt --accept",
        "check b.csv out --json out/results.csv",
        "check b.csv -f e.toml --json t.txt",
        "check b.csv . --junit u.txt",
        "explain t.txt --png t.txt",
        "convert t.txt -o t.txt --force",
        "convert t.txt -o out/../t.txt --force",
        "interleave t.txt u.txt -o u.txt --force",
        "run m/t-lru-8.pbt -p lru -m 8 -q --force -o o --write-misses m",
        "run out/results.csv --format csv --col page=refs -p lru -m 8 -q --force -o out",
        "plot hit-rate out/results.csv -o out/results.png",
        "merge out -o out --force",
        // Nor two outputs each other.
        "check b.csv t.txt --json x --junit out/../x",
        "check b.csv t.txt --chart x.png --summary-md x.csv",
    ]
    .map(str::to_owned)
    .into();
    for option in ["--json", "--junit", "--summary-md"] {
        for input in ["b.csv", "t.txt", "e.toml", "limits.toml"] {
            lines.push(format!(
                "check b.csv t.txt -f e.toml --limits limits.toml {option} {input}"
            ));
        }
    }
    for line in &lines {
        let done = sandbox.run(line).code(2);
        let explained = [
            "which is read",
            "written over out/results.csv",
            "written to the same file",
            "is one of the parts",
        ];
        assert!(
            explained.iter().any(|why| done.err.contains(why)),
            "{line}: {}",
            done.err
        );
        for (file, before) in files.iter().zip(&before) {
            assert!(sandbox.read(file) == *before, "{line}: {file} is another");
        }
        for (folder, before) in [".", "out", "m"].iter().zip(&folders) {
            assert_eq!(sandbox.files(folder), *before, "{line}");
        }
    }
    let done = sandbox.run("convert t.txt -o ./t.txt --force").code(2);
    done.err(&["-o ./t.txt: would be written over t.txt, which is read"]);
    sandbox
        .run("check b.csv t.txt --chart b.png")
        .err(&["--chart b.csv: would be written over b.csv, which is read"]);
}

#[cfg(unix)]
#[test]
fn links_and_streams_hide_no_input() {
    let sandbox = Sandbox::with_trace();
    let before = sandbox.read("t.txt");
    sandbox
        .shell("ln -s t.txt soft && ln t.txt hard && ln -s . here")
        .code(0);
    for output in ["soft", "hard", "here/t.txt"] {
        for (input, output) in [("t.txt", output), (output, "t.txt")] {
            sandbox
                .run(&format!("convert {input} -o {output} --force"))
                .code(2)
                .err(&["which is read"]);
        }
    }
    for script in [
        "$PAGEBENCH convert - -o t.txt --force < t.txt",
        "$PAGEBENCH convert t.txt --to plain -o - >> t.txt",
        "GITHUB_STEP_SUMMARY=t.txt $PAGEBENCH check b.csv t.txt --accept -p lru -m 8",
        "cp /bin/true prog && $PAGEBENCH record --force -o prog ./prog",
    ] {
        sandbox.shell(script).code(2).err(&["which is read"]);
        assert!(sandbox.read("t.txt") == before, "{script}");
    }
}

#[test]
fn a_trace_is_replaced_only_with_force() {
    let sandbox = Sandbox::with_trace();
    let mine = b"an afternoon of recording";
    for command in [
        "convert t.txt",
        "gen loop --refs 100",
        "interleave t.txt t.txt",
    ] {
        sandbox.write("x.pbt", mine);
        let line = format!("{command} -o x.pbt");
        sandbox
            .run(&line)
            .code(2)
            .err(&["-o x.pbt: exists already", "--force"]);
        assert_eq!(sandbox.read("x.pbt"), mine);
        sandbox.run(&format!("{line} --force")).code(0);
        sandbox.run("stat x.pbt").code(0);
        // Nothing is lost with an empty file, as mktemp makes one.
        sandbox.write("x.pbt", "");
        sandbox.run(&line).code(0);
        sandbox.run("stat x.pbt").code(0);
    }
    // A file that came while the trace was read is not replaced either.
    let child = sandbox.spawn("convert - -o y.pbt");
    sleep(HALF_A_SECOND);
    sandbox.write("y.pbt", mine);
    feed(child, &sandbox.read("t.txt"))
        .code(2)
        .err(&["-o y.pbt: exists already"]);
    assert_eq!(sandbox.read("y.pbt"), mine);
    assert_eq!(sandbox.files("."), ["t.txt", "x.pbt", "y.pbt"]);
}

#[cfg(unix)]
#[test]
fn modes_and_links_stay() {
    let sandbox = with_baseline();
    let mode = "stat -c %a";
    sandbox
        .shell("chmod 600 b.csv && mkdir d && ln -s d/j.json j.json && ln -s d/new.csv b.csv.new")
        .code(0);
    sandbox
        .run("check b.csv t.txt --accept -p clock -m 8 --with-digests --json j.json")
        .code(0);
    sandbox
        .shell(&format!(
            "test -L j.json && test -s d/j.json && {mode} b.csv"
        ))
        .code(0)
        .out(&["600"]);
    // A proposal is written behind its link, and removed there.
    let text = sandbox.text("b.csv");
    sandbox.write("b.csv", super::check::edited(&text, -1));
    sandbox.run("check b.csv t.txt").code(6);
    assert!(sandbox.exists("d/new.csv") && sandbox.path("b.csv.new").is_symlink());
    sandbox.write("b.csv", text);
    sandbox.run("check b.csv t.txt").code(0);
    assert!(!sandbox.exists("d/new.csv") && sandbox.path("b.csv.new").is_symlink());
    // So are the files of a run.
    let run = "run t.txt -p lru -m 8 --no-charts -q --force -o out";
    sandbox.run(run).code(0);
    sandbox
        .shell("chmod 640 out/timings.csv && mv out/results.csv d && ln -s ../d/results.csv out/results.csv")
        .code(0);
    sandbox.run(run).code(0);
    sandbox
        .shell("test -L out/results.csv && test -s d/results.csv")
        .code(0);
}

#[test]
fn force_replaces_only_what_is_ours() {
    let sandbox = Sandbox::with_trace();
    let run = "run t.txt -p lru -m 8 --no-charts -q --force -o mine";
    for file in [
        "results.csv",
        "timings.csv",
        "manifest.json",
        "plan.json",
        "cells.jsonl",
    ] {
        sandbox.write(&format!("mine/{file}"), "mine");
        sandbox.run(run).code(2).err(&[&format!(
            "mine: holds {file}, which pagebench did not write"
        )]);
        assert_eq!(sandbox.read(&format!("mine/{file}")), b"mine");
        assert_eq!(sandbox.files("mine"), [file]);
        std::fs::remove_file(sandbox.path(&format!("mine/{file}"))).unwrap();
    }
    for (command, file) in [
        ("curve t.txt -p lru", "curve.csv"),
        ("curve t.txt -p lru", "t-curve.png"),
        ("vm t.txt", "states.csv"),
        ("vm t.txt", "states.png"),
    ] {
        sandbox.write(&format!("mine/{file}"), "mine");
        sandbox
            .run(&format!("{command} --force -q -o mine"))
            .code(2)
            .err(&[&format!(
                "mine: holds {file}, which pagebench did not write"
            )]);
        assert_eq!(sandbox.files("mine"), [file]);
        std::fs::remove_file(sandbox.path(&format!("mine/{file}"))).unwrap();
    }
    // A chart of the name of one that the run draws, and no run beside it.
    sandbox.write("mine/t-hit-rate.png", "mine");
    let charts = run.replace("--no-charts ", "").replace("-m 8", "-m 8,16");
    sandbox
        .run(&charts)
        .code(2)
        .err(&["mine: holds t-hit-rate.png"]);
    assert_eq!(sandbox.files("mine"), ["t-hit-rate.png"]);
}

/// Streams that a run finds in its folder are its own only if it goes on.
#[test]
fn a_run_that_begins_with_resume_replaces_no_miss_stream() {
    let sandbox = Sandbox::with_trace();
    sandbox.write("m/t-lru-8.pbt", "mine");
    let run = "run t.txt -p lru -m 8 --no-charts -q --resume -o out --write-misses m";
    sandbox.run(run).code(2).err(&["m: holds t-lru-8.pbt"]);
    assert_eq!(sandbox.read("m/t-lru-8.pbt"), b"mine");
    std::fs::remove_file(sandbox.path("m/t-lru-8.pbt")).unwrap();
    sandbox.run(run).code(0);
    sandbox.run(run).code(0);
}

/// A baseline and its digests are written both or not at all.
#[cfg(unix)]
#[test]
fn a_baseline_and_its_digests_are_a_pair() {
    let sandbox = with_baseline();
    let before = sandbox.read("b.csv");
    sandbox
        .shell("ln -s nowhere/digests b.csv.faults.csv")
        .code(0);
    sandbox
        .run("check b.csv t.txt --accept --with-digests -p clock -m 8")
        .code(1)
        .err(&["b.csv.faults.csv: cannot write"]);
    assert!(sandbox.read("b.csv") == before);
    sandbox.shell("mkdir nowhere").code(0);
    // What is printed comes last: a full terminal loses no file.
    sandbox
        .shell("$PAGEBENCH check b.csv t.txt --accept --with-digests -p clock -m 8 --json j.json > /dev/full")
        .code(1)
        .err(&["cannot write to standard output"]);
    assert_eq!(sandbox.rows("b.csv").len(), 5);
    assert_eq!(sandbox.rows("nowhere/digests").len(), 5);
    sandbox.run("check b.csv t.txt").code(0);
    let json: serde_json::Value = serde_json::from_slice(&sandbox.read("j.json")).unwrap();
    assert_eq!(json["exit_code"], 1, "{json}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_that_is_gone_loses_no_file() {
    let sandbox = Sandbox::with_trace();
    for line in [
        "run t.txt -p lru,fifo -m 8,16 -q -o run",
        "curve t.txt -p lru -q -o curve",
        "vm t.txt -q -o vm",
        "man -o man",
    ] {
        sandbox
            .shell(&format!("$PAGEBENCH {line} > /dev/full"))
            .code(1)
            .err(&["cannot write to standard output"]);
        let whole = line.replace("-o ", "-o whole-");
        sandbox.run(&whole).code(0);
        let folder = line.rsplit(' ').next().unwrap();
        assert_eq!(
            sandbox.files(folder),
            sandbox.files(&format!("whole-{folder}")),
            "{line}"
        );
    }
}

/// The limit of a file's size is met as a full disk is. The signal is ignored here, as a shell can.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_with_the_file() {
    let sandbox = with_baseline();
    sandbox
        .run("check b.csv t.txt --accept -p lru,fifo -m 4..128 -q")
        .code(0);
    sandbox
        .run("run t.txt -p lru -m 8 --no-charts -q -o whole")
        .code(0);
    let before = sandbox.files(".");
    let limited = |line: &str| {
        sandbox.shell(&format!(
            "trap '' XFSZ; ulimit -f 1; exec $PAGEBENCH {line}"
        ))
    };
    for (line, file) in [
        ("convert t.txt --to plain -o x.txt", "x.txt: cannot write"),
        ("convert t.txt -o x.pbt", "x.pbt: cannot write"),
        ("gen uniform --refs 100k -o x.pbt", "x.pbt: cannot write"),
        ("interleave t.txt t.txt -o x.pbt", "x.pbt: cannot write"),
        (
            "check new.csv t.txt --accept -p lru -m 8..64",
            "new.csv: cannot write",
        ),
        ("check b.csv t.txt --junit x.xml", "x.xml: cannot write"),
        ("explain t.txt --png x.png", "x.png: cannot write"),
        ("init x.toml", "x.toml: cannot write"),
        ("plot faults whole -o x.png", "x.png: cannot write"),
    ] {
        limited(line).code(1).err(&[file]);
        assert_eq!(sandbox.files("."), before, "{line}");
    }
    limited("check b.csv t.txt --chart x.png")
        .code(1)
        .err(&["x.png: cannot write"]);
    for (line, folder) in [
        ("run t.txt -p lru -m 8 -q -o x", "x/"),
        ("merge whole -o x", "x/"),
        ("curve t.txt -q -o x", "x/"),
        ("vm t.txt -q -o x", "x/"),
        ("man -o x", "x/"),
    ] {
        limited(line).code(1).err(&[folder, ": cannot write"]);
        let hidden = sandbox.shell("ls -A x | grep '^[.]' || true").code(0).out;
        assert_eq!(hidden, "", "{line}");
        sandbox.shell("rm -rf x").code(0);
    }
}

#[cfg(unix)]
#[test]
fn pipes_where_files_should_be_are_not_waited_for() {
    let sandbox = with_baseline();
    sandbox.shell("mkfifo b.csv.new b.csv.faults.csv").code(0);
    let timed = |line: &str| sandbox.shell(&format!("timeout 60 $PAGEBENCH {line}"));
    timed("check b.csv t.txt").code(0);
    timed("check b.csv t.txt --accept -p clock -m 8")
        .code(2)
        .err(&["b.csv.faults.csv: no regular file"]);
    timed("check b.csv t.txt --explain t/lru/8")
        .err(&["b.csv.faults.csv: cannot read: no regular file"]);
    sandbox.write("c.csv", super::check::edited(&sandbox.text("b.csv"), -1));
    sandbox.shell("mkfifo c.csv.new").code(0);
    timed("check c.csv t.txt")
        .code(6)
        .err(&["c.csv.new: not written"]);
    sandbox.shell("mkdir out && mkfifo out/results.csv").code(0);
    for how in ["", "--force", "--resume"] {
        timed(&format!("run t.txt -p lru -m 8 -q -o out {how}")).code(2);
    }
    assert_eq!(sandbox.files("out"), ["results.csv"]);
}

/// A file that is still being written stays, whoever begins beside it; one of a killed process goes.
#[cfg(unix)]
#[test]
fn a_live_temporary_file_is_nobodys_leftover() {
    let sandbox = Sandbox::with_trace();
    sandbox.shell("mkdir d").code(0);
    // The rest of its standard input comes later, or never.
    let begun = |output: &str| {
        use std::io::Write;
        let mut child = sandbox.spawn(&format!("convert - -q -o {output}"));
        let stdin = child.stdin.as_mut().unwrap();
        stdin.write_all(&sandbox.read("t.txt")).unwrap();
        stdin.write_all(&b"R 1000\n".repeat(40_000)).unwrap();
        stdin.flush().unwrap();
        child
    };
    let child = begun("d/x.pbt");
    let hidden = || {
        let files = sandbox.files("d").into_iter();
        files.filter(|name| name.starts_with(".pagebench-")).count()
    };
    wait_until("the temporary file", || hidden() == 1);
    sandbox
        .run("run t.txt -p lru -m 8 --no-charts -q -o d")
        .code(0);
    sandbox
        .run("run t.txt -p lru -m 8 --no-charts -q --force -o d")
        .code(0);
    assert_eq!(hidden(), 1);
    feed(child, b"R 1000\n").code(0);
    sandbox.run("stat d/x.pbt").code(0);
    assert_eq!(hidden(), 0);

    let mut child = begun("d/y.pbt");
    wait_until("the temporary file", || hidden() == 1);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(hidden(), 1);
    sandbox.run("convert t.txt -q -o d/z.pbt").code(0);
    assert_eq!(hidden(), 0);
}

/// Both have read the baseline before one of them writes it.
#[test]
fn two_that_accept_at_once_both_do() {
    let sandbox = with_baseline();
    let accept = |policy: &str| {
        sandbox.spawn(&format!(
            "check b.csv - --accept --with-digests -p {policy} -m 8"
        ))
    };
    let children = ["clock", "nru", "mru", "random"].map(accept);
    sleep(2 * HALF_A_SECOND);
    let input = sandbox.read("t.txt");
    std::thread::scope(|scope| {
        for child in children {
            scope.spawn(|| feed(child, &input).code(0));
        }
    });
    let mut policies = sandbox.column("b.csv", "policy");
    policies.sort();
    policies.dedup();
    assert_eq!(policies, ["clock", "fifo", "lru", "mru", "nru", "random"]);
    let mut with_digests = sandbox.column("b.csv.faults.csv", "policy");
    with_digests.sort();
    with_digests.dedup();
    assert_eq!(with_digests, policies);
    sandbox.run("check b.csv t.txt").code(0);
}

#[cfg(unix)]
#[test]
fn the_second_run_of_a_folder_is_told_who_has_it() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("run t.txt -p lru -m 8 --no-charts -q -o whole")
        .code(0);
    // As a run holds it.
    sandbox.write("out/.pagebench-lock.tmp", "4711\n");
    let lock = std::fs::File::open(sandbox.path("out/.pagebench-lock.tmp")).unwrap();
    lock.lock().unwrap();
    for second in [
        "run t.txt -p lru -m 8 --force -o out",
        "run t.txt -p lru -m 8 -o out",
        "run t.txt -p lru -m 8 --resume -o out",
        "run t.txt -p lru -m 8 -o here --write-misses out",
        "merge whole -o out",
        "curve t.txt -p lru --force -o out",
        "vm t.txt --force -o out",
    ] {
        sandbox
            .run(second)
            .code(1)
            .err(&["out: another run is writing into this folder, process 4711; wait for it"]);
    }
    assert!(!sandbox.exists("here"));
    assert_eq!(sandbox.files("out"), [".pagebench-lock.tmp"]);
    // A lock that a killed process left hinders nobody, and one process may write two kinds of files.
    drop(lock);
    sandbox
        .run("run t.txt -p lru -m 8 --no-charts -q -o out --write-misses out")
        .code(0);
    sandbox.run("stat out/t-lru-8.pbt").code(0);
    assert!(!sandbox.exists("out/.pagebench-lock.tmp"));
    // The lock is that of the process that writes.
    let child = sandbox.spawn("vm - -q -o v");
    let pid = child.id();
    wait_until("the lock", || sandbox.exists("v/.pagebench-lock.tmp"));
    sleep(Duration::from_millis(50));
    sandbox
        .run("vm t.txt --force -q -o v")
        .code(1)
        .err(&[&format!("this folder, process {pid};")]);
    feed(child, &sandbox.read("t.txt")).code(0);
    assert_eq!(sandbox.files("v"), ["states.csv", "states.png"]);
}

#[test]
fn of_two_runs_at_once_one_is_whole() {
    let sandbox = Sandbox::with_trace();
    let line = "run t.txt -p lru,fifo,clock -m 8,16,32 -q --force";
    sandbox.run(&format!("{line} -o whole")).code(0);
    for _ in 0..3 {
        let children = [0; 3].map(|_| sandbox.spawn(&format!("{line} -o out")));
        let codes = children.map(|child| {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let code = output.status.code().unwrap();
            assert!(
                code == 0 || said.contains("another run is writing"),
                "{said}"
            );
            code
        });
        assert!(codes.contains(&0), "{codes:?}");
        assert_eq!(sandbox.files("out"), sandbox.files("whole"));
        assert!(sandbox.read("out/results.csv") == sandbox.read("whole/results.csv"));
    }
}
