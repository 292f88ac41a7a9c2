//! Looks examples up by what is stored of them: images, patients, tags, sources.

use std::collections::BTreeMap;

use super::Index;
use crate::codes;
use crate::database;
use crate::error::IndexError;
use crate::manifest::MANIFEST;
use crate::phashes::Phashes;
use crate::salts;

/// Names and how often each occurs.
pub(crate) type CountByName = BTreeMap<String, usize>;

/// What examples are looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupBy {
    /// SHA-256 of an image.
    Image,
    /// SHA-256 of an image, in examples without a patient.
    ImageWithoutPatient,
    /// Patient id.
    Patient,
    /// Study id.
    Study,
    /// Source.
    Source,
    /// Licence.
    Licence,
}

impl Index {
    /// Whether an image still belongs to an example. Another process may have removed it or deleted the whole index.
    pub fn contains_image(&self, sha256: &str) -> Result<bool, IndexError> {
        let folder = self.folder.as_ref();
        if folder.is_some_and(|folder| !folder.join(MANIFEST).exists()) {
            return Ok(false);
        }
        let query = "select 1 from pictured where sha256 = ?1";
        Ok(self.connection.prepare_cached(query)?.exists([sha256])?)
    }

    /// Numbers of the examples with this value, sorted.
    pub fn numbers_by(&self, what: LookupBy, value: &str) -> Result<Vec<usize>, IndexError> {
        let query = match what {
            LookupBy::Image => "select number from pictured where sha256 = ?1",
            LookupBy::ImageWithoutPatient => {
                "select number from pictured join examples using (number) where sha256 = ?1 and patient = ''"
            }
            LookupBy::Patient => "select number from examples where patient = ?1 and patient <> ''",
            LookupBy::Study => "select number from examples where study = ?1 and study <> ''",
            LookupBy::Source => "select number from examples where source = ?1",
            LookupBy::Licence => "select number from examples where licence = ?1",
        };
        database::numbers(&self.connection, query, &[value])
    }

    /// Whether scans were imported, here or in an index whose export came with its salt, so that there are codes to compare.
    pub fn has_scans(&self) -> Result<bool, IndexError> {
        Ok(!salts::all(&self.connection)?.is_empty())
    }

    /// The salts of the codes in the index: its own first, then those that came with exports.
    pub(crate) fn salts(&self) -> Result<Vec<String>, IndexError> {
        salts::all(&self.connection)
    }

