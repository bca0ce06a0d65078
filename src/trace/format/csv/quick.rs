//! The fast path of csv lines: lines of up to 63 bytes without quotes, and without blanks that do not
//! separate cells. All others are left to [`LineReader::line`], which is the plain twin.

use super::delimiter::Delimiter;
use super::kinds::{KindWords, Meaning};
use super::names::Place;
use super::reader::LineReader;
use super::row::{Row, RowReader};
use super::shape::{Before, Form, Layout};
use crate::simd::text;
use crate::simd::text::{Lanes, Work};
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

impl LineReader {
    /// Takes lines from the beginning of `bytes` on as long as the fast path understands them, until
    /// `batch` holds `goal` accesses. Returns how many bytes and lines they were.
    pub fn quick_lines(
        &mut self,
        bytes: &[u8],
        goal: usize,
        batch: &mut Vec<Access>,
    ) -> (usize, u64) {
        let wanted = match &self.layout {
            Some((layout, _)) => layout.columns.len(),
            None => self.rows.columns.width(),
        };
        if self.header || !self.rows.columns.filters.is_empty() || wanted > CELLS {
            return (0, 0);
        }
        let lines = TakeLines {
            wanted: wanted as u32,
            reader: self,
            bytes,
            goal,
            batch,
        };
        text::run(quick::level(), lines)
    }

    /// Reads the line at the beginning of `head`. Returns what it means and its length with the end.
    #[inline(always)]
    fn quick_row<L: Lanes>(&mut self, head: Head<'_, L>, wanted: u32) -> Option<(Row, u32)> {
        let block = head.first();
        let end = block.end()?;
        let cells = self.quick_cells(block, end.text, wanted)?;
        let before = match &self.layout {
            Some((layout, _)) => quick_check(layout, block, &cells, self.before)?,
            None => self.before,
        };
        let row = self.rows.quick(&mut self.quick.kinds, block, &cells)?;
        self.before = before;
        Some((row, end.next))
    }

    /// Returns the first `wanted` cells of a line whose text ends at the place `end`.
    #[inline(always)]
    fn quick_cells<L: Lanes>(&self, block: Block<'_, L>, end: u32, wanted: u32) -> Option<Cells> {
        let text = !quick::from(end);
        let mut cells = [Word { from: 0, to: 0 }; CELLS];
        let places = &mut cells[..wanted as usize];
        // Control characters and blanks.
        let low = block.among(1, 32) & text;
        let quote = match self.quotes {
            true => block.equal(b'"') & text,
            false => 0,
        };
        let (number, other) = match self.delimiter {
            Delimiter::Byte(byte) => {
                let mut fields = block.fields(byte, end);
                places.iter_mut().for_each(|cell| *cell = fields.next());
                let separators = block.equal(byte) & text;
                (separators.count_ones() + 1, low & !separators)
            }
            Delimiter::Blanks => {
                let mut words = block.words(end);
                let number = words.count();
                places.iter_mut().for_each(|cell| *cell = words.next());
                (number, low & !block.blanks())
            }
        };
        let enough = match self.layout {
            Some(_) => number == wanted,
            None => number >= wanted,
        };
        let usual = enough && other | quote == 0 && end > 0 && block.byte(0) != b'#';
        usual.then_some(cells)
    }
}

struct TakeLines<'a> {
    reader: &'a mut LineReader,
    bytes: &'a [u8],
    wanted: u32,
    goal: usize,
    batch: &'a mut Vec<Access>,
}

impl Work for TakeLines<'_> {
    type Output = (usize, u64);

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> (usize, u64) {
        let (mut used, mut lines) = (0, 0);
        while self.batch.len() < self.goal
            && let Some(head) = Head::new(lanes, &self.bytes[used..])
            && let Some((row, length)) = self.reader.quick_row(head, self.wanted)
        {
            used += length as usize;
            lines += 1;
            self.reader.took(row, self.goal, self.batch);
        }
        (used, lines)
    }
}

/// Returns what the next line may have as its time, if the cells have the form of `layout`; see
/// [`Layout::check`]. Leaves out the columns of place and kind, which have to be read anyway.
#[inline(always)]
fn quick_check<L: Lanes>(
    layout: &Layout,
    block: Block<'_, L>,
    cells: &Cells,
    before: Before,
) -> Option<Before> {
    let digits = block.digits();
    let mut next = before;
    for ((_, form), &cell) in layout.columns.iter().zip(cells) {
        let fits = match *form {
            // No number of so few digits is larger.
            Form::Number(0, u64::MAX) => cell.is_number(digits, quick::SURE_DIGITS),
            Form::Number(least, most) => (least..=most).contains(&block.decimal(digits, cell)?),
            Form::Rising(least, most) => {
                let time = block.decimal(digits, cell)?;
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
    fn quick<L: Lanes>(
        &mut self,
        kinds: &mut RecentKinds,
        block: Block<'_, L>,
        cells: &Cells,
    ) -> Option<Row> {
        let (columns, numbers) = (&self.columns, self.numbers);
        let number = |column: usize| block.number(Base::Dec, cells[column]);
        let kind = match columns.kind {
            None => Kind::Read,
            Some(column) => match kinds.meaning(&self.words, block, cells[column])? {
                Meaning::Access(kind) => kind,
                Meaning::Skip => return Some(Row::Dropped),
            },
        };
        let place = cells[columns.place.1];
        let is_key = columns.place.0 == Place::Text;
        let addr = match is_key {
            true if place.is_empty() => return None,
            true => 0,
            false => block
                .number(numbers.base, place)?
                .checked_mul(numbers.unit)?,
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
                number(column).filter(|times| (1..=u64::from(u32::MAX)).contains(times))?
            }
        };
        let addr = match is_key {
            true => self.keys.id(block.slice(place))?,
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
