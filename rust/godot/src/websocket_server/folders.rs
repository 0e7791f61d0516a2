//! Serving folders of the project, of the user's data and of the disk.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_sockets_net::http::headers::ResponseHeader;
use async_sockets_net::http_server::folder::{Folder, KeptFile};
use async_sockets_net::http_server::site::FolderOptions;
use godot::builtin::{GString, PackedStringArray, VarDictionary, Variant, VariantType};
use godot::classes::file_access::ModeFlags;
use godot::classes::{DirAccess, FileAccess, Os, ProjectSettings};
use godot::global::Error;
use godot::meta::FromGodot;
use godot::obj::Singleton;
use godot::register::godot_api;

use super::WebSocketServer;
use crate::class::SocketClass;
use crate::convert::size;
use crate::optional_dictionary::OptionalDictionary;
use crate::socket::Socket;

/// Default of the option `max_bytes`.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Endings of files that the engine keeps beside the project's own.
static ENGINE_FILES: [&str; 3] = [".import", ".remap", ".uid"];

/// Where a path of a script leads to.
pub(super) enum Place {
    /// Inside the project, which may be packed: only the engine can read it.
    Packed,
    Disk(PathBuf),
}

/// `None` for a path that is relative, or of another scheme.
pub(super) fn place(path: &GString) -> Option<Place> {
    if path.begins_with("res://") {
        return Some(Place::Packed);
    }
    let global = ProjectSettings::singleton().globalize_path(path);
    let global = PathBuf::from(global.to_string());
    global.is_absolute().then_some(Place::Disk(global))
}

/// Whether a path leads to the root of a disk, also by links and `..`.
fn is_whole_disk(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| path.parent().is_none())
}

/// Whether a path of `res://` has no name in it that leads into a folder.
fn is_whole_project(path: &GString) -> bool {
    path.simplify_path() == "res://"
}

/// The options of a script.
struct Options {
    folder: FolderOptions,
    max_bytes: usize,
    reload: bool,
}

#[godot_api(secondary)]
impl WebSocketServer {
    /// Serves the files of a folder by plain HTTP on this server's port, below the path [param prefix], such as
    /// [code]"/"[/code]; in the background, at once and also after a restart of the server. [param folder] is one of
    /// [code]res://[/code], also inside an exported PCK, which is read now and kept in memory; or one of
    /// [code]user://[/code] or an absolute path, whose files are read when they are asked for. Another folder with the
    /// same prefix is replaced; where several prefixes fit, the longest that has the file counts. A request for a
    /// WebSocket stays one, also at a path that has a file; see [member allowed_paths].
    /// [br][br]GET and HEAD are answered, with validators (ETag, Last-Modified), ranges, the media type by the file's
    /// name, and a neighbour that ends with [code].br[/code] or [code].gz[/code] in place of the file for a client that
    /// accepts it. Names that begin with a dot are hidden, and so are the engine's [code].import[/code],
    /// [code].remap[/code] and [code].uid[/code] files in [code]res://[/code]. Links that lead out of the folder are not
    /// followed.
    /// [br][br]An export has only the imported form of images, sounds and fonts, and no file that is no resource. For a
    /// folder of [code]res://[/code], set "Import As: Keep File (exported as is)" for its images, sounds and fonts in the
    /// Import dock, and name its other files in the export preset's filter for non-resource files (`web/*`).
    /// [br][br][param options], all of them optional: [code]index[/code], the file for a folder (default
    /// [code]"index.html"[/code]); [code]cache_control[/code] (default [code]"no-cache"[/code]: browsers keep files, but
    /// ask each time whether they have changed; [code]""[/code] sends none); [code]cross_origin_isolated[/code] (default
    /// [code]false[/code]; [code]true[/code] sends what web exports with threads need: COOP, COEP and CORP);
    /// [code]allow_origin[/code], the Access-Control-Allow-Origin (default [code]""[/code], none); [code]headers[/code],
    /// additional ones, each as [code]"Name: value"[/code]; and for [code]res://[/code] [code]max_bytes[/code], the
    /// maximum size of all files together (default 64 MiB), and [code]reload[/code]: read files of an unpacked project
    /// when they are asked for, so that changes are seen at once (default: [code]true[/code] in debug builds).
    /// [br][br]Returns [constant ERR_FILE_NOT_FOUND] if there is no such folder, or an exported game has none of its
    /// files; [constant ERR_FILE_CANT_READ] if one of them cannot be read; [constant ERR_OUT_OF_MEMORY] over
    /// [code]max_bytes[/code]; or [constant ERR_INVALID_PARAMETER] for an invalid prefix, path or option, and for all
    /// of the project ([code]res://[/code]) or of a disk ([code]/[/code]), which would be public. Each of them is
    /// printed too.
    #[func]
    fn serve_folder(
        &self,
        prefix: GString,
        folder: GString,
        #[opt(default = OptionalDictionary::empty())] options: OptionalDictionary,
    ) -> Error {
        const NAME: &str = "serve_folder";
        self.run(|core| {
            let options = match parse(&options.0) {
                Ok(options) => options,
                Err(words) => return self.refuse(NAME, words),
            };
            let opened = match place(&folder) {
                Some(Place::Disk(path)) if is_whole_disk(&path) => {
                    return self.refuse(NAME, format!("'{folder}' is the whole disk, which would be public"));
                }
                Some(Place::Packed) if is_whole_project(&folder) => {
                    let words = format!(
                        "'{folder}' is the whole project, whose scripts and settings would be public; serve a folder in it"
                    );
                    return self.refuse(NAME, words);
                }
                Some(Place::Disk(path)) => Folder::disk(path).map_err(|error| no_folder(&folder, error)),
                Some(Place::Packed) => project_folder(&folder, &options),
                None => {
                    let words = format!(
                        "'{folder}' is neither an absolute path nor one that begins with 'res://' or 'user://'"
                    );
                    return self.refuse(NAME, words);
                }
            };
            let opened = match opened {
                Ok(opened) => opened,
                Err((error, words)) => return core.refuse(error, NAME, words),
            };
            match core.change_site(|site| site.serve(&prefix.to_string(), opened, options.folder)) {
                Ok(()) => Error::OK,
                Err(error) => self.refuse(NAME, error),
            }
        })
    }

