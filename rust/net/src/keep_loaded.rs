//! What happens to a thread that outlives the unload of the library: its code must still be there when it goes on.
//!
//! On Linux with glibc the library stays mapped while one of its threads runs, because the standard library registers
//! thread-local destructors in each (seen with Rust 1.95). The binding's debug build switches that off for hot reload;
//! there, unloading during a lookup that hangs can crash. macOS is assumed to behave like Linux, and was not tested.

/// Keeps this library in memory until the process ends.
#[cfg(not(windows))]
pub(crate) fn keep_loaded() {}

/// Keeps this library in memory until the process ends.
#[cfg(windows)]
#[allow(unsafe_code, reason = "no crate offers the call")]
pub(crate) fn keep_loaded() {
    use windows_sys::Win32::System::LibraryLoader::{
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
    };

    // Its address tells the system which library is meant.
    static HERE: u16 = 0;
    let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
    let mut module = std::ptr::null_mut();
    // SAFETY: with the first flag the system takes `HERE` for an address and reads nothing there; it writes to `module`.
    // If it refuses there is nothing else to try.
    unsafe { GetModuleHandleExW(flags, &raw const HERE, &raw mut module) };
}
