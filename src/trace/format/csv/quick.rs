//! The fast path of csv lines: lines of up to 127 bytes without quotes, and without blanks that do not
//! separate cells. All others are left to the reader of single lines, which is the plain twin.

use super::delimiter::Delimiter;
use super::kinds::{KindWords, Meaning};
use super::names::Place;
use super::row::{Row, RowReader};
use super::shape::{Before, Form, Layout};
use crate::simd::text::Lanes;
use crate::trace::format::complaint::RUN_MAX;
use crate::trace::format::options::Base;
use crate::trace::format::quick;
use crate::trace::format::quick::{Block, Head, Patience, Word};
use crate::trace::model::access::{Access, Kind};

/// The most cells of a line that are looked at.
const CELLS: usize = 16;

type Cells = [Word; CELLS];

/// What the fast path keeps between lines.
#[derive(Default)]
pub(super) struct QuickState {
    pub patience: Patience,
    kinds: RecentKinds,
}

/// How the lines of a file are cut into cells.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    pub delimiter: Delimiter,
    /// True if fields may be quoted.
    pub quotes: bool,
    /// The layout that every line has.
    pub layout: Option<&'static Layout>,
    /// Number of cells that are needed.
    wanted: u32,
}

impl Cut {
    /// Returns how lines are cut for `rows`; `None` if the fast path cannot read them.
    pub fn new(
        delimiter: Delimiter,
        quotes: bool,
        layout: Option<&'static Layout>,
        rows: &RowReader,
    ) -> Option<Cut> {
        let wanted = layout.map_or_else(|| rows.columns.width(), |layout| layout.columns.len());
        let usual = rows.columns.filters.is_empty() && wanted <= CELLS;
        usual.then_some(Cut {
            delimiter,
            quotes,
            layout,
            wanted: wanted as u32,
        })
    }

    /// Reads the line at the beginning of `head`. `before` is what the line before says about its time.
    /// Returns what the line means, what it says about the time of the next one, and its length with the
    /// end.
    #[inline(always)]
    pub fn row<L: Lanes>(
        self,
        head: Head<'_, L>,
        rows: &mut RowReader,
        state: &mut QuickState,
        before: Before,
    ) -> Option<(Row, Before, u32)> {
        let block = head.first();
        let mut cells = [Word { from: 0, to: 0 }; CELLS];
        let places = &mut cells[..self.wanted as usize];
        let (number, length) = match block.end() {
            Some(end) => (self.cells(block, end.text, places)?, end.next),
            None => self.long_cells(block, head.block(BLOCK)?, places)?,
        };
        let enough = match self.layout {
            Some(_) => number == self.wanted,
            None => number >= self.wanted,
        };
        if !enough || block.byte(0) == b'#' {
            return None;
        }
        let text = Text { head, block };
        let (row, before) = match length > BLOCK {
            false => self.meaning::<L, false>(text, &cells, rows, state, before)?,
            true => self.meaning::<L, true>(text, &cells, rows, state, before)?,
        };
        Some((row, before, length))
    }

    /// Returns what the cells of a line mean, and what it says about the time of the next one.
    #[inline(always)]
    fn meaning<L: Lanes, const LONG: bool>(
        self,
        text: Text<'_, L>,
        cells: &Cells,
        rows: &mut RowReader,
        state: &mut QuickState,
        before: Before,
    ) -> Option<(Row, Before)> {
        let before = match self.layout {
            Some(layout) => quick_check::<L, LONG>(layout, text, cells, before)?,
            None => before,
        };
        let row = rows.quick::<L, LONG>(&mut state.kinds, text, cells)?;
        Some((row, before))
    }

