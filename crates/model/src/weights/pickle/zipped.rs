//! Files of PyTorch 1.6 and later: a zip archive with a pickle and a record for each storage.

use super::TensorInfo;
use super::archive::Archive;
use super::policy::{self, MAX_PICKLE};
use super::tensors::check;
use crate::weights::WeightError;
use crate::weights::input::Input;
use rounds_support::errors::bytes;

/// Bytes to read of the record with the byte order.
const MAX_BYTE_ORDER: u64 = 16;

/// The checked tensors of the archive in `input`.
pub(super) fn tensors(input: &Input) -> Result<Vec<TensorInfo>, WeightError> {
    let archive = Archive::open(input)?;
    let wrong = |reason: &str| WeightError::format(input.name(), reason);
    let folder = archive.folder().ok_or_else(|| {
        wrong("it is a zip archive without a single data.pkl, so not from torch.save")
    })?;
    if archive.has(&format!("{folder}constants.pkl")) {
        return Err(wrong("it is a TorchScript program, not just weights"));
    }
    check_byte_order(input, &archive, &folder)?;
    let pickle = read_pickle(input, &archive, &folder)?;
    let outcome = policy::run(&pickle, input.name())?;
    check(input.name(), &pickle, &outcome, |name| {
        let record = archive.record(&format!("{folder}data/{name}"))?;
        record.ok_or_else(|| wrong(&format!("the storage {name} is not in the archive")))
    })
}

/// Errors where the storages are not little-endian. Files without this record are older than big-endian support.
fn check_byte_order(input: &Input, archive: &Archive<'_>, folder: &str) -> Result<(), WeightError> {
    let Some(record) = archive.record(&format!("{folder}byteorder"))? else {
        return Ok(());
    };
    let length = record.length.min(MAX_BYTE_ORDER);
    let wrong = |reason: &str| Err(WeightError::format(input.name(), reason));
    match record.read(input, 0, length)?.trim_ascii() {
        b"little" => Ok(()),
        b"big" => wrong("it was written on a big-endian machine"),
        _ => wrong("its byte order is unknown"),
    }
}

fn read_pickle(input: &Input, archive: &Archive<'_>, folder: &str) -> Result<Vec<u8>, WeightError> {
    let record = archive.record(&format!("{folder}data.pkl"))?;
    let record = record.ok_or_else(|| WeightError::format(input.name(), "data.pkl is missing"))?;
    if record.length > MAX_PICKLE {
        let what = format!("a data.pkl of {}", bytes(record.length));
        return Err(WeightError::too_large(
            input.name(),
            what,
            bytes(MAX_PICKLE),
        ));
    }
    record.read(input, 0, record.length)
}
