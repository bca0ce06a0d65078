//! Command lines and experiment files: words of the help, changed, as values of every option of every
//! command that only prints, within this process.
//!
//! The commands, their options and values come from `--help`: a new one is tried without a change here.

use super::codecs::TEXT;
use super::mutate::{self, Rng, at, one, percent};
use super::runner::Subject;
use super::tables::program;
use pagebench::internals::cli::run_given;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// An option: its name, and words of its help that may be values. A switch has none.
struct Choice {
    name: String,
    has_value: bool,
    words: Vec<String>,
}

/// A command with its options.
struct Verb {
    name: String,
    /// Whether it takes traces.
    traces: bool,
    options: Vec<Choice>,
}

fn help(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pagebench"))
        .args(args)
        .output();
    String::from_utf8_lossy(&output.expect("the program").stdout).into_owned()
}

/// Words that may be values: between blanks, commas and bars, without what ends a sentence.
fn words(text: &str) -> Vec<String> {
    let split = |c: char| c.is_whitespace() || "|()[];".contains(c);
    let words = text
        .split(split)
        .map(|word| word.trim_end_matches(['.', ',', ':']));
    let is_value = |word: &&str| !word.is_empty() && word.len() < 60;
    words.filter(is_value).map(str::to_owned).collect()
}

/// Options that name files are left out: here nothing is written.
fn names_a_file(value: &str) -> bool {
    ["FILE", "DIR", "PATH", "FOLDER", "PNG", "CSV"]
        .iter()
        .any(|word| value.contains(word))
}

/// Reads the options of a command from its help.
fn options(text: &str) -> Vec<Choice> {
    let mut all: Vec<Choice> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let head = trimmed
            .strip_prefix('-')
            .is_some()
            .then(|| trimmed.split("--").nth(1))
            .flatten();
        if let Some(head) = head.filter(|_| line.len() - trimmed.len() <= 6) {
            let name = head.split([' ', '[', '=']).next().unwrap_or_default();
            let value = head.split(['<', '>']).nth(1);
            let skipped = ["help", "version"].contains(&name);
            inside = !skipped && !value.is_some_and(names_a_file);
            if inside {
                all.push(Choice {
                    name: format!("--{name}"),
                    has_value: value.is_some(),
                    words: words(value.unwrap_or_default()),
                });
            }
        } else if inside && let Some(option) = all.last_mut() {
            option.words.extend(words(trimmed));
        }
    }
    all
}

/// Commands without an output, which start no program either.
fn verbs() -> Vec<Verb> {
    let all = help(&["--help"]);
    let list = all
        .split("Commands:")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next());
    let names = list
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let mut verbs = Vec::new();
    for name in names.filter(|name| *name != "help") {
        let text = help(&[name, "--help"]);
        let writes = ["--output", "--accept", "--recording", "--chart"];
        if writes.iter().any(|option| text.contains(option)) {
            continue;
        }
        let usage = text
            .split("Usage:")
            .nth(1)
            .and_then(|rest| rest.lines().next());
        verbs.push(Verb {
            name: name.to_owned(),
            traces: usage.is_some_and(|usage| usage.contains("TRACE")),
            options: options(&text),
        });
    }
    assert!(
        verbs.iter().any(|verb| verb.name == "plan"),
        "plan prints only"
    );
    verbs
}

/// A folder with a small trace, deep in one that is otherwise empty: `..` must not be what others keep in
/// the folder of temporary files.
struct Scratch {
    _whole: TempDir,
    path: PathBuf,
}

impl Scratch {
    fn path(&self) -> &Path {
        &self.path
    }
}

fn folder() -> Scratch {
    let whole = TempDir::new().expect("a scratch folder");
    let path = whole.path().join("a/b/c");
    fs::create_dir_all(&path).expect("the scratch folder");
    fs::write(path.join("t.txt"), TEXT).expect("the scratch folder");
    Scratch {
        _whole: whole,
        path,
    }
}

/// A word, mostly changed.
fn value(random: &mut Rng, words: &[String], others: &[String]) -> String {
    let odd = [
        "",
        "0",
        "1",
        "-1",
        "18446744073709551616",
        "1e400",
        "NaN",
        "100%",
        "1..",
        "..",
        "2^64",
    ];
    let mut bytes = match words.is_empty() || percent(random, 10) {
        true => (*one(random, &odd)).as_bytes().to_vec(),
        false => one(random, words).as_bytes().to_vec(),
    };
    for _ in 0..random.below(3) {
        let other = one(random, others);
        match random.below(3) {
            0 => bytes.extend([&b","[..], one(random, words).as_bytes()].concat()),
            1 => mutate::bytes(random, &mut bytes, other.as_bytes()),
            _ => mutate::bytes(random, &mut bytes, b"1..9:+1,2^3..2^9,5%"),
        }
        bytes.truncate(400);
    }
    String::from_utf8_lossy(&bytes).replace('\0', "0")
}

