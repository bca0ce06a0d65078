//! One row a cell: its columns, `results.csv` both ways, finished cells and the plan of a run's folder,
//! and the table on the terminal.

pub mod cells_jsonl;
pub mod column;
pub mod column_set;
pub mod columns;
pub mod exact;
pub mod knee;
pub mod plan_file;
pub mod results_csv;
pub mod results_text;
pub mod row_of_cell;
pub mod row_of_model;
pub mod row_up_to;
