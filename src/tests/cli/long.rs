//! Traces that do not fit into memory: replayed from their files, with the same results.

use super::harness::Sandbox;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    // Three blocks, the last one short.
    sandbox
        .run("gen zipf --pages 3000 --refs 2300k --writes 30 --alpha 1.1 -o z.pbt")
        .code(0);
    // The same with long bursts.
    sandbox
        .run("gen zipf --pages 3000 --refs 2300k --writes 30 --alpha 2.2 -o y.pbt")
        .code(0);
    sandbox
}

/// The same bytes as from memory: every policy that does not know the future, warm-up across a
/// block's end, full swap, frames for each process, reference bits set by walks, any threads.
#[test]
fn a_trace_in_its_file_gives_the_results_of_one_in_memory() {
    let sandbox = sandbox();
    for (trace, options) in [
        ("z", "-m 16,500,3000 --tau 100,20000"),
        ("z", "-m 100 --tau auto --tlb none --warmup 1500k"),
        ("z", "-m 200 --tau 700 --swap 200KiB"),
        ("z", "-m 200 --tau 700 --swap 8MiB --warmup 10%"),
        ("z", "-m 64 --tau 700 --allocation equal"),
        ("z", "-m 64 --tau 700 --accessed-bit walk-flush"),
        ("y", "-m 16,70,500 --tau 100,20000 --tlb none"),
        ("y", "-m 70 --tau auto --tlb none --warmup 1500k"),
        ("y", "-m 70 --tau 700 --tlb none --swap 200KiB --warmup 10%"),
        ("y", "-m 70 --tau 700"),
    ] {
        let sweep = format!(
            "run {trace}.pbt -p lru,fifo,clock,clock:load-bit=0,ws,ws:limit=50 --no-charts --force"
        );
        sandbox.run(&format!("{sweep} {options} -o memory")).code(0);
        for threads in [1, 2] {
            let run = format!("{sweep} {options} -o file --mem-limit 1MiB -j{threads}");
            let done = sandbox.run(&run).code(0);
            done.err(&[&format!(
                "note: {trace}: does not fit into memory and is replayed from its file"
            )]);
            for file in ["results.csv", "distributions.csv"] {
                let [memory, file] = ["memory", "file"].map(|from| format!("{from}/{file}"));
                assert_eq!(
                    sandbox.text(&memory),
                    sandbox.text(&file),
                    "{trace} {options}"
                );
            }
        }
    }
}

#[test]
fn what_needs_memory_is_left_out_or_refused() {
    let sandbox = sandbox();
    let small = "--no-charts --mem-limit 1MiB -o out --force";
    sandbox
        .run(&format!("run z.pbt -p lru,opt -m 100 {small}"))
        .code(0)
        .err(&["left out, since they know the future: opt"]);
    assert_eq!(sandbox.column("out/results.csv", "policy"), ["lru"]);
    for (options, code, pieces) in [
        (
            "-p opt -m 100",
            4,
            &["every policy asked for knows the future"][..],
        ),
        (
            "-p lru -m 100 --limit 2M",
            3,
            &["17.5MiB", "--mem-limit", "a part of a trace"],
        ),
        ("-p lru -m 100 --page-size 64KiB", 3, &["other page sizes"]),
        ("-p lru -m 100 --mappings infer", 3, &["in memory only"]),
        (
            "-p lru -m 100 --mem-limit lots",
            2,
            &["--mem-limit", "lots"],
        ),
    ] {
        let small = match options.contains("lots") {
            true => "--no-charts -o out --force",
            false => small,
        };
        sandbox
            .run(&format!("run z.pbt {options} {small}"))
            .code(code)
            .err(pieces);
    }
}

/// A block that is damaged behind the first ones fails the cells, and says where.
#[test]
fn a_damaged_block_fails_the_cells() {
    let sandbox = sandbox();
    let mut bytes = sandbox.read("z.pbt");
    let at = bytes.len() / 2;
    bytes[at] ^= 0x55;
    sandbox.write("z.pbt", bytes);
    sandbox
        .run("run z.pbt -p lru -m 100 --tlb none --no-charts --mem-limit 1MiB -o out")
        .code(3);
    let error = &sandbox.column("out/results.csv", "error")[0];
    assert!(
        error.contains("z.pbt: byte ") && error.contains("damaged"),
        "{error}"
    );
}
