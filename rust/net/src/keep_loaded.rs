//! Keeping the library loaded for a thread that outlives its unloading and still needs its code.
//!
//! On Linux with glibc, the library stays mapped while one of its threads runs, because the standard library registers
//! thread-local destructors in each (observed with Rust 1.95). The binding's debug build disables that for hot reload;
//! there, unloading during a lookup that hangs can crash. macOS is assumed to behave like Linux, but was not tested.

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

    // Its address identifies this library to the system.
    static HERE: u16 = 0;
    let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
    let mut module = std::ptr::null_mut();
    // SAFETY: with the first flag, the system takes `HERE` as an address and reads nothing there; it writes to
    // `module`. If the call fails, there is nothing else to try.
    unsafe { GetModuleHandleExW(flags, &raw const HERE, &raw mut module) };
}
