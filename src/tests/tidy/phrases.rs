//! Phrases that make a reader stop: turns that hide the subject, the number or the result. Comments
//! and texts of the program are searched.

use crate::sources::{line_of, sources};
use std::collections::BTreeMap;

/// What is not written, and what is written instead.
const BANNED: [(&str, &str); 16] = [
    ("so many", "the parameter by its name: \"`n` frames\""),
    ("so much", "the parameter by its name"),
    ("is told", "what is passed, returned or recorded"),
    ("are told", "what is passed, returned or recorded"),
    ("who hears", "the listener"),
    ("says how many", "\"Returns the number of\""),
    ("tells how many", "\"Returns the number of\""),
    ("whoever", "the caller, the process, the user"),
    ("somebody", "the caller, the process, the user"),
    ("anybody", "the caller, the process, the user"),
    ("nobody", "what does not happen"),
    ("worth while", "\"pays off\""),
    ("at hand", "where it is"),
    ("come what may", "\"always\""),
    ("the one as of the other", "\"have the same length\""),
    ("is none of", "\"is not a\""),
];

/// Files that still have such phrases, and how many. The numbers only shrink.
const EXCUSED: [(&str, usize); 134] = [
    ("check/annotations.rs", 2),
    ("check/digests.rs", 4),
    ("check/junit.rs", 1),
    ("check/limits.rs", 1),
    ("check/mod.rs", 1),
    ("check/verdict.rs", 1),
    ("cli/args.rs", 2),
    ("cli/cache.rs", 2),
    ("cli/check.rs", 1),
    ("cli/check/limits.rs", 1),
    ("cli/check/outputs.rs", 4),
    ("cli/compare.rs", 2),
    ("cli/convert.rs", 1),
    ("cli/experiment/text.rs", 1),
    ("cli/failure.rs", 1),
    ("cli/folder.rs", 3),
    ("cli/input.rs", 3),
    ("cli/machines.rs", 1),
    ("cli/mod.rs", 1),
    ("cli/over_windows.rs", 2),
    ("cli/plot.rs", 1),
    ("cli/progress.rs", 2),
    ("cli/record.rs", 2),
    ("cli/record/session.rs", 1),
    ("cli/run.rs", 1),
    ("cli/vm/at.rs", 3),
    ("cli/vm/mod.rs", 3),
    ("cli/vm/pages.rs", 1),
    ("curve/by_bursts/lru.rs", 1),
    ("curve/choice.rs", 2),
    ("curve/intervals.rs", 2),
    ("curve/lru.rs", 4),
    ("curve/mod.rs", 2),
    ("curve/opt.rs", 1),
    ("curve/recency.rs", 4),
    ("curve/rings.rs", 6),
    ("curve/sample.rs", 3),
    ("curve/source.rs", 2),
    ("policy/arc.rs", 2),
    ("policy/clock_pro.rs", 12),
    ("policy/explain.rs", 1),
    ("policy/frames.rs", 2),
    ("policy/lrfu.rs", 1),
    ("policy/mglru.rs", 1),
    ("policy/mod.rs", 14),
    ("policy/mq.rs", 1),
    ("policy/opt.rs", 1),
    ("policy/opt_wb.rs", 1),
    ("policy/params.rs", 1),
    ("policy/pff.rs", 2),
    ("policy/support/bits.rs", 1),
    ("policy/support/classes.rs", 1),
    ("policy/support/lazy_heap.rs", 1),
    ("policy/support/lists.rs", 1),
    ("policy/support/rings.rs", 1),
    ("policy/sws.rs", 4),
    ("policy/two_q.rs", 1),
    ("policy/vmin.rs", 2),
    ("policy/witness.rs", 2),
    ("policy/ws.rs", 2),
    ("report/chart/explain.rs", 1),
    ("report/chart/fault_rate.rs", 1),
    ("report/chart/heat.rs", 1),
    ("report/chart/options.rs", 1),
    ("report/chart/page.rs", 1),
    ("report/chart/panel.rs", 1),
    ("report/chart/series.rs", 1),
    ("report/chart/states.rs", 2),
    ("report/chart/svg.rs", 1),
    ("report/columns.rs", 3),
    ("report/explain.rs", 4),
    ("report/file.rs", 2),
    ("simd/burst.rs", 2),
    ("simd/lines.rs", 4),
    ("simd/mod.rs", 1),
    ("simd/pages.rs", 3),
    ("simd/wide.rs", 1),
    ("space/infer.rs", 1),
    ("space/mod.rs", 2),
    ("space/resolver.rs", 4),
    ("space/vma.rs", 2),
    ("sweep/allocation.rs", 1),
    ("sweep/identity.rs", 1),
    ("sweep/long.rs", 1),
    ("sweep/mod.rs", 1),
    ("sweep/partition.rs", 1),
    ("sweep/plan.rs", 7),
    ("sweep/windows.rs", 3),
    ("trace/ahead.rs", 10),
    ("trace/burst.rs", 3),
    ("trace/bursts.rs", 5),
    ("trace/bursts/columns.rs", 1),
    ("trace/dense.rs", 1),
    ("trace/digest.rs", 1),
    ("trace/encode.rs", 1),
    ("trace/format/csv_columns.rs", 1),
    ("trace/format/csv_quotes.rs", 1),
    ("trace/format/drmemtrace.rs", 3),
    ("trace/format/event_text.rs", 2),
    ("trace/format/fixed.rs", 1),
    ("trace/format/lackey.rs", 1),
    ("trace/format/lcs.rs", 1),
    ("trace/format/mod.rs", 4),
    ("trace/format/vscsi.rs", 1),
    ("trace/format/write.rs", 1),
    ("trace/gen/mod.rs", 4),
    ("trace/select.rs", 5),
    ("trace/source.rs", 1),
    ("trace/store/events.rs", 1),
    ("trace/store/lists.rs", 3),
    ("trace/store/pack.rs", 1),
    ("trace/store/write.rs", 4),
    ("trace/stream.rs", 2),
    ("trace/valgrind/areas.rs", 1),
    ("trace/valgrind/channel.rs", 1),
    ("trace/valgrind/recorder.rs", 3),
    ("trace/valgrind/system.rs", 1),
    ("trace/within.rs", 3),
    ("units.rs", 1),
    ("vm/cost.rs", 1),
    ("vm/counters.rs", 2),
    ("vm/geometry.rs", 1),
    ("vm/listen.rs", 1),
    ("vm/machine.rs", 3),
    ("vm/machine/assemble.rs", 2),
    ("vm/machine/bursts.rs", 4),
    ("vm/machine/explain.rs", 2),
    ("vm/machine/fault.rs", 1),
    ("vm/presets.rs", 1),
    ("vm/swap.rs", 5),
    ("vm/tlb.rs", 5),
    ("vm/tlb/follow.rs", 1),
    ("vm/tlb/log.rs", 1),
    ("vm/walk.rs", 1),
];

