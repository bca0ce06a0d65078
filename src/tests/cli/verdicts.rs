//! What a check says to machines is what it ends with, on every path; and what is not its own stays.

use super::check::{edited, with_baseline, with_edited};
use super::harness::Sandbox;
use serde_json::Value;

fn json(sandbox: &Sandbox, file: &str) -> Value {
    serde_json::from_slice(&sandbox.read(file)).unwrap()
}

#[test]
fn a_form_that_cannot_be_written_is_told_by_the_others() {
    let sandbox = with_baseline();
    for lost in [
        "--junit nowhere/j.xml",
        "--summary-md .",
        "--chart nowhere/c.png",
    ] {
        sandbox
            .run(&format!("check b.csv t.txt --json j.json {lost}"))
            .code(1)
            .err(&["error: ", "cannot write"]);
        let json = json(&sandbox, "j.json");
        assert_eq!(
            (&json["result"], &json["exit_code"]),
            (&"failure".into(), &1.into())
        );
        assert!(json["errors"][0].as_str().unwrap().contains("cannot write"));
    }
    sandbox
        .run("check b.csv t.txt --junit j.xml --summary-md s.md --json nowhere/j.json")
        .code(1);
    let xml = sandbox.text("j.xml");
    assert!(
        xml.contains("tests=\"5\" failures=\"0\" errors=\"1\">"),
        "{xml}"
    );
    assert!(xml.contains("<error type=\"failure\" message=\"nowhere/j.json: cannot write"));
    assert!(
        sandbox
            .text("s.md")
            .contains("**error**: nowhere/j.json: cannot write")
    );
    #[cfg(target_os = "linux")]
    {
        sandbox
            .run("check b.csv t.txt --json j.json --junit /dev/full")
            .code(1);
        assert_eq!(json(&sandbox, "j.json")["exit_code"], 1);
        sandbox
            .shell("\"$PAGEBENCH\" check b.csv t.txt --json j.json > /dev/full")
            .code(1);
        assert_eq!(json(&sandbox, "j.json")["exit_code"], 1);
    }
    // A regression stays one.
    sandbox.write("b.csv", edited(&sandbox.text("b.csv"), -100));
    sandbox
        .run("check b.csv t.txt --json j.json --junit nowhere/j.xml")
        .code(6);
    assert_eq!(json(&sandbox, "j.json")["exit_code"], 6);
}

#[test]
fn a_trace_that_cannot_be_read_is_an_error_in_every_form() {
    let sandbox = with_baseline();
    sandbox.write("bad.txt", "garbage\n");
    sandbox
        .run("check b.csv t.txt bad.txt --json j.json --junit j.xml --summary-md s.md --annotations github")
        .code(3)
        .err(&["::error file=b.csv,line=1,title=check could not be completed::bad.txt"]);
    assert_eq!(json(&sandbox, "j.json")["exit_code"], 3);
    let xml = sandbox.text("j.xml");
    assert!(
        xml.contains("<error type=\"bad-trace\" message=\"bad.txt"),
        "{xml}"
    );
    assert!(sandbox.text("s.md").contains("**error**: bad.txt"));
}

#[test]
fn an_explanation_is_part_of_what_is_told() {
    let sandbox = with_baseline();
    let explain = "check b.csv t.txt --explain t/lru/8 --json";
    sandbox.run(&format!("{explain} j.json")).code(7);
    let told = json(&sandbox, "j.json");
    assert_eq!(
        (&told["result"], &told["exit_code"]),
        (&"no-baseline".into(), &7.into())
    );
    assert!(
        told["errors"][0]
            .as_str()
            .unwrap()
            .contains("no digests of the faults")
    );
    sandbox
        .run("check b.csv t.txt --accept --with-digests")
        .code(0);
    let said = "t, lru, 8 frames: all 3309 faults are those of the baseline, in their order\n";
    sandbox
        .run(&format!("{explain} j.json"))
        .code(0)
        .out(&[said]);
    assert_eq!(json(&sandbox, "j.json")["explanation"], said);
    let done = sandbox.run(&format!("{explain} -")).code(0);
    let printed: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(printed["explanation"], said);
}