    /// The names of all salts of its codes, also of those that are not known, sorted.
    pub fn salt_names(&self) -> Result<Vec<String>, IndexError> {
        let mut names = salts::unknown(&self.connection)?;
        names.extend(self.salts()?.iter().map(|salt| codes::name_of(salt)));
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// A code of a scan's patient, study or series as this index may store it: with each of its salts.
    pub fn stored_codes(&self, code: &str) -> Result<Vec<String>, IndexError> {
        let salts = salts::all(&self.connection)?;
        let stored = |salt: &String| rounds_scan::identity::stored(code, salt);
        Ok(salts.iter().map(stored).collect())
    }

    /// Like [`Index::numbers_by`], ignoring case.
    pub fn numbers_by_ignoring_case(
        &self,
        what: LookupBy,
        value: &str,
    ) -> Result<Vec<usize>, IndexError> {
        let column = match what {
            LookupBy::Image | LookupBy::ImageWithoutPatient => return self.numbers_by(what, value),
            LookupBy::Patient => "patient",
            LookupBy::Study => "study",
            LookupBy::Source => "source",
            LookupBy::Licence => "licence",
        };
        let query = format!("select number from examples where {column} = ?1 collate nocase");
        database::numbers(&self.connection, &query, &[value])
    }

    /// Whether any example has a tag of this name.
    pub fn has_tag(&self, name: &str) -> Result<bool, IndexError> {
        let query = "select 1 from tags where name = ?1";
        Ok(self.connection.prepare_cached(query)?.exists([name])?)
    }

    /// All tag names, sorted.
    pub fn tag_names(&self) -> Result<Vec<String>, IndexError> {
        let query = "select distinct name from tags order by name";
        let mut statement = self.connection.prepare(query)?;
        let names = statement.query_map([], |row| row.get::<_, String>(0))?;
        let clean = |text: String| rounds_support::sanitise::clean_line(&text);
        Ok(names
            .map(|name| name.map(clean))
            .collect::<Result<_, _>>()?)
    }

    /// Numbers of the examples with a tag of this name and value, sorted.
    pub fn numbers_by_tag(&self, name: &str, value: &str) -> Result<Vec<usize>, IndexError> {
        let query = "select number from tags where name = ?1 and value = ?2 collate nocase";
        database::numbers(&self.connection, query, &[name, value])
    }

    /// Names of tags with their values and how many examples have them, most first.
    pub fn tag_counts(&self) -> Result<Vec<(String, String, usize)>, IndexError> {
        let mut statement = self.connection.prepare(
            "select name, value, count(*) as n from tags group by name, value order by name, n desc, value",
        )?;
        let clean = |text: String| rounds_support::sanitise::clean_line(&text);
        let rows = statement.query_map([], |row| {
            Ok((
                clean(row.get(0)?),
                clean(row.get(1)?),
                row.get::<_, i64>(2)? as usize,
            ))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Number of distinct images.
    pub fn image_count(&self) -> Result<usize, IndexError> {
        let query = "select count(distinct sha256) from pictured";
        let count: i64 = self.connection.query_row(query, [], |row| row.get(0))?;
        Ok(count as usize)
    }

    /// Whether there are several questions about most images, judged by the first ones.
    pub fn has_several_questions_an_image(&self) -> Result<bool, IndexError> {
        let query =
            "select count(*), count(distinct sha256) from (select sha256 from pictured limit 2000)";
        let (questions, images): (i64, i64) = self
            .connection
            .query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(2 * questions >= 3 * images.max(1))
    }

    /// Number of examples of each source and of each licence.
    pub fn origins(&self) -> Result<(CountByName, CountByName), IndexError> {
        let of = |column: &str| -> Result<CountByName, IndexError> {
            let query = format!("select {column}, count(*) from examples group by {column}");
            let mut statement = self.connection.prepare(&query)?;
            let clean = |text: String| rounds_support::sanitise::clean_line(&text);
            let rows = statement.query_map([], |row| {
                Ok((clean(row.get(0)?), row.get::<_, i64>(1)? as usize))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        Ok((of("source")?, of("licence")?))
    }

    /// Perceptual hash of an image; `None` if the index does not have it.
    pub fn phash(&self, sha256: &str) -> Result<Option<u64>, IndexError> {
        use rusqlite::OptionalExtension;
        let bits = self
            .connection
            .prepare_cached("select look from images where sha256 = ?1")?
            .query_row([sha256], |row| row.get::<_, i64>(0))
            .optional()?;
        Ok(bits.map(|bits| bits as u64))
    }

    /// Width and height of an image in pixels, upright; `None` if the index does not have it.
    pub fn image_size(&self, sha256: &str) -> Result<Option<(u32, u32)>, IndexError> {
        use rusqlite::OptionalExtension;
        let size = self
            .connection
            .prepare_cached("select width, height from images where sha256 = ?1")?
            .query_row([sha256], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(size)
    }

    /// Images whose perceptual hash is within `max_bits` of one of `phashes`: SHA-256 and distance in bits. The first call
    /// reads all hashes.
    pub fn similar_images(
        &self,
        phashes: &[u64],
        max_bits: u32,
    ) -> Result<Vec<(String, u32)>, IndexError> {
        let known = match self.phashes.get() {
            Some(known) => known,
            None => {
                let read = Phashes::read(&self.connection)?;
                self.phashes.get_or_init(|| read)
            }
        };
        known.within(&self.connection, phashes, max_bits)
    }
}
