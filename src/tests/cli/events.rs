//! Mapping events on the command line: where they are shown, and that they go where their trace
//! goes.

use super::harness::Sandbox;

const TRACE: &str = "# pagebench trace 1
map 1000 8192 rw- name=data
W 1ffe 4
fork 2
switch 2
exec
R 3000
";

#[test]
fn events_are_shown_between_accesses() {
    let sandbox = Sandbox::new();
    sandbox.write("t.txt", TRACE);
    sandbox.run("convert t.txt -o t.pbt").code(0);
    let head = sandbox.run("head t.txt -n 4").code(0);
    let wanted = "     1    0  map 1000 8192 rw- name=data
     2    0     W              0x1ffe     4
     3    0  fork 2
     4    2  exec
";
    assert!(head.out.ends_with(wanted), "{}", head.out);
    sandbox
        .run("head t.pbt")
        .code(0)
        .out(&["     4    0  fork 2\n     5    2  exec\n     6    2     R  "]);
    for file in ["t.txt", "t.pbt"] {
        let stat = sandbox.run(&format!("stat {file}")).code(0);
        stat.out(&["events       1 map, 1 fork, 1 exec\nreferences   3\n"]);
    }
    sandbox.write("plain.txt", "# pagebench trace 1\nR 1\n");
    let stat = sandbox.run("stat plain.txt").code(0);
    assert!(!stat.out.contains("events"), "{}", stat.out);
}

#[test]
fn merged_traces_keep_their_events() {
    let sandbox = Sandbox::new();
    sandbox.write("t.txt", TRACE);
    sandbox
        .run("interleave t.txt t.txt --quantum 2 -o both.pbt")
        .code(0);
    sandbox.run("head both.pbt").code(0).out(&[
        "1  fork 2\n",
        "2  exec\n",
        "3  fork 4\n",
        "4  exec\n",
    ]);
    sandbox
        .run("stat both.pbt")
        .code(0)
        .out(&["2 map, 2 fork, 2 exec"]);
}

/// Each event goes through every file that holds events, is shown, and is cut and sampled with the
/// rest.
#[test]
fn every_event_goes_where_its_trace_goes() {
    let sandbox = Sandbox::new();
    let events = "map 10000 8192 rw- shared swap-backed file=1,0,8192 name=m\n\
                  move 10000 8192 20000 4096 fixed keep\npopulate 20000 4096 write\n\
                  read 1 0 4096\nwrite 1 0 10\nlength 1 4096\nunlink 1\nvfork 2\n";
    let text = format!(
        "# pagebench trace 1\n# kind: full\n# addressing: bytes\nW 20000\n{events}W 20000\n"
    );
    sandbox.write("t.txt", &text);
    sandbox.run("convert t.txt -o t.pbt").code(0);
    sandbox.run("convert t.pbt -o back.txt").code(0);
    let back = sandbox.text("back.txt");
    assert!(back.contains(events), "{back}");
    let digest = |file: &str| {
        let out = sandbox.run(&format!("stat {file}")).code(0).out;
        let line = out.lines().find(|line| line.starts_with("digest"));
        line.expect("a digest").to_owned()
    };
    assert_eq!(digest("t.txt"), digest("t.pbt"));
    sandbox.write("u.txt", text.replace("4096 fixed keep", "4096 fixed"));
    sandbox.write("v.txt", text.replace("swap-backed ", ""));
    assert_ne!(digest("t.txt"), digest("u.txt"));
    assert_ne!(digest("t.txt"), digest("v.txt"));
    let head = sandbox.run("head t.pbt -n 4").code(0);
    head.out(&["  0  move 10000 8192 20000 4096 fixed keep\n"]);
    sandbox
        .run("stat t.txt")
        .code(0)
        .out(&["1 map, 1 move, 1 populate, 1 read, 1 write, 1 length, 1 unlink, 1 vfork"]);
    sandbox.run("convert t.txt --skip 1 -o cut.txt").code(0);
    assert!(sandbox.text("cut.txt").contains(events));
    sandbox
        .run("interleave t.txt t.txt --quantum 1 -o both.pbt")
        .code(0);
    sandbox.run("convert both.pbt -o both.txt").code(0);
    let both = sandbox.text("both.txt");
    for wanted in ["vfork 2\n", "vfork 4\n", "unlink 1\n"] {
        assert!(both.contains(wanted), "{both}");
    }
}
