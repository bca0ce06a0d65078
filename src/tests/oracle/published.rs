//! Counts that other people published for traces they published too. The traces carry no licence of
//! their own and are not part of this project; a file is recognised by its sha256.
//!
//! Every count is demand paging from empty frames, cold misses included. Formats without addresses
//! (`lirs`, `oracleGeneral`) name pages directly.

use std::fmt;

/// One published result.
#[derive(Clone, Copy, Debug)]
pub struct Published {
    /// Path below the folder of the published traces.
    pub trace: &'static str,
    pub sha256: &'static str,
    pub format: &'static str,
    pub page_size: u64,
    pub policy: &'static str,
    pub frames: u64,
    pub expected: Expected,
    pub source: &'static str,
}

/// What the source states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Faults(u64),
    /// Faults and write-backs of dirty victims; pages still dirty at the end are not written.
    FaultsAndWrites(u64, u64),
    /// Hits in hundredths of a percent of the references, rounded to the nearest.
    HitPercentHundredths(u32),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Faults(faults) => write!(f, "{faults} faults"),
            FaultsAndWrites(faults, writes) => write!(f, "{faults} faults, {writes} written"),
            HitPercentHundredths(percent) => {
                write!(f, "{}.{:02} % hits", percent / 100, percent % 100)
            }
        }
    }
}

use Expected::{Faults, FaultsAndWrites, HitPercentHundredths};

/// A trace file and who published counts for it.
struct Trace {
    path: &'static str,
    sha256: &'static str,
    format: &'static str,
    source: &'static str,
}

impl Trace {
    const fn row(&self, policy: &'static str, frames: u64, expected: Expected) -> Published {
        Published {
            trace: self.path,
            sha256: self.sha256,
            format: self.format,
            page_size: 4096,
            policy,
            frames,
            expected,
            source: self.source,
        }
    }
}

/// 1,000,000 references to 2,852 pages. Clock sets the bit on load.
const COURSE_GCC: Trace = Trace {
    path: "course/gcc.trace.gz",
    sha256: "c88770a596e0437b4643eedb15fe40e6bafec6799cbfbd7000faf5aed9607e24",
    format: "addr-rw",
    source: "LewisXu-RuizeXu/OS-Assignment-2, results/results.csv (49bf8d37ee13)",
};

/// 1,000,000 references to 2,543 pages. Clock sets the bit on load.
const COURSE_SWIM: Trace = Trace {
    path: "course/swim.trace.gz",
    sha256: "3756e066d5913339f506a8e24b363fe82042e8c97623f7f879a9ad4e111e8b9a",
    format: "addr-rw",
    source: "LewisXu-RuizeXu/OS-Assignment-2, results/results.csv (49bf8d37ee13)",
};

/// 515,683 references to 294 pages. Its SECOND is Clock with a clear bit on load.
const SPEC_GCC: Trace = Trace {
    path: "spec/address_gcc.trace.gz",
    sha256: "5bdb3949313a0b7a94174c5fd7eb5c448e7e9f6a281e280621099dc29beaa26a",
    format: "spec",
    source: "garretthagen21/CS1550-Project-3, docs/expectedout.txt (75d2d85f9071)",
};

/// 303,193 references to 135 pages. Its SECOND is Clock with a clear bit on load.
const SPEC_SWIM: Trace = Trace {
    path: "spec/address_swim.trace.gz",
    sha256: "c83130907044e8a919301f519d4cf31c8d014a9739f05578cc3459baac7d7e1b",
    format: "spec",
    source: "garretthagen21/CS1550-Project-3, docs/expectedout.txt (75d2d85f9071)",
};

/// 10,320 references to 2,644 pages. Clock sets the bit on load.
const SIMPLELOOP: Trace = Trace {
    path: "teaching/tr-simpleloop.ref",
    sha256: "7c56a30455f52cd47196e4f148370eb92480d08799b6cfeceb8d31e05ef3abc5",
    format: "page-ref",
    source: "yanzhizhang/CSC_369, A3/README.pdf (4a2c5c2638b2)",
};

