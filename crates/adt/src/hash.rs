//! PostgreSQL's hash functions. Their results are stored (hash indexes, hash partitions), so every bit counts.
//!
//! Bytes go through Bob Jenkins' lookup3 (`hash_bytes`), in a 32-bit form and in a 64-bit form with a seed;
//! the two agree in their low 32 bits when the seed is 0. Types hash by first choosing the bytes that are equal
//! exactly when the values are.

/// The three words of lookup3's state.
struct State {
    a: u32,
    b: u32,
    c: u32,
}

impl State {
    fn new(len: usize, seed: u64) -> State {
        let start = 0x9e37_79b9_u32.wrapping_add(len as u32).wrapping_add(3_923_095);
        let mut state = State { a: start, b: start, c: start };
        if seed != 0 {
            state.a = state.a.wrapping_add((seed >> 32) as u32);
            state.b = state.b.wrapping_add(seed as u32);
            state.mix();
        }
        state
    }

    fn mix(&mut self) {
        let State { mut a, mut b, mut c } = *self;
        macro_rules! step {
            ($x:ident $y:ident $z:ident $rotation:literal) => {
                $x = $x.wrapping_sub($z) ^ $z.rotate_left($rotation);
                $z = $z.wrapping_add($y);
            };
        }
        step!(a b c 4);
        step!(b c a 6);
        step!(c a b 8);
        step!(a b c 16);
        step!(b c a 19);
        step!(c a b 4);
        *self = State { a, b, c };
    }

    fn finish(&mut self) {
        let State { mut a, mut b, mut c } = *self;
        macro_rules! step {
            ($x:ident $y:ident $rotation:literal) => {
                $x = ($x ^ $y).wrapping_sub($y.rotate_left($rotation));
            };
        }
        step!(c b 14);
        step!(a c 11);
        step!(b a 25);
        step!(c b 16);
        step!(a c 4);
        step!(b a 14);
        step!(c b 24);
        *self = State { a, b, c };
    }

    fn absorb(&mut self, bytes: &[u8]) {
        let word = |bytes: &[u8]| {
            let mut word = [0; 4];
            word[..bytes.len()].copy_from_slice(bytes);
            u32::from_le_bytes(word)
        };
        let mut blocks = bytes.chunks_exact(12);
        for block in &mut blocks {
            self.a = self.a.wrapping_add(word(&block[..4]));
            self.b = self.b.wrapping_add(word(&block[4..8]));
            self.c = self.c.wrapping_add(word(&block[8..]));
            self.mix();
        }
        let tail = blocks.remainder();
        self.a = self.a.wrapping_add(word(&tail[..tail.len().min(4)]));
        if tail.len() > 4 {
            self.b = self.b.wrapping_add(word(&tail[4..tail.len().min(8)]));
        }
        if tail.len() > 8 {
            // The lowest byte of the third word is kept free for the length.
            self.c = self.c.wrapping_add(word(&tail[8..]) << 8);
        }
        self.finish();
    }

    fn wide(&self) -> u64 {
        (u64::from(self.b) << 32) | u64::from(self.c)
    }
}

/// The 32-bit hash of bytes (`hash_any`).
pub fn hash_bytes(bytes: &[u8]) -> u32 {
    let mut state = State::new(bytes.len(), 0);
    state.absorb(bytes);
    state.c
}

/// The seeded 64-bit hash of bytes (`hash_any_extended`).
pub fn hash_bytes_extended(bytes: &[u8], seed: u64) -> u64 {
    let mut state = State::new(bytes.len(), seed);
    state.absorb(bytes);
    state.wide()
}

/// The 32-bit hash of one word.
pub fn hash_uint32(value: u32) -> u32 {
    let mut state = State::new(4, 0);
    state.a = state.a.wrapping_add(value);
    state.finish();
    state.c
}

/// The seeded 64-bit hash of one word.
pub fn hash_uint32_extended(value: u32, seed: u64) -> u64 {
    let mut state = State::new(4, seed);
    state.a = state.a.wrapping_add(value);
    state.finish();
    state.wide()
}

/// Folds a bigint so that values that fit an integer hash as that integer does.
fn fold_int8(value: i64) -> u32 {
    let high = (value >> 32) as u32;
    value as u32 ^ if value >= 0 { high } else { !high }
}

/// `hashint2`
pub fn hash_int2(value: i16) -> u32 {
    hash_uint32(i32::from(value) as u32)
}

/// `hashint4`
pub fn hash_int4(value: i32) -> u32 {
    hash_uint32(value as u32)
}

/// `hashint8`
pub fn hash_int8(value: i64) -> u32 {
    hash_uint32(fold_int8(value))
}

/// `hashint2extended`
pub fn hash_int2_extended(value: i16, seed: u64) -> u64 {
    hash_uint32_extended(i32::from(value) as u32, seed)
}

/// `hashint4extended`
pub fn hash_int4_extended(value: i32, seed: u64) -> u64 {
    hash_uint32_extended(value as u32, seed)
}

