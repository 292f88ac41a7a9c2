//! Free disk space.

use std::path::Path;

/// Bytes that this user can still write at `path`; `None` if unknown.
#[cfg(target_os = "linux")]
pub fn free_space(path: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut stat = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path is zero-terminated, and the structure is fully written if the call succeeds.
    let stat = unsafe {
        match libc::statvfs(path.as_ptr(), stat.as_mut_ptr()) {
            0 => stat.assume_init(),
            _ => return None,
        }
    };
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Bytes that this user can still write at `path`; `None` if unknown.
#[cfg(not(target_os = "linux"))]
pub fn free_space(_: &Path) -> Option<u64> {
    None
}