/// 6,015 references to 2,529 pages.
const GLI: Trace = Trace {
    path: "lirs/gli.trc",
    sha256: "9c1696e46979dbb6cbd8a76859fcdaa97c9901e16ce0d04df55db8bfdf9b8980",
    format: "lirs",
    source: "bitfaster/BitFaster.Caching, pull request 131",
};

/// 15,858 references to 2,606 pages.
const MULTI1: Trace = Trace {
    path: "lirs/multi1.trc",
    sha256: "99b394840da4e187d0ede6ce3e874f3c510a56faa560e0cb60f150e12d235747",
    format: "lirs",
    source: "libCacheSim 0.3.5",
};

/// 133,996 references to 7,075 pages.
const SPRITE: Trace = Trace {
    path: "lirs/sprite.trc",
    sha256: "e4620bb83c09fb22a159ec414012f6014be50619f4dba8dd0ad095466d28180b",
    format: "lirs",
    source: "libCacheSim 0.3.5",
};

/// 113,872 references to 48,974 objects, sizes ignored.
const CLOUD_PHYSICS: Trace = Trace {
    path: "storage/cloudPhysicsIO.oracleGeneral.bin",
    sha256: "65438dd7b2d3dec7ffe8a5c9348045da92de3311f339b7b59c9a0a44e6050dea",
    format: "oracleGeneral",
    source: "libCacheSim 0.3.5, equal to an independent model",
};

/// The policies that rest on one program only.
const CLOUD_PHYSICS_PEER: Trace = Trace {
    source: "libCacheSim 0.3.5",
    ..CLOUD_PHYSICS
};

/// Clock with the bit set on load has no publisher here.
const CLOUD_PHYSICS_COMPUTED: Trace = Trace {
    source: "computed from the definition by a second program",
    ..CLOUD_PHYSICS
};

/// Clock with a clear reference bit on load.
const CLOCK_BIT0: &str = "clock:load-bit=0";