/// `hashint8extended`
pub fn hash_int8_extended(value: i64, seed: u64) -> u64 {
    hash_uint32_extended(fold_int8(value), seed)
}

/// `hashoid`
pub fn hash_oid(value: u32) -> u32 {
    hash_uint32(value)
}

/// `hashchar`: the byte counts as signed.
pub fn hash_char(value: u8) -> u32 {
    hash_uint32(i32::from(value as i8) as u32)
}

/// `hashbool`
pub fn hash_bool(value: bool) -> u32 {
    hash_uint32(u32::from(value))
}

fn float_bytes(value: f64) -> [u8; 8] {
    if value.is_nan() { 0x7ff8_0000_0000_0000_u64.to_le_bytes() } else { value.to_le_bytes() }
}

/// `hashfloat8`: both zeros hash alike, as do all NaNs.
pub fn hash_float8(value: f64) -> u32 {
    if value == 0.0 { 0 } else { hash_bytes(&float_bytes(value)) }
}

/// `hashfloat8extended`
pub fn hash_float8_extended(value: f64, seed: u64) -> u64 {
    if value == 0.0 { seed } else { hash_bytes_extended(&float_bytes(value), seed) }
}

/// `hashfloat4`: hashes as the double of the same value.
pub fn hash_float4(value: f32) -> u32 {
    hash_float8(f64::from(value))
}

/// `hashfloat4extended`
pub fn hash_float4_extended(value: f32, seed: u64) -> u64 {
    hash_float8_extended(f64::from(value), seed)
}

/// `hashtext` under a deterministic collation.
pub fn hash_text(value: &str) -> u32 {
    hash_bytes(value.as_bytes())
}

/// `hashtextextended` under a deterministic collation.
pub fn hash_text_extended(value: &str, seed: u64) -> u64 {
    hash_bytes_extended(value.as_bytes(), seed)
}

/// `hashbpchar`: trailing spaces do not count.
pub fn hash_bpchar(value: &str) -> u32 {
    hash_bytes(value.trim_end_matches(' ').as_bytes())
}

/// `hashbpcharextended`
pub fn hash_bpchar_extended(value: &str, seed: u64) -> u64 {
    hash_bytes_extended(value.trim_end_matches(' ').as_bytes(), seed)
}

/// `hash_array`: folds the hashes of the elements in storage order; `None` is a null element.
pub fn hash_array(elements: impl IntoIterator<Item = Option<u32>>) -> u32 {
    elements.into_iter().fold(1_u32, |sum, hash| sum.wrapping_mul(31).wrapping_add(hash.unwrap_or(0)))
}

/// `hash_array_extended`
pub fn hash_array_extended(elements: impl IntoIterator<Item = Option<u64>>) -> u64 {
    elements.into_iter().fold(1_u64, |sum, hash| sum.wrapping_mul(31).wrapping_add(hash.unwrap_or(0)))
}

/// Combines two 32-bit hashes.
pub fn hash_combine(a: u32, b: u32) -> u32 {
    a ^ b.wrapping_add(0x9e37_79b9).wrapping_add(a << 6).wrapping_add(a >> 2)
}

/// Combines two 64-bit hashes.
pub fn hash_combine64(a: u64, b: u64) -> u64 {
    a ^ b.wrapping_add(0x49a0_f4dd_15e5_a8e3).wrapping_add(a << 54).wrapping_add(a >> 7)
}

/// The finalizer of MurmurHash3 for 32 bits.
pub fn murmurhash32(value: u32) -> u32 {
    let mut h = value;
    h ^= h >> 16;
    h = h.wrapping_mul(0x85eb_ca6b);
    h ^= h >> 13;
    h = h.wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

/// The finalizer of MurmurHash3 for 64 bits.
pub fn murmurhash64(value: u64) -> u64 {
    let mut h = value;
    h ^= h >> 33;
    h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
    h ^= h >> 33;
    h = h.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values are PostgreSQL's answers.
    #[test]
    fn equal_to_postgresql() {
        assert_eq!(hash_text("hello") as i32, -1_870_292_951);
        assert_eq!(hash_text("") as i32, -1_477_818_771);
        assert_eq!(hash_text("a longer string of text 0123456789") as i32, -757_979_573);
        assert_eq!(hash_int4(42), 1_509_752_520);
        assert_eq!(hash_int8(-5), 1_412_886_042);
        assert_eq!(hash_int8(-5), hash_int4(-5));
        assert_eq!(hash_float8(1.5), 630_860_146);
        assert_eq!(hash_text_extended("hello", 7) as i64, 3_306_874_600_334_240_325);
        assert_eq!(hash_int4_extended(42, 9) as i64, -2_286_482_345_801_263_539);
        assert_eq!(hash_bool(true) as i32, -1_905_060_026);
        let elements = [Some(hash_int4(1)), Some(hash_int4(2)), None];
        assert_eq!(hash_array(elements) as i32, -297_298_961);
    }
}
