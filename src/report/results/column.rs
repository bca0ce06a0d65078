//! What tables are made of: fields, columns, and [`table!`], which makes the struct of a row and the
//! list of its columns from one list. So header, field, both conversions, unit and definition cannot
//! drift apart.
//!
//! Deliberately absent: files, and every particular table.

use crate::sweep::CurveNeeds;
use crate::units::plain_name;
use std::fmt;

/// What a column holds and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// A word or a sentence.
    Text,
    /// An exact integer.
    Count,
    /// A fraction or a mean, nine decimals.
    Real,
}

/// The type of a field: how it is written to CSV and read back. An absent value is the empty text.
pub trait Field: Sized {
    /// The kind of the column.
    const KIND: ColumnKind;
    /// Returns the CSV text.
    fn show(&self) -> String;
    /// Reads the CSV text.
    ///
    /// # Errors
    ///
    /// Errors if `text` is not what the type holds.
    fn read(text: &str) -> Result<Self, String>;
    /// Returns the value as a number, for charts and tables; `None` if it is absent or a text.
    fn number(&self) -> Option<f64>;
}

impl Field for String {
    const KIND: ColumnKind = ColumnKind::Text;
    fn show(&self) -> String {
        self.clone()
    }
    fn read(text: &str) -> Result<Self, String> {
        Ok(plain_name(text).into_owned())
    }
    fn number(&self) -> Option<f64> {
        None
    }
}

impl Field for u64 {
    const KIND: ColumnKind = ColumnKind::Count;
    fn show(&self) -> String {
        self.to_string()
    }
    fn read(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| format!("not a whole number: {text:?}"))
    }
    fn number(&self) -> Option<f64> {
        Some(*self as f64)
    }
}

impl Field for f64 {
    const KIND: ColumnKind = ColumnKind::Real;
    fn show(&self) -> String {
        format!("{self:.9}")
    }
    fn read(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(format!("not a finite number: {text:?}")),
        }
    }
    fn number(&self) -> Option<f64> {
        Some(*self)
    }
}

impl<T: Field> Field for Option<T> {
    const KIND: ColumnKind = T::KIND;
    fn show(&self) -> String {
        self.as_ref().map(T::show).unwrap_or_default()
    }
    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Ok(None)
        } else {
            T::read(text).map(Some)
        }
    }
    fn number(&self) -> Option<f64> {
        self.as_ref().and_then(T::number)
    }
}

/// Which of two values of a column is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// The larger one.
    More,
    /// The smaller one.
    Less,
    /// Neither.
    Neither,
}

/// What else is known of a column of `results.csv`. Columns of other tables have [`NO_FACTS`].
#[derive(Debug, Clone, Copy)]
pub struct ColumnFacts {
    /// A replay counts it, or it is derived from such counts; `--counts` can ask for it.
    pub counted: bool,
    /// The field is empty in the row of a cell that failed.
    pub empty_on_error: bool,
    /// Which of two values is the better one.
    pub better: Better,
    /// What a curve must provide beside faults and mean resident sizes, so that the column follows
    /// from its points and the totals of the trace. `None` if only a replay gives it.
    pub from_curve: Option<CurveNeeds>,
    /// It depends on address translation, so that a replay for it needs the TLBs.
    pub translated: bool,
    /// The indices of the columns that are asked for with it, since it is computed from them.
    pub implies: &'static [usize],
}

/// The facts of a column that names the cell, describes its trace or says how the replay ended.
pub const NO_FACTS: ColumnFacts = ColumnFacts {
    counted: false,
    empty_on_error: false,
    better: Better::Neither,
    from_curve: None,
    translated: false,
    implies: &[],
};

/// The facts of a column about the trace that is left empty where a cell failed.
pub const OF_TRACE: ColumnFacts = ColumnFacts {
    empty_on_error: true,
    ..NO_FACTS
};

/// The facts of a count of which less is better and which only a replay gives.
pub const COUNT: ColumnFacts = ColumnFacts {
    counted: true,
    empty_on_error: true,
    better: Better::Less,
    ..NO_FACTS
};

/// A point of any curve is enough.
pub const POINT: CurveNeeds = CurveNeeds {
    write_backs: false,
    frames: false,
};

/// The curve must be over frames: they fill once and are full from then on.
pub const FRAMES: CurveNeeds = CurveNeeds {
    frames: true,
    ..POINT
};

/// The curve must have write-backs, which OPT's does not.
pub const WRITE_BACKS: CurveNeeds = CurveNeeds {
    write_backs: true,
    ..POINT
};

/// The curve must be over frames and have write-backs.
pub const FRAMES_AND_WRITE_BACKS: CurveNeeds = CurveNeeds {
    write_backs: true,
    frames: true,
};

impl ColumnFacts {
    /// More is better.
    pub const fn more(self) -> ColumnFacts {
        let better = Better::More;
        ColumnFacts { better, ..self }
    }

    /// Neither more nor less is better.
    pub const fn neither(self) -> ColumnFacts {
        let better = Better::Neither;
        ColumnFacts { better, ..self }
    }

    /// The column follows from a curve that provides `needs`.
    pub const fn by_curve(self, needs: CurveNeeds) -> ColumnFacts {
        let from_curve = Some(needs);
        ColumnFacts { from_curve, ..self }
    }

    /// The column depends on address translation.
    pub const fn translated(self) -> ColumnFacts {
        let translated = true;
        ColumnFacts { translated, ..self }
    }

    /// The columns with these indices are asked for with it.
    pub const fn with(self, implies: &'static [usize]) -> ColumnFacts {
        ColumnFacts { implies, ..self }
    }
}

