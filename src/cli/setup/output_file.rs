//! The one file that a command writes: whole or not at all, also after a signal.

use super::failure::Failure;
use super::paths::refuse_replacing;
use super::signals;
use crate::report::whole_file::WholeFile;
use crate::trace::codec::encode;
use crate::trace::codec::encode::Compression;
use crate::units::Printable;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Lets `fill` write `path` under another name, and renames the file once it is whole. A signal leaves
/// nothing behind. Without `force` a file that is there is not replaced, not even one that another
/// process wrote meanwhile.
pub fn write_whole<T>(
    path: &Path,
    force: bool,
    fill: impl FnOnce(&mut dyn Write) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let fail = |e: io::Error| Failure::file(path, e);
    signals::leaves("nothing was written");
    let file = WholeFile::create(path).map_err(fail)?;
    let mut out = BufWriter::with_capacity(1 << 18, file);
    let done = fill(&mut out)?;
    let file = out.into_inner().map_err(|e| fail(e.into_error()))?;
    refuse_replacing("-o", path, force)?;
    file.finish().map_err(fail)?;
    signals::leaves("");
    Ok(done)
}

/// Errors if the name of a `.pbt` asks for compression, which its content has already.
pub fn check_stored_name(output: &Path) -> Result<(), Failure> {
    match encode::by_name(output) {
        Ok((Compression::None, _)) => Ok(()),
        _ => Err(Failure::usage(format!(
            "-o {}: a .pbt is written, whose content is compressed already; name a file that ends in .pbt",
            output.printed()
        ))),
    }
}
