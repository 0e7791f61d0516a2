//! Folders whose files are served.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sha1::{Digest, Sha1};

use crate::http::encoding::Coding;
use crate::http::path::FilePath;
use crate::http::validators::Validators;

/// A file of the disk up to this size, in bytes, is read in one go.
const SMALL_FILE: u64 = 64 * 1024;

/// A folder of files. Files and folders whose name begins with a dot are not served.
#[derive(Debug)]
pub struct Folder(Kind);

#[derive(Debug)]
enum Kind {
    Kept {
        files: HashMap<String, Kept>,
        folders: HashSet<String>,
    },
    Disk(Disk),
}

#[derive(Debug)]
struct Disk {
    /// The real path of the folder.
    root: PathBuf,
    /// Endings of names that are not served, in lower case.
    hidden: &'static [&'static str],
}

#[derive(Debug, Clone)]
struct Kept {
    bytes: Bytes,
    validators: Validators,
}

/// A file whose content is kept in memory.
#[derive(Debug)]
pub struct KeptFile {
    /// The path below the folder, with `/` between names.
    pub path: String,
    /// The content.
    pub bytes: Bytes,
    /// When it was changed last.
    pub modified: SystemTime,
}

/// What is found at a path.
#[derive(Debug)]
pub(crate) enum Found {
    File(Resource),
    /// A folder, asked for without a `/` at the end.
    Folder,
    Nothing,
}

/// A representation of a file.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) content: FileContent,
    pub(crate) validators: Validators,
    pub(crate) coding: Option<Coding>,
    /// Whether another client may get another coding.
    pub(crate) varies: bool,
    /// The name of the file without the suffix of a coding.
    pub(crate) name: String,
}

#[derive(Debug)]
pub(crate) enum FileContent {
    Bytes(Bytes),
    /// An open file of this many bytes.
    File(File, u64),
}

impl FileContent {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(_, len) => *len,
        }
    }
}

impl Folder {
    /// A folder whose files are kept in memory.
    #[must_use]
    pub fn kept(files: impl IntoIterator<Item = KeptFile>) -> Self {
        let (mut kept, mut folders) = (HashMap::new(), HashSet::from([String::new()]));
        for file in files {
            if file.path.split('/').any(|name| name.starts_with('.')) {
                continue;
            }
            folders.extend(file.path.match_indices('/').map(|(at, _)| file.path[..at].to_owned()));
            let validators = Validators {
                tag: content_tag(&file.bytes),
                modified: file.modified,
            };
            kept.insert(
                file.path,
                Kept {
                    bytes: file.bytes,
                    validators,
                },
            );
        }
        Self(Kind::Kept { files: kept, folders })
    }

    /// A folder of the disk, whose files are read when they are asked for. A link that leads out of it is not followed.
    ///
    /// # Errors
    /// The system's error if there is no such folder.
    pub fn disk(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::disk_without(path, &[])
    }

