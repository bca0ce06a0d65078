//! Stored traces whose checksums hold, and that state something else than their references: no count
//! comes of them.

use super::harness::Sandbox;
use xxhash_rust::xxh3::xxh3_64;

const HEADER: usize = 16;
const TRAILER: usize = 24;
/// Tags of columns (see `src/trace/store/mod.rs`).
const WITHIN: u16 = 5;
const EDGES: u16 = 6;
const META: u16 = 32;
const NUMBERS: u16 = 35;

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// A column as it is stored: tag, codec, unpacked length, bytes.
type Stored = (u16, u8, u32, Vec<u8>);

/// The columns of the block or footer at `at`.
fn columns(bytes: &[u8], at: usize) -> Vec<Stored> {
    let number = u32_at(bytes, at + 8);
    let mut payload = at + 16 + number * 24 + 8;
    let column = |column: usize| {
        let header = &bytes[at + 16 + column * 24..][..24];
        let start = payload;
        payload += u32_at(header, 12);
        let tag = u16::from_le_bytes([header[0], header[1]]);
        let raw = u32_at(header, 8) as u32;
        (tag, header[2], raw, bytes[start..payload].to_vec())
    };
    (0..number).map(column).collect()
}

/// A block or footer of these columns, whose first eight bytes are `head`.
fn block(head: &[u8], columns: &[Stored]) -> Vec<u8> {
    let payload: usize = columns.iter().map(|column| column.3.len()).sum();
    let mut out = head.to_vec();
    out.extend((columns.len() as u32).to_le_bytes());
    out.extend(((columns.len() * 24 + 8 + payload) as u32).to_le_bytes());
    for (tag, codec, raw, bytes) in columns {
        out.extend(tag.to_le_bytes());
        out.extend([*codec, 0, 0, 0, 0, 0]);
        out.extend(raw.to_le_bytes());
        out.extend((bytes.len() as u32).to_le_bytes());
        out.extend(xxh3_64(bytes).to_le_bytes());
    }
    out.extend(xxh3_64(&out).to_le_bytes());
    columns.iter().for_each(|column| out.extend(&column.3));
    out
}

fn footer_at(bytes: &[u8]) -> usize {
    u32_at(bytes, bytes.len() - TRAILER)
}

/// The file with another footer; all before it are `blocks`.
fn with_footer(blocks: &[u8], footer: &[u8]) -> Vec<u8> {
    let at = (blocks.len() as u64).to_le_bytes();
    let sum = xxh3_64(&[&at[..], &blocks[..HEADER]].concat()).to_le_bytes();
    [blocks, footer, &at, &sum, b"PBTEND\r\n"].concat()
}

/// The description in a footer of these columns.
fn description(columns: &[Stored]) -> serde_json::Value {
    let meta = columns.iter().find(|column| column.0 == META).unwrap();
    let json = match meta.1 {
        0 => meta.3.clone(),
        _ => zstd::bulk::decompress(&meta.3, meta.2 as usize).unwrap(),
    };
    serde_json::from_slice(&json).unwrap()
}

/// The file `bytes` under the name and the digest of the file `other`.
fn disguised(bytes: &[u8], other: &[u8]) -> Vec<u8> {
    let footer = footer_at(bytes);
    let mut columns = columns(bytes, footer);
    let other = description(&self::columns(other, footer_at(other)));
    let mut json = description(&columns);
    for field in ["name", "digest"] {
        assert_ne!(json[field], other[field]);
        json[field] = other[field].clone();
    }
    let json = serde_json::to_vec(&json).unwrap();
    let meta = columns.iter_mut().find(|column| column.0 == META).unwrap();
    *meta = (META, 0, json.len() as u32, json);
    let footer = block(&bytes[footer..footer + 8], &columns);
    with_footer(&bytes[..footer_at(bytes)], &footer)
}

/// The file, of one block, after `change` of the column `tag` of that block.
fn with_altered(bytes: &[u8], tag: u16, change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut columns = columns(bytes, HEADER);
    let column = columns.iter_mut().find(|column| column.0 == tag).unwrap();
    if column.1 != 0 {
        column.3 = zstd::bulk::decompress(&column.3, column.2 as usize).unwrap();
    }
    change(&mut column.3);
    *column = (tag, 0, column.3.len() as u32, column.3.clone());
    let block = block(&bytes[HEADER..HEADER + 8], &columns);
    let footer = &bytes[footer_at(bytes)..bytes.len() - TRAILER];
    with_footer(&[&bytes[..HEADER], &block].concat(), footer)
}

/// Moves a reference from distance 1 to 2, and its page's largest distance.
fn move_one(column: &mut [u8]) {
    match column.len() {
        512 => {
            let [one, two] = [0, 4].map(|at| u32_at(column, at) as u32);
            column[..4].copy_from_slice(&(one - 1).to_le_bytes());
            column[4..8].copy_from_slice(&(two + 1).to_le_bytes());
        }
        _ => column[0] ^= 3,
    }
}