/// The whole table.
pub const PUBLISHED: &[Published] = &[
    COURSE_GCC.row("lru", 4, FaultsAndWrites(243_809, 43_187)),
    COURSE_GCC.row("lru", 8, FaultsAndWrites(171_186, 23_983)),
    COURSE_GCC.row("lru", 16, FaultsAndWrites(116_604, 14_749)),
    COURSE_GCC.row("lru", 32, FaultsAndWrites(84_401, 11_737)),
    COURSE_GCC.row("lru", 64, FaultsAndWrites(59_089, 8_863)),
    COURSE_GCC.row("lru", 128, FaultsAndWrites(40_821, 6_131)),
    COURSE_GCC.row("lru", 256, FaultsAndWrites(25_308, 4_231)),
    COURSE_GCC.row("lru", 512, FaultsAndWrites(10_425, 2_173)),
    COURSE_GCC.row("clock", 4, FaultsAndWrites(276_968, 51_481)),
    COURSE_GCC.row("clock", 8, FaultsAndWrites(181_856, 29_401)),
    COURSE_GCC.row("clock", 16, FaultsAndWrites(121_682, 16_376)),
    COURSE_GCC.row("clock", 32, FaultsAndWrites(87_686, 12_293)),
    COURSE_GCC.row("clock", 64, FaultsAndWrites(61_640, 9_346)),
    COURSE_GCC.row("clock", 128, FaultsAndWrites(43_017, 6_671)),
    COURSE_GCC.row("clock", 256, FaultsAndWrites(26_789, 4_528)),
    COURSE_GCC.row("clock", 512, FaultsAndWrites(11_472, 2_398)),
    COURSE_GCC.row("opt", 8, Faults(118_480)),
    COURSE_SWIM.row("lru", 4, FaultsAndWrites(346_936, 56_045)),
    COURSE_SWIM.row("lru", 8, FaultsAndWrites(285_375, 53_614)),
    COURSE_SWIM.row("lru", 16, FaultsAndWrites(171_961, 46_293)),
    COURSE_SWIM.row("lru", 32, FaultsAndWrites(48_254, 9_674)),
    COURSE_SWIM.row("lru", 64, FaultsAndWrites(21_656, 5_687)),
    COURSE_SWIM.row("lru", 128, FaultsAndWrites(13_250, 3_812)),
    COURSE_SWIM.row("lru", 256, FaultsAndWrites(5_673, 1_866)),
    COURSE_SWIM.row("lru", 512, FaultsAndWrites(3_632, 1_159)),
    COURSE_SWIM.row("clock", 4, FaultsAndWrites(380_682, 57_213)),
    COURSE_SWIM.row("clock", 8, FaultsAndWrites(293_519, 54_327)),
    COURSE_SWIM.row("clock", 16, FaultsAndWrites(191_848, 48_350)),
    COURSE_SWIM.row("clock", 32, FaultsAndWrites(53_025, 11_140)),
    COURSE_SWIM.row("clock", 64, FaultsAndWrites(22_611, 5_844)),
    COURSE_SWIM.row("clock", 128, FaultsAndWrites(15_275, 4_371)),
    COURSE_SWIM.row("clock", 256, FaultsAndWrites(5_980, 1_973)),
    COURSE_SWIM.row("clock", 512, FaultsAndWrites(3_795, 1_218)),
    SPEC_GCC.row("lru", 2, FaultsAndWrites(126_391, 43_137)),
    SPEC_GCC.row("opt", 2, FaultsAndWrites(97_148, 31_826)),
    SPEC_GCC.row(CLOCK_BIT0, 8, FaultsAndWrites(23_680, 7_621)),
    SPEC_GCC.row("lru", 8, Faults(23_027)),
    SPEC_GCC.row("opt", 8, Faults(13_328)),
    SPEC_GCC.row("lru", 16, Faults(6_172)),
    SPEC_GCC.row(CLOCK_BIT0, 16, Faults(6_517)),
    SPEC_GCC.row("opt", 16, Faults(3_020)),
    SPEC_SWIM.row("lru", 2, FaultsAndWrites(67_789, 27_499)),
    SPEC_SWIM.row("opt", 2, FaultsAndWrites(57_975, 23_529)),
    SPEC_SWIM.row(CLOCK_BIT0, 8, FaultsAndWrites(9_916, 4_892)),
    SPEC_SWIM.row("lru", 16, Faults(530)),
    SPEC_SWIM.row(CLOCK_BIT0, 16, Faults(579)),
    SPEC_SWIM.row("opt", 16, Faults(358)),
    SIMPLELOOP.row("lru", 50, Faults(2_788)),
    SIMPLELOOP.row("lru", 100, Faults(2_686)),
    SIMPLELOOP.row("lru", 150, Faults(2_684)),
    SIMPLELOOP.row("lru", 200, Faults(2_684)),
    SIMPLELOOP.row("fifo", 50, Faults(2_982)),
    SIMPLELOOP.row("fifo", 100, Faults(2_759)),
    SIMPLELOOP.row("fifo", 150, Faults(2_718)),
    SIMPLELOOP.row("fifo", 200, Faults(2_710)),
    SIMPLELOOP.row("clock", 50, Faults(2_803)),
    SIMPLELOOP.row("clock", 100, Faults(2_690)),
    SIMPLELOOP.row("clock", 150, Faults(2_687)),
    SIMPLELOOP.row("clock", 200, Faults(2_685)),
    SIMPLELOOP.row("opt", 50, Faults(2_671)),
    SIMPLELOOP.row("opt", 100, Faults(2_644)),
    SIMPLELOOP.row("opt", 150, Faults(2_644)),
    SIMPLELOOP.row("opt", 200, Faults(2_644)),
    GLI.row("lru", 250, HitPercentHundredths(91)),
    GLI.row("lru", 500, HitPercentHundredths(95)),
    GLI.row("lru", 750, HitPercentHundredths(115)),
    GLI.row("lru", 1_000, HitPercentHundredths(1_121)),
    GLI.row("lru", 1_250, HitPercentHundredths(2_125)),
    GLI.row("lru", 1_500, HitPercentHundredths(3_656)),
    GLI.row("lru", 1_750, HitPercentHundredths(4_504)),
    GLI.row("lru", 2_000, HitPercentHundredths(5_741)),
    MULTI1.row("lru", 500, Faults(8_483)),
    MULTI1.row("lru", 1_000, Faults(8_210)),
    MULTI1.row("fifo", 500, Faults(9_401)),
    MULTI1.row("fifo", 1_000, Faults(8_755)),
    MULTI1.row(CLOCK_BIT0, 500, Faults(8_345)),
    MULTI1.row(CLOCK_BIT0, 1_000, Faults(8_154)),
    MULTI1.row("opt", 500, Faults(6_536)),
    MULTI1.row("opt", 1_000, Faults(4_536)),
    MULTI1.row("arc", 500, Faults(8_025)),
    MULTI1.row("arc", 1_000, Faults(7_969)),
    MULTI1.row("sieve", 500, Faults(8_044)),
    MULTI1.row("sieve", 1_000, Faults(7_970)),
    SPRITE.row("lru", 500, Faults(29_074)),
    SPRITE.row("lru", 1_000, Faults(12_544)),
    SPRITE.row("fifo", 500, Faults(35_364)),
    SPRITE.row("fifo", 1_000, Faults(17_093)),
    SPRITE.row(CLOCK_BIT0, 500, Faults(29_016)),
    SPRITE.row(CLOCK_BIT0, 1_000, Faults(12_992)),
    SPRITE.row("opt", 500, Faults(16_236)),
    SPRITE.row("opt", 1_000, Faults(9_060)),
    SPRITE.row("arc", 500, Faults(30_323)),
    SPRITE.row("arc", 1_000, Faults(13_795)),
    SPRITE.row("sieve", 500, Faults(36_723)),
    SPRITE.row("sieve", 1_000, Faults(17_459)),
    CLOUD_PHYSICS.row("fifo", 500, Faults(96_483)),
    CLOUD_PHYSICS.row("fifo", 2_000, Faults(94_588)),
    CLOUD_PHYSICS.row("fifo", 8_000, Faults(87_596)),
    CLOUD_PHYSICS.row("lru", 500, Faults(95_398)),
    CLOUD_PHYSICS.row("lru", 2_000, Faults(94_189)),
    CLOUD_PHYSICS.row("lru", 8_000, Faults(87_740)),
    CLOUD_PHYSICS.row(CLOCK_BIT0, 500, Faults(95_293)),
    CLOUD_PHYSICS.row(CLOCK_BIT0, 2_000, Faults(94_081)),
    CLOUD_PHYSICS.row(CLOCK_BIT0, 8_000, Faults(87_731)),
    CLOUD_PHYSICS_COMPUTED.row("clock", 500, Faults(95_592)),
    CLOUD_PHYSICS_COMPUTED.row("clock", 2_000, Faults(94_307)),
    CLOUD_PHYSICS_COMPUTED.row("clock", 8_000, Faults(87_691)),
    CLOUD_PHYSICS.row("opt", 500, Faults(90_175)),
    CLOUD_PHYSICS.row("opt", 2_000, Faults(81_870)),
    CLOUD_PHYSICS.row("opt", 8_000, Faults(64_766)),
    CLOUD_PHYSICS.row("arc", 500, Faults(94_218)),
    CLOUD_PHYSICS.row("arc", 2_000, Faults(92_829)),
    CLOUD_PHYSICS.row("arc", 8_000, Faults(82_230)),
    CLOUD_PHYSICS.row("sieve", 500, Faults(94_379)),
    CLOUD_PHYSICS.row("sieve", 2_000, Faults(93_411)),
    CLOUD_PHYSICS.row("sieve", 8_000, Faults(84_794)),
    MULTI1.row("mq", 500, Faults(8_239)),
    MULTI1.row("mq", 1_000, Faults(8_199)),
    MULTI1.row("mq", 2_000, Faults(2_659)),
    SPRITE.row("mq", 500, Faults(36_991)),
    SPRITE.row("mq", 1_000, Faults(20_898)),
    SPRITE.row("mq", 2_000, Faults(9_943)),
    CLOUD_PHYSICS_PEER.row("mq", 500, Faults(94_624)),
    CLOUD_PHYSICS_PEER.row("mq", 2_000, Faults(92_637)),
    CLOUD_PHYSICS_PEER.row("mq", 8_000, Faults(86_286)),
    MULTI1.row("2q", 500, Faults(8_253)),
    MULTI1.row("2q", 1_000, Faults(8_192)),
    MULTI1.row("2q", 2_000, Faults(4_103)),
    SPRITE.row("2q", 500, Faults(29_238)),
    SPRITE.row("2q", 1_000, Faults(13_891)),
    SPRITE.row("2q", 2_000, Faults(10_273)),
    CLOUD_PHYSICS_PEER.row("2q", 500, Faults(94_565)),
    CLOUD_PHYSICS_PEER.row("2q", 2_000, Faults(93_075)),
    CLOUD_PHYSICS_PEER.row("2q", 8_000, Faults(82_104)),
    MULTI1.row("lfu:keep=0", 500, Faults(8_044)),
    MULTI1.row("lfu:keep=0", 1_000, Faults(7_970)),
    MULTI1.row("lfu:keep=0", 2_000, Faults(2_659)),
    SPRITE.row("lfu:keep=0", 500, Faults(99_674)),
    SPRITE.row("lfu:keep=0", 1_000, Faults(51_933)),
    SPRITE.row("lfu:keep=0", 2_000, Faults(26_574)),
    CLOUD_PHYSICS_PEER.row("lfu:keep=0", 500, Faults(96_651)),
    CLOUD_PHYSICS_PEER.row("lfu:keep=0", 2_000, Faults(93_707)),
    CLOUD_PHYSICS_PEER.row("lfu:keep=0", 8_000, Faults(84_794)),
    MULTI1.row("lru-k:retain=0", 500, Faults(8_044)),
    MULTI1.row("lru-k:retain=0", 1_000, Faults(7_970)),
    MULTI1.row("lru-k:retain=0", 2_000, Faults(2_659)),
    SPRITE.row("lru-k:retain=0", 500, Faults(99_694)),
    SPRITE.row("lru-k:retain=0", 1_000, Faults(51_953)),
    SPRITE.row("lru-k:retain=0", 2_000, Faults(26_574)),
    CLOUD_PHYSICS_PEER.row("lru-k:retain=0", 500, Faults(96_486)),
    CLOUD_PHYSICS_PEER.row("lru-k:retain=0", 2_000, Faults(93_707)),
    CLOUD_PHYSICS_PEER.row("lru-k:retain=0", 8_000, Faults(84_794)),
    MULTI1.row("s3-fifo:fill-main=1", 500, Faults(7_097)),
    MULTI1.row("s3-fifo:fill-main=1", 1_000, Faults(6_146)),
    MULTI1.row("s3-fifo:fill-main=1", 2_000, Faults(2_637)),
    SPRITE.row("s3-fifo:fill-main=1", 500, Faults(28_565)),
    SPRITE.row("s3-fifo:fill-main=1", 1_000, Faults(14_328)),
    SPRITE.row("s3-fifo:fill-main=1", 2_000, Faults(9_743)),
    CLOUD_PHYSICS_PEER.row("s3-fifo:fill-main=1", 500, Faults(94_559)),
    CLOUD_PHYSICS_PEER.row("s3-fifo:fill-main=1", 2_000, Faults(92_990)),
    CLOUD_PHYSICS_PEER.row("s3-fifo:fill-main=1", 8_000, Faults(79_784)),
];