    /// Puts the first cells of a line whose text ends at the place `end` into `places`. Returns how many
    /// the line has; `None` for an unusual line.
    #[inline(always)]
    fn cells<L: Lanes>(&self, block: Block<'_, L>, end: u32, places: &mut [Word]) -> Option<u32> {
        let text = !quick::from(end);
        let (number, allowed) = match self.delimiter {
            Delimiter::Byte(byte) => {
                let mut fields = block.fields(byte, end);
                let number = fields.count();
                places.iter_mut().for_each(|cell| *cell = fields.next());
                (number, block.equal(byte))
            }
            Delimiter::Blanks => {
                let mut words = block.words(end);
                let number = words.count();
                places.iter_mut().for_each(|cell| *cell = words.next());
                (number, block.blanks())
            }
        };
        let usual = self.unusual(block) & text & !allowed == 0 && end > 0;
        usual.then_some(number)
    }

    /// Returns the bytes of a block that only unusual lines have, or that are delimiters: control
    /// characters, blanks, and quotes.
    #[inline(always)]
    fn unusual<L: Lanes>(&self, block: Block<'_, L>) -> u64 {
        let quotes = match self.quotes {
            true => block.equal(b'"'),
            false => 0,
        };
        block.among(1, 32) | quotes
    }

    /// Like [`Cut::cells`], for a line that ends in its second block, with a byte as the
    /// delimiter. Also returns the length of the line.
    #[inline(never)]
    fn long_cells<L: Lanes>(
        &self,
        first: Block<'_, L>,
        second: Block<'_, L>,
        places: &mut [Word],
    ) -> Option<(u32, u32)> {
        let Delimiter::Byte(byte) = self.delimiter else {
            return None;
        };
        let end = second.end()?;
        let text = !quick::from(end.text);
        let separators = [first.equal(byte), second.equal(byte) & text];
        let unusual = [self.unusual(first), self.unusual(second) & text];
        // A CR in front of the end may be in the first block.
        if unusual[0] & !separators[0] | unusual[1] & !separators[1] != 0 || end.text == 0 {
            return None;
        }
        let number = 1 + separators[0].count_ones() + separators[1].count_ones();
        let (mut from, mut places) = (0, places.iter_mut());
        for (block, mut separators) in separators.into_iter().enumerate() {
            while separators != 0
                && let Some(place) = places.next()
            {
                let to = block as u32 * BLOCK + quick::first(separators);
                *place = Word { from, to };
                from = to + 1;
                separators = quick::after_first(separators);
            }
        }
        if let Some(last) = places.next() {
            let to = BLOCK + end.text;
            *last = Word { from, to };
        }
        Some((number, BLOCK + end.next))
    }
}

/// Bytes of a block.
const BLOCK: u32 = 64;

/// The text of a line. Cells are its places; with `LONG` the line has two blocks.
#[derive(Clone, Copy)]
struct Text<'a, L> {
    head: Head<'a, L>,
    /// The first block.
    block: Block<'a, L>,
}

impl<'a, L: Lanes> Text<'a, L> {
    /// Returns the block that a cell begins in, or with, and its place there.
    #[inline(always)]
    fn cell<const LONG: bool>(self, cell: Word) -> Option<(Block<'a, L>, Word)> {
        if !LONG {
            return Some((self.block, cell));
        }
        let cell_at_0 = Word {
            from: 0,
            to: cell.len(),
        };
        Some((self.head.block(cell.from)?, cell_at_0))
    }

    /// Returns the number of 64 bits that a cell is.
    #[inline(always)]
    fn number<const LONG: bool>(self, base: Base, cell: Word) -> Option<u64> {
        let (block, cell) = self.cell::<LONG>(cell)?;
        block.number(base, cell)
    }

    /// Returns the decimal number that a cell is.
    #[inline(always)]
    fn decimal<const LONG: bool>(self, cell: Word) -> Option<u64> {
        let (block, cell) = self.cell::<LONG>(cell)?;
        block.decimal(block.digits(), cell)
    }

    /// Returns true if a cell is a decimal number of 64 bits for certain.
    #[inline(always)]
    fn is_number<const LONG: bool>(self, cell: Word) -> bool {
        let is = |(block, cell): (Block<'a, L>, Word)| {
            cell.is_number(block.digits(), quick::SURE_DIGITS)
        };
        self.cell::<LONG>(cell).is_some_and(is)
    }
}