/// The numbers of references at each distance within bursts spare an LRU curve the references.
#[test]
fn altered_distances_give_no_count() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen zipf --pages 40 --refs 12k --writes 30 -o good.pbt")
        .code(0);
    let good = sandbox.read("good.pbt");
    let few = "-p lru -m 2,4,8,16 --counts faults --no-charts --no-cache";
    sandbox.run(&format!("run good.pbt {few} -o good")).code(0);
    for tag in [WITHIN, EDGES] {
        sandbox.write("bad.pbt", with_altered(&good, tag, move_one));
        for command in [
            format!("run bad.pbt {few} -o bad --force"),
            "curve bad.pbt -p lru -m 2,4".to_owned(),
            "check bad.csv bad.pbt -p lru -m 2,4,8 --accept".to_owned(),
        ] {
            let done = sandbox.run(&command).code(3);
            done.err(&["bad.pbt", "are not those of its references"]);
        }
        assert!(!sandbox.exists("bad.csv"));
        // Replays look at the references, and count right.
        sandbox
            .run(&format!(
                "run bad.pbt {few} --engine plain -o plain --force"
            ))
            .code(0);
        let faults = |folder: &str| sandbox.column(&format!("{folder}/results.csv"), "faults");
        assert_eq!(faults("plain"), faults("good"));
    }
}

/// A trace that stays in its file is verified while it is replayed.
#[test]
fn a_digest_of_other_references_is_refused_from_memory_and_from_the_file() {
    let sandbox = Sandbox::new();
    // The first is replayed by references, the second by bursts.
    for alpha in ["1.1", "2.2"] {
        for (name, seed) in [("good", 1), ("other", 2)] {
            sandbox
                .run(&format!(
                    "gen zipf --pages 3000 --refs 1200k --writes 30 --alpha {alpha} --seed {seed} \
                     -o {name}.pbt --force"
                ))
                .code(0);
        }
        let bad = disguised(&sandbox.read("other.pbt"), &sandbox.read("good.pbt"));
        sandbox.write("bad.pbt", bad);
        let few = "-p fifo -m 100 --tlb none";
        for limit in ["", "--mem-limit 1MiB", "--mem-limit 1MiB --swap 40KiB"] {
            let out = "--no-charts --no-cache --force -o out";
            for command in [
                format!("run bad.pbt {few} {limit} {out}"),
                format!("check bad.csv bad.pbt {few} {limit} --accept"),
            ] {
                let done = sandbox.run(&command).code(3);
                done.err(&["bad.pbt", "the digest does not match"]);
            }
            assert!(!sandbox.exists("bad.csv"));
        }
        sandbox
            .run(&format!("check good.csv good.pbt {few} --accept"))
            .code(0);
        let baseline = sandbox.read("good.csv");
        for accept in ["", "--accept"] {
            sandbox
                .run(&format!(
                    "check good.csv bad.pbt {few} --mem-limit 1MiB {accept}"
                ))
                .code(3)
                .err(&["bad.pbt", "the digest does not match"]);
            assert_eq!(sandbox.read("good.csv"), baseline);
        }
        sandbox
            .run(&format!("check good.csv good.pbt {few} --mem-limit 1MiB"))
            .code(0);
    }
}

/// A footer of a few kilobytes that unpacks to three gigabytes: refused before it is unpacked.
#[cfg(target_os = "linux")]
#[test]
fn a_small_file_takes_little_memory() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen zipf --pages 40 --refs 12k -o good.pbt")
        .code(0);
    let good = sandbox.read("good.pbt");
    let footer = footer_at(&good);
    let mut columns = columns(&good, footer);
    let piece = zstd::bulk::compress(&vec![0; 1 << 27], 1).unwrap();
    let more = (0..24).map(|_| (NUMBERS, 1, 1 << 27, piece.clone()));
    columns.extend(more);
    let footer = block(&good[footer..footer + 8], &columns);
    let bomb = with_footer(&good[..footer_at(&good)], &footer);
    assert!(bomb.len() < 1 << 20);
    sandbox.write("bomb.pbt", bomb);
    for command in [
        "head bomb.pbt",
        "stat bomb.pbt",
        "run bomb.pbt -p lru -m 2 -o out",
        "convert bomb.pbt -o other.pbt",
    ] {
        sandbox
            .shell(&format!("ulimit -v 2000000; $PAGEBENCH {command}"))
            .code(3)
            .err(&["bomb.pbt", "would take more memory than its size allows"]);
    }
    // The same zeros inside a compressed stream.
    let zeros = [&good[..HEADER], &vec![0; 1 << 27][..]].concat();
    sandbox.write("zeros.pbt.zst", zstd::bulk::compress(&zeros, 1).unwrap());
    sandbox.run("head zeros.pbt.zst").code(3).err(&[
        "zeros.pbt.zst",
        "holds a .pbt of more than",
        "zstd",
    ]);
}
