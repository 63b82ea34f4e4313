//! Files and directories. Paths are relative to the data directory (absolute ones stay as they are).

use std::fs;
use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a file is opened; always for reading, and for writing unless `read_only`.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    pub read_only: bool,
    pub create: bool,
    /// Fails when the file exists; implies `create`.
    pub exclusive: bool,
    pub truncate: bool,
}

impl OpenOptions {
    pub const READ: OpenOptions =
        OpenOptions { read_only: true, create: false, exclusive: false, truncate: false };
    pub const WRITE: OpenOptions =
        OpenOptions { read_only: false, create: false, exclusive: false, truncate: false };
    pub const CREATE: OpenOptions =
        OpenOptions { read_only: false, create: true, exclusive: false, truncate: false };
    pub const CREATE_NEW: OpenOptions =
        OpenOptions { read_only: false, create: true, exclusive: true, truncate: false };
    pub const TRUNCATE: OpenOptions =
        OpenOptions { read_only: false, create: true, exclusive: false, truncate: true };
}

/// What is known of a path.
#[derive(Clone, Copy, Debug)]
pub struct Metadata {
    pub len: u64,
    pub is_dir: bool,
    pub is_symlink: bool,
    /// Microseconds since 1970.
    pub modified_micros: i64,
    /// Permission bits.
    pub mode: u32,
}

/// A file system, seen from the data directory.
pub trait Disk: Send + Sync {
    fn open(&self, path: &str, options: OpenOptions) -> io::Result<Arc<dyn File>>;
    fn exists(&self, path: &str) -> io::Result<bool>;
    /// Of what a symbolic link points to, except that `is_symlink` tells of the link.
    fn metadata(&self, path: &str) -> io::Result<Metadata>;
    /// The names in a directory, in no order.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;
    fn create_dir(&self, path: &str) -> io::Result<()>;
    fn create_dir_all(&self, path: &str) -> io::Result<()>;
    fn remove_file(&self, path: &str) -> io::Result<()>;
    fn remove_dir(&self, path: &str) -> io::Result<()>;
    fn remove_dir_all(&self, path: &str) -> io::Result<()>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn symlink(&self, target: &str, link: &str) -> io::Result<()>;
    fn read_link(&self, link: &str) -> io::Result<String>;
    /// Makes the entries of a directory durable.
    fn sync_dir(&self, path: &str) -> io::Result<()>;

    /// The whole content of a file.
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let file = self.open(path, OpenOptions::READ)?;
        let mut bytes = vec![0; file.len()? as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], filled as u64)? {
                0 => break,
                n => filled += n,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Replaces a file so that after a crash it has either its old or its new content.
    fn replace(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = format!("{path}.tmp");
        let file = self.open(&temporary, OpenOptions::TRUNCATE)?;
        file.write_all_at(bytes, 0)?;
        file.sync_all()?;
        drop(file);
        self.rename_durably(&temporary, path)
    }

    /// Renames and makes the new name durable.
    fn rename_durably(&self, from: &str, to: &str) -> io::Result<()> {
        self.rename(from, to)?;
        self.sync_dir(parent(to))
    }
}

/// The directory part of a path; `.` for a bare name.
pub fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => "/",
        Some(slash) => &path[..slash],
        None => ".",
    }
}

