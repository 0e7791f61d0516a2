//! The documentation of the classes as the editor's help gets it, for the scripts that check it and make pages of it.

use std::fs;
use std::path::Path;

use godot::docs::__gather_xml_docs;
use godot::global::godot_error;

/// The environment variable with the folder in which [`write_if_asked`] writes.
const FOLDER: &str = "ASYNC_SOCKETS_DOCS";

/// Writes each class to `NAME.xml`, if a script asks for it: the engine's own `--doctool` tells the members of a class
/// that is not its own, but not their texts.
pub(crate) fn write_if_asked() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    for xml in __gather_xml_docs() {
        let name = xml
            .split_once("<class name=\"")
            .and_then(|(_, rest)| rest.split('"').next());
        let path = Path::new(&folder).join(format!("{}.xml", name.unwrap_or_default()));
        if let Err(error) = fs::write(&path, &xml) {
            godot_error!("Async Sockets: cannot write {}: {error}", path.display());
        }
    }
}
