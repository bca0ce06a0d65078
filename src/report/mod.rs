//! The output of a run: THE column table, result rows to CSV and back, the terminal table, summaries and
//! charts. Charts are drawn from rows read back from their CSV, so they cannot disagree with it.
//!
//! | file written | module |
//! |---|---|
//! | `results.csv` | [`results::columns`] (its columns), [`results::row_of_cell`] (from an outcome to a row), [`results::results_csv`] |
//! | `windows.csv`, `states.csv`, `curve.csv` | [`tables::windows_csv`], [`tables::states_csv`], [`tables::curve_csv`] |
//! | `distributions.csv`, `vmstat.csv` | [`tables::distributions`], [`tables::vmstat`] |
//! | `timings.csv`, `cells.jsonl` | [`results::cells_jsonl`] |
//! | `plan.json` | [`results::plan_file`] |
//! | pictures, and the CSV beside them | [`chart`]; [`tables::changes_csv`] for `check --chart` |
//! | none, on the terminal | [`results::results_text`] with [`results::knee`], [`tables::curves_text`], [`explain`] |
//!
//! [`results::column`] has what all tables are made of, [`tables::list`] lists them. [`whole_file`] writes
//! every file; [`inputs`] knows those that it must not replace, [`lock`] keeps two processes apart, and
//! `fail_point` lets tests stop a program between two steps.
//!
//! Replays nothing and reads no trace.

pub mod chart;
pub mod explain;
mod fail_point;
pub mod inputs;
pub mod lock;
pub mod markdown;
pub mod results;
pub mod stems;
pub mod tables;
pub mod text;
pub mod whole_file;
pub mod xml;
