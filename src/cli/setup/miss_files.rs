//! `run --write-misses`: the folder of miss streams, and the name of each cell's file.

use super::failure::Failure;
use super::folder::{IfResultsExist, RunFolder, refuse_files, take_folder};
use super::own_files::refuse_irregular;
use super::paths::refuse_inputs;
use crate::report::stems::Stems;
use crate::report::whole_file::WholeFile;
use crate::sweep::{Identity, MissOutput, Plan};
use crate::units::Printable;
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Longer trace names are cut in file names.
const TRACE_MAX: usize = 40;

/// The folder of the miss streams of a run.
pub struct MissFolder {
    folder: RunFolder,
    /// The stem of the file of each cell of the whole plan, by the cell's identity.
    stems: HashMap<Identity, String>,
}

impl MissFolder {
    /// Makes the folder, before any work.
    pub fn make(path: &Path) -> Result<MissFolder, Failure> {
        Ok(MissFolder {
            folder: take_folder(path)?,
            stems: HashMap::new(),
        })
    }

    /// Names the files of the cells of the whole plan, and locks the folder. Errors if one of those at `places` is an input, or
    /// exists and files are to be refused.
    pub fn name_cells(
        &mut self,
        plan: &Plan<'_>,
        places: &[usize],
        if_exist: IfResultsExist,
    ) -> Result<(), Failure> {
        let mut stems = Stems::default();
        let cells: Vec<Identity> = plan.cells.iter().map(|cell| plan.identity(cell)).collect();
        let names: Vec<String> = cells.iter().map(|id| stems.take(&name_of(id))).collect();
        let files = places.iter().map(|&place| format!("{}.pbt", names[place]));
        let files: Vec<String> = files.collect();
        let folder = self.folder.path();
        if if_exist == IfResultsExist::Refuse {
            refuse_files(folder, &files)?;
        }
        self.folder.lock()?;
        refuse_irregular(folder, &files)?;
        refuse_inputs("--write-misses", files.iter().map(|name| folder.join(name)))?;
        self.stems = cells.into_iter().zip(names).collect();
        Ok(())
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns whether the file of a cell is there.
    pub fn has(&self, cell: &Identity) -> bool {
        self.file_of(cell).is_file()
    }

    fn file_of(&self, cell: &Identity) -> PathBuf {
        self.path().join(format!("{}.pbt", self.stems[cell]))
    }

    /// Opens the file of a cell; the error is a message.
    pub fn open(&self, cell: &Identity) -> Result<Box<dyn MissOutput>, String> {
        let path = self.file_of(cell);
        match WholeFile::create(&path) {
            Ok(file) => Ok(Box::new(MissFile {
                name: self.stems[cell].clone(),
                file,
            })),
            Err(error) => Err(format!("{}: cannot write: {error}", path.printed())),
        }
    }
}

/// Returns what names a cell among those of its run: `cc1-lru-64`, `cc1-ws-tau=300`. Page size, seed
/// and a limit of frames beside a window follow if they are unusual.
fn name_of(cell: &Identity) -> String {
    let short = Identity {
        trace: cell.trace.chars().take(TRACE_MAX).collect(),
        filter: String::new(),
        warmup_refs: 0,
        ..cell.clone()
    };
    let name = short.path().replace('/', "-");
    match (cell.tau, cell.frames) {
        (Some(_), Some(frames)) => format!("{name}-{frames}"),
        _ => name,
    }
}

/// A stream that appears under its name once it is whole.
struct MissFile {
    name: String,
    file: WholeFile,
}

impl Write for MissFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl MissOutput for MissFile {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.file.finish()
    }
}