/// One column of a table of rows `R`.
pub struct Column<R> {
    /// Its position in the table, from 0.
    pub index: usize,
    /// The header.
    pub name: &'static str,
    /// The unit; empty for names and texts.
    pub unit: &'static str,
    /// What is counted, and how.
    pub about: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// What else is known of it.
    pub facts: ColumnFacts,
    /// The CSV text of a row's field.
    pub show: fn(&R) -> String,
    /// Sets a row's field from CSV text.
    pub read: fn(&mut R, &str) -> Result<(), String>,
    /// The field as a number, if it is one and present.
    pub number: fn(&R) -> Option<f64>,
}

impl<R> fmt::Debug for Column<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A column for `pagebench columns`: name, what it holds, unit, meaning.
pub type Described = (&'static str, ColumnKind, &'static str, &'static str);

impl<R> Column<R> {
    /// Returns the column as `pagebench columns` describes it.
    pub const fn described(&self) -> Described {
        (self.name, self.kind, self.unit, self.about)
    }
}

/// A row of a table that [`table!`] defines.
pub trait TableRow {
    /// Returns whether the row has the column with this index. The fields of other columns are
    /// written as empty.
    fn has_index(&self, index: usize) -> bool {
        let _ = index;
        true
    }
}

/// Sets the fields of `row` from the texts of `columns`.
///
/// # Errors
///
/// Errors if a text is not what its column holds: the column and why.
pub fn read_fields<'t, R: 'static>(
    row: &mut R,
    columns: impl Iterator<Item = &'static Column<R>>,
    texts: impl Iterator<Item = &'t str>,
) -> Result<(), String> {
    for (column, text) in columns.zip(texts) {
        (column.read)(row, text).map_err(|why| format!("column {}: {why}", column.name))?;
    }
    Ok(())
}

/// A set of columns of `results.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts(u128);

impl Default for Counts {
    fn default() -> Counts {
        Counts::ALL
    }
}

impl Counts {
    /// Every column.
    pub const ALL: Counts = Counts(u128::MAX);

    /// The most columns that a set can tell apart.
    pub const MOST: usize = u128::BITS as usize;

    /// Adds the column with this index.
    pub fn add(&mut self, index: usize) {
        self.0 |= 1 << index;
    }

    /// Removes the column with this index.
    pub fn remove(&mut self, index: usize) {
        self.0 &= !(1 << index);
    }

    /// Returns whether the column with this index is in the set.
    pub const fn has(self, index: usize) -> bool {
        self.0 >> index & 1 != 0
    }

    /// Returns the columns that both sets have.
    #[must_use]
    pub const fn and(self, other: Counts) -> Counts {
        Counts(self.0 & other.0)
    }

    /// Returns whether the set has every column.
    pub fn is_all(self) -> bool {
        self == Counts::ALL
    }
}

/// Defines the struct of a row and the list `COLUMNS` of its columns.
///
/// An entry is `field: type, "unit", "definition";`. The header is the name of the field, or what
/// follows it as `field as "header"`. `=> facts` before the semicolon says what else is known of the
/// column. Fields in the braces of the struct have no column. `by name in mod` also makes a module
/// with a constant for each column.
macro_rules! table {
    (
        $(#[$about_row:meta])*
        pub struct $row:ident { $($extra:tt)* }
        $(#[$about_columns:meta])*
        pub const COLUMNS $(, by name in $by_name:ident)?;
        $($name:ident $(as $header:literal)? : $type:ty, $unit:literal, $about:literal $(=> $facts:expr)?;)*
    ) => {
        $(#[$about_row])*
        pub struct $row {
            $(#[doc = $about] pub $name: $type,)*
            $($extra)*
        }

        /// The index of each column.
        #[allow(non_camel_case_types)]
        enum Index { $($name,)* }

        $(#[$about_columns])*
        pub const COLUMNS: &[$crate::report::results::column::Column<$row>] = &[
            $($crate::report::results::column::Column {
                index: Index::$name as usize,
                name: table!(@header $name $($header)?),
                unit: $unit,
                about: $about,
                kind: <$type as $crate::report::results::column::Field>::KIND,
                facts: table!(@facts $($facts)?),
                show: |row| {
                    use $crate::report::results::column::{Field, TableRow};
                    if row.has_index(Index::$name as usize) {
                        row.$name.show()
                    } else {
                        String::new()
                    }
                },
                read: |row, text| {
                    row.$name = <$type as $crate::report::results::column::Field>::read(text)?;
                    Ok(())
                },
                number: |row| {
                    use $crate::report::results::column::{Field, TableRow};
                    row.has_index(Index::$name as usize)
                        .then(|| row.$name.number())
                        .flatten()
                },
            },)*
        ];

        table!(@by_name [$($by_name)?] $row $($name $about)*);
    };
    (@by_name [] $($rest:tt)*) => {};
    (@by_name [$by_name:ident] $row:ident $($name:ident $about:literal)*) => {
        /// Every column by its name.
        #[allow(non_upper_case_globals, dead_code)]
        pub mod $by_name {
            $(
                #[doc = $about]
                pub const $name: &$crate::report::results::column::Column<super::$row> =
                    &super::COLUMNS[super::Index::$name as usize];
            )*
        }
    };
    (@header $name:ident) => { stringify!($name) };
    (@header $name:ident $header:literal) => { $header };
    (@facts) => { $crate::report::results::column::NO_FACTS };
    (@facts $facts:expr) => { $facts };
}

pub(crate) use table;
