//! Page-aligned anonymous memory for the buffer pool.

use std::io;
use std::ptr::NonNull;

/// A private anonymous mapping, zeroed, aligned to 2 MB where it is that large, advised to use huge pages.
/// It hands out raw addresses only: who may touch which bytes when is the buffer pool's business.
pub struct Mapping {
    base: NonNull<u8>,
    start: NonNull<u8>,
    len: usize,
    mapped: usize,
}

const HUGE_PAGE: usize = 2 << 20;

// SAFETY: the mapping is plain memory, owned until drop; all access goes through raw pointers whose users synchronise.
unsafe impl Send for Mapping {}
// SAFETY: as above; `Mapping` itself has no interior state that changes.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// # Errors
    /// The operating system's, when it has no such room.
    pub fn new(len: usize) -> io::Result<Mapping> {
        let slack = if len >= HUGE_PAGE { HUGE_PAGE } else { 0 };
        let mapped = len
            .max(1)
            .checked_add(slack)
            .ok_or_else(|| io::Error::new(io::ErrorKind::OutOfMemory, "mapping too large"))?;
        // SAFETY: an anonymous private mapping at an address of the kernel's choice touches no existing memory.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                mapped,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast::<u8>()).expect("mmap does not return null");
        let offset = if slack == 0 { 0 } else { base.as_ptr().align_offset(HUGE_PAGE) };
        // SAFETY: offset < slack, so start..start+len lies within the mapping.
        let start = unsafe { base.add(offset) };
        if slack != 0 {
            // SAFETY: the range was just mapped; advice does not change its content.
            unsafe { libc::madvise(start.as_ptr().cast(), len, libc::MADV_HUGEPAGE) };
        }
        Ok(Mapping { base, start, len, mapped })
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The address of byte `offset`.
    ///
    /// # Panics
    /// When `offset` lies beyond the mapping.
    pub fn at(&self, offset: usize) -> *mut u8 {
        assert!(offset <= self.len, "address beyond the mapping");
        // SAFETY: just checked to lie within the mapping.
        unsafe { self.start.as_ptr().add(offset) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: base and mapped are exactly what mmap returned; nobody else unmaps them.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.mapped) };
    }
}

/// Asks the processor to bring the cache line at `address` near, without waiting for it. Any address will do.
#[inline]
pub fn fetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program can see and does not fault, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch(address.cast(), std::arch::x86_64::_MM_HINT_T0);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Bytes of memory that the machine has, if the system says.
pub fn physical_bytes() -> Option<usize> {
    // SAFETY: sysconf reads a constant of the system.
    let (pages, size) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    usize::try_from(pages).ok()?.checked_mul(usize::try_from(size).ok()?)
}

#[cfg(test)]
mod tests {
    use super::Mapping;

    #[test]
    fn large_mappings_are_zeroed_and_aligned() {
        let mapping = Mapping::new(5 << 20).expect("room");
        assert_eq!(mapping.at(0) as usize % (2 << 20), 0);
        // SAFETY: the last byte of the mapping, touched by this thread only.
        assert_eq!(unsafe { *mapping.at((5 << 20) - 1) }, 0);
    }
}