/// An open file. Reads and writes give their own position and may run in parallel.
pub trait File: Send + Sync {
    /// Reads up to `buffer.len()` bytes; fewer only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Reads into several buffers in turn; fewer bytes than there is room for only at the end of the file.
    fn read_vectored_at(&self, buffers: &mut [IoSliceMut<'_>], offset: u64) -> io::Result<usize> {
        let mut total = 0;
        for buffer in buffers {
            let n = self.read_at(buffer, offset + total as u64)?;
            total += n;
            if n < buffer.len() {
                break;
            }
        }
        Ok(total)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Reserves room and extends the file with zeros to at least `offset + len`.
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()>;
    /// Makes content and length durable.
    fn sync_data(&self) -> io::Result<()>;
    /// As `sync_data`, with all metadata.
    fn sync_all(&self) -> io::Result<()>;
    /// Asks for the range to be read ahead.
    fn will_need(&self, _offset: u64, _len: u64) {}
    /// Asks for dirty data of the range to be written soon, so that a later sync has less to do.
    fn start_write_back(&self, _offset: u64, _len: u64) {}
}

/// The operating system's file system.
pub struct RealDisk {
    root: PathBuf,
    file_mode: u32,
    dir_mode: u32,
}

impl RealDisk {
    /// With modes 0600 and 0700.
    pub fn new(root: &Path) -> RealDisk {
        RealDisk { root: root.to_owned(), file_mode: 0o600, dir_mode: 0o700 }
    }

    /// With modes 0640 and 0750, as `initdb --allow-group-access` wants.
    pub fn with_group_access(root: &Path) -> RealDisk {
        RealDisk { root: root.to_owned(), file_mode: 0o640, dir_mode: 0o750 }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

impl Disk for RealDisk {
    fn open(&self, path: &str, options: OpenOptions) -> io::Result<Arc<dyn File>> {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(!options.read_only)
            .create(options.create)
            .create_new(options.exclusive)
            .truncate(options.truncate)
            .mode(self.file_mode)
            .open(self.path(path))?;
        Ok(Arc::new(RealFile { file }))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.path(path).try_exists()
    }

    fn metadata(&self, path: &str) -> io::Result<Metadata> {
        let path = self.path(path);
        let link = fs::symlink_metadata(&path)?;
        let is_symlink = link.file_type().is_symlink();
        let found = if is_symlink { fs::metadata(&path)? } else { link };
        Ok(Metadata {
            len: found.len(),
            is_dir: found.is_dir(),
            is_symlink,
            modified_micros: found.mtime() * 1_000_000 + found.mtime_nsec() / 1000,
            mode: found.permissions().mode() & 0o7777,
        })
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(dir))? {
            // Names that are not UTF-8 are none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        let path = self.path(path);
        fs::create_dir(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(self.dir_mode))
    }

    fn create_dir_all(&self, path: &str) -> io::Result<()> {
        let full = self.path(path);
        if full.is_dir() {
            return Ok(());
        }
        let above = parent(path);
        if above != path && !self.path(above).is_dir() {
            self.create_dir_all(above)?;
        }
        match self.create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.path(path))
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        fs::remove_dir(self.path(path))
    }

    fn remove_dir_all(&self, path: &str) -> io::Result<()> {
        fs::remove_dir_all(self.path(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn symlink(&self, target: &str, link: &str) -> io::Result<()> {
        std::os::unix::fs::symlink(target, self.path(link))
    }

    fn read_link(&self, link: &str) -> io::Result<String> {
        let target = fs::read_link(self.path(link))?;
        target
            .into_os_string()
            .into_string()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        fs::File::open(self.path(path))?.sync_all()
    }
}

struct RealFile {
    file: fs::File,
}

/// IOV_MAX on Linux.
const MAX_VECTORS: usize = 1024;

impl File for RealFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn read_vectored_at(&self, buffers: &mut [IoSliceMut<'_>], offset: u64) -> io::Result<usize> {
        let mut total = 0;
        let mut rest = &mut buffers[..];
        while !rest.is_empty() {
            let count = rest.len().min(MAX_VECTORS) as libc::c_int;
            // SAFETY: IoSliceMut has the layout of iovec, and each names memory that is borrowed mutably here.
            let n = unsafe {
                libc::preadv(
                    self.file.as_raw_fd(),
                    rest.as_mut_ptr().cast(),
                    count,
                    (offset + total as u64) as libc::off_t,
                )
            };
            if n < 0 {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return Err(error);
            }
            if n == 0 {
                break;
            }
            total += n as usize;
            IoSliceMut::advance_slices(&mut rest, n as usize);
        }
        Ok(total)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        // SAFETY: a plain system call on a file descriptor that `self` keeps open.
        match unsafe {
            libc::posix_fallocate(self.file.as_raw_fd(), offset as libc::off_t, len as libc::off_t)
        } {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn will_need(&self, offset: u64, len: u64) {
        // SAFETY: advice on a file descriptor that `self` keeps open; its failure costs speed only.
        unsafe {
            libc::posix_fadvise(
                self.file.as_raw_fd(),
                offset as libc::off_t,
                len as libc::off_t,
                libc::POSIX_FADV_WILLNEED,
            )
        };
    }

    fn start_write_back(&self, offset: u64, len: u64) {
        // SAFETY: advice on a file descriptor that `self` keeps open; its failure costs speed only.
        unsafe {
            libc::sync_file_range(
                self.file.as_raw_fd(),
                offset as libc::off64_t,
                len as libc::off64_t,
                libc::SYNC_FILE_RANGE_WRITE,
            )
        };
    }
}

/// The text of an operating system error, as PostgreSQL's `%m` prints it.
pub fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// `message: <system error text>`, with the SQLSTATE that PostgreSQL gives to failing file accesses.
#[track_caller]
pub fn file_error(error: &io::Error, message: impl std::fmt::Display) -> base::Error {
    use base::SqlState;
    let state = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES | libc::EROFS) => SqlState::INSUFFICIENT_PRIVILEGE,
        Some(libc::ENOENT) => SqlState::UNDEFINED_FILE,
        Some(libc::EEXIST) => SqlState::DUPLICATE_FILE,
        Some(libc::ENOTDIR | libc::EISDIR | libc::ENOTEMPTY) => SqlState::WRONG_OBJECT_TYPE,
        Some(libc::ENOSPC) => SqlState::DISK_FULL,
        Some(libc::ENOMEM) => SqlState::OUT_OF_MEMORY,
        Some(libc::ENFILE | libc::EMFILE) => SqlState::INSUFFICIENT_RESOURCES,
        Some(libc::EIO) => SqlState::IO_ERROR,
        Some(libc::ENAMETOOLONG) => SqlState::FILE_NAME_TOO_LONG,
        _ => SqlState::INTERNAL_ERROR,
    };
    base::Error::new(state, format!("{message}: {}", error_text(error)))
}