#[test]
fn what_is_accepted_is_told_in_every_form() {
    let sandbox = with_edited(100);
    let good = sandbox.text("b.csv");
    let forms = "--json j.json --junit j.xml --summary-md s.md --chart c.png";
    sandbox
        .run(&format!(
            "check b.csv t.txt --accept -p lru -m 8,12 --only t/lru/* {forms}"
        ))
        .code(0)
        .out(&["b.csv: 1 changed, 1 new, 3 as they were\n"]);
    let told = json(&sandbox, "j.json");
    assert_eq!(
        (&told["exit_code"], &told["changes_accepted"]),
        (&0.into(), &1.into())
    );
    assert_eq!(told["cells_compared"], 3);
    let change = &told["changes"][0];
    assert_eq!(
        (&change["cell"], &change["line"]),
        (&"t/lru/8".into(), &4.into())
    );
    assert_eq!(
        (&change["expected"], &change["got"]),
        (&3409.into(), &3309.into())
    );
    assert_eq!(
        (&change["verdict"], &change["fails"]),
        (&"accepted".into(), &false.into())
    );
    let xml = sandbox.text("j.xml");
    assert!(xml.contains("failures=\"0\" errors=\"0\"") && xml.contains("accepted: faults"));
    assert!(sandbox.text("s.md").contains("| accepted |"));
    assert_eq!(sandbox.column("c.csv", "verdict"), ["accepted"]);
    assert!(sandbox.exists("c.png"));
    sandbox.write("b.csv", &good);
    let done = sandbox.run("check b.csv t.txt --accept --json -").code(0);
    let printed: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(printed["changes_accepted"], 1);
    // Nothing accepted is no success in the forms either.
    sandbox
        .run("check b.csv t.txt --accept --only x* --json j.json")
        .code(4);
    assert_eq!(json(&sandbox, "j.json")["exit_code"], 4);
    sandbox
        .run("check b.csv t.txt --accept --junit nowhere/j.xml --json j.json")
        .code(1);
    assert_eq!(json(&sandbox, "j.json")["exit_code"], 1);
}

/// BASELINE.new is removed and replaced only if it is a baseline.
#[test]
fn a_file_beside_the_baseline_that_is_none_stays() {
    let sandbox = with_baseline();
    let good = sandbox.text("b.csv");
    sandbox.write("b.csv.new", "my own notes\n");
    sandbox.run("check b.csv t.txt -q").code(0).no_message();
    sandbox.run("check b.csv t.txt --accept").code(0);
    sandbox.write("b.csv", edited(&good, -1));
    sandbox
        .run("check b.csv t.txt")
        .code(6)
        .err(&["warning: b.csv.new: not written", "is no baseline"]);
    assert_eq!(sandbox.text("b.csv.new"), "my own notes\n");
}

/// Accepting the same again leaves a baseline with CRLF byte for byte.
#[test]
fn a_baseline_with_crlf_stays_so() {
    let sandbox = with_baseline();
    let crlf = sandbox.text("b.csv").replace('\n', "\r\n");
    sandbox.write("b.csv", &crlf);
    for _ in 0..2 {
        sandbox
            .run("check b.csv t.txt --accept")
            .code(0)
            .out(&["0 changed, 0 new, 4 as they were"]);
        assert_eq!(sandbox.text("b.csv"), crlf);
    }
    let lf = crlf.replace("\r\n", "\n");
    sandbox.write("b.csv", edited(&lf, -1).replace('\n', "\r\n"));
    sandbox
        .run("check b.csv t.txt --annotations github")
        .code(6)
        .err(&["line=4"]);
    assert_eq!(sandbox.text("b.csv.new"), crlf);
    sandbox.run("check b.csv t.txt --accept").code(0);
    assert_eq!(sandbox.text("b.csv"), crlf);
}

/// A later --accept makes as many digests as the first.
#[test]
fn digests_stay_as_coarse_as_they_were() {
    let sandbox = with_baseline();
    sandbox
        .run("check b.csv t.txt --accept --with-digests=8")
        .code(0);
    let digests = sandbox.text("b.csv.faults.csv");
    sandbox.run("check b.csv t.txt --accept").code(0);
    assert_eq!(sandbox.text("b.csv.faults.csv"), digests);
}
