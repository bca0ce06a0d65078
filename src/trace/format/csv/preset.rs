//! Published csv traces whose layout is fixed: opened and recognised by a [`Layout`] alone.
//!
//! Does not know any of them: each has a file of its own beside this folder.

use super::advice::Advice;
use super::columns;
use super::reader::{CsvReader, LineReader};
use super::row::{RowNumbers, RowReader};
use super::shape::Before;
use super::{Looked, look, report};
use crate::trace::format::complaint::BadRecords;
use crate::trace::format::lines::bad_line;
use crate::trace::format::options::{Base, FormatBy, ReadOptions};
use crate::trace::format::report::ReadReport;
use crate::trace::format::{Fit, RecordReader, Sample};
use crate::trace::model::error::{Cause, TraceError};
use std::io::BufRead;
use std::path::{Path, PathBuf};

pub(in crate::trace::format) use super::kinds::Meaning;
pub(in crate::trace::format) use super::names::Place;
pub(in crate::trace::format) use super::shape::{Form, Layout, More};

/// Opens a file of one of these layouts: the first that its first line fits, else the first of all.
pub(in crate::trace::format) fn open(
    layouts: &'static [Layout],
    input: Box<dyn BufRead + Send>,
    path: PathBuf,
    options: &ReadOptions,
) -> Result<Box<dyn RecordReader>, TraceError> {
    refuse_columns(layouts, &path, options)?;
    let looked = look(input, &path, |_| false)?;
    let base = options.base.unwrap_or(Base::Dec);
    let (layout, header) = {
        let head = looked.lines(&path)?;
        let first = head.first();
        let of_header = layouts.iter().find(|layout| layout.is_header(first));
        let fits = |layout: &&Layout| layout.fit(&Sample::of(first), base).0 == 1;
        let layout = of_header.or_else(|| layouts.iter().find(fits));
        (layout.unwrap_or(&layouts[0]), of_header.is_some())
    };
    read(layout, header, looked, path, options)
}

/// Returns the reader of a file of this layout.
fn read(
    layout: &'static Layout,
    header: bool,
    looked: Looked,
    path: PathBuf,
    options: &ReadOptions,
) -> Result<Box<dyn RecordReader>, TraceError> {
    let names: Vec<Vec<u8>> = layout.names();
    let mut cells = looked.lines(&path)?.cells(Some(layout.delimiter), false);
    let head = looked.lines(&path)?;
    let filters = columns::filters(&names, options)
        .map_err(|complaint| bad_line(layout.name, complaint, head.first(), &path, head.number))?;
    let columns = columns::Columns {
        filters,
        ..layout.resolved()
    };
    let filter = columns.filters.first().map(|(column, _)| *column);
    let advice = Advice::new(&path, options, &cells, header, None, filter);
    // Names for what is said of the columns.
    if !header {
        cells.rows.insert(0, names);
    }
    let report = ReadReport {
        header: Some(header),
        ..report(&columns, &cells, true)
    };
    let numbers = RowNumbers {
        base: options.base.unwrap_or(Base::Dec),
        in_bytes: false,
        size: 1,
        unit: layout.unit,
        size_min: 1,
    };
    let rows = RowReader::new(columns, layout.words(), options.key_memory.0, numbers);
    let lines = LineReader {
        name: layout.name,
        header,
        layout: Some((layout, layout.words())),
        before: match options.format_by {
            FormatBy::User => Before::Any,
            FormatBy::Ending | FormatBy::Content => Before::START,
        },
        ..LineReader::new(
            layout.delimiter,
            rows,
            advice,
            BadRecords::new(path, options),
            report,
        )
    };
    Ok(Box::new(CsvReader::new(looked.input, lines)))
}

/// Errors if options choose columns: the layout fixes them.
fn refuse_columns(
    layouts: &[Layout],
    path: &Path,
    options: &ReadOptions,
) -> Result<(), TraceError> {
    let refused = [
        (!options.columns.is_empty(), "--col"),
        (options.delimiter.is_some(), "--delimiter"),
        (options.header.is_some(), "--header"),
        (!options.kinds.is_empty(), "--kinds"),
        (options.other_kinds.is_some(), "--other-kinds"),
    ];
    let Some((_, option)) = refused.iter().find(|(said, _)| *said) else {
        return Ok(());
    };
    let what = format!(
        "{option} does not apply to {}, whose columns are fixed",
        layouts[0].name
    );
    Err(TraceError {
        cause: Cause::Options,
        ..TraceError::new(path, what).help("leave it out, or add --format csv")
    })
}

/// Returns how well a sample fits the best of these layouts.
pub(in crate::trace::format) fn sniff(layouts: &[Layout], sample: &Sample<'_>) -> Fit {
    let base = sample.options.base.unwrap_or(Base::Dec);
    let fits = layouts.iter().map(|layout| layout.fit(sample, base));
    match fits.max_by_key(|&(good, _)| good) {
        Some((good, of)) if good > 0 => Fit::Share { good, of },
        _ => Fit::No,
    }
}
