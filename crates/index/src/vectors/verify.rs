//! Verifies all vectors of an encoder.
//!
//! Searches check what they read; this checks every record and every block, and that each block matches its records. It only
//! reports: never repair here, and never stop at the first fault.

use super::codes;
use super::encode;
use super::error::VectorError;
use super::layout::BLOCK;
use super::records::Row;
use super::store::Vectors;
use rounds_support::Cancel;

/// Faults reported individually; further ones are only counted.
const MAX_REPORTED: usize = 1000;
/// How far the length of a row may be from 1 because of f16 rounding, at any dimension.
const LENGTH_TOLERANCE: f64 = 0.01;

struct Faults {
    reported: Vec<String>,
    unreported: usize,
}

impl Faults {
    fn report(&mut self, fault: String) {
        if self.reported.len() < MAX_REPORTED {
            self.reported.push(fault);
        } else {
            self.unreported += 1;
        }
    }
}

impl Vectors {
    /// All faults as messages; empty if the files are intact. `progress` is called with rows done and the total.
    pub fn verify(
        &self,
        progress: &mut dyn FnMut(usize, usize),
        cancel: &Cancel,
    ) -> Result<Vec<String>, VectorError> {
        let mut faults = Faults {
            reported: Vec::new(),
            unreported: 0,
        };
        if let Err(reason) = &self.codes
            && self.expects_codes
        {
            faults.report(format!("the codes cannot be used: {reason}"));
        }
        let mut row = Row::new(self.dimension());
        for number in 0..self.rows().div_ceil(BLOCK) {
            if cancel.is_cancelled() {
                return Err(VectorError::Cancelled);
            }
            progress(number * BLOCK, self.rows());
            let whole = self.verify_rows(number, &mut row, &mut faults);
            if whole && number < self.rows() / BLOCK {
                self.verify_block(number, &mut row, &mut faults)?;
            }
        }
        progress(self.rows(), self.rows());
        if faults.unreported > 0 {
            faults
                .reported
                .push(format!("and {} more", faults.unreported));
        }
        Ok(faults.reported)
    }

    /// Checks the records of a block; returns whether they are intact.
    fn verify_rows(&self, number: usize, row: &mut Row, faults: &mut Faults) -> bool {
        let block_rows = codes::block_row_range(number);
        let mut whole = true;
        for at in block_rows.start..block_rows.end.min(self.rows()) {
            match self.records.read(at, row) {
                Ok(present) => {
                    let square: f64 = row.values.iter().map(|&v| f64::from(v).powi(2)).sum();
                    let length = if present { 1.0 } else { 0.0 };
                    if (square.sqrt() - length).abs() > LENGTH_TOLERANCE {
                        faults.report(format!(
                            "{}: the vector of row {at} has length {:.3}, not {length}",
                            self.records.file(),
                            square.sqrt()
                        ));
                    }
                }
                Err(error) => {
                    whole = false;
                    faults.report(error.to_string());
                }
            }
        }
        whole
    }

    fn verify_block(
        &self,
        number: usize,
        row: &mut Row,
        faults: &mut Faults,
    ) -> Result<(), VectorError> {
        let Ok(codes) = &self.codes else {
            return Ok(());
        };
        let made = encode::rebuild_block(number, &self.records, row)?;
        if codes.raw(number) != Some(made.as_slice()) {
            faults.report(format!(
                "the codes of rows {} to {} do not match the rows",
                codes::block_row_range(number).start,
                codes::block_row_range(number).end - 1
            ));
        }
        Ok(())
    }
}
