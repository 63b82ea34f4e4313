//! The page checksum: 32 interleaved FNV-1a sums, folded to 16 bits.

use crate::page::Page;
use base::BlockNumber;

const SUMS: usize = 32;
const FNV_PRIME: u32 = 16_777_619;

const BASE_OFFSETS: [u32; SUMS] = [
    0x5B1F_36E9,
    0xB852_5960,
    0x02AB_50AA,
    0x1DE6_6D2A,
    0x79FF_467A,
    0x9BB9_F8A3,
    0x217E_7CD2,
    0x83E1_3D2C,
    0xF8D4_474F,
    0xE39E_B970,
    0x42C6_AE16,
    0x9932_16FA,
    0x7B09_3B5D,
    0x98DA_FF3C,
    0xF718_902A,
    0x0B1C_9CDB,
    0xE58F_764B,
    0x1876_36BC,
    0x5D7B_3BB1,
    0xE73D_E7DE,
    0x92BE_C979,
    0xCCA6_C0B2,
    0x304A_0979,
    0x85AA_43D4,
    0x7831_25BB,
    0x6CA8_EAA2,
    0xE407_EAC6,
    0x4B5C_FC3E,
    0x9FBF_8C76,
    0x15CA_20BE,
    0xF2CA_9FD3,
    0x959B_D756,
];

#[inline]
fn mix(sum: u32, value: u32) -> u32 {
    let mixed = sum ^ value;
    mixed.wrapping_mul(FNV_PRIME) ^ (mixed >> 17)
}

/// The checksum of a page as if its checksum field were zero.
pub(crate) fn page_checksum(page: &Page, block: BlockNumber) -> u16 {
    let mut sums = BASE_OFFSETS;
    for (row, bytes) in page.bytes().chunks_exact(SUMS * 4).enumerate() {
        for (column, sum) in sums.iter_mut().enumerate() {
            let at = column * 4;
            let mut value = u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
            // Bytes 8 and 9 hold the checksum itself.
            if row == 0 && column == 2 {
                value &= 0xffff_0000;
            }
            *sum = mix(*sum, value);
        }
    }
    let mut result = 0;
    for sum in sums {
        result ^= mix(mix(sum, 0), 0);
    }
    ((result ^ block.0) % 65_535 + 1) as u16
}