pub struct CommandLines {
    verbs: Vec<Verb>,
    folder: Scratch,
    /// Words of all options.
    words: Vec<String>,
}

impl CommandLines {
    pub fn new() -> CommandLines {
        let verbs = verbs();
        let options = verbs.iter().flat_map(|verb| &verb.options);
        let mut words: Vec<String> = options.flat_map(|option| option.words.clone()).collect();
        for list in ["policies", "machines", "formats", "columns"] {
            let text = help(&[list]);
            words.extend(
                text.lines()
                    .filter_map(|line| line.split_whitespace().next().map(str::to_owned)),
            );
        }
        words.sort();
        words.dedup();
        CommandLines {
            verbs,
            folder: folder(),
            words,
        }
    }
}

impl Subject for CommandLines {
    fn draw(&mut self, random: &mut Rng) -> Vec<u8> {
        // Half of the time the command whose options are most.
        let most = self
            .verbs
            .iter()
            .max_by_key(|verb| verb.options.len())
            .expect("commands");
        let verb = match percent(random, 50) {
            true => most,
            false => one(random, &self.verbs),
        };
        let mut args = vec!["pagebench".to_owned(), verb.name.clone()];
        for _ in 0..random.below(4) {
            if verb.options.is_empty() {
                break;
            }
            let option = one(random, &verb.options);
            args.push(match option.has_value {
                true => {
                    let words = match percent(random, 80) {
                        true => &option.words,
                        false => &self.words,
                    };
                    format!("{}={}", option.name, value(random, words, &self.words))
                }
                false => option.name.clone(),
            });
        }
        if verb.traces {
            args.push("t.txt".to_owned());
        }
        for _ in 0..random.below(2) {
            let text = value(random, &self.words, &self.words);
            if !text.starts_with('-') {
                args.push(text);
            }
        }
        args.join("\0").into_bytes()
    }

    fn attack(&mut self, bytes: &[u8], _: &mut Rng) -> Result<(), String> {
        std::env::set_current_dir(self.folder.path()).map_err(|e| e.to_string())?;
        let text = String::from_utf8_lossy(bytes);
        let code = run_given(text.split('\0').map(OsString::from).collect());
        match code {
            0..=7 => Ok(()),
            code => Err(format!("exit code {code}")),
        }
    }
}

/// Experiment files: the one that `init` writes, and settings of all sorts.
pub struct Experiments {
    samples: Vec<Vec<u8>>,
    folder: Scratch,
}

impl Experiments {
    pub fn new() -> Experiments {
        let folder = folder();
        program(folder.path(), "init x.toml");
        let text = fs::read_to_string(folder.path().join("x.toml")).expect("an experiment");
        // The settings that the file shows as comments, set; its traces are not here.
        let set = |line: &str| match line.strip_prefix("# ") {
            Some(setting) if setting.contains(" = ") => setting.to_owned(),
            _ => line.to_owned(),
        };
        let all: Vec<String> = text.lines().map(set).collect();
        let small = "schema = 1\nframes = \"2,3\"\npolicy = [\"lru\", \"2q:kin=0.1,0.25\"]\ntau = \"3\"\n\
                     [[trace]]\npath = \"t.txt\"\nname = \"x\"\n\
                     [[exclude]]\npolicy = \"lru\"\nframes = 2\n[check]\n";
        let mut samples = vec![text.into_bytes(), all.join("\n").into_bytes()];
        samples.extend(std::iter::repeat_n(small.as_bytes().to_vec(), 3));
        Experiments { samples, folder }
    }
}

impl Subject for Experiments {
    fn draw(&mut self, random: &mut Rng) -> Vec<u8> {
        let mut bytes = one(random, &self.samples).clone();
        let other = one(random, &self.samples).clone();
        if percent(random, 60) {
            mutate::lines(random, &mut bytes, &other);
        }
        if percent(random, 80) {
            mutate::bytes(random, &mut bytes, &other);
        }
        bytes
    }

    fn attack(&mut self, bytes: &[u8], random: &mut Rng) -> Result<(), String> {
        std::env::set_current_dir(self.folder.path()).map_err(|e| e.to_string())?;
        fs::write("x.toml", bytes).map_err(|e| e.to_string())?;
        let mut args = vec!["pagebench", "plan", "-f", "x.toml"];
        if at(random, 2) == 0 {
            args.push("t.txt");
        }
        if at(random, 4) == 0 {
            args.push("--show-config");
        }
        match run_given(args.into_iter().map(OsString::from).collect()) {
            0..=7 => Ok(()),
            code => Err(format!("exit code {code}")),
        }
    }
}
