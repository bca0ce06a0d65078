//! `pagebench guide`: the list of chapters, and their texts.

use super::harness::Sandbox;
use pagebench::internals::guide::CHAPTERS;

#[test]
fn without_a_name_it_lists_the_chapters() {
    let list = Sandbox::new().run("guide").code(0).no_message().out;
    assert_eq!(list.lines().count(), CHAPTERS.len());
    for (line, chapter) in list.lines().zip(CHAPTERS) {
        let (name, about) = line.split_once(' ').expect("two fields");
        assert_eq!((name, about.trim()), (chapter.name, chapter.about));
    }
}

#[test]
fn a_chapter_is_its_text_for_a_terminal() {
    let sandbox = Sandbox::new();
    for chapter in CHAPTERS {
        let run = sandbox.run(&format!("guide {}", chapter.name));
        let text = run.code(0).no_message().out;
        assert_eq!(text, chapter.text());
        assert!(text.starts_with("# "), "{}", chapter.name);
        assert!(!text.contains("<!--"), "{}", chapter.name);
        // Nothing is lost but marks, targets of links and empty lines at the end.
        let kept = |line: &&str| !line.starts_with("<!-- ") && !line.ends_with(".md");
        let source: Vec<&str> = chapter.markdown.lines().filter(kept).collect();
        assert_eq!(text.trim_end(), source.join("\n").trim_end());
    }
    let policies = sandbox.run("guide policies").code(0).out;
    for spec in pagebench::internals::policy::TABLE {
        assert!(
            policies.contains(&format!("\n  {} ", spec.name)),
            "{}",
            spec.name
        );
    }
}

#[test]
fn an_unknown_chapter_comes_with_the_nearest() {
    let sandbox = Sandbox::new();
    for (name, message) in [
        (
            "polices",
            "error: unknown chapter \"polices\"; did you mean \"policies\"? (see: pagebench guide)\n",
        ),
        (
            "zzzzzz",
            "error: unknown chapter \"zzzzzz\" (see: pagebench guide)\n",
        ),
    ] {
        let run = sandbox
            .run(&format!("guide {name}"))
            .code(2)
            .err(&[message]);
        assert_eq!(run.out, "");
    }
}
