//! The open store. What can be done with it is in the other files, one thing each.

use rusqlite::Connection;

use rounds_database::OpenLock;
use rounds_support::Paths;

use crate::error::SessionError;
use crate::images::Images;
use crate::liveness::{self, Writer};
use crate::schema::LAYOUT;

/// The saved sessions of one user. Each thread opens its own; several processes may have the store open.
pub struct Sessions {
    pub(crate) connection: Connection,
    pub(crate) images: Images,
    pub(crate) writer: Writer,
    notice: Option<String>,
}

impl Sessions {
    /// Opens the store in the data directory, creating it if needed. Turns whose process is gone become `Interrupted`; a
    /// damaged store is moved aside and [`Sessions::notice`] says so.
    ///
    /// Errors if the folder cannot be used, another process locks the store for 10 seconds, or a newer version wrote it.
    pub fn open(paths: &Paths) -> Result<Self, SessionError> {
        let folder = &paths.data_dir;
        let lock = OpenLock::acquire(&LAYOUT, folder)?;
        let (connection, notice) = rounds_database::open(&LAYOUT, folder, &lock)?;
        liveness::sweep(&connection, folder, &lock)?;
        Ok(Self {
            connection,
            images: Images::below(folder),
            writer: Writer::new(Some(folder)),
            notice,
        })
    }

    /// A store in memory, for users who want nothing saved: neither text nor images ever reach the disk.
    pub fn open_in_memory() -> Result<Self, SessionError> {
        Ok(Self {
            connection: rounds_database::open_in_memory(&LAYOUT)?,
            images: Images::Memory(Default::default()),
            writer: Writer::new(None),
            notice: None,
        })
    }

    /// A message about the opening to show the user once.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }
}
