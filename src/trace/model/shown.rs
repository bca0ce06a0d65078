//! The content that the pages of each process show, by the events so far: a place in a file, or
//! memory that a process made and that its children inherit. Pages of several processes that
//! show the same are one page of the machine, unless a write copied one of them.
//!
//! Does not know whether events make sense, nor which references are legal (see `space`).

use super::event::{Backing, Event, Mapping, Move};
use rustc_hash::FxHashMap;
use std::ops::Range;
use std::sync::Arc;

/// The content that a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Bytes of a file.
    File {
        /// The number of the file.
        file: u32,
        /// The byte of the file that the first byte of the page shows. Wraps around if the page begins
        /// before its mapping.
        offset: u64,
    },
    /// Memory without a file.
    Memory {
        /// The process id that made the mapping. Outside mappings, the first process in the line of
        /// forks that led to this one.
        process: u32,
        /// The page number where the memory was made; it may have moved since.
        number: u64,
    },
}

/// Size in bytes of the pages in which a kernel maps.
const KERNEL_PAGE: u64 = 4096;

/// The mappings of all processes, by the events so far.
#[derive(Debug)]
pub struct ShownPages {
    shift: u32,
    /// The processes that had an event.
    processes: FxHashMap<u32, Process>,
}

#[derive(Debug, Clone)]
struct Process {
    /// The process whose memory shows outside mappings.
    first: u32,
    /// In order of address, without overlaps.
    areas: Arc<Vec<Area>>,
}

/// A mapping, or what later events left of it.
#[derive(Debug, Clone)]
struct Area {
    range: Range<u64>,
    content: Content,
}

#[derive(Debug, Clone, Copy)]
enum Content {
    /// A file, and the number to add to an address to get the byte of the file.
    File(u32, u64),
    /// Memory that this process made, and the number to add to an address to get the address where
    /// it was made: it may have moved.
    Memory(u32, u64),
}

impl Content {
    /// Returns the content of the same memory after it moved up by `by` bytes, wrapping around.
    fn moved(self, by: u64) -> Content {
        match self {
            Content::File(file, base) => Content::File(file, base.wrapping_sub(by)),
            Content::Memory(process, base) => Content::Memory(process, base.wrapping_sub(by)),
        }
    }
}

impl Process {
    /// Moves a range, or changes its length. Growth shows more of the last mapping in it.
    fn move_range(&mut self, moves: &Move, shift: u32) {
        let old = rounded(moves.old_start, moves.old_length, shift);
        let new = rounded(moves.new_start, moves.new_length, shift);
        let by = new.start.wrapping_sub(old.start);
        let mut pieces = self.pieces(&old);
        let end = old.start.saturating_add(new.end - new.start);
        pieces.retain(|piece| piece.range.start < end);
        let last = pieces.len() - 1;
        for (at, piece) in pieces.iter_mut().enumerate() {
            let stop = if at == last { end } else { piece.range.end };
            piece.range = piece.range.start.wrapping_add(by)..stop.wrapping_add(by);
            piece.content = piece.content.moved(by);
        }
        if !moves.keep {
            cut(&mut self.areas, &old);
        }
        cut(&mut self.areas, &new);
        let at = self.areas.partition_point(|a| a.range.start < new.start);
        Arc::make_mut(&mut self.areas).splice(at..at, pieces);
    }

    /// Returns what lies in `range`, piece by piece and without holes: outside mappings there is
    /// memory of the first process.
    fn pieces(&self, range: &Range<u64>) -> Vec<Area> {
        let outside = |range: Range<u64>| Area {
            range,
            content: Content::Memory(self.first, 0),
        };
        let inside = |a: &&Area| a.range.start < range.end && range.start < a.range.end;
        let mut pieces = Vec::new();
        let mut at = range.start;
        for area in self.areas.iter().filter(inside) {
            let part = area.range.start.max(range.start)..area.range.end.min(range.end);
            pieces.push(outside(at..part.start));
            at = part.end;
            pieces.push(Area {
                range: part,
                content: area.content,
            });
        }
        pieces.push(outside(at..range.end));
        pieces.retain(|piece| !piece.range.is_empty());
        pieces
    }
}

impl ShownPages {
    /// Returns the state before any event, for pages of `1 << shift` bytes.
    pub fn new(shift: u32) -> ShownPages {
        ShownPages {
            shift,
            processes: FxHashMap::default(),
        }
    }

