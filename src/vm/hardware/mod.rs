//! What processors and devices are like: TLB shapes, address layouts, processor models, costs.

pub mod cost;
pub mod layout;
pub mod page_table_sizes;
pub mod processors;
pub mod tlb_shapes;

use self::layout::Layout;
use self::processors::ProcessorModel;
use self::tlb_shapes::Geometry;
use crate::units::PageSize;
use std::fmt;

/// The translation hardware of a sweep, whose cells have different page sizes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hardware {
    /// Written out by the user: the same arrays for every page size.
    Geometry(Geometry),
    /// A processor model of the table, which has arrays by page size.
    Machine(&'static ProcessorModel),
}

impl From<Geometry> for Hardware {
    fn from(geometry: Geometry) -> Hardware {
        Hardware::Geometry(geometry)
    }
}

impl fmt::Display for Hardware {
    /// Returns the text form, or the name of the processor model.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hardware::Geometry(geometry) => geometry.fmt(f),
            Hardware::Machine(preset) => f.write_str(preset.name),
        }
    }
}

impl Hardware {
    /// Returns the hardware as pages of this size see it.
    pub fn geometry(&self, page: PageSize) -> Geometry {
        match self {
            Hardware::Geometry(geometry) => geometry.for_pages(page),
            Hardware::Machine(preset) => preset.geometry(page),
        }
    }

    /// Returns the hardware as pages of this size see it, over page tables of `layout`, whose levels
    /// replace those of the hardware.
    pub fn over(&self, layout: &Layout, page: PageSize) -> Geometry {
        let levels = layout.walk_levels(page.shift().into()) as u32;
        match self {
            Hardware::Geometry(geometry) => Geometry {
                leaf_bits: layout.shift(levels as usize - 1),
                ..geometry.with_levels(levels)
            },
            Hardware::Machine(preset) => preset.over(layout, page),
        }
    }
}
