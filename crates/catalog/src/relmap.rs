//! pg_filenode.map: the file numbers of the catalogs that pg_class cannot tell, because it takes them to read pg_class.
//! One file in global/ for the shared catalogs, one in each database's folder. 524 bytes: magic, count, 64 pairs of
//! OID and file number, CRC-32C. Source: utils/cache/relmapper.c's layout.

use base::bytes::{get_u32, put_u32};
use base::{Error, Oid, Result};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;

const MAGIC: u32 = 0x0059_2717;
const MAX_MAPPINGS: usize = 64;
const SIZE: usize = 8 + MAX_MAPPINGS * 8 + 4;

/// OID to file number.
pub type RelationMap = HashMap<Oid, Oid>;

/// The maps read so far.
pub struct RelationMaps {
    system: sys::System,
    maps: RwLock<HashMap<Oid, Arc<RelationMap>>>,
}

fn path(database: Oid) -> String {
    if database.is_valid() {
        format!("base/{database}/pg_filenode.map")
    } else {
        "global/pg_filenode.map".to_owned()
    }
}

/// The file's bytes. Pairs are in the order of their OIDs.
pub fn encode(map: &RelationMap) -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    put_u32(&mut bytes, 0, MAGIC);
    put_u32(&mut bytes, 4, map.len() as u32);
    let mut pairs: Vec<_> = map.iter().collect();
    pairs.sort();
    for (place, (oid, number)) in pairs.into_iter().enumerate() {
        put_u32(&mut bytes, 8 + place * 8, oid.0);
        put_u32(&mut bytes, 12 + place * 8, number.0);
    }
    let crc = crc32c::crc32c(&bytes[..SIZE - 4]);
    put_u32(&mut bytes, SIZE - 4, crc);
    bytes
}

/// # Errors
/// `XX001` when the bytes are not a whole map.
pub fn decode(bytes: &[u8], name: &str) -> Result<RelationMap> {
    let invalid = || Error::corrupted(format!("relation mapping file \"{}\" contains invalid data", name));
    if bytes.len() < SIZE || get_u32(bytes, 0) != MAGIC || get_u32(bytes, 4) as usize > MAX_MAPPINGS {
        return Err(invalid());
    }
    if crc32c::crc32c(&bytes[..SIZE - 4]) != get_u32(bytes, SIZE - 4) {
        let text = format!("relation mapping file \"{}\" contains incorrect checksum", name);
        return Err(Error::corrupted(text));
    }
    let count = get_u32(bytes, 4) as usize;
    Ok((0..count).map(|i| (Oid(get_u32(bytes, 8 + i * 8)), Oid(get_u32(bytes, 12 + i * 8)))).collect())
}

impl RelationMaps {
    pub fn new(system: sys::System) -> RelationMaps {
        RelationMaps { system, maps: RwLock::default() }
    }

    /// The map of a database; of the shared catalogs for 0.
    ///
    /// # Errors
    /// `58030` when it cannot be read, `XX001` when it is damaged.
    pub fn get(&self, database: Oid) -> Result<Arc<RelationMap>> {
        if let Some(map) = self.maps.read().get(&database) {
            return Ok(map.clone());
        }
        let name = path(database);
        let bytes = self
            .system
            .disk
            .read(&name)
            .map_err(|e| sys::disk::file_error(&e, format!("could not read file \"{name}\"")))?;
        let map = Arc::new(decode(&bytes, &name)?);
        self.maps.write().insert(database, map.clone());
        Ok(map)
    }

    /// Writes a map for the first time: at bootstrap and when a database is made.
    ///
    /// # Errors
    /// `58030` when it cannot be written.
    pub fn create(&self, database: Oid, map: &RelationMap) -> Result<()> {
        let name = path(database);
        self.system
            .disk
            .replace(&name, &encode(map))
            .map_err(|e| sys::disk::file_error(&e, format!("could not write file \"{name}\"")))?;
        self.maps.write().insert(database, Arc::new(map.clone()));
        Ok(())
    }

    /// Forgets a database's map: it was dropped.
    pub fn forget(&self, database: Oid) {
        self.maps.write().remove(&database);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_damage() {
        let map = RelationMap::from([(Oid(1259), Oid(1259)), (Oid(1249), Oid(16390))]);
        let mut bytes = encode(&map);
        assert_eq!(bytes.len(), 524);
        assert_eq!(decode(&bytes, "x").unwrap(), map);
        bytes[20] ^= 1;
        assert!(decode(&bytes, "x").is_err());
        assert!(decode(&bytes[..100], "x").is_err());
    }
}