    /// Takes the next event of process `pid`. The child of a fork is a process id, too.
    pub fn event(&mut self, pid: u32, event: &Event) {
        let new = |pid| Process {
            first: pid,
            areas: Arc::default(),
        };
        let process = self.processes.entry(pid).or_insert_with(|| new(pid));
        match event {
            Event::Map(mapping) => {
                let range = rounded(mapping.start, mapping.length, self.shift);
                let area = Area::of(mapping, pid, range);
                cut(&mut process.areas, &area.range);
                let at = process
                    .areas
                    .partition_point(|a| a.range.start < area.range.start);
                Arc::make_mut(&mut process.areas).insert(at, area);
            }
            Event::Unmap { start, length } => {
                cut(&mut process.areas, &rounded(*start, *length, self.shift));
            }
            Event::Fork { child } | Event::Vfork { child } => {
                let copy = process.clone();
                self.processes.insert(*child, copy);
            }
            Event::Exec => *process = new(pid),
            Event::Exit => {
                self.processes.remove(&pid);
            }
            Event::Move(moves) => process.move_range(moves, self.shift),
            // The heap is memory outside mappings here.
            Event::Brk { .. } | Event::Protect { .. } | Event::Advise { .. } => {}
            Event::Populate { .. }
            | Event::Read(_)
            | Event::Write(_)
            | Event::Length { .. }
            | Event::Unlink { .. } => {}
        }
    }

    /// Returns what page `number` of process `pid` shows now. Of several mappings on a large page the
    /// first counts, as in a replay.
    #[inline]
    pub fn of(&self, pid: u32, number: u64) -> Shown {
        let Some(process) = self.processes.get(&pid) else {
            return Shown::Memory {
                process: pid,
                number,
            };
        };
        let start = number << self.shift;
        let last = start | ((1 << self.shift) - 1);
        let at = process.areas.partition_point(|a| a.range.end <= start);
        let area = process.areas.get(at).filter(|a| a.range.start <= last);
        match area.map(|area| area.content) {
            Some(Content::File(file, base)) => Shown::File {
                file,
                offset: start.wrapping_add(base),
            },
            Some(Content::Memory(process, base)) => Shown::Memory {
                process,
                number: start.wrapping_add(base) >> self.shift,
            },
            None => Shown::Memory {
                process: process.first,
                number,
            },
        }
    }
}

impl Area {
    fn of(mapping: &Mapping, pid: u32, range: Range<u64>) -> Area {
        let content = match mapping.backing {
            Backing::Anonymous => Content::Memory(pid, 0),
            Backing::File { file, offset, .. } => {
                Content::File(file, offset.wrapping_sub(range.start))
            }
        };
        Area { range, content }
    }
}

/// Rounds a range to whole pages, as a kernel does. Its end is at most the largest address.
fn rounded(start: u64, length: u64, shift: u32) -> Range<u64> {
    let mask = KERNEL_PAGE.min(1 << shift) - 1;
    let end = start.saturating_add(length.max(1)).checked_add(mask);
    start & !mask..end.map_or(u64::MAX, |end| end & !mask)
}

/// Removes the parts of `areas` that lie in `range`.
fn cut(areas: &mut Arc<Vec<Area>>, range: &Range<u64>) {
    let first = areas.partition_point(|a| a.range.end <= range.start);
    let behind = areas.partition_point(|a| a.range.start < range.end);
    if first >= behind {
        return;
    }
    let (low, high) = (areas[first].clone(), areas[behind - 1].clone());
    let low = Area {
        range: low.range.start..range.start,
        ..low
    };
    let high = Area {
        range: range.end..high.range.end,
        ..high
    };
    let left = [low, high].into_iter().filter(|a| !a.range.is_empty());
    Arc::make_mut(areas).splice(first..behind, left);
}

#[cfg(test)]
mod tests {
    use super::super::event::Protection;
    use super::*;

    fn map(start: u64, pages: u64, backing: Backing) -> Event {
        Event::Map(Box::new(Mapping {
            backing,
            ..Mapping::anonymous(start << 12, pages << 12, Protection::RW)
        }))
    }

    fn file(file: u32, page: u64) -> Backing {
        Backing::File {
            file,
            offset: page << 12,
            length: 1 << 30,
        }
    }

    fn memory(process: u32, number: u64) -> Shown {
        Shown::Memory { process, number }
    }

    fn of_file(file: u32, page: u64) -> Shown {
        let offset = page << 12;
        Shown::File { file, offset }
    }