/// The lines of a text in which a phrase stands, upper and lower case alike.
fn places<'a>(text: &'a str, phrase: &'a str) -> impl Iterator<Item = usize> + 'a {
    let lower = text.to_ascii_lowercase();
    let places: Vec<usize> = lower
        .match_indices(phrase)
        .filter(|&(at, _)| {
            let before = lower[..at].chars().next_back();
            let after = lower[at + phrase.len()..].chars().next();
            !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
        })
        .map(|(at, _)| line_of(&lower, at))
        .collect();
    places.into_iter()
}

#[test]
fn no_phrase_hides_its_subject() {
    let excused: BTreeMap<&str, usize> = EXCUSED.into_iter().collect();
    let mut wrong = Vec::new();
    for source in sources() {
        let mut found = Vec::new();
        for (phrase, instead) in BANNED {
            let path = &source.path;
            found.extend(
                places(&source.text, phrase)
                    .map(|line| format!("src/{path}:{line}: \"{phrase}\"; write {instead}")),
            );
        }
        let most = excused
            .get(source.path.as_str())
            .copied()
            .unwrap_or_default();
        if found.len() > most {
            wrong.append(&mut found);
        }
        let still = format!(
            "src/{}: {} left of {most}: lower the number",
            source.path,
            found.len()
        );
        assert!(found.len() >= most, "{still}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn phrases_are_found() {
    let lines: Vec<usize> = places("So many\nfoo so manyx\nof so many.", "so many").collect();
    assert_eq!(lines, [1, 3]);
}
