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