    /// The same, without the files whose names end with one of these, in lower case.
    ///
    /// # Errors
    /// As [`Self::disk`].
    pub fn disk_without(path: impl AsRef<Path>, hidden: &'static [&'static str]) -> io::Result<Self> {
        let root = fs::canonicalize(path)?;
        if root.is_dir() {
            Ok(Self(Kind::Disk(Disk { root, hidden })))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Whether looking something up may block.
    pub(crate) fn may_block(&self) -> bool {
        matches!(self.0, Kind::Disk(_))
    }

    /// Looks up a path below this folder. `slash` tells whether it ended with one. Of a folder, `index` is the file
    /// that is served.
    pub(crate) fn find(&self, path: &FilePath, slash: bool, index: &str, accepted: &[Coding]) -> Found {
        let mut joined = path.joined();
        if self.is_folder(&joined) {
            if !slash {
                return Found::Folder;
            }
            if !joined.is_empty() {
                joined.push('/');
            }
            joined += index;
        } else if slash {
            return Found::Nothing;
        }
        match &self.0 {
            Kind::Kept { files, .. } => find_kept(files, &joined, accepted),
            Kind::Disk(disk) if disk.hides(&joined) => None,
            Kind::Disk(disk) => find_on_disk(&disk.root, &joined, accepted),
        }
        .map_or(Found::Nothing, Found::File)
    }

    fn is_folder(&self, path: &str) -> bool {
        match &self.0 {
            Kind::Kept { folders, .. } => folders.contains(path),
            Kind::Disk(disk) => real_path(&disk.root, path).is_some_and(|path| path.is_dir()),
        }
    }
}

impl Disk {
    fn hides(&self, path: &str) -> bool {
        // The system may ignore case.
        !self.hidden.is_empty() && self.hidden.iter().any(|&ending| path.to_lowercase().ends_with(ending))
    }
}

fn find_kept(files: &HashMap<String, Kept>, path: &str, accepted: &[Coding]) -> Option<Resource> {
    let plain = files.get(path);
    let neighbour = |coding: Coding| files.get(&format!("{path}{}", coding.suffix()));
    let varies = Coding::ALL.into_iter().any(|coding| neighbour(coding).is_some());
    let coded = accepted
        .iter()
        .find_map(|&coding| Some((neighbour(coding)?, Some(coding))));
    let (file, coding) = coded.or_else(|| Some((plain?, None)))?;
    Some(Resource {
        content: FileContent::Bytes(file.bytes.clone()),
        validators: file.validators.clone(),
        coding,
        varies,
        name: path.to_owned(),
    })
}

fn find_on_disk(root: &Path, path: &str, accepted: &[Coding]) -> Option<Resource> {
    let neighbour = |coding: Coding| {
        let path = real_path(root, &format!("{path}{}", coding.suffix()))?;
        path.is_file().then_some(path)
    };
    let varies = Coding::ALL.into_iter().any(|coding| neighbour(coding).is_some());
    let coded = if varies {
        accepted
            .iter()
            .find_map(|&coding| Some((neighbour(coding)?, Some(coding))))
    } else {
        None
    };
    let (file, coding) = coded.or_else(|| Some((real_path(root, path)?, None)))?;
    let (content, validators) = open(&file).ok()?;
    Some(Resource {
        content,
        validators,
        coding,
        varies,
        name: path.to_owned(),
    })
}

/// An entity tag of a content. Takes a while for a large one.
fn content_tag(bytes: &[u8]) -> String {
    let hash = Sha1::digest(bytes);
    let hex: String = hash.iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

impl Resource {
    /// A single file in memory. Takes a while for a large one.
    pub(crate) fn kept(name: String, bytes: Bytes) -> Self {
        Self {
            validators: Validators {
                tag: content_tag(&bytes),
                modified: UNIX_EPOCH,
            },
            content: FileContent::Bytes(bytes),
            coding: None,
            varies: false,
            name,
        }
    }

    /// A single file of the disk. Blocks.
    pub(crate) fn disk(path: &Path) -> io::Result<Self> {
        let (content, validators) = open(path)?;
        Ok(Self {
            content,
            validators,
            coding: None,
            varies: false,
            name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        })
    }
}

/// Opens one file of the disk.
fn open(path: &Path) -> io::Result<(FileContent, Validators)> {
    // Opening a pipe or a device could block, or have effects.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut options = OpenOptions::new();
    options.read(true);
    // Another one may have taken its place by now.
    #[cfg(unix)]
    options.custom_flags(libc::O_NONBLOCK);
    let mut file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let (len, modified) = (metadata.len(), metadata.modified().unwrap_or(UNIX_EPOCH));
    let nanos = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let validators = Validators {
        tag: format!("\"{nanos:x}-{len:x}\""),
        modified,
    };
    if len > SMALL_FILE {
        return Ok((FileContent::File(file, len), validators));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
    Read::by_ref(&mut file).take(len).read_to_end(&mut bytes)?;
    Ok((FileContent::Bytes(bytes.into()), validators))
}

/// The real path of something below `root`; `None` if there is nothing, if links lead out of `root`, or to something
/// hidden.
fn real_path(root: &Path, path: &str) -> Option<PathBuf> {
    // Name by name: on Windows, a real path takes no other separator than its own.
    let path: PathBuf = root.iter().chain(path.split('/').map(OsStr::new)).collect();
    let real = fs::canonicalize(path).ok()?;
    let below = real.strip_prefix(root).ok()?;
    let is_hidden = below.iter().any(|name| name.as_encoded_bytes().starts_with(b"."));
    (!is_hidden).then_some(real)
}