/// Returns what the next line may have as its time, if the cells have the form of `layout`; see
/// [`Layout::check`]. Leaves out the columns of place and kind, which have to be read anyway.
#[inline(always)]
fn quick_check<L: Lanes, const LONG: bool>(
    layout: &Layout,
    text: Text<'_, L>,
    cells: &Cells,
    before: Before,
) -> Option<Before> {
    let mut next = before;
    for ((_, form), &cell) in layout.columns.iter().zip(cells) {
        let fits = match *form {
            Form::Number(0, u64::MAX) => text.is_number::<LONG>(cell),
            Form::Number(least, most) => (least..=most).contains(&text.decimal::<LONG>(cell)?),
            Form::Rising(least, most) => {
                let time = text.decimal::<LONG>(cell)?;
                if before != Before::Any {
                    next = Before::At(time);
                }
                (least..=most).contains(&time) && before.allows(Some(time))
            }
            Form::Text => !cell.is_empty(),
            Form::Kind | Form::Place => true,
        };
        if !fits {
            return None;
        }
    }
    Some(next)
}

impl RowReader {
    /// Like [`RowReader::row`], if there are no filters.
    #[inline(always)]
    fn quick<L: Lanes, const LONG: bool>(
        &mut self,
        kinds: &mut RecentKinds,
        text: Text<'_, L>,
        cells: &Cells,
    ) -> Option<Row> {
        let (columns, numbers) = (&self.columns, self.numbers);
        let number = |column: usize| text.number::<LONG>(Base::Dec, cells[column]);
        let kind = match columns.kind {
            None => Kind::Read,
            Some(column) => {
                let (block, cell) = text.cell::<LONG>(cells[column])?;
                match kinds.meaning(&self.words, block, cell)? {
                    Meaning::Access(kind) => kind,
                    Meaning::Skip => return Some(Row::Dropped),
                }
            }
        };
        let place = cells[columns.place.1];
        let is_key = columns.place.0 == Place::Text;
        let addr = match is_key {
            true if place.is_empty() => return None,
            true => 0,
            false => {
                let number = text.number::<LONG>(numbers.base, place)?;
                number.checked_mul(numbers.unit)?
            }
        };
        let pid = match columns.process {
            None => 0,
            Some(column) => u32::try_from(number(column)?).ok()?,
        };
        let size = match columns.size {
            None => u64::from(numbers.size),
            Some(column) => {
                let size = number(column)?.max(numbers.size_min);
                let size = size.saturating_mul(numbers.unit);
                let fits = (1..=RUN_MAX).contains(&size) && addr.checked_add(size - 1).is_some();
                fits.then_some(size)?
            }
        };
        let repeats = match columns.repeat {
            None => 1,
            Some(column) => {
                let is_count = |times: &u64| (1..=u64::from(u32::MAX)).contains(times);
                number(column).filter(is_count)?
            }
        };
        let addr = match is_key {
            true => self.keys.id(text.head.slice(place))?,
            false => addr,
        };
        let access = Access {
            pid,
            kind,
            size: size as u32,
            addr,
        };
        Some(Row::Accesses(access, repeats))
    }
}

/// Places for words seen lately; a power of two.
const RECENT: usize = 16;

/// Words for kinds seen lately, as they are written, of up to sixteen bytes. Each has one place; 0 is no
/// word.
struct RecentKinds([(u128, Meaning); RECENT]);

impl Default for RecentKinds {
    fn default() -> RecentKinds {
        RecentKinds([(0, Meaning::Skip); RECENT])
    }
}

impl RecentKinds {
    /// Returns the meaning of a cell among `words`.
    #[inline(always)]
    fn meaning<L: Lanes>(
        &mut self,
        words: &KindWords,
        block: Block<'_, L>,
        cell: Word,
    ) -> Option<Meaning> {
        if cell.len().wrapping_sub(1) >= 16 {
            return None;
        }
        let word = block.key(cell.from, cell.len());
        let hash = ((word ^ word >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let recent = &mut self.0[(hash >> 60) as usize % RECENT];
        if recent.0 != word || word == 0 {
            *recent = (word, words.known(block.slice(cell))?);
        }
        Some(recent.1)
    }
}
