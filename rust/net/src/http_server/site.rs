//! What a server serves by itself: folders, and a health check.

use std::sync::Arc;

use thiserror::Error;

use super::folder::Folder;
use crate::http::headers::ResponseHeader;
use crate::http::path::FilePath;

/// How the files of a folder are served.
#[derive(Debug, Clone)]
pub struct FolderOptions {
    /// The file that is served for a folder. Default `index.html`.
    pub index: String,
    /// The `Cache-Control` of all files; empty sends none. Default `no-cache`: clients keep files, and ask each time
    /// whether they have changed.
    pub cache_control: String,
    /// Whether pages may use threads and shared memory in browsers, by the headers `Cross-Origin-Opener-Policy` and
    /// `Cross-Origin-Embedder-Policy`. Default `false`.
    pub cross_origin_isolated: bool,
    /// The `Access-Control-Allow-Origin` of all files: an origin, or `*`. Empty sends none. Default empty.
    pub allow_origin: String,
    /// Additional header lines. Default: none.
    pub headers: Vec<ResponseHeader>,
}

impl Default for FolderOptions {
    fn default() -> Self {
        Self {
            index: "index.html".to_owned(),
            cache_control: "no-cache".to_owned(),
            cross_origin_isolated: false,
            allow_origin: String::new(),
            headers: Vec::new(),
        }
    }
}

/// The folders and the health check of a server. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// The longest prefix first.
    mounts: Vec<Arc<Mount>>,
    health: Option<String>,
}

/// A folder, and where it is served.
#[derive(Debug)]
pub(crate) struct Mount {
    prefix: FilePath,
    pub(crate) folder: Folder,
    pub(crate) options: FolderOptions,
}

/// A path that is none, or is never served.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{0}' is no path such as '/' or '/files'; no part of it may begin with a dot")]
pub struct InvalidPrefix(pub String);

impl Site {
    /// Serves a folder below a prefix, in place of another one with the same prefix.
    ///
    /// # Errors
    /// [`InvalidPrefix`].
    pub fn serve(&mut self, prefix: &str, folder: Folder, options: FolderOptions) -> Result<(), InvalidPrefix> {
        let prefix = parse(prefix)?;
        self.remove(&prefix);
        self.mounts.push(Arc::new(Mount {
            prefix,
            folder,
            options,
        }));
        self.mounts.sort_by_key(|mount| std::cmp::Reverse(mount.prefix.depth()));
        Ok(())
    }

    /// Ends [`Self::serve`]. Returns whether there was such a prefix.
    pub fn stop_serving(&mut self, prefix: &str) -> bool {
        parse(prefix).is_ok_and(|prefix| self.remove(&prefix))
    }

    /// Sets the path of the health check; `None` for no check.
    ///
    /// # Errors
    /// [`InvalidPrefix`] if it does not begin with `/`, or has a query.
    pub fn set_health(&mut self, path: Option<&str>) -> Result<(), InvalidPrefix> {
        let is_path =
            |path: &str| path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic() && !b"?#".contains(&b));
        if let Some(path) = path.filter(|path| !is_path(path)) {
            return Err(InvalidPrefix(path.to_owned()));
        }
        self.health = path.map(str::to_owned);
        Ok(())
    }

    /// The path of the health check.
    #[must_use]
    pub fn health(&self) -> Option<&str> {
        self.health.as_deref()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mounts.is_empty() && self.health.is_none()
    }

    /// The folders that may have this path, the most specific first, with the part below each.
    pub(crate) fn below<'a>(&'a self, path: &'a FilePath) -> impl Iterator<Item = (&'a Arc<Mount>, FilePath)> {
        self.mounts
            .iter()
            .filter_map(move |mount| Some((mount, path.below(&mount.prefix)?)))
    }

    fn remove(&mut self, prefix: &FilePath) -> bool {
        let before = self.mounts.len();
        self.mounts.retain(|mount| mount.prefix.joined() != prefix.joined());
        self.mounts.len() < before
    }
}

fn parse(prefix: &str) -> Result<FilePath, InvalidPrefix> {
    let path = FilePath::parse(prefix).ok().filter(|_| prefix.starts_with('/'));
    path.ok_or_else(|| InvalidPrefix(prefix.to_owned()))
}