    /// Ends [method serve_folder] for this prefix. Returns [constant ERR_DOES_NOT_EXIST] if there is no such folder.
    #[func]
    fn stop_serving(&self, prefix: GString) -> Error {
        self.run(|core| {
            if core.change_site(|site| site.stop_serving(&prefix.to_string())) {
                Error::OK
            } else {
                core.fail(
                    Error::ERR_DOES_NOT_EXIST,
                    format_args!("no folder is served at '{prefix}'"),
                )
            }
        })
    }
}

fn parse(options: &VarDictionary) -> Result<Options, String> {
    let mut parsed = Options {
        folder: FolderOptions::default(),
        max_bytes: MAX_BYTES,
        reload: Os::singleton().is_debug_build(),
    };
    let folder = &mut parsed.folder;
    for (key, value) in options.iter_shared() {
        let name = key.stringify().to_string();
        match &*name {
            "index" => folder.index = string(&name, &value)?,
            "cache_control" => folder.cache_control = header(&name, "Cache-Control", &value)?,
            "allow_origin" => folder.allow_origin = header(&name, "Access-Control-Allow-Origin", &value)?,
            "cross_origin_isolated" => folder.cross_origin_isolated = typed(&name, &value, "a bool")?,
            "reload" => parsed.reload = typed(&name, &value, "a bool")?,
            "headers" => folder.headers = lines(&name, &value)?,
            "max_bytes" => {
                let bytes = typed(&name, &value, "an int")?;
                parsed.max_bytes =
                    size(bytes, 0).ok_or_else(|| format!("max_bytes: {bytes} is outside 0..2147483647"))?;
            }
            _ => return Err(format!("there is no option '{name}'")),
        }
    }
    if folder.index.contains(['/', '\\', '\0']) || folder.index.is_empty() {
        return Err(format!("index: '{}' is not the name of a file", folder.index));
    }
    Ok(parsed)
}

fn typed<T: FromGodot>(name: &str, value: &Variant, expected: &str) -> Result<T, String> {
    value.try_to().map_err(|_| format!("{name}: {value} is not {expected}"))
}

fn string(name: &str, value: &Variant) -> Result<String, String> {
    typed::<GString>(name, value, "a String").map(|text| text.to_string())
}

/// A text that can be the value of a header.
fn header(name: &str, header: &str, value: &Variant) -> Result<String, String> {
    let value = string(name, value)?;
    ResponseHeader::parse(&format!("{header}: {value}")).map_err(|error| format!("{name}: {error}"))?;
    Ok(value)
}

