//! The user's guide, a chapter a module. Each chapter is a Markdown file in `src/guide/`;
//! `pagebench guide CHAPTER` prints it. Knows nothing of what the chapters describe.

/// A chapter of the guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chapter {
    /// Its name on the command line and of its file, without `.md`.
    pub name: &'static str,
    /// What it is about, in one line.
    pub about: &'static str,
    /// The Markdown source.
    pub markdown: &'static str,
}

impl Chapter {
    /// Returns the text for a terminal: the source without the lines that only other readers of
    /// it need, such as marks of generated parts and targets of links.
    pub fn text(&self) -> String {
        let shown = |line: &&str| !(line.starts_with("<!-- ") || is_link_target(line));
        let lines: Vec<&str> = self.markdown.lines().filter(shown).collect();
        format!("{}\n", lines.join("\n").trim_end())
    }
}

/// Returns whether `line` is `[chapter]: chapter.md`, the target of links to that chapter.
fn is_link_target(line: &str) -> bool {
    let target = |chapter: &Chapter| {
        let rest = line.strip_prefix('[');
        let rest = rest.and_then(|rest| rest.strip_prefix(chapter.name));
        rest.is_some_and(|rest| rest.starts_with("]: "))
    };
    CHAPTERS.iter().any(target)
}

/// Makes a module and an entry of `CHAPTERS` for each chapter.
macro_rules! chapters {
    ($($name:ident: $about:literal,)*) => {
        chapters!(@modules [$($name)*] $($name: $about,)*);

        /// THE table of chapters, in the order in which a newcomer may read them.
        pub const CHAPTERS: &[Chapter] = &[$(Chapter {
            name: stringify!($name),
            about: $about,
            markdown: include_str!(concat!("guide/", stringify!($name), ".md")),
        },)*];
    };
    (@modules $all:tt $($name:ident: $about:literal,)*) => {
        $(chapters!(@module $all $name);)*
    };
    // Links between chapters lead to modules here and to files elsewhere: the first target of a
    // name counts, so those of the file do nothing here.
    (@module [$($all:ident)*] $name:ident) => {
        $(#[doc = concat!("[", stringify!($all), "]: self::", stringify!($all))])*
        #[doc = ""]
        #[doc = include_str!(concat!("guide/", stringify!($name), ".md"))]
        pub mod $name {}
    };
}

chapters! {
    run: "the main job: cells, sizes, filters, large traces, the folder of results",
    experiments: "experiment files, runs that go on, runs in parts on several machines",
    compare: "results side by side",
    plot: "charts for a paper",
    curves: "every memory size in one pass, and estimates",
    check: "exact counts as a CI gate: baselines, limits, reports",
    explain: "a replay step by step, as in a textbook",
    vm: "the state of memory at a position, or over time",
    record: "record a program of your own with valgrind or perf",
    traces: "generate, convert, sample, interleave and inspect traces",
    formats: "trace formats, the text format, the stored form, the cache",
    policies: "the replacement policies, and what each of them sees",
    machine: "address spaces, faults, memory, swap and reference bits",
    models: "other models of memory: no MMU, base and limit, segments, segments with pages",
    translation: "TLBs, page walks and known machines",
    columns: "every column of results.csv",
    exits: "exit codes",
    extend: "add a policy",
    verification: "how the counts are verified",
    speed: "how fast it is, and why",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_no_marks_and_no_targets() {
        let chapter = Chapter {
            name: "run",
            about: "",
            markdown: "# A\n\nSee [vm] and `[vm]: x`.\n\n<!-- a -->\nb\n<!-- /a -->\n\n[vm]: vm.md\n",
        };
        assert_eq!(chapter.text(), "# A\n\nSee [vm] and `[vm]: x`.\n\nb\n");
    }
}
