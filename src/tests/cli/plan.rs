//! What would be run.

use super::harness::Sandbox;

const SWEEP: &str = "t.txt -p lru,ws -m 8,64 --tau 100";

#[test]
fn cells_are_listed_and_nothing_is_written() {
    let sandbox = Sandbox::with_trace();
    let done = sandbox.run(&format!("plan {SWEEP}")).code(0);
    let lines: Vec<Vec<&str>> = done
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines.len(), 1 + 3 + 1);
    assert_eq!(lines[1][1..], ["t", "4KiB", "lru", "-", "8", "4000"]);
    assert_eq!(lines[3][1..], ["t", "4KiB", "ws", "100", "-", "4000"]);
    assert!(
        done.out
            .contains(": 3 of 3 cells, 12.0 k references, about a second on ")
    );
    let again = sandbox
        .run(&format!("run {SWEEP} --dry-run -o out"))
        .code(0);
    assert_eq!(done.out, again.out);
    assert_eq!(sandbox.files("."), ["t.txt"]);
    sandbox
        .shell(&format!("\"$PAGEBENCH\" plan {SWEEP} | head -1"))
        .code(0);
}

#[test]
fn ids_follow_what_results_depend_on() {
    let sandbox = Sandbox::with_trace();
    let id = |args: &str| {
        let out = sandbox
            .run(&format!("plan t.txt -p lru -m 8 {args}"))
            .code(0)
            .out;
        let line = out.lines().nth(1).unwrap().to_owned();
        line.split_whitespace().next().unwrap().to_owned()
    };
    let base = id("");
    for same in [
        "-j1",
        "--engine plain",
        "-p opt",
        "--page-size 4KiB",
        "--progress never",
    ] {
        assert_eq!(id(same), base, "{same}");
    }
    let others = [
        "--page-size 8KiB",
        "--warmup 10",
        "--tlb none",
        "--machine zen3",
        "--cost fault=9us",
        "--swap 1MiB",
        "--allocation equal",
        "--mappings infer",
        "--data-only --limit 100",
        "--accessed-bit walk",
    ];
    let mut ids: Vec<String> = others.iter().map(|other| id(other)).collect();
    ids.push(base);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), others.len() + 1);
}

#[test]
fn parts_are_disjoint_and_whole_together() {
    let sandbox = Sandbox::with_trace();
    let ids = |args: &str| -> Vec<String> {
        let out = sandbox.run(&format!("plan {SWEEP} {args}")).code(0).out;
        let lines: Vec<&str> = out.lines().collect();
        let cells = lines[1..lines.len() - 1].iter();
        cells.map(|line| line[..32].to_owned()).collect()
    };
    let mut all: Vec<String> = (1..=2)
        .flat_map(|k| ids(&format!("--partition slice:{k}/2")))
        .collect();
    let mut whole = ids("");
    all.sort();
    whole.sort();
    assert_eq!(all, whole);
    sandbox
        .run(&format!("plan {SWEEP} --partition slice:4/9"))
        .code(4)
        .err(&["nothing selected: slice:4/9 has none of the 3 cells"]);
    sandbox
        .run(&format!("plan {SWEEP} --partition count:1/2"))
        .code(2)
        .err(&["--partition \"count:1/2\": write slice:K/N"]);
    sandbox
        .run(&format!("plan {SWEEP} --partition auto:/2"))
        .code(2)
        .err(&["gives no number of a task", "SLURM_ARRAY_TASK_ID"]);
    sandbox
        .shell(&format!(
            "SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=1 \"$PAGEBENCH\" plan {SWEEP} --partition auto:/2"
        ))
        .code(0)
        .out(&["1 of 3 cells (slice:2/2)"]);
    sandbox
        .shell(&format!(
            "SLURM_ARRAY_TASK_ID=2 HQ_TASK_ID=1 \"$PAGEBENCH\" plan {SWEEP} --partition auto:/2"
        ))
        .code(2)
        .err(&["HQ_TASK_ID makes it 1"]);
}