fn lines(name: &str, value: &Variant) -> Result<Vec<ResponseHeader>, String> {
    // `["A: b"]` in a script is an untyped array.
    if !matches!(value.get_type(), VariantType::ARRAY | VariantType::PACKED_STRING_ARRAY) {
        return Err(format!("{name}: {value} is not an array of String"));
    }
    let array: PackedStringArray = value.try_to_relaxed().map_err(|error| format!("{name}: {error}"))?;
    let lines = array.as_slice().iter();
    let parsed: Result<Vec<_>, _> = lines.map(|line| ResponseHeader::parse(&line.to_string())).collect();
    parsed.map_err(|error| format!("{name}: {error}"))
}

fn no_folder(folder: &GString, error: impl Display) -> (Error, String) {
    (
        Error::ERR_FILE_NOT_FOUND,
        format!("there is no folder '{folder}': {error}"),
    )
}

/// An exported game has none of a folder's files unless its preset names them.
fn not_exported(folder: &GString) -> (Error, String) {
    let path = folder.to_string();
    let below = path.trim_start_matches("res://").trim_matches('/');
    let filter = if below.is_empty() {
        "*".to_owned()
    } else {
        format!("{below}/*")
    };
    let words = format!(
        "the exported project has no file of '{folder}' to serve: add '{filter}' to the filter for non-resource files \
         in the export preset, and set 'Import As: Keep File (exported as is)' for images, sounds and fonts"
    );
    (Error::ERR_FILE_NOT_FOUND, words)
}

/// A folder of the project: read through the engine, or from the disk if it may change.
fn project_folder(folder: &GString, options: &Options) -> Result<Folder, (Error, String)> {
    let mut reader = Reader {
        left: options.max_bytes,
        max_bytes: options.max_bytes,
        read: true,
        files: Vec::new(),
    };
    let global = PathBuf::from(ProjectSettings::singleton().globalize_path(folder).to_string());
    // In an export, where the project is packed, the path is relative, and would mean the working directory.
    let is_exported = !global.is_absolute();
    if is_exported && DirAccess::open(folder).is_none() {
        return Err(not_exported(folder));
    }
    if options.reload && !is_exported && global.is_dir() {
        // The limit holds here too, so that it is noticed before the export.
        reader.read = false;
        reader.enter(folder, "")?;
        return Folder::disk_without(global, &ENGINE_FILES).map_err(|error| no_folder(folder, error));
    }
    reader.enter(folder, "")?;
    if is_exported && reader.files.is_empty() {
        return Err(not_exported(folder));
    }
    Ok(Folder::kept(reader.files))
}

/// Reads a folder and everything below it.
struct Reader {
    left: usize,
    max_bytes: usize,
    read: bool,
    files: Vec<KeptFile>,
}

impl Reader {
    fn enter(&mut self, folder: &GString, below: &str) -> Result<(), (Error, String)> {
        let Some(access) = DirAccess::open(folder) else {
            return Err((Error::ERR_FILE_NOT_FOUND, format!("there is no folder '{folder}'")));
        };
        for name in access.get_files().as_slice() {
            self.add(&folder.path_join(name), &format!("{below}{name}"))?;
        }
        for name in access.get_directories().as_slice() {
            if !name.begins_with(".") {
                self.enter(&folder.path_join(name), &format!("{below}{name}/"))?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &GString, below: &str) -> Result<(), (Error, String)> {
        let name = path.get_file();
        if name.begins_with(".") || ENGINE_FILES.iter().any(|ending| name.ends_with(*ending)) {
            return Ok(());
        }
        let Some(file) = FileAccess::open(path, ModeFlags::READ) else {
            return Err((Error::ERR_FILE_CANT_READ, format!("'{path}' cannot be read")));
        };
        let len = usize::try_from(file.get_length()).unwrap_or(usize::MAX);
        self.left = self.left.checked_sub(len).ok_or_else(|| {
            let words = format!(
                "the files have more than {} bytes; raise the option max_bytes",
                self.max_bytes
            );
            (Error::ERR_OUT_OF_MEMORY, words)
        })?;
        drop(file);
        if self.read {
            self.files.push(KeptFile {
                path: below.to_owned(),
                bytes: FileAccess::get_file_as_bytes(path).to_vec().into(),
                modified: modified(path),
            });
        }
        Ok(())
    }
}

/// When a file was changed last. Inside a PCK that is not known: now.
fn modified(path: &GString) -> SystemTime {
    match FileAccess::get_modified_time(path) {
        0 => SystemTime::now(),
        seconds => UNIX_EPOCH + Duration::from_secs(seconds),
    }
}