    #[test]
    fn files_are_shared_and_memory_is_inherited() {
        let mut shown = ShownPages::new(12);
        assert_eq!(shown.of(7, 10), memory(7, 10));
        shown.event(7, &map(10, 4, file(3, 100)));
        shown.event(8, &map(50, 4, file(3, 98)));
        assert_eq!(
            (shown.of(7, 11), shown.of(8, 53)),
            (of_file(3, 101), of_file(3, 101))
        );
        shown.event(7, &map(20, 4, Backing::Anonymous));
        shown.event(7, &Event::Fork { child: 9 });
        shown.event(9, &map(30, 4, Backing::Anonymous));
        shown.event(9, &Event::Fork { child: 5 });
        assert_eq!(shown.of(5, 20), memory(7, 20));
        assert_eq!(shown.of(5, 33), memory(9, 33));
        assert_eq!(shown.of(5, 10), of_file(3, 100));
        // Where nothing is mapped, as on the heap, it is that of the first of the line.
        assert_eq!(
            (shown.of(5, 40), shown.of(7, 33)),
            (memory(7, 40), memory(7, 33))
        );
        shown.event(5, &Event::Exec);
        assert_eq!(
            (shown.of(5, 20), shown.of(9, 20)),
            (memory(5, 20), memory(7, 20))
        );
    }

    fn moved(old: u64, pages: u64, new: u64, to: u64) -> Move {
        Move {
            old_start: old << 12,
            old_length: pages << 12,
            new_start: new << 12,
            new_length: to << 12,
            fixed: false,
            keep: false,
        }
    }

    #[test]
    fn what_moves_stays_what_it_is() {
        let mut shown = ShownPages::new(12);
        shown.event(1, &map(10, 4, Backing::Anonymous));
        shown.event(1, &map(14, 2, file(3, 100)));
        shown.event(1, &Event::Fork { child: 2 });
        // It grows by two pages, and goes to where another mapping lay.
        shown.event(2, &map(30, 20, file(4, 0)));
        shown.event(2, &Event::Move(Box::new(moved(12, 4, 30, 6))));
        let all: Vec<Shown> = (29..37).map(|number| shown.of(2, number)).collect();
        let expected = [
            memory(1, 29),
            memory(1, 12),
            memory(1, 13),
            of_file(3, 100),
            of_file(3, 101),
            of_file(3, 102),
            of_file(3, 103),
            of_file(4, 6),
        ];
        assert_eq!(all, expected);
        assert_eq!(
            (shown.of(2, 11), shown.of(1, 12)),
            (memory(1, 11), memory(1, 12))
        );
        // The old range, when it is mapped again, is what is mapped there then.
        shown.event(2, &map(14, 1, file(4, 9)));
        assert_eq!(shown.of(2, 14), of_file(4, 9));
        // In place, to fewer pages; and back, leaving the old range mapped.
        shown.event(2, &Event::Move(Box::new(moved(30, 6, 30, 1))));
        assert_eq!(
            (shown.of(2, 30), shown.of(2, 31)),
            (memory(1, 12), memory(1, 31))
        );
        let keep = Move {
            keep: true,
            ..moved(30, 1, 5, 1)
        };
        shown.event(2, &Event::Move(Box::new(keep)));
        assert_eq!(
            (shown.of(2, 5), shown.of(2, 30)),
            (memory(1, 12), memory(1, 12))
        );
        // Memory that no mapping has, as that of the heap.
        shown.event(2, &Event::Move(Box::new(moved(90, 1, 80, 1))));
        assert_eq!(shown.of(2, 80), memory(1, 90));
    }

    #[test]
    fn later_mappings_replace_and_split() {
        let mut shown = ShownPages::new(12);
        shown.event(1, &map(10, 10, file(3, 0)));
        shown.event(1, &map(13, 2, file(4, 7)));
        shown.event(
            1,
            &Event::Unmap {
                start: 16 << 12,
                length: 100,
            },
        );
        let all: Vec<Shown> = (9..21).map(|number| shown.of(1, number)).collect();
        let expected = [
            memory(1, 9),
            of_file(3, 0),
            of_file(3, 1),
            of_file(3, 2),
            of_file(4, 7),
            of_file(4, 8),
            of_file(3, 5),
            memory(1, 16),
            of_file(3, 7),
            of_file(3, 8),
            of_file(3, 9),
            memory(1, 20),
        ];
        assert_eq!(all, expected);
        // Of a large page the first mapping counts.
        let mut large = ShownPages::new(16);
        large.event(1, &map(20, 4, file(3, 0)));
        large.event(1, &map(24, 4, file(4, 0)));
        assert_eq!(
            large.of(1, 1),
            Shown::File {
                file: 3,
                offset: 0u64.wrapping_sub(4 << 12)
            }
        );
    }
}
