//! The eight lock modes and which of them exclude each other.

/// A lock mode, numbered as in PostgreSQL's `lockdefs.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LockMode {
    AccessShare = 1,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

/// A set of modes: bit n stands for mode number n.
pub(crate) type ModeSet = u16;

use LockMode::*;

/// The modes that cannot be held together with the mode at index number − 1.
const CONFLICTS: [ModeSet; 8] = [
    AccessExclusive.bit(),
    Exclusive.bit() | AccessExclusive.bit(),
    Share.bit() | ShareRowExclusive.bit() | Exclusive.bit() | AccessExclusive.bit(),
    ShareUpdateExclusive.bit()
        | Share.bit()
        | ShareRowExclusive.bit()
        | Exclusive.bit()
        | AccessExclusive.bit(),
    RowExclusive.bit()
        | ShareUpdateExclusive.bit()
        | ShareRowExclusive.bit()
        | Exclusive.bit()
        | AccessExclusive.bit(),
    RowExclusive.bit()
        | ShareUpdateExclusive.bit()
        | Share.bit()
        | ShareRowExclusive.bit()
        | Exclusive.bit()
        | AccessExclusive.bit(),
    0x1fe & !AccessShare.bit(),
    0x1fe,
];

impl LockMode {
    pub const ALL: [LockMode; 8] = [
        AccessShare,
        RowShare,
        RowExclusive,
        ShareUpdateExclusive,
        Share,
        ShareRowExclusive,
        Exclusive,
        AccessExclusive,
    ];

    pub(crate) const WEAK: [LockMode; 3] = [AccessShare, RowShare, RowExclusive];

    /// The mode with PostgreSQL's number, 1 to 8.
    pub fn from_number(number: u8) -> Option<LockMode> {
        LockMode::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    pub(crate) const fn bit(self) -> ModeSet {
        1 << self as u8
    }

    pub(crate) fn conflicts(self) -> ModeSet {
        CONFLICTS[self as usize - 1]
    }

    pub fn conflicts_with(self, other: LockMode) -> bool {
        self.conflicts() & other.bit() != 0
    }

    /// Weak modes never conflict with each other, so sessions may keep them to themselves (the fast path).
    pub fn is_weak(self) -> bool {
        self < ShareUpdateExclusive
    }

    /// Strong modes conflict with some weak mode.
    pub fn is_strong(self) -> bool {
        self > ShareUpdateExclusive
    }

    /// As `pg_locks.mode` spells it.
    pub fn name(self) -> &'static str {
        match self {
            AccessShare => "AccessShareLock",
            RowShare => "RowShareLock",
            RowExclusive => "RowExclusiveLock",
            ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Share => "ShareLock",
            ShareRowExclusive => "ShareRowExclusiveLock",
            Exclusive => "ExclusiveLock",
            AccessExclusive => "AccessExclusiveLock",
        }
    }
}
