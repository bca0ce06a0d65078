//! Outputs that do not take what is written: folders that cannot be, full disks, readers that go
//! away.

use super::harness::Sandbox;
use std::path::Path;

#[test]
fn a_folder_that_cannot_be_is_known_before_any_work() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("run t.txt -m 8 -o t.txt/out")
        .code(1)
        .err(&["error: t.txt/out: cannot write to the output folder: Not a directory"]);
    sandbox
        .run("run t.txt -m 8 -o t.txt")
        .code(1)
        .err(&["error: t.txt: cannot write to the output folder"]);
    if Path::new("/proc/self").exists() {
        for folder in ["/proc/pagebench-out", "/proc/self"] {
            let done = sandbox.run(&format!("run t.txt -m 8 -o {folder}")).code(1);
            let done = done.err(&["cannot write to the output folder", folder]);
            assert!(
                !done.err.contains("references"),
                "nothing was read yet: {}",
                done.err
            );
            assert!(
                !done.err.contains(".tmp"),
                "no name that the user does not know: {}",
                done.err
            );
        }
    }
    for args in ["convert t.txt -o", "gen loop -o"] {
        let done = sandbox.run(&format!("{args} none/t.pbt")).code(1);
        let done = done.err(&["error: none/t.pbt: cannot write: No such file or directory"]);
        assert!(!done.err.contains(".tmp"), "{}", done.err);
        sandbox
            .run(&format!("{args} ."))
            .code(1)
            .err(&["error: .: cannot write: is a directory"]);
    }
    sandbox
        .run("check none/b.csv t.txt --accept -p lru -m 8")
        .code(1)
        .err(&["none/b.csv: cannot write"]);
    assert_eq!(sandbox.files("."), ["t.txt"]);
}

#[test]
fn a_full_disk_is_told() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let sandbox = Sandbox::with_trace();
    for args in [
        "convert t.txt -o -",
        "run t.txt -p lru -m 8 -o out",
        "gen loop --pages 5 --refs 25 -o -",
        "columns",
        "policies",
        "stat t.txt",
        "head t.txt",
        "--help",
        "--version",
    ] {
        let done = sandbox
            .shell(&format!("\"$PAGEBENCH\" {args} > /dev/full"))
            .code(1);
        done.err(&["error: cannot write to standard output: No space left on device"]);
    }
    assert_eq!(
        sandbox.rows("out/results.csv").len(),
        1,
        "the results are whole all the same"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let sandbox = Sandbox::with_trace();
    for args in [
        "gen loop --pages 500 --refs 1M -o -",
        "convert t.txt -q -o -",
        "run t.txt -p lru -m 8 --no-charts -q --force -o out",
        "head t.txt -n 4000 2> /dev/null",
        "columns",
        "--help",
    ] {
        for reader in ["head -1", "true"] {
            let script = format!("{{ \"$PAGEBENCH\" {args}; echo $? > code; }} | {reader}");
            sandbox.shell(&script).code(0).no_message();
            assert_eq!(sandbox.text("code").trim(), "0", "{args} | {reader}");
        }
        sandbox
            .shell(&format!("\"$PAGEBENCH\" {args} >&-"))
            .code(0)
            .no_message();
    }
    assert_eq!(sandbox.rows("out/results.csv").len(), 1);
}

#[test]
fn a_closed_standard_error_stops_nothing() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .shell("\"$PAGEBENCH\" run t.txt -p lru -m 8 --no-charts -o out 2>&-")
        .code(0);
    assert_eq!(sandbox.rows("out/results.csv").len(), 1);
}

#[test]
fn what_is_no_regular_file_is_not_replaced() {
    let sandbox = Sandbox::with_trace();
    sandbox.run("convert t.txt -o t.pbt").code(0);
    let script = "mkfifo pipe && { cat pipe > copy.pbt & } && \"$PAGEBENCH\" convert t.txt --name t -o pipe; \
                  code=$?; wait; test -p pipe && exit $code";
    sandbox.shell(script).code(0);
    assert!(sandbox.read("copy.pbt") == sandbox.read("t.pbt"));
    // A link stays a link.
    let script = "mkdir far && : > far/b.csv && ln -s far/b.csv b.csv && rm far/b.csv && \
                  \"$PAGEBENCH\" convert t.txt -q -o far/x.pbt && ln -s far/x.pbt x.pbt && \
                  \"$PAGEBENCH\" convert t.txt -q --force -o x.pbt && test -L x.pbt";
    sandbox.shell(script).code(0);
    assert!(sandbox.read("far/x.pbt").starts_with(b"\x89PBT"));
}

#[test]
fn an_existing_file_survives_a_failure() {
    let sandbox = Sandbox::with_trace();
    sandbox.run("convert t.txt -o t.pbt").code(0);
    let before = sandbox.read("t.pbt");
    sandbox.write("bad.txt", "# pagebench trace 1\nR 1\nR x\n");
    sandbox.run("convert bad.txt --force -o t.pbt").code(3);
    assert!(sandbox.read("t.pbt") == before);
    assert_eq!(sandbox.files("."), ["bad.txt", "t.pbt", "t.txt"]);
}

#[test]
fn quiet_leaves_only_errors() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("run t.txt -p lru -m 8 -q --no-charts -o out")
        .code(0)
        .no_message();
    sandbox
        .run("convert t.txt -q -o t.pbt")
        .code(0)
        .no_message();
    sandbox
        .run("run gone.txt -q")
        .code(1)
        .err(&["error: gone.txt"]);
    sandbox
        .run("run t.txt -p lru -m 8 --progress bar --no-charts -o out2")
        .code(0);
}
