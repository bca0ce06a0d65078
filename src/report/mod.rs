//! The output of a run: THE column table, result rows to CSV and back, the terminal table, summaries and
//! charts. Charts are drawn from rows read back from their CSV, so they cannot disagree with it.
//!
//! | file written | module |
//! |---|---|
//! | `results.csv` | [`columns`] (its columns), [`rows`] (from an outcome to a row), [`csv`] |
//! | `windows.csv`, `states.csv`, `curve.csv` | [`windows`], [`states`], [`curves`] |
//! | `distributions.csv`, `vmstat.csv` | [`distributions`], [`vmstat`] |
//! | `timings.csv`, `cells.jsonl` | [`records`] |
//! | `plan.json` | [`plan_file`] |
//! | pictures, and the CSV beside them | [`chart`]; [`deltas`] for `check --chart` |
//! | none, on the terminal | [`table`] with [`summary`], [`curve_table`], [`explain`] |
//!
//! [`column`] has what all tables are made of, [`tables`] lists them. [`file`] writes every file.
//!
//! Replays nothing and reads no trace.

pub mod chart;
pub mod explain;
pub mod markdown;
pub mod results;
pub mod tables;
pub mod text;
pub mod whole_file;
pub mod xml;
