//! `run --counts`: some columns of the results, and curves where these tell them.

use super::harness::Sandbox;

const SWEEP: &str = "t.txt -p lru,fifo,clock,opt,ws -m 1,8,64,300 --tau 1,100 -q";

fn same(sandbox: &Sandbox, file: &str, one: &str, other: &str) {
    let [one, other] = [one, other].map(|folder| sandbox.read(&format!("{folder}/{file}")));
    assert!(one == other, "{file}");
}

#[test]
fn curves_give_the_bytes_of_replays() {
    let sandbox = Sandbox::with_trace();
    sandbox.run(&format!("run {SWEEP} -o all")).code(0);
    // A curve of OPT does not pay for four sizes.
    for (counts, by_curve) in [
        ("faults,fault_rate", 14),
        ("write_backs", 14),
        ("evictions_dirty,faults", 12),
        // Only replays know it.
        ("dirty_end,faults", 0),
    ] {
        let run = |more: &str| {
            sandbox
                .run(&format!("run {SWEEP} --counts {counts} --force {more}"))
                .code(0)
        };
        run("-o fast");
        run("--engine plain -o plain");
        same(&sandbox, "results.csv", "fast", "plain");
        assert!(!sandbox.exists("fast/distributions.csv"));
        let by = sandbox.column("fast/timings.csv", "by");
        assert_eq!(by.iter().filter(|by| *by == "curve").count(), by_curve);
        let by = sandbox.column("plain/timings.csv", "by");
        assert!(by.iter().all(|by| by == "replay"));
        let manifest: serde_json::Value =
            serde_json::from_slice(&sandbox.read("fast/manifest.json")).unwrap();
        assert_eq!(manifest["cells_by_curve"], by_curve);
        // Beside what names the cell, what was asked for is there and nothing else.
        let (all, some) = (
            sandbox.rows("all/results.csv"),
            sandbox.rows("fast/results.csv"),
        );
        assert_eq!(all.len(), some.len());
        for (all, some) in all.iter().zip(&some) {
            for name in ["trace", "refs", "frames", "status"]
                .into_iter()
                .chain(counts.split(','))
            {
                assert_eq!(all[name], some[name], "{name}");
            }
            for name in ["walk_refs", "time_ns", "hits", "opt_faults", "swap_slots"] {
                assert_eq!(some[name], "", "{name}");
            }
        }
    }
}

#[test]
fn names_are_looked_at() {
    let sandbox = Sandbox::with_trace();
    for (args, why) in [
        (
            "--counts fautls",
            "\"fautls\" is not a count of results.csv; did you mean \"faults\"?",
        ),
        (
            "--counts frames",
            "\"frames\" names the cell and is always there",
        ),
        (
            "--counts faults,",
            "--counts \"\" is not a count of results.csv",
        ),
        (
            "--counts faults --show hits",
            "--show \"hits\" is not among --counts faults",
        ),
    ] {
        sandbox
            .run(&format!("run t.txt -m 8 {args} -o out"))
            .code(2)
            .err(&[why]);
        assert!(!sandbox.exists("out"));
    }
    sandbox
        .run("run t.txt -p fifo -m 8,16 --counts write_backs --no-charts -o out")
        .code(0)
        .out(&["write backs (pages) by frames"])
        .err(&["curves gave 2 of 2 cells"]);
    sandbox.write(
        "e.toml",
        "schema = 1\ncounts = [\"fautls\"]\n[[trace]]\npath = \"t.txt\"\n",
    );
    sandbox
        .run("plan -f e.toml")
        .code(2)
        .err(&["e.toml:2:10", "did you mean \"faults\"?"]);
    sandbox.write(
        "e.toml",
        "schema = 1\ncounts = [\"faults\"]\n[[trace]]\npath = \"t.txt\"\n",
    );
    sandbox.run("plan -f e.toml -m 8").code(0).out(&["cells"]);
    sandbox.run("run -f e.toml -m 8 -o e --no-charts").code(0);
    assert!(
        sandbox
            .column("e/results.csv", "hits")
            .iter()
            .all(String::is_empty)
    );
}

#[test]
fn runs_go_on_and_parts_are_joined() {
    let sandbox = Sandbox::with_trace();
    let counted = format!("run {SWEEP} --counts ratio_to_opt,mean_resident");
    sandbox.run(&format!("{counted} -o whole")).code(0);
    for part in 1..=3 {
        sandbox
            .run(&format!(
                "{counted} --no-charts --partition slice:{part}/3 -o p{part}"
            ))
            .code(0);
    }
    sandbox.run("merge p1 p2 p3 -o out").code(0);
    same(&sandbox, "results.csv", "out", "whole");
    assert_eq!(sandbox.files("out"), sandbox.files("whole"));
    // Some cells are lost; the run that goes on finds them again.
    let cells = sandbox.text("whole/cells.jsonl");
    let kept: Vec<&str> = cells.lines().take(5).collect();
    sandbox.write("whole/cells.jsonl", kept.join("\n") + "\n");
    let again = counted.replace(" -q", "");
    sandbox
        .run(&format!("{again} --resume -o whole"))
        .code(0)
        .err(&["going on: 5 of 18"]);
    same(&sandbox, "results.csv", "out", "whole");
    sandbox
        .run(&format!("run {SWEEP} --counts faults --resume -o whole"))
        .code(2)
        .err(&["holds results of another plan", "counts: "]);
}

#[test]
fn tables_with_gaps_are_read() {
    let sandbox = Sandbox::with_trace();
    sandbox.run(&format!("run {SWEEP} -o all")).code(0);
    let counted = |counts: &str, folder: &str| {
        let done = sandbox.run(&format!("run {SWEEP} --counts {counts} -o {folder}"));
        done.code(0);
    };
    counted("faults", "faults");
    counted("hit_rate", "rates");
    sandbox.run("check b.csv all --accept").code(0);
    sandbox
        .run("check b.csv faults")
        .code(0)
        .err(&["do not have write_backs", "not compared"])
        .out(&["18 cells compared (refs, faults)"]);
    sandbox
        .run("check b.csv rates")
        .code(4)
        .err(&["nothing to compare: these results do not have faults, write_backs"]);
    sandbox
        .run("check c.csv faults --accept")
        .code(1)
        .err(&["do not have write_backs", "nothing is accepted"]);
    assert!(!sandbox.exists("c.csv"));
    sandbox
        .run("compare all faults")
        .code(0)
        .err(&["note: write_backs: no cell has it here and there"]);
    sandbox
        .run("compare rates faults")
        .code(4)
        .err(&["nothing to compare"]);
    sandbox.run("plot faults faults -o p").code(0);
    for kind in ["fault-rate", "lifetime", "opt-ratio"] {
        sandbox
            .run(&format!("plot {kind} faults -o q"))
            .code(4)
            .err(&["nothing to draw", "--counts"]);
    }
    assert!(!sandbox.exists("q"));
}

/// Traces are replayed or taken from curves; the verdict is the same.
#[test]
fn check_takes_curves_too() {
    let sandbox = Sandbox::with_trace();
    let cells = "t.txt -p lru,fifo,clock,opt,ws -m 1,8,64 --tau 1,100";
    sandbox
        .run(&format!("check fast.csv {cells} --accept"))
        .code(0);
    sandbox
        .run(&format!("check plain.csv {cells} --accept --engine plain"))
        .code(0);
    assert!(sandbox.read("fast.csv") == sandbox.read("plain.csv"));
    sandbox
        .run("check plain.csv t.txt")
        .code(0)
        .err(&["by curves"]);
}
