//! Runs the program in a scratch folder and looks at all that it says and leaves behind.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// The program under test.
pub const PAGEBENCH: &str = env!("CARGO_BIN_EXE_pagebench");

/// A scratch folder in which the program runs.
pub struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    pub fn new() -> Sandbox {
        Sandbox {
            dir: TempDir::new().unwrap(),
        }
    }

    /// With `t.txt`, a plain-text trace of 4,000 references to 295 pages.
    pub fn with_trace() -> Sandbox {
        let sandbox = Sandbox::new();
        let text = sandbox
            .run("gen zipf --pages 300 --refs 4000 --writes 25 -o -")
            .code(0)
            .out;
        sandbox.write("t.txt", text);
        sandbox
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The names in a folder, hidden ones too, sorted.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The rows of a CSV file, by column name.
    pub fn rows(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        csv::Reader::from_path(self.path(name))
            .unwrap()
            .deserialize()
            .map(Result::unwrap)
            .collect()
    }

    /// One column of the rows of a CSV file.
    pub fn column(&self, name: &str, column: &str) -> Vec<String> {
        let rows = self.rows(name);
        rows.iter().map(|row| row[column].clone()).collect()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("COLUMNS", "100")
            .env("NO_COLOR", "1")
            .env("PAGEBENCH", PAGEBENCH)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `pagebench` with blank-separated arguments.
    pub fn run(&self, args: &str) -> Done {
        self.run_args(args.split_whitespace())
    }

    pub fn run_args<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Done {
        self.run_program(PAGEBENCH, args)
    }

    pub fn run_program<S: AsRef<OsStr>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = S>,
    ) -> Done {
        let mut command = self.command(program);
        command.args(args);
        let shown = format!("{command:?}");
        Done::new(shown, command.output().unwrap())
    }

    /// Runs `pagebench` with these bytes on standard input.
    pub fn run_stdin(&self, args: &str, input: &[u8]) -> Done {
        let mut child = self.spawn(args);
        // A program that refuses early need not read.
        let _ = child.stdin.take().unwrap().write_all(input);
        Done::new(args.to_owned(), child.wait_with_output().unwrap())
    }

    /// Starts `pagebench` with all its streams piped.
    pub fn spawn(&self, args: &str) -> Child {
        let mut command = self.command(PAGEBENCH);
        command.args(args.split_whitespace()).stdin(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Starts a shell script, in which `$PAGEBENCH` is the program, with all its streams piped.
    pub fn spawn_shell(&self, script: &str) -> Child {
        let mut command = self.command("sh");
        command.args(["-c", script]).stdin(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Runs a shell script, in which `$PAGEBENCH` is the program.
    pub fn shell(&self, script: &str) -> Done {
        let mut command = self.command("sh");
        command.args(["-c", script]);
        Done::new(script.to_owned(), command.output().unwrap())
    }
}

/// Sends a signal by its name (`INT`).
pub fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(
        Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
}

/// What a command came to.
pub struct Done {
    command: String,
    code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Done {
    /// A panic is a failure, whatever the test is about.
    pub fn new(command: String, output: Output) -> Done {
        let done = Done {
            command,
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        for word in ["panicked", "internal error", "RUST_BACKTRACE"] {
            assert!(!done.err.contains(word), "{}", done.report(word));
        }
        done
    }

    fn report(&self, why: &str) -> String {
        format!(
            "{why}\n===== {} [exit {:?}]\n{}===== stderr\n{}=====",
            self.command, self.code, self.out, self.err
        )
    }

    /// Expects this exit code.
    #[track_caller]
    pub fn code(self, code: i32) -> Done {
        let why = format!("expected exit code {code}");
        assert!(self.code == Some(code), "{}", self.report(&why));
        self
    }

    /// Expects these pieces on standard error.
    #[track_caller]
    pub fn err(self, pieces: &[&str]) -> Done {
        for piece in pieces {
            let why = format!("expected on stderr: {piece}");
            assert!(self.err.contains(piece), "{}", self.report(&why));
        }
        self
    }

    /// Expects these pieces on standard output.
    #[track_caller]
    pub fn out(self, pieces: &[&str]) -> Done {
        for piece in pieces {
            let why = format!("expected on stdout: {piece}");
            assert!(self.out.contains(piece), "{}", self.report(&why));
        }
        self
    }

    /// Expects silence on standard error.
    #[track_caller]
    pub fn no_message(self) -> Done {
        assert!(
            self.err.is_empty(),
            "{}",
            self.report("expected no message")
        );
        self
    }
}

/// Durations and speeds, which differ from run to run, become placeholders.
pub fn redacted(text: &str) -> String {
    let line = |line: &str| match (line.strip_prefix("replayed "), line.rfind(" in ")) {
        (Some(_), Some(at)) => format!("{} in TIME: SPEED", &line[..at]),
        _ => line.to_owned(),
    };
    text.lines().map(|l| line(l) + "\n").collect()
}

/// Compares text with a file of `src/tests/cmd`. PAGEBENCH_UPDATE=1 writes the file instead.
#[track_caller]
pub fn snapshot(name: &str, got: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/tests/cmd")
        .join(name);
    if std::env::var_os("PAGEBENCH_UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, got).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if got != expected {
        let line = expected
            .lines()
            .zip(got.lines())
            .take_while(|(a, b)| a == b)
            .count()
            + 1;
        panic!(
            "{} differs from line {line} on; PAGEBENCH_UPDATE=1 accepts it\n\
             ===== expected\n{expected}===== got\n{got}=====",
            path.display()
        );
    }
}
